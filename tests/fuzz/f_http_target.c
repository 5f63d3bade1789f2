/*
 * f_http_target: a target as any method sends it, and as a Host: what is read
 * lies inside it, a host that is taken is written so that it is read as the
 * same, and the URL for policies is the same when it is made of itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/http/http_target.h"
#include "proxy/base/addr.h"
#include "proxy/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
host(const struct http_host *h)
{
	struct http_host again;
	struct addr a;
	struct buf b;

	MUST(h->is != HTTP_HOST_NONE && h->name[0] != '\0');
	MUST((addr_number(h->name, 0, &a) == 0) == (h->is != HTTP_HOST_NAME));
	buf_init(&b, 300);
	MUST(http_host_put(&b, h, 0) == 0);
	MUST(http_host((struct slice){buf_at(&b), b.len}, &again) ==
	    HTTP_BAD_NONE);
	MUST(http_host_same(h, &again, 0));
	buf_free(&b);
}

static void
url(struct slice text, const struct http_target *t)
{
	struct http_target second;
	struct http_host h;
	struct buf b, c;

	MUST(http_host(slice_of("h:81"), &h) == HTTP_BAD_NONE);
	buf_init(&b, 16 * 1024);
	buf_init(&c, 16 * 1024);
	MUST(http_url_put(&b, text, t, HTTP_SCHEME_HTTPS, &h) == 0);
	text = (struct slice){buf_at(&b), b.len};
	MUST(http_target(text, t->form == HTTP_FORM_AUTHORITY, &second) ==
	    HTTP_BAD_NONE);
	MUST(second.user.len == 0);
	MUST(http_url_put(&c, text, &second, HTTP_SCHEME_NONE, NULL) == 0);
	MUST(c.len == b.len && memcmp(buf_at(&c), buf_at(&b), b.len) == 0);
	MUST(memmem(buf_at(&c), c.len, "/../", 4) == NULL || second.has_query);
	buf_free(&b);
	buf_free(&c);
}

static void
target(struct slice text, bool connect)
{
	struct http_target t;

	if (http_target(text, connect, &t) != HTTP_BAD_NONE)
		return;
	MUST(t.user.at + t.user.len <= text.len);
	MUST(t.path.at + t.path.len <= text.len);
	MUST(t.query.at + t.query.len <= text.len);
	MUST(connect == (t.form == HTTP_FORM_AUTHORITY));
	if (t.form == HTTP_FORM_ABSOLUTE || connect)
		host(&t.host);
	url(text, &t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	struct http_host h;

	if (size > 4096)
		return 0;
	target(text, false);
	target(text, true);
	if (http_host(text, &h) == HTTP_BAD_NONE)
		host(&h);
	return 0;
}
