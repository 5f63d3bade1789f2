/*
 * f_smtp_data: a mail in arbitrary pieces.  It comes out the same however it
 * is cut; normalised it holds no bare CR or LF; and what goes to the next hop
 * is, read strictly, the same mail, and ends nowhere but at its end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/smtp/smtp_data.h"
#include "protocols/smtp/smtp_stuff.h"
#include "proxy/base/buf.h"
#include "proxy/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT (64 * 1024 * 1024)

struct result {
	struct smtp_data d;
	size_t eaten;
	bool ended;
	struct buf out;
};

static void
read_in_pieces(const uint8_t *data, size_t size, size_t piece, bool normalize,
    struct result *r)
{
	enum smtp_data_is is = DATA_MORE;
	struct slice in, out;

	*r = (struct result){0};
	buf_init(&r->out, LIMIT);
	smtp_data_init(&r->d, normalize);
	while (r->eaten < size && is != DATA_END) {
		in.at = (const char *)data + r->eaten;
		in.len = size - r->eaten < piece ? size - r->eaten : piece;
		r->eaten += in.len;
		while ((is = smtp_data(&r->d, &in, &out)) == DATA_SOME)
			MUST(out.len > 0 &&
			    buf_put(&r->out, out.at, out.len) == 0);
		r->eaten -= in.len;
		MUST(is == DATA_END || in.len == 0);
	}
	r->ended = is == DATA_END;
}

static void
must_be_same(const struct result *a, const struct result *b)
{
	MUST(a->ended == b->ended && a->eaten == b->eaten);
	MUST(a->d.bare == b->d.bare && a->d.nul == b->d.nul);
	MUST(a->d.dots == b->d.dots && a->out.len == b->out.len);
	MUST(a->out.len == 0 ||
	    memcmp(buf_at(&a->out), buf_at(&b->out), a->out.len) == 0);
}

/* Is there a line, by anybody's idea of a line, that is a dot alone? */
static bool
lone_dot(const char *at, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++) {
		if (at[i] == '.' &&
		    (i == 0 || at[i - 1] == '\n' || at[i - 1] == '\r') &&
		    (at[i + 1] == '\n' || at[i + 1] == '\r'))
			return true;
	}
	return false;
}

/* To the next hop and, by a strict reader there, back. */
static void
goes_through(const struct result *r, size_t piece)
{
	struct smtp_stuff st = {0};
	struct slice in, out;
	struct result back;
	struct buf wire;

	buf_init(&wire, LIMIT);
	for (size_t at = 0; at < r->out.len; at += in.len) {
		struct slice left = {buf_at(&r->out) + at, r->out.len - at};

		in = left;
		in.len = left.len < piece ? left.len : piece;
		left = in;
		while (smtp_stuff(&st, &left, &out))
			MUST(buf_put(&wire, out.at, out.len) == 0);
	}
	MUST(!lone_dot(wire.len > 0 ? buf_at(&wire) : "", wire.len));
	MUST(r->d.dots || wire.len == r->out.len);
	MUST(buf_puts(&wire, ".\r\n") == 0);
	read_in_pieces(
	    (const uint8_t *)buf_at(&wire), wire.len, wire.len, false, &back);
	MUST(back.ended && back.eaten == wire.len);
	MUST(back.d.bare == 0 && back.out.len == r->out.len);
	MUST(r->out.len == 0 ||
	    memcmp(buf_at(&back.out), buf_at(&r->out), r->out.len) == 0);
	buf_free(&back.out);
	buf_free(&wire);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result whole, pieces;

	for (int normalize = 0; normalize < 2; normalize++) {
		read_in_pieces(
		    data, size, size == 0 ? 1 : size, normalize, &whole);
		for (size_t piece = 1; piece < 8; piece += 3) {
			read_in_pieces(data, size, piece, normalize, &pieces);
			must_be_same(&whole, &pieces);
			buf_free(&pieces.out);
		}
		if (whole.ended && (normalize || whole.d.bare == 0)) {
			goes_through(&whole, size);
			goes_through(&whole, 1);
		}
		buf_free(&whole.out);
	}
	return 0;
}
