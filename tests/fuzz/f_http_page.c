/*
 * f_http_page: the input as a template, as every value, as a detail and as a
 * host of the PAC file: nothing in a value becomes markup, a tag, another
 * field or a script.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/http/http_page.h"
#include "proxy/base/check.h"

#define PAGE_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_tags
all(const char *value)
{
	struct http_tags tags = {
#define X(tag) .tag = value,
	    HTTP_TAGS(X)
#undef X
	};

	return tags;
}

static unsigned
count(const struct buf *b, char c)
{
	unsigned n = 0;

	for (size_t i = 0; i < b->len; i++)
		n += buf_at(b)[i] == c;
	return n;
}

/* The built-in page has as much markup with this value as with none. */
static void
as_value(const char *value)
{
	struct http_tags tags = all(value), none = all(NULL);
	struct slice tpl = {NULL, 0};
	struct buf b, empty;

	buf_init(&b, PAGE_MAX);
	buf_init(&empty, PAGE_MAX);
	MUST(http_page_put(&b, tpl, HTTP_CAUSE_BLOCKED, &tags) == 0);
	MUST(http_page_put(&empty, tpl, HTTP_CAUSE_BLOCKED, &none) == 0);
	for (const char *c = "<>\"'"; *c != '\0'; c++)
		MUST(count(&b, *c) == count(&empty, *c));
	MUST(http_is_utf8((struct slice){buf_at(&b), b.len}));
	buf_free(&b);
	buf_free(&empty);
}

static void
as_template(struct slice tpl)
{
	struct http_tags tags = all("{{<}}");
	struct err e;
	struct buf b;

	if (http_page_check(tpl, &e) < 0) {
		MUST(e.text[0] != '\0');
		return;
	}
	buf_init(&b, 64 * PAGE_MAX);
	MUST(http_page_put(&b, tpl, HTTP_CAUSE_URL, &tags) == 0);
	MUST(b.len == 0 || http_is_utf8((struct slice){buf_at(&b), b.len}));
	buf_free(&b);
}

static void
as_detail(const char *text)
{
	struct buf b;

	buf_init(&b, PAGE_MAX);
	MUST(http_proxy_status(&b, text, HTTP_CAUSE_DNS, text) == 0);
	for (size_t i = 0; i < b.len; i++)
		MUST(buf_at(&b)[i] >= ' ' && buf_at(&b)[i] <= '~');
	buf_clear(&b);
	if (http_pac_put(&b, false, "gw:1", &text, 1) == 0) {
		MUST(strpbrk(text, "\"\\\r\n;'()") == NULL);
		MUST(count(&b, '"') % 2 == 0);
	}
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size > 8192)
		return 0;
	text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	as_template((struct slice){text, size});
	as_value(text);
	as_detail(text);
	free(text);
	return 0;
}
