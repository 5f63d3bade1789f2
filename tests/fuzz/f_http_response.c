/*
 * f_http_response: whatever an origin answers, cut wherever it likes: what is
 * read does not depend on the cut, what is written of it is read again with
 * our framing, and what its fields say is within bounds.  The first byte is
 * the method that was asked with.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/http/http_field.h"
#include "protocols/http/http_fresh.h"
#include "protocols/http/http_write.h"
#include "proxy/base/check.h"

#define LIMIT (64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_response_head whole, part, again;

static void
in_pieces(struct slice in, size_t step, enum http_head_is is)
{
	enum http_head_is early = HTTP_HEAD_MORE;

	http_response_head_init(&part, whole.asked);
	for (size_t n = 0; early == HTTP_HEAD_MORE && n <= in.len; n += step)
		early =
		    http_response_head(&part, (struct slice){in.at, n}, LIMIT);
	if (early == HTTP_HEAD_MORE)
		early = http_response_head(&part, in, LIMIT);
	MUST(early == is && part.head.bad == whole.head.bad);
	if (is != HTTP_HEAD_DONE)
		return;
	MUST(part.head.size == whole.head.size);
	MUST(part.status == whole.status);
	MUST(part.head.framing.is == whole.head.framing.is);
	MUST(part.head.framing.length == whole.head.framing.length);
}

static void
goes_on(void)
{
	struct http_write_response w = {
	    .via = "gw", .body = {HTTP_BODY_LENGTH, 5}};
	struct buf b;
	enum http_head_is is;

	buf_init(&b, 4 * LIMIT);
	MUST(http_write_response(&b, &whole, &w) == 0);
	http_response_head_init(&again, HTTP_GET);
	is = http_response_head(
	    &again, (struct slice){buf_at(&b), b.len}, 4 * LIMIT);
	if (is == HTTP_HEAD_BAD)
		MUST(again.head.bad == HTTP_BAD_LONG_FIELD ||
		    again.head.bad == HTTP_BAD_LONG_START ||
		    again.head.bad == HTTP_BAD_MANY_FIELDS);
	if (is == HTTP_HEAD_DONE && whole.status >= 200 &&
	    whole.status != 204 && whole.status != 304) {
		MUST(again.head.size == b.len && again.head.goes_on);
		MUST(again.status == whole.status);
		MUST(again.head.framing.is == HTTP_BODY_LENGTH);
		MUST(again.head.framing.length == 5);
	}
	buf_free(&b);
}

static void
fields(void)
{
	static const char path[] = "/a/%2e%2Fb.exe";
	enum http_coding list[HTTP_CODINGS_MAX];
	static struct http_names names;
	char type[HTTP_TYPE_MAX];

	MUST(http_codings(&whole.head, list) <= HTTP_CODINGS_MAX);
	(void)http_media_type(&whole.head, type);
	MUST(http_names(&whole.head, slice_of(path), &names) > 0);
	MUST(names.n <= HTTP_NAMES_MAX);
	for (unsigned i = 0; i < names.n; i++) {
		MUST(names.list[i][0] != '\0');
		MUST(strpbrk(names.list[i], "/\\\r\n\t") == NULL);
		for (unsigned k = 0; k < i; k++)
			MUST(strcmp(names.list[i], names.list[k]) != 0);
	}
}

/* Whom it may be given to; its own fields are a request's as well. */
static void
shared(void)
{
	const struct http_head *h = &whole.head;
	enum http_share share;
	uint64_t seconds;
	struct buf b;

	share = http_share_of(&whole, &seconds);
	MUST(share == HTTP_SHARE_NO || whole.status == 200);
	MUST(share != HTTP_SHARE_LATER ||
	    (seconds > 0 &&
		(http_has(h, HTTP_FIELD_ETAG) ||
		    http_has(h, HTTP_FIELD_LAST_MODIFIED))));
	MUST(!http_may_share(h) || !http_has(h, HTTP_FIELD_AUTHORIZATION));
	buf_init(&b, 4 * LIMIT);
	(void)http_vary_put(&b, h, h);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = {(const char *)data + 1, size - 1};
	enum http_head_is is;

	if (size == 0)
		return 0;
	http_response_head_init(
	    &whole, (enum http_method)(data[0] % (HTTP_CONNECT + 1)));
	is = http_response_head(&whole, in, LIMIT);
	MUST((is == HTTP_HEAD_BAD) == (whole.head.bad != HTTP_BAD_NONE));
	in_pieces(in, size < 2000 ? 1 : 499, is);
	if (is != HTTP_HEAD_DONE)
		return 0;
	goes_on();
	fields();
	shared();
	return 0;
}
