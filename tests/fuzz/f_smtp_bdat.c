/*
 * f_smtp_bdat: a dialogue of BDAT commands and their octets.  However the
 * octets are cut the same mail comes out of them; without a bare newline it is
 * what was sent, byte for byte; and by DATA it goes on as one mail.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/smtp/smtp_chunk.h"
#include "protocols/smtp/smtp_data.h"
#include "protocols/smtp/smtp_stuff.h"
#include "proxy/base/buf.h"
#include "proxy/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT (64 * 1024 * 1024)

struct result {
	struct smtp_data d;
	struct buf in, out;
};

static void
take(struct result *r, struct slice chunk, size_t piece)
{
	struct slice in, out;

	MUST(buf_put(&r->in, chunk.at, chunk.len) == 0);
	while (chunk.len > 0) {
		in = chunk;
		in.len = in.len < piece ? in.len : piece;
		chunk = slice_skip(chunk, in.len);
		while (smtp_data(&r->d, &in, &out) == DATA_SOME)
			MUST(out.len > 0 &&
			    buf_put(&r->out, out.at, out.len) == 0);
		MUST(in.len == 0);
	}
}

/* As the dialogue has it: a line, and the octets it announces. */
static void
play(struct slice text, size_t piece, bool normalize, struct result *r)
{
	struct smtp_chunk c;
	struct slice line, held;
	const char *end;

	*r = (struct result){0};
	buf_init(&r->in, LIMIT);
	buf_init(&r->out, LIMIT);
	smtp_data_init_chunks(&r->d, normalize);
	while (text.len > 0 &&
	    (end = memmem(text.at, text.len, "\r\n", 2)) != NULL) {
		line = (struct slice){text.at, (size_t)(end - text.at)};
		text = slice_skip(text, line.len + 2);
		if (smtp_chunk(line, &c) < 0)
			break;
		MUST(c.size < UINT64_C(1000000000000000000));
		line = text;
		if (c.size < line.len)
			line.len = (size_t)c.size;
		take(r, line, piece);
		text = slice_skip(text, line.len);
		if (c.last)
			break;
	}
	held = smtp_data_end(&r->d);
	MUST(buf_put(&r->out, held.at, held.len) == 0);
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len &&
	    (a->len == 0 || memcmp(buf_at(a), buf_at(b), a->len) == 0);
}

static void
finish(struct result *r)
{
	buf_free(&r->in);
	buf_free(&r->out);
}

/* By DATA, and by a strict reader there, back. */
static void
goes_by_data(const struct result *r)
{
	struct smtp_stuff st = {0};
	struct smtp_data back;
	struct slice in = {buf_at(&r->out), r->out.len}, out;
	struct buf wire, again;

	buf_init(&wire, LIMIT);
	buf_init(&again, LIMIT);
	while (r->out.len > 0 && smtp_stuff(&st, &in, &out))
		MUST(buf_put(&wire, out.at, out.len) == 0);
	MUST(r->d.dots || wire.len == r->out.len);
	MUST(buf_puts(&wire, ".\r\n") == 0);
	smtp_data_init(&back, false);
	in = (struct slice){buf_at(&wire), wire.len};
	while (smtp_data(&back, &in, &out) == DATA_SOME)
		MUST(buf_put(&again, out.at, out.len) == 0);
	MUST(smtp_data(&back, &in, &out) == DATA_END && in.len == 0);
	MUST(same(&again, &r->out));
	buf_free(&wire);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	struct result whole, pieces;

	for (int normalize = 0; normalize < 2; normalize++) {
		play(text, SIZE_MAX, normalize, &whole);
		MUST(whole.d.bare > 0 || same(&whole.in, &whole.out));
		MUST(normalize || same(&whole.in, &whole.out));
		for (size_t piece = 1; piece < 8; piece += 3) {
			play(text, piece, normalize, &pieces);
			MUST(same(&whole.out, &pieces.out));
			MUST(whole.d.bare == pieces.d.bare &&
			    whole.d.dots == pieces.d.dots);
			MUST(smtp_data_open(&whole.d) ==
			    smtp_data_open(&pieces.d));
			finish(&pieces);
		}
		if ((normalize || whole.d.bare == 0) &&
		    !smtp_data_open(&whole.d))
			goes_by_data(&whole);
		finish(&whole);
	}
	return 0;
}
