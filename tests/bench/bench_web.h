#ifndef TESTS_BENCH_BENCH_WEB_H
#define TESTS_BENCH_BENCH_WEB_H

/*
 * bench_web: bodies that b_origin sends and b_http checks: a file over and
 * over up to a length, and near its beginning a serial, which makes a body
 * another one than all before.  Both sides make it from the same folder.
 */

#include "tests/bench/bench.h"

#define BODY_FIRST 64
#define BODY_SERIAL_AT 21 /* behind "<!DOCTYPE html>\n<!-- " */
#define BODY_SERIAL_LEN 16

struct body {
	const struct mail *file;
	uint64_t length;
	char first[BODY_FIRST]; /* with the serial in it */
};

/* serial 0: as the file is. */
static inline void
body_begin(
    struct body *b, const struct mail *file, uint64_t length, uint64_t serial)
{
	char text[BODY_SERIAL_LEN + 1];

	b->file = file;
	b->length = length;
	memcpy(b->first, file->bytes, BODY_FIRST);
	if (serial == 0)
		return;
	snprintf(text, sizeof(text), "%016" PRIx64, serial);
	memcpy(b->first + BODY_SERIAL_AT, text, BODY_SERIAL_LEN);
}

/* The bytes from at on that lie in one piece: their number. */
static inline size_t
body_piece(const struct body *b, uint64_t at, const char **p_r)
{
	uint64_t left = b->length - at;
	size_t off = (size_t)(at % b->file->len), n = b->file->len - off;

	*p_r = b->file->bytes + off;
	if (at < BODY_FIRST) {
		*p_r = b->first + at;
		n = BODY_FIRST - (size_t)at;
	}
	return n < left ? n : (size_t)left;
}

/* Are these the bytes from at on? */
static inline bool
body_is(const struct body *b, uint64_t at, const char *bytes, size_t len)
{
	const char *p;

	while (len > 0) {
		size_t n = at < b->length ? body_piece(b, at, &p) : 0;

		n = n < len ? n : len;
		if (n == 0 || memcmp(p, bytes, n) != 0)
			return false;
		at += n;
		bytes += n;
		len -= n;
	}
	return true;
}

#endif
