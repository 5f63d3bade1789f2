/*
 * milter_own: what a [listener] with protocol milter says, read once for each
 * net worker and configuration.  What it shares with mail by SMTP (limits,
 * texts) are the keys of [smtp].
 */

#include "protocols/milter/milter.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/mail_text.h"

static int64_t
number(const struct place *p, enum opt opt)
{
	return conf_int(p->conf, p->listener, opt);
}

static const char *
text(const struct place *p, enum opt opt)
{
	return conf_str(p->conf, p->listener, opt);
}

static int
check_text(const struct place *p, enum opt opt, char class, struct err *e)
{
	struct err why;

	if (mail_text_check(text(p, opt), class, &why) == 0)
		return 0;
	return err_set(e, "%s: %s: %s", conf_origin(p->conf, p->listener, opt),
	    schema_opt(opt)->key, why.text);
}

static void
read_options(const struct place *p, struct milter_own *o)
{
	o->mta_timeout = number(p, OPT_MILTER_MTA_TIMEOUT);
	o->progress = number(p, OPT_MILTER_MTA_PROGRESS);
	o->scan_deadline = number(p, OPT_SMTP_SCAN_DEADLINE);
	o->max_size = (uint64_t)number(p, OPT_SMTP_MAX_MESSAGE_SIZE);
	o->max_recipients = (unsigned)number(p, OPT_SMTP_MAX_RECIPIENTS);
	o->max_received = (unsigned)number(p, OPT_SMTP_MAX_RECEIVED);
	o->add_headers = number(p, OPT_SMTP_ADD_HEADERS) != 0;
	o->reject_text = text(p, OPT_SMTP_REJECT_TEXT);
	o->tempfail_text = text(p, OPT_SMTP_TEMPFAIL_TEXT);
}

int
milter_prepare(struct place *place, void **own_r, struct err *e)
{
	struct milter_own *o;

	*own_r = NULL;
	if (check_text(place, OPT_SMTP_REJECT_TEXT, '5', e) < 0 ||
	    check_text(place, OPT_SMTP_TEMPFAIL_TEXT, '4', e) < 0)
		return -1;
	if (place->worker == NULL)
		return 0;
	o = xcalloc(1, sizeof(*o));
	o->magic = MILTER_OWN_MAGIC;
	read_options(place, o);
	*own_r = o;
	return 0;
}

void
milter_forget(void *own)
{
	struct milter_own *o = own;

	if (o == NULL)
		return;
	IS(o, MILTER_OWN_MAGIC);
	o->magic = 0;
	free(o);
}
