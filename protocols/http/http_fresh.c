/*
 * http_fresh: whom else an answer may be given to, and for how long.  In
 * doubt: nobody.
 */
#include "protocols/http/http_fresh.h"

#include "protocols/http/http_list.h"
#include "protocols/http/http_range.h"

#define HTTP_NAME_BYTES 256

#define CONDITIONS \
	(HTTP_FIELD_BIT(IF_MATCH) | HTTP_FIELD_BIT(IF_NONE_MATCH) | \
	    HTTP_FIELD_BIT(IF_MODIFIED_SINCE) | \
	    HTTP_FIELD_BIT(IF_UNMODIFIED_SINCE))

/* ---- directives ---- */

/* "max-age=60": is it that one?  Its value is behind it; {NULL, 0}: none. */
static bool
is_directive(struct slice text, const char *name, struct slice *value_r)
{
	size_t n = strlen(name);

	*value_r = (struct slice){NULL, 0};
	if (text.len < n || strncasecmp(text.at, name, n) != 0)
		return false;
	if (text.len == n)
		return true;
	if (text.at[n] != '=')
		return false;
	*value_r = slice_skip(text, n + 1);
	return true;
}

/* Is the directive there, in any line of Cache-Control?  A list that is broken
 * has all of them. */
static bool
has_directive(const struct http_head *h, const char *name, struct slice *v_r)
{
	struct http_list l;
	struct slice one;
	int got;

	http_list_init(&l, h, HTTP_FIELD_CACHE_CONTROL);
	while ((got = http_list_next(&l, &one)) > 0) {
		if (is_directive(one, name, v_r))
			return true;
	}
	*v_r = (struct slice){NULL, 0};
	return got < 0;
}

static bool
says(const struct http_head *h, const char *name)
{
	struct slice value;

	return has_directive(h, name, &value);
}

/* The seconds of a directive; what is no number is 0 (RFC 9111 4.2.1). */
static bool
seconds_of(const struct http_head *h, const char *name, uint64_t *n_r)
{
	struct slice value;
	char text[24];

	*n_r = 0;
	if (!has_directive(h, name, &value))
		return false;
	if (value.at != NULL && http_unquote(value, text, sizeof(text)) >= 0)
		(void)http_number(slice_of(text), n_r);
	return true;
}

bool
http_may_share(const struct http_head *request)
{
	struct slice pragma = http_value_named(request, "Pragma");
	uint64_t age;

	if (http_has(request, HTTP_FIELD_AUTHORIZATION) ||
	    (request->has & CONDITIONS) != 0)
		return false;
	if (says(request, "no-cache") || says(request, "no-store") ||
	    (seconds_of(request, "max-age", &age) && age == 0))
		return false;
	return pragma.at == NULL || !slice_is_word(pragma, "no-cache");
}

/* ---- an answer ---- */

/* By Expires, where no directive says it (RFC 9111 5.3). */
static uint64_t
seconds_by_date(const struct http_head *h)
{
	struct slice expires = http_value_named(h, "Expires");
	time_t end, now;

	if (expires.at == NULL)
		return UINT64_MAX;
	if (http_date(expires, &end) < 0 ||
	    http_date(http_value(h, HTTP_FIELD_DATE), &now) < 0 || end <= now)
		return 0;
	return (uint64_t)(end - now);
}

static uint64_t
lifetime(const struct http_head *h)
{
	struct slice text = http_value_named(h, "Age");
	uint64_t n, age = 0;

	if (text.at != NULL && http_number(text, &age) < 0)
		return 0;
	if (!seconds_of(h, "s-maxage", &n) && !seconds_of(h, "max-age", &n))
		n = seconds_by_date(h);
	if (n == UINT64_MAX)
		return n;
	return n > age ? n - age : 0;
}

enum http_share
http_share_of(const struct http_response_head *answer, uint64_t *seconds_r)
{
	const struct http_head *h = &answer->head;

	*seconds_r = 0;
	if (answer->status != 200 || says(h, "no-store") || says(h, "private"))
		return HTTP_SHARE_NO;
	if (http_value_named(h, "Set-Cookie").at != NULL)
		return HTTP_SHARE_NO;
	*seconds_r = lifetime(h);
	if (says(h, "no-cache") || *seconds_r == 0)
		return HTTP_SHARE_NOW;
	if (!http_has(h, HTTP_FIELD_ETAG) &&
	    !http_has(h, HTTP_FIELD_LAST_MODIFIED))
		return HTTP_SHARE_NOW;
	return HTTP_SHARE_LATER;
}

/* ---- Vary ---- */

/* Every line of that name, with its length: nothing can be mistaken. */
static int
put_lines(struct buf *to, const struct http_head *h, struct slice name)
{
	char word[HTTP_NAME_BYTES];

	if (!slice_copy(name, word, sizeof(word)))
		return -1;
	for (unsigned i = 0; i < h->n; i++) {
		struct slice value = http_at(h, h->fields[i].value);

		if (!slice_is_word(http_at(h, h->fields[i].name), word))
			continue;
		if (buf_printf(to, "%zu:", value.len) < 0 ||
		    buf_put(to, value.at, value.len) < 0)
			return -1;
	}
	return buf_puts(to, "\n");
}

static int
put_named(struct buf *to, struct slice list, const struct http_head *request)
{
	struct http_list l;
	struct slice one;
	int got;

	http_list_of(&l, list);
	while ((got = http_list_next(&l, &one)) > 0) {
		if (slice_is(one, "*") || put_lines(to, request, one) < 0)
			return -1;
	}
	return got;
}

int
http_vary_put(struct buf *to, const struct http_head *answer,
    const struct http_head *request)
{
	if (put_lines(to, request, slice_of("Cookie")) < 0)
		return -1;
	for (unsigned i = 0; i < answer->n; i++) {
		const struct http_field *f = &answer->fields[i];

		if (slice_is_word(http_at(answer, f->name), "Vary") &&
		    put_named(to, http_at(answer, f->value), request) < 0)
			return -1;
	}
	return 0;
}
