/*
 * smtp_own: what a [listener] with protocol smtp says, read once for each net
 * worker and configuration.
 */

#include "protocols/smtp/smtp.h"
#include "protocols/smtp/smtp_text.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"

static int64_t
number(const struct place *p, enum opt opt)
{
	return conf_int(p->conf, p->listener, opt);
}

/* "file:line: key: what is wrong" */
static int
wrong(const struct place *p, enum opt opt, const struct err *why, struct err *e)
{
	return err_set(e, "%s: %s: %s", conf_origin(p->conf, p->listener, opt),
	    schema_opt(opt)->key, why->text);
}

static int
check_texts(const struct place *p, struct err *e)
{
	struct err why;

	if (smtp_text_check(
		conf_str(p->conf, p->listener, OPT_SMTP_REJECT_TEXT), '5',
		&why) < 0)
		return wrong(p, OPT_SMTP_REJECT_TEXT, &why, e);
	if (smtp_text_check(
		conf_str(p->conf, p->listener, OPT_SMTP_TEMPFAIL_TEXT), '4',
		&why) < 0)
		return wrong(p, OPT_SMTP_TEMPFAIL_TEXT, &why, e);
	return 0;
}

/* Each net worker has its part of next_hop_max_connections. */
static unsigned
share(const struct place *p)
{
	unsigned all = (unsigned)number(p, OPT_SMTP_NEXT_HOP_MAX_CONNECTIONS);
	unsigned workers;

	if (p->worker == NULL)
		return 1;
	workers = worker_count(p->worker);
	return (all + workers - 1) / workers;
}

static int
open_hops(const struct place *p, struct smtp_hops **hops_r, struct err *e)
{
	struct smtp_hops_conf c = {
	    .worker = p->worker,
	    .gateway = p->gateway,
	    .connect_timeout = number(p, OPT_SMTP_NEXT_HOP_CONNECT_TIMEOUT),
	    .timeout = number(p, OPT_SMTP_NEXT_HOP_TIMEOUT),
	    .most = share(p),
	};
	const char *const *list;
	size_t n = conf_list(p->conf, p->listener, OPT_SMTP_NEXT_HOP, &list);
	struct err why;

	if (smtp_hops_open(&c, list, n, hops_r, &why) < 0)
		return wrong(p, OPT_SMTP_NEXT_HOP, &why, e);
	return 0;
}

static void
read_options(const struct place *p, struct smtp_own *o)
{
	o->command_timeout = number(p, OPT_SMTP_COMMAND_TIMEOUT);
	o->data_timeout = number(p, OPT_SMTP_DATA_TIMEOUT);
	o->scan_deadline = number(p, OPT_SMTP_SCAN_DEADLINE);
	o->hop_data_timeout = number(p, OPT_SMTP_NEXT_HOP_DATA_TIMEOUT);
	o->max_size = (uint64_t)number(p, OPT_SMTP_MAX_MESSAGE_SIZE);
	o->max_recipients = (unsigned)number(p, OPT_SMTP_MAX_RECIPIENTS);
	o->max_received = (unsigned)number(p, OPT_SMTP_MAX_RECEIVED);
	o->max_errors = (unsigned)number(p, OPT_SMTP_MAX_ERRORS);
	o->normalize = number(p, OPT_SMTP_BARE_NEWLINE) == 1;
	o->add_headers = number(p, OPT_SMTP_ADD_HEADERS) != 0;
	o->reject_text = conf_str(p->conf, p->listener, OPT_SMTP_REJECT_TEXT);
	o->tempfail_text =
	    conf_str(p->conf, p->listener, OPT_SMTP_TEMPFAIL_TEXT);
}

int
smtp_prepare(struct place *place, void **own_r, struct err *e)
{
	struct smtp_hops *hops;
	struct smtp_own *o;

	*own_r = NULL;
	if (check_texts(place, e) < 0 || open_hops(place, &hops, e) < 0)
		return -1;
	if (place->worker == NULL)
		return 0;
	o = xcalloc(1, sizeof(*o));
	o->magic = SMTP_OWN_MAGIC;
	o->hops = hops;
	read_options(place, o);
	smtp_hops_learn(hops);
	*own_r = o;
	return 0;
}

void
smtp_forget(void *own)
{
	struct smtp_own *o = own;

	if (o == NULL)
		return;
	IS(o, SMTP_OWN_MAGIC);
	smtp_hops_free(&o->hops);
	o->magic = 0;
	free(o);
}
