/*
 * http_field: what single fields mean to a proxy: what ends here, where a
 * message has been, what it expects.  Pure.
 */

#include "protocols/http/http_field.h"

#include "protocols/http/http_line.h"
#include "protocols/http/http_list.h"

/* ---- Connection ---- */

static bool
is_option(struct slice word)
{
	return slice_is_word(word, "close") ||
	    slice_is_word(word, "keep-alive");
}

/*
 * RFC 9110 7.6.1: what is meant for all readers must not be named. "Connection:
 * Content-Encoding" would have us scan one thing and the client read another.
 */
static bool
may_be_named(struct slice word)
{
	enum http_field_id id = http_field_id(word);

	return is_option(word) || id == HTTP_FIELD_OTHER ||
	    http_field_is_hop(id);
}

bool
http_connection_is_good(const struct http_head *h)
{
	struct http_list l;
	struct slice word;
	int got;

	if (!http_has(h, HTTP_FIELD_CONNECTION))
		return true;
	http_list_init(&l, h, HTTP_FIELD_CONNECTION);
	while ((got = http_list_next(&l, &word)) > 0) {
		if (!http_is_token(word) || !may_be_named(word))
			return false;
	}
	return got == 0;
}

static bool
is_named(const struct http_head *h, struct slice name)
{
	struct http_list l;
	struct slice word;

	http_list_init(&l, h, HTTP_FIELD_CONNECTION);
	while (http_list_next(&l, &word) > 0) {
		if (word.len == name.len &&
		    strncasecmp(word.at, name.at, name.len) == 0)
			return true;
	}
	return false;
}

bool
http_is_hop(const struct http_head *h, const struct http_field *f)
{
	if (f->id != HTTP_FIELD_OTHER)
		return http_field_is_hop(f->id);
	if (!http_has(h, HTTP_FIELD_CONNECTION))
		return false;
	return is_named(h, http_at(h, f->name));
}

bool
http_upgrades_to(const struct http_head *h, const char *protocol)
{
	return http_list_has(h, HTTP_FIELD_UPGRADE, protocol) &&
	    http_list_has(h, HTTP_FIELD_CONNECTION, "upgrade");
}

/* ---- Via ---- */

/* "1.1 name (comment)": the second word. */
static struct slice
received_by(struct slice element)
{
	struct slice rest;
	size_t n = 0;

	while (n < element.len && element.at[n] != ' ' && element.at[n] != '\t')
		n++;
	rest = http_trim(slice_skip(element, n));
	n = 0;
	while (n < rest.len && rest.at[n] != ' ' && rest.at[n] != '\t')
		n++;
	return (struct slice){rest.at, n};
}

/*
 * Every comma divides here, in quotes and comments too: a quote that a client
 * leaves open must not hide us from ourselves.
 */
static bool
passed(struct slice value, const char *name)
{
	while (value.len > 0) {
		const char *comma = memchr(value.at, ',', value.len);
		size_t n =
		    comma == NULL ? value.len : (size_t)(comma - value.at);
		struct slice one = http_trim((struct slice){value.at, n});

		if (slice_is_word(received_by(one), name))
			return true;
		value = slice_skip(value, comma == NULL ? n : n + 1);
	}
	return false;
}

bool
http_via_has(const struct http_head *h, const char *name)
{
	for (unsigned i = 0; http_has(h, HTTP_FIELD_VIA) && i < h->n; i++) {
		if (h->fields[i].id == HTTP_FIELD_VIA &&
		    passed(http_at(h, h->fields[i].value), name))
			return true;
	}
	return false;
}

int
http_via_put(struct buf *to, const struct http_head *h, const char *name)
{
	if (buf_puts(to, "Via: ") < 0)
		return -1;
	for (unsigned i = 0; i < h->n; i++) {
		struct slice value = http_at(h, h->fields[i].value);

		if (h->fields[i].id != HTTP_FIELD_VIA || value.len == 0)
			continue;
		if (buf_put(to, value.at, value.len) < 0 ||
		    buf_put(to, ", ", 2) < 0)
			return -1;
	}
	return buf_printf(to, "1.%u %s\r\n", h->minor, name);
}

/* ---- Expect, Max-Forwards ---- */

enum http_expect
http_expect(const struct http_head *h)
{
	struct http_list l;
	struct slice element;
	bool found = false;
	int got;

	if (!http_has(h, HTTP_FIELD_EXPECT) || h->minor == 0)
		return HTTP_EXPECT_NONE;
	http_list_init(&l, h, HTTP_FIELD_EXPECT);
	while ((got = http_list_next(&l, &element)) > 0) {
		if (!slice_is_word(element, "100-continue"))
			return HTTP_EXPECT_OTHER;
		found = true;
	}
	if (got < 0)
		return HTTP_EXPECT_OTHER;
	return found ? HTTP_EXPECT_CONTINUE : HTTP_EXPECT_NONE;
}

int
http_max_forwards(const struct http_head *h, uint64_t *n_r)
{
	if (!http_has(h, HTTP_FIELD_MAX_FORWARDS))
		return 0;
	if (http_number(http_value(h, HTTP_FIELD_MAX_FORWARDS), n_r) < 0)
		return -1;
	return 1;
}

/* ---- types ---- */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_type(struct slice s)
{
	const char *slash = s.len == 0 ? NULL : memchr(s.at, '/', s.len);
	size_t n;

	if (slash == NULL)
		return false;
	n = (size_t)(slash - s.at);
	return http_is_token((struct slice){s.at, n}) &&
	    http_is_token(slice_skip(s, n + 1));
}

const char *
http_media_type(const struct http_head *h, char to[HTTP_TYPE_MAX])
{
	struct slice type =
	    http_before_params(http_value(h, HTTP_FIELD_CONTENT_TYPE));

	to[0] = '\0';
	if (!is_type(type) || type.len >= HTTP_TYPE_MAX)
		return to;
	slice_copy(type, to, HTTP_TYPE_MAX);
	for (char *p = to; *p != '\0'; p++)
		*p = lower(*p);
	return to;
}

bool
http_accepts(const struct http_head *h, const char *type)
{
	struct http_list l;
	struct slice element;

	if (!http_has(h, HTTP_FIELD_ACCEPT))
		return false;
	http_list_init(&l, h, HTTP_FIELD_ACCEPT);
	while (http_list_next(&l, &element) > 0) {
		if (slice_is_word(http_before_params(element), type))
			return true;
	}
	return false;
}
