/*
 * local_own: what a [listener] with protocol local says, read once for each
 * net worker and configuration.  Its keys are those of [smtp]: it is mail.
 */

#include "protocols/local/local.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/mail_text.h"

static int64_t
number(const struct place *p, enum opt opt)
{
	return conf_int(p->conf, p->listener, opt);
}

static int
check_text(const struct place *p, enum opt opt, char class, struct err *e)
{
	struct err why;

	if (mail_text_check(conf_str(p->conf, p->listener, opt), class, &why) ==
	    0)
		return 0;
	return err_set(e, "%s: %s: %s", conf_origin(p->conf, p->listener, opt),
	    schema_opt(opt)->key, why.text);
}

int
local_prepare(struct place *place, void **own_r, struct err *e)
{
	struct local_own *o;

	*own_r = NULL;
	if (check_text(place, OPT_SMTP_REJECT_TEXT, '5', e) < 0 ||
	    check_text(place, OPT_SMTP_TEMPFAIL_TEXT, '4', e) < 0)
		return -1;
	if (place->worker == NULL)
		return 0;
	o = xcalloc(1, sizeof(*o));
	o->magic = LOCAL_OWN_MAGIC;
	o->command_timeout = number(place, OPT_SMTP_COMMAND_TIMEOUT);
	o->data_timeout = number(place, OPT_SMTP_DATA_TIMEOUT);
	o->scan_deadline = number(place, OPT_SMTP_SCAN_DEADLINE);
	o->outcome_timeout = number(place, OPT_SMTP_NEXT_HOP_DATA_TIMEOUT);
	o->max_size = (uint64_t)number(place, OPT_SMTP_MAX_MESSAGE_SIZE);
	o->max_recipients = (unsigned)number(place, OPT_SMTP_MAX_RECIPIENTS);
	o->max_received = (unsigned)number(place, OPT_SMTP_MAX_RECEIVED);
	o->words.add_headers = number(place, OPT_SMTP_ADD_HEADERS) != 0;
	o->words.direction = place->direction;
	o->words.reject =
	    conf_str(place->conf, place->listener, OPT_SMTP_REJECT_TEXT);
	o->words.tempfail =
	    conf_str(place->conf, place->listener, OPT_SMTP_TEMPFAIL_TEXT);
	*own_r = o;
	return 0;
}

void
local_forget(void *own)
{
	struct local_own *o = own;

	if (o == NULL)
		return;
	IS(o, LOCAL_OWN_MAGIC);
	o->magic = 0;
	free(o);
}
