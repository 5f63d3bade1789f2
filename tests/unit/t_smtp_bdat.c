/*
 * t_smtp_bdat: BDAT's argument, and octets that come by it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "protocols/smtp/smtp_chunk.h"
#include "protocols/smtp/smtp_data.h"
#include "proxy/base/buf.h"

static void
chunk(const char *text, uint64_t size, bool last)
{
	struct smtp_chunk c;

	assert_int_equal(smtp_chunk(slice_of(text), &c), 0);
	assert_true(c.size == size && c.last == last);
}

static void
sizes(void **state)
{
	(void)state;
	chunk("0", 0, false);
	chunk("0 LAST", 0, true);
	chunk("1000 last", 1000, true);
	chunk("00012", 12, false);
	chunk("5  \tLast", 5, true);
	chunk("999999999999999999", UINT64_C(999999999999999999), false);
}

static void
what_is_no_size(void **state)
{
	static const char *const bad[] = {"", "LAST", "-1", "+1", "0x10", "1k",
	    "1000000000000000000", "18446744073709551617", "1 FIRST",
	    "1 LAST x", "1LAST", " 1", "1,0", "1 ", "1 LASTLAST"};
	struct smtp_chunk c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(smtp_chunk(slice_of(bad[i]), &c), -1);
}

/* What is kept of in, fed in pieces of so many bytes. */
static const char *
kept(const char *in, size_t piece, bool normalize, struct smtp_data *d)
{
	static struct buf b;
	struct slice rest, out;

	buf_free(&b);
	buf_init(&b, 4096);
	smtp_data_init_chunks(d, normalize);
	for (size_t at = 0, len = strlen(in); at < len; at += piece) {
		rest = (struct slice){
		    in + at, len - at < piece ? len - at : piece};
		while (smtp_data(d, &rest, &out) == DATA_SOME)
			assert_int_equal(buf_put(&b, out.at, out.len), 0);
		assert_int_equal(rest.len, 0);
	}
	out = smtp_data_end(d);
	assert_int_equal(buf_put(&b, out.at, out.len), 0);
	return buf_text(&b);
}

static void
octets_stay_as_they_are(void **state)
{
	static const char *const mails[] = {"a\r\n.\r\nb\r\n", ".\r\n",
	    "..a\r\n", "\r\n\r\n", "a\r\n.", "x\ny\r.\r", "\n.\n", ".\r",
	    "a\r\n.\r\n.\r\n"};
	struct smtp_data d;

	(void)state;
	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
		for (size_t piece = 1; piece < 6; piece++)
			assert_string_equal(
			    kept(mails[i], piece, false, &d), mails[i]);
	}
}

static void
dots_at_the_start_of_a_line_are_seen(void **state)
{
	struct smtp_data d;

	(void)state;
	for (size_t piece = 1; piece < 6; piece++) {
		kept("a\r\n.\r\n", piece, false, &d);
		assert_true(d.dots);
		kept(".a\r\n", piece, false, &d);
		assert_true(d.dots);
		kept("a.\r\n", piece, false, &d);
		assert_false(d.dots);
		/* a line of ours only once it is mended */
		kept("a\n.b\r\n", piece, false, &d);
		assert_false(d.dots);
		kept("a\n.b\r\n", piece, true, &d);
		assert_true(d.dots);
	}
}

static void
bare_newlines_are_seen_across_chunks(void **state)
{
	struct smtp_data d;

	(void)state;
	for (size_t piece = 1; piece < 6; piece++) {
		assert_string_equal(kept("a\nb\rc\r\n\r", piece, true, &d),
		    "a\r\nb\r\nc\r\n\r\n");
		assert_int_equal(d.bare, 3);
		kept("a\r\nb\r\n", piece, false, &d);
		assert_int_equal(d.bare, 0);
	}
}

static void
a_last_line_without_crlf(void **state)
{
	struct smtp_data d;

	(void)state;
	kept("", 1, false, &d);
	assert_false(smtp_data_open(&d));
	kept("a\r\n", 1, false, &d);
	assert_false(smtp_data_open(&d));
	kept("a", 1, false, &d);
	assert_true(smtp_data_open(&d));
	kept("a\r", 1, false, &d);
	assert_true(smtp_data_open(&d));
	kept("a\n", 1, false, &d);
	assert_true(smtp_data_open(&d));
	kept("a\r", 1, true, &d);
	assert_false(smtp_data_open(&d));
	kept("a\n", 1, true, &d);
	assert_false(smtp_data_open(&d));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(what_is_no_size),
	    cmocka_unit_test(octets_stay_as_they_are),
	    cmocka_unit_test(dots_at_the_start_of_a_line_are_seen),
	    cmocka_unit_test(bare_newlines_are_seen_across_chunks),
	    cmocka_unit_test(a_last_line_without_crlf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
