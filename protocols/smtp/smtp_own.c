/*
 * smtp_own: what a [listener] with protocol smtp says, read once for each net
 * worker and configuration.
 */

#include "protocols/smtp/smtp.h"
#include "protocols/smtp/smtp_tag.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/mail_text.h"

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

/* "": none. */
static const char *
address_tag(const struct place *p)
{
	const char *tag = conf_str(p->conf, p->listener, OPT_SMTP_ADDRESS_TAG);

	return strcmp(tag, "none") == 0 ? "" : tag;
}

static int
check_texts(const struct place *p, struct err *e)
{
	const char *tag = address_tag(p);
	struct err why;

	if (mail_text_check(
		conf_str(p->conf, p->listener, OPT_SMTP_REJECT_TEXT), '5',
		&why) < 0)
		return wrong(p, OPT_SMTP_REJECT_TEXT, &why, e);
	if (mail_text_check(
		conf_str(p->conf, p->listener, OPT_SMTP_TEMPFAIL_TEXT), '4',
		&why) < 0)
		return wrong(p, OPT_SMTP_TEMPFAIL_TEXT, &why, e);
	if (*tag != '\0' && smtp_tag_check(tag, &why) < 0)
		return wrong(p, OPT_SMTP_ADDRESS_TAG, &why, e);
	return 0;
}

static int
open_hops(const struct place *p, struct smtp_hops **hops_r,
    struct smtp_routes *routes_r, struct err *e)
{
	*hops_r = smtp_hops_open(p->worker);
	if (smtp_routes_read(p, *hops_r, routes_r, e) == 0)
		return 0;
	smtp_hops_free(hops_r);
	return -1;
}

/* xforward_from.  0, or -1 with words. */
static int
read_forwarders(
    const struct place *p, struct net **nets_r, size_t *n_r, struct err *e)
{
	enum opt opt = OPT_LISTENER_XFORWARD_FROM;
	const char *const *list;
	struct err why;

	*n_r = conf_list(p->conf, p->listener, opt, &list);
	*nets_r = xcalloc(*n_r + 1, sizeof(**nets_r));
	for (size_t i = 0; i < *n_r; i++) {
		if (net_parse(list[i], &(*nets_r)[i], &why) == 0)
			continue;
		free(*nets_r);
		*nets_r = NULL;
		return wrong(p, opt, &why, e);
	}
	return 0;
}

static void
read_options(const struct place *p, struct smtp_own *o)
{
	o->command_timeout = number(p, OPT_SMTP_COMMAND_TIMEOUT);
	o->data_timeout = number(p, OPT_SMTP_DATA_TIMEOUT);
	o->scan_deadline = number(p, OPT_SMTP_SCAN_DEADLINE);
	o->max_size = (uint64_t)number(p, OPT_SMTP_MAX_MESSAGE_SIZE);
	o->max_recipients = (unsigned)number(p, OPT_SMTP_MAX_RECIPIENTS);
	o->max_received = (unsigned)number(p, OPT_SMTP_MAX_RECEIVED);
	o->max_messages = (unsigned)number(p, OPT_SMTP_MAX_MESSAGES_PER_MINUTE);
	o->max_errors = (unsigned)number(p, OPT_SMTP_MAX_ERRORS);
	o->normalize = number(p, OPT_SMTP_BARE_NEWLINE) == 1;
	o->auth_without_tls = number(p, OPT_SMTP_AUTH_WITHOUT_TLS) != 0;
	o->add_headers = number(p, OPT_SMTP_ADD_HEADERS) != 0;
	o->address_tag = address_tag(p);
	o->reject_text = conf_str(p->conf, p->listener, OPT_SMTP_REJECT_TEXT);
	o->tempfail_text =
	    conf_str(p->conf, p->listener, OPT_SMTP_TEMPFAIL_TEXT);
}

int
smtp_prepare(struct place *place, void **own_r, struct err *e)
{
	struct smtp_routes routes = {.list = NULL};
	struct smtp_hops *hops = NULL;
	struct net *nets = NULL;
	struct smtp_own *o;
	size_t nets_n;
	int is;

	*own_r = NULL;
	if (check_texts(place, e) < 0 ||
	    read_forwarders(place, &nets, &nets_n, e) < 0)
		return -1;
	is = open_hops(place, &hops, &routes, e);
	if (is < 0 || place->worker == NULL) {
		smtp_routes_forget(&routes);
		smtp_hops_free(&hops);
		free(nets);
		return is;
	}
	o = xcalloc(1, sizeof(*o));
	o->magic = SMTP_OWN_MAGIC;
	o->hops = hops;
	o->routes = routes;
	o->forwarders = nets;
	o->forwarders_n = nets_n;
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
	smtp_routes_forget(&o->routes);
	free(o->forwarders);
	o->magic = 0;
	free(o);
}
