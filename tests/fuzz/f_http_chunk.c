/*
 * f_http_chunk: a chunked body in any pieces is the same body, ends at the
 * same place, and written anew it is read as the same again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/http/http_chunk.h"
#include "proxy/base/check.h"

#define BODY_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	enum http_chunk_is is;
	enum http_bad bad;
	size_t used;
	struct buf body, trailers;
};

static void
take(struct slice in, size_t n, struct seen *s)
{
	struct http_chunks c;
	size_t before = in.len;

	buf_init(&s->body, BODY_MAX);
	buf_init(&s->trailers, 2 * HTTP_TRAILERS_MAX);
	http_chunk_init(&c, &s->trailers);
	s->is = HTTP_CHUNK_MORE;
	while (in.len > 0 && s->is == HTTP_CHUNK_MORE) {
		struct slice piece = {in.at, in.len < n ? in.len : n}, data;
		size_t len = piece.len;

		while (
		    (s->is = http_chunk(&c, &piece, &data)) == HTTP_CHUNK_DATA)
			MUST(buf_put(&s->body, data.at, data.len) == 0);
		MUST(s->is != HTTP_CHUNK_MORE || piece.len == 0);
		in = slice_skip(in, len - piece.len);
	}
	MUST(c.size == s->body.len);
	s->used = before - in.len;
	s->bad = c.bad;
	http_chunk_free(&c);
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len &&
	    (a->len == 0 || memcmp(buf_at(a), buf_at(b), a->len) == 0);
}

static void
forget(struct seen *s)
{
	buf_free(&s->body);
	buf_free(&s->trailers);
}

static void
written_anew(const struct seen *s)
{
	struct slice body = {NULL, s->body.len}, trailers = {NULL, 0};
	struct seen again;
	struct buf b;

	buf_init(&b, 2 * BODY_MAX);
	if (s->body.len > 0) {
		body.at = buf_at(&s->body);
		MUST(http_chunk_put(&b, body) == 0);
	}
	if (s->trailers.len > 0)
		trailers =
		    (struct slice){buf_at(&s->trailers), s->trailers.len};
	MUST(http_chunk_end(&b, trailers) == 0);
	take((struct slice){buf_at(&b), b.len}, 13, &again);
	/* "X:y" is written as "X: y", which may be a byte too much. */
	if (again.is != HTTP_CHUNK_DONE)
		MUST(again.bad == HTTP_BAD_LONG_FIELD ||
		    again.bad == HTTP_BAD_LONG_HEAD);
	else
		MUST(again.used == b.len && same(&again.body, &s->body) &&
		    same(&again.trailers, &s->trailers));
	forget(&again);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = {1, 3, 1000};
	struct slice in = {(const char *)data, size};
	struct seen whole, cut;

	if (size > BODY_MAX)
		return 0;
	take(in, SIZE_MAX, &whole);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		take(in, pieces[i], &cut);
		MUST(cut.is == whole.is && cut.bad == whole.bad);
		MUST(cut.used == whole.used && same(&cut.body, &whole.body));
		MUST(same(&cut.trailers, &whole.trailers));
		forget(&cut);
	}
	if (whole.is == HTTP_CHUNK_DONE)
		written_anew(&whole);
	forget(&whole);
	return 0;
}
