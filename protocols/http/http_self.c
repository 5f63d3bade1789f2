/*
 * http_self: what is asked of the gateway itself: proxy.pac, wpad.dat, the
 * CA's certificate, and a page that says what to do with them.
 */
#include "protocols/http/http.h"
#include "protocols/http/http_onboard.h"
#include "protocols/http/http_style.h"

#define PAC_MAX (16 * 1024)
#define START_MAX (64 * 1024)
#define CA_PEM_TYPE "application/x-pem-file"
#define CA_DER_TYPE "application/x-x509-ca-cert" /* what iOS asks for */
#define PAC_TYPE "application/x-ns-proxy-autoconfig"

/* By our own name, or without one. */
bool
http_is_self(const struct http_req *q)
{
	const struct http_target *t = &q->head.target;

	if (t->form == HTTP_FORM_AUTHORITY)
		return false;
	if (t->form == HTTP_FORM_ORIGIN && http_inside(q->s) == NULL &&
	    q->own->where.mode == MODE_FORWARD)
		return true;
	return q->own->where.mode != MODE_REVERSE &&
	    strcasecmp(q->host.name, q->own->onboarding_host) == 0;
}

static bool
path_is(const struct http_req *q, const char *path)
{
	const struct http_target *t = &q->head.target;
	struct slice text = http_at(&q->head.head, q->head.text);

	return slice_is(
	    (struct slice){text.at + t->path.at, t->path.len}, path);
}

/* Do its clients speak TLS to this listener? */
static bool
is_secured(const struct http_req *q)
{
	return q->s->place->tls_mode == TLS_IMPLICIT;
}

#define WHERE_MAX (HTTP_HOST_MAX + 8)

/* Where this client has reached us, as others of its kind would: by the name
 * that our certificate has, where there is one, else by the address. */
static const char *
where(const struct http_req *q, char to[WHERE_MAX])
{
	const struct addr *local = io_local(q->s->client);
	const struct http_host *h = &q->head.host;

	_Static_assert(WHERE_MAX >= ADDR_TEXT, "an address fits in");
	if (is_secured(q) && q->head.target.form == HTTP_FORM_ORIGIN &&
	    h->is == HTTP_HOST_NAME) {
		(void)snprintf(to, WHERE_MAX, "%s:%u", h->name,
		    h->port != 0 ? h->port : addr_port(local));
		return to;
	}
	return addr_text(local, to);
}

static void
put_pac(struct http_req *q)
{
	char proxy[WHERE_MAX];
	struct buf b;

	buf_init(&b, PAC_MAX);
	if (http_pac_put(&b, is_secured(q), where(q, proxy), NULL, 0) < 0)
		http_page(q, HTTP_CAUSE_NOT_FOUND, "refused", "pac");
	else
		http_plain(
		    q, 200, PAC_TYPE, (struct slice){buf_at(&b), b.len}, "pac");
	buf_free(&b);
}

static void
put_start(struct http_req *q)
{
	const struct http_own *own = q->own;
	char proxy[WHERE_MAX];
	struct http_onboard page = {
	    .gateway = q->s->place->gateway,
	    .contact = own->contact,
	    .host = own->onboarding_host,
	    .proxy = where(q, proxy),
	    .secured = is_secured(q),
	    .print = own->ca.der.at == NULL ? NULL : own->ca.print,
	};
	struct buf b;

	buf_init(&b, START_MAX);
	if (http_onboard_put(&b, &page) < 0)
		http_page(q, HTTP_CAUSE_NOT_FOUND, "refused", "onboarding");
	else
		http_plain(q, 200,
		    "text/html; charset=utf-8\r\n" HTTP_STYLE_POLICY
		    "X-Frame-Options: DENY",
		    (struct slice){buf_at(&b), b.len}, "onboarding");
	buf_free(&b);
}

static void
put_ca(struct http_req *q, struct slice as, const char *type)
{
	if (as.at == NULL)
		http_page(q, HTTP_CAUSE_NOT_FOUND, "refused", "no_ca");
	else
		http_plain(q, 200, type, as, "ca");
}

bool
http_self(struct http_req *q)
{
	if (!http_is_self(q))
		return false;
	if (q->head.method != HTTP_GET && q->head.method != HTTP_HEAD)
		http_page(q, HTTP_CAUSE_METHOD, "refused", "onboarding");
	else if (path_is(q, "/proxy.pac") || path_is(q, "/wpad.dat"))
		put_pac(q);
	else if (path_is(q, "/ca.pem"))
		put_ca(q, q->own->ca.pem, CA_PEM_TYPE);
	else if (path_is(q, "/ca.cer"))
		put_ca(q, q->own->ca.der, CA_DER_TYPE);
	else if (path_is(q, "/"))
		put_start(q);
	else
		http_page(q, HTTP_CAUSE_NOT_FOUND, "refused", "not_found");
	return true;
}
