/*
 * f_http_request: whatever a client sends as a head, cut wherever it likes:
 * what is read does not depend on the cut, and what is written of it is read
 * again as the same request, with our framing and no field of the hop.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/http/http_field.h"
#include "protocols/http/http_write.h"
#include "proxy/base/check.h"

#define LIMIT (64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_request_head whole, part, again;

static void
in_pieces(struct slice in, size_t step, enum http_head_is is)
{
	enum http_head_is early = HTTP_HEAD_MORE;

	http_request_head_init(&part);
	for (size_t n = 0; early == HTTP_HEAD_MORE && n <= in.len; n += step) {
		char *copy = malloc(n + 1); /* its end is the end */

		memcpy(copy, in.at, n);
		early =
		    http_request_head(&part, (struct slice){copy, n}, LIMIT);
		free(copy);
	}
	if (early == HTTP_HEAD_MORE)
		early = http_request_head(&part, in, LIMIT);
	MUST(early == is && part.head.bad == whole.head.bad);
	if (is != HTTP_HEAD_DONE)
		return;
	MUST(part.head.size == whole.head.size && part.head.n == whole.head.n);
	MUST(part.head.framing.is == whole.head.framing.is);
	MUST(memcmp(part.head.fields, whole.head.fields,
		 whole.head.n * sizeof(whole.head.fields[0])) == 0);
}

/* What nobody may read in a second way is not in it. */
static void
is_strict(void)
{
	const struct http_head *h = &whole.head;
	bool coded = http_has(h, HTTP_FIELD_TRANSFER_ENCODING);

	MUST(
	    h->size >= 4 && memcmp(h->bytes + h->size - 4, "\r\n\r\n", 4) == 0);
	for (uint32_t i = 0; i < h->size; i++) {
		unsigned char c = (unsigned char)h->bytes[i];

		MUST((c >= ' ' && c != 0x7f) || c == '\t' || c == '\r' ||
		    c == '\n');
		MUST(c != '\r' || h->bytes[i + 1] == '\n');
		MUST(c != '\n' || (i > 0 && h->bytes[i - 1] == '\r'));
	}
	MUST(!(coded && http_has(h, HTTP_FIELD_CONTENT_LENGTH)));
	MUST((h->framing.is == HTTP_BODY_CHUNKED) == coded);
}

static void
goes_on(void)
{
	struct http_write_request w = {.via = "gw",
	    .scheme = HTTP_SCHEME_HTTP,
	    .host = whole.target.host.is == HTTP_HOST_NONE ? &whole.host
							   : &whole.target.host,
	    .accept_encoding = "gzip",
	    .body = {HTTP_BODY_LENGTH, 5}};
	struct buf b;

	if (w.host->is == HTTP_HOST_NONE)
		return; /* HTTP/1.0 without Host: the address is its host */
	if (whole.method == HTTP_CONNECT)
		w.body.is = HTTP_BODY_NONE;
	buf_init(&b, 4 * LIMIT);
	MUST(http_write_request(&b, &whole, &w) == 0);
	http_request_head_init(&again);
	MUST(http_request_head(&again, (struct slice){buf_at(&b), b.len},
		 4 * LIMIT) == HTTP_HEAD_DONE ||
	    again.head.bad == HTTP_BAD_LONG_FIELD /* all of Via */ ||
	    again.head.bad == HTTP_BAD_MANY_FIELDS);
	if (again.head.bad == HTTP_BAD_NONE) {
		MUST(again.head.size == b.len);
		MUST(again.head.framing.is == w.body.is);
		MUST(again.method == whole.method);
		MUST(http_host_same(&again.host, w.host, 80));
		MUST(http_via_has(&again.head, "gw"));
		for (unsigned i = 0; i < again.head.n; i++)
			MUST(!http_field_is_hop(again.head.fields[i].id));
	}
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = {(const char *)data, size};
	char to[HTTP_ACCEPT_MAX];
	enum http_head_is is;
	uint64_t n;

	http_request_head_init(&whole);
	is = http_request_head(&whole, in, LIMIT);
	MUST((is == HTTP_HEAD_BAD) == (whole.head.bad != HTTP_BAD_NONE));
	in_pieces(in, size < 2000 ? 1 : 499, is);
	if (is != HTTP_HEAD_DONE)
		return 0;
	is_strict();
	goes_on();
	http_accept_encoding(&whole.head, to);
	MUST(to[0] != '\0' && strlen(to) < HTTP_ACCEPT_MAX - 1);
	(void)http_expect(&whole.head);
	(void)http_max_forwards(&whole.head, &n);
	return 0;
}
