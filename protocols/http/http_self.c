/*
 * http_self: what is asked of the gateway itself: proxy.pac, wpad.dat, and a
 * page that says how to find them.
 */
#include "protocols/http/http.h"
#include "protocols/http/http_write.h"

#define PAC_MAX (16 * 1024)
#define PAC_TYPE "application/x-ns-proxy-autoconfig"

/* Is it for us?  By our own name, or without one. */
static bool
is_ours(const struct http_req *q)
{
	const struct http_target *t = &q->head.target;

	if (t->form == HTTP_FORM_AUTHORITY)
		return false;
	return t->form == HTTP_FORM_ORIGIN ||
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

/* Where this client has reached us, as others of its kind would. */
static void
put_pac(struct http_req *q)
{
	const char *direct[] = {q->own->onboarding_host};
	char proxy[ADDR_TEXT];
	struct buf b;

	(void)addr_text(io_local(q->s->client), proxy);
	buf_init(&b, PAC_MAX);
	if (http_pac_put(&b, proxy, direct, 0) < 0)
		http_page(q, HTTP_CAUSE_NOT_FOUND, "refused", "pac");
	else
		http_plain(
		    q, 200, PAC_TYPE, (struct slice){buf_at(&b), b.len}, "pac");
	buf_free(&b);
}

static void
put_start(struct http_req *q)
{
	static const char page[] =
	    "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
	    "<meta name=\"viewport\" content=\"width=device-width\">"
	    "<meta name=\"color-scheme\" content=\"light dark\">"
	    "<title>Sallyport</title><body>\n<h1>Sallyport</h1>\n"
	    "<p>This is the web gateway.  Browsers find it by "
	    "<a href=\"/proxy.pac\">proxy.pac</a>.</p>\n</body></html>\n";

	http_plain(
	    q, 200, "text/html; charset=utf-8", slice_of(page), "onboarding");
}

bool
http_self(struct http_req *q)
{
	if (!is_ours(q))
		return false;
	if (q->head.method != HTTP_GET && q->head.method != HTTP_HEAD)
		http_page(q, HTTP_CAUSE_METHOD, "refused", "onboarding");
	else if (path_is(q, "/proxy.pac") || path_is(q, "/wpad.dat"))
		put_pac(q);
	else if (path_is(q, "/"))
		put_start(q);
	else
		http_page(q, HTTP_CAUSE_NOT_FOUND, "refused", "not_found");
	return true;
}
