/*
 * t_coding: content codings: what is whole, what follows it, what is broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/buf.h"
#include "scan/coding.h"

#define LINE "Hello, gate! "
static const char text[] = LINE LINE LINE LINE;

/* The text above as gzip(1), brotli(1) and zstd(1) write it. */
/* clang-format off */
static const unsigned char gzip_bytes[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
    0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51, 0x48, 0x4f, 0x2c,
    0x49, 0x55, 0x54, 0xf0, 0x20, 0x8e, 0x03, 0x00, 0x13, 0xad,
    0x28, 0xa6, 0x34, 0x00, 0x00, 0x00};

static const unsigned char zlib_bytes[] = {
    0x78, 0x9c, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51, 0x48,
    0x4f, 0x2c, 0x49, 0x55, 0x54, 0xf0, 0x20, 0x8e, 0x03, 0x00,
    0xbe, 0xfb, 0x10, 0x89};

static const unsigned char raw_bytes[] = {
    0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51, 0x48, 0x4f, 0x2c,
    0x49, 0x55, 0x54, 0xf0, 0x20, 0x8e, 0x03, 0x00};

static const unsigned char br_bytes[] = {
    0x1f, 0x33, 0x00, 0xf8, 0x1d, 0x09, 0x76, 0x2c, 0xe4, 0x17,
    0xae, 0xa8, 0x1a, 0xd6, 0x48, 0x65, 0x6c, 0x6f, 0x12, 0x24,
    0xec, 0x2c, 0x43, 0x58, 0xe8, 0xc2, 0xa8, 0x68, 0xe0, 0xc0,
    0x3a, 0xb7, 0x00};

static const unsigned char zstd_bytes[] = {
    0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x9d, 0x00, 0x00, 0x68,
    0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x2c, 0x20, 0x67, 0x61, 0x74,
    0x65, 0x21, 0x20, 0x01, 0x00, 0xa0, 0x9c, 0x5f, 0xf9, 0x86,
    0x23, 0xcf};
/* clang-format on */

static const struct sample {
	enum coding coding;
	const unsigned char *bytes;
	size_t len;
} samples[] = {
    {CODING_GZIP, gzip_bytes, sizeof(gzip_bytes)},
    {CODING_ZLIB, zlib_bytes, sizeof(zlib_bytes)},
    {CODING_RAW, raw_bytes, sizeof(raw_bytes)},
    {CODING_BR, br_bytes, sizeof(br_bytes)},
    {CODING_ZSTD, zstd_bytes, sizeof(zstd_bytes)},
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static int
keep(void *arg, const void *bytes, size_t len)
{
	return buf_put(arg, bytes, len);
}

/* From an allocation of just that size, so that ASan sees a read past it. */
static enum coding_end
undo(enum coding coding, const void *bytes, size_t len, struct buf *out,
    size_t *used_r)
{
	char *copy = malloc(len == 0 ? 1 : len);
	enum coding_end end;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	end = coding_undo(coding, copy, len, keep, out, used_r);
	free(copy);
	return end;
}

static void
is_text(struct buf *b)
{
	assert_int_equal(b->len, strlen(text));
	assert_memory_equal(buf_at(b), text, b->len);
}

static void
whole_ones_come_out(void **state)
{
	struct buf out;
	size_t used;

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct sample *s = &samples[i];

		buf_init(&out, 4096);
		assert_int_equal(undo(s->coding, s->bytes, s->len, &out, &used),
		    CODING_WHOLE);
		assert_int_equal(used, s->len);
		is_text(&out);
		buf_free(&out);
	}
}

static void
every_piece_of_one_is_broken(void **state)
{
	struct buf out;
	size_t used;

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct sample *s = &samples[i];

		for (size_t len = 0; len < s->len; len++) {
			buf_init(&out, 4096);
			assert_int_equal(
			    undo(s->coding, s->bytes, len, &out, &used),
			    CODING_BROKEN);
			assert_true(out.len <= strlen(text));
			buf_free(&out);
		}
	}
}

static void
what_follows_is_not_part_of_it(void **state)
{
	unsigned char bytes[256];
	struct buf out;
	size_t used;

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct sample *s = &samples[i];
		enum coding_end end;

		memcpy(bytes, s->bytes, s->len);
		bytes[s->len] = 'x';
		buf_init(&out, 4096);
		end = undo(s->coding, bytes, s->len + 1, &out, &used);
		/* zstd: frames may follow, so it is a broken one */
		if (s->coding == CODING_ZSTD) {
			assert_int_equal(end, CODING_BROKEN);
		} else {
			assert_int_equal(end, CODING_BEHIND);
			assert_int_equal(used, s->len);
		}
		is_text(&out);
		buf_free(&out);
	}
}

static void
two_frames_of_zstd_are_one_text(void **state)
{
	unsigned char bytes[2 * sizeof(zstd_bytes)];
	struct buf out;
	size_t used;

	(void)state;
	memcpy(bytes, zstd_bytes, sizeof(zstd_bytes));
	memcpy(bytes + sizeof(zstd_bytes), zstd_bytes, sizeof(zstd_bytes));
	buf_init(&out, 4096);
	assert_int_equal(
	    undo(CODING_ZSTD, bytes, sizeof(bytes), &out, &used), CODING_WHOLE);
	assert_int_equal(out.len, 2 * strlen(text));
	buf_free(&out);
}

static void
a_wrong_checksum_is_broken(void **state)
{
	unsigned char bytes[sizeof(gzip_bytes)];
	struct buf out;
	size_t used;

	(void)state;
	memcpy(bytes, gzip_bytes, sizeof(bytes));
	bytes[sizeof(bytes) - 8] ^= 1;
	buf_init(&out, 4096);
	assert_int_equal(undo(CODING_GZIP, bytes, sizeof(bytes), &out, &used),
	    CODING_BROKEN);
	is_text(&out);
	buf_free(&out);
}

static void
a_taker_that_stops_is_obeyed(void **state)
{
	struct buf out;
	size_t used;

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		buf_init(&out, 10);
		assert_int_equal(undo(samples[i].coding, samples[i].bytes,
				     samples[i].len, &out, &used),
		    CODING_STOPPED);
		buf_free(&out);
	}
}

static void
words_name_codings(void **state)
{
	(void)state;
	assert_int_equal(coding_of_word(slice_of("gzip")), CODING_GZIP);
	assert_int_equal(coding_of_word(slice_of("X-GZip")), CODING_GZIP);
	assert_int_equal(coding_of_word(slice_of("DEFLATE")), CODING_ZLIB);
	assert_int_equal(coding_of_word(slice_of("br")), CODING_BR);
	assert_int_equal(coding_of_word(slice_of("zstd")), CODING_ZSTD);
	assert_int_equal(coding_of_word(slice_of("compress")), CODING_KINDS);
	assert_int_equal(coding_of_word(slice_of("raw-deflate")), CODING_KINDS);
	assert_int_equal(coding_of_word(slice_of("")), CODING_KINDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole_ones_come_out),
	    cmocka_unit_test(every_piece_of_one_is_broken),
	    cmocka_unit_test(what_follows_is_not_part_of_it),
	    cmocka_unit_test(two_frames_of_zstd_are_one_text),
	    cmocka_unit_test(a_wrong_checksum_is_broken),
	    cmocka_unit_test(a_taker_that_stops_is_obeyed),
	    cmocka_unit_test(words_name_codings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
