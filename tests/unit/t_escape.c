/*
 * t_escape: what a peer's bytes look like inside a log line: UTF-8 and what
 * is not, what is hidden, and where a long value is cut.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/base/escape.h"

typedef int escaper(struct buf *b, struct slice s, size_t max);

static void
looks_n(escaper *esc, const char *in, size_t len, size_t max, const char *out)
{
	struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(esc(&b, (struct slice){in, len}, max), 0);
	assert_string_equal(buf_text(&b), out);
	assert_true(b.len <= max);
	buf_free(&b);
}

static void
looks(escaper *esc, const char *in, const char *out)
{
	looks_n(esc, in, strlen(in), 1000, out);
}

static void
json_is_always_valid(void **state)
{
	(void)state;
	looks(escape_json, "plain \xc3\xbc \xe2\x82\xac \xf0\x9f\x93\xa7",
	    "plain \xc3\xbc \xe2\x82\xac \xf0\x9f\x93\xa7");
	looks(escape_json, "a\"b\\c", "a\\\"b\\\\c");
	looks(escape_json, "a\r\n\t\x01\x7f",
	    "a\\u000d\\u000a\\u0009\\u0001"
	    "\\u007f");
	looks_n(escape_json, "a\0b", 3, 100, "a\\u0000b");
}

static void
what_is_not_utf8_is_replaced_byte_by_byte(void **state)
{
	(void)state;
	looks(escape_json,
	    "\xff"
	    "a\x80",
	    "\\ufffda\\ufffd");
	looks(escape_json, "\xc3", "\\ufffd");            /* cut short */
	looks(escape_json, "\xc0\xaf", "\\ufffd\\ufffd"); /* overlong */
	looks(escape_json, "\xe0\x80\xaf", "\\ufffd\\ufffd\\ufffd");
	looks(escape_json, "\xf0\x80\x80\xaf", "\\ufffd\\ufffd\\ufffd\\ufffd");
	looks(escape_json, "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd");
	looks(escape_json, "\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd");
	looks(escape_json, "\xf5\x80\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd");
	looks(escape_json, "\xe2\x82x", "\\ufffd\\ufffdx");
}

static void
what_is_hidden_is_shown(void **state)
{
	(void)state;
	looks(escape_json, "\xc2\x85", "\\u0085");     /* C1: NEL */
	looks(escape_json, "\xe2\x80\xa8", "\\u2028"); /* line separator */
	looks(escape_json,
	    "a\xe2\x80\xae"
	    "b",
	    "a\\u202eb"); /* turns text */
	looks(escape_json, "\xf3\xa0\x80\x81", "\\udb40\\udc01"); /* a tag */
	looks(escape_text, "\xe2\x80\xae", "\\xe2\\x80\\xae");
}

static void
text_shows_bytes(void **state)
{
	(void)state;
	looks(escape_text, "a b<c>", "a b<c>");
	looks(escape_text, "a\"\\\x1b[31m\xff", "a\\\"\\\\\\x1b[31m\\xff");
	looks(escape_word, "a b<c>", "a\\x20b\\x3cc\\x3e");
	looks(escape_word, "\xc2\xa0", "\\xc2\\xa0");
	looks(escape_word, "\xc3\xbc@x", "\xc3\xbc@x");
}

static void
a_long_value_is_cut_between_characters(void **state)
{
	(void)state;
	looks_n(escape_json, "0123456789abcdef", 16, 16, "0123456789abcdef");
	looks_n(escape_json, "0123456789abcdefg", 17, 16,
	    "0123456789abc\xe2\x80\xa6");
	/* the euro sign does not fit before the ellipsis: it goes whole */
	looks_n(escape_json,
	    "0123456789ab\xe2\x82\xac"
	    "de",
	    17, 16, "0123456789ab\xe2\x80\xa6");
	looks_n(escape_json, "0123456789\x01xxxxxxx", 18, 16,
	    "0123456789\xe2\x80\xa6");
	looks_n(
	    escape_json, "\x01\x01\x01", 3, 16, "\\u0001\\u0001\xe2\x80\xa6");
	looks_n(escape_text, "", 0, 16, "");
}

static void
the_buf_says_no(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	assert_int_equal(escape_json(&b, slice_of("12345"), 100), -1);
	buf_free(&b);
}

static void
plain_needs_no_quotes(void **state)
{
	(void)state;
	assert_true(escape_is_plain(slice_of("smtp:127.0.0.1:25")));
	assert_false(escape_is_plain(slice_of("")));
	assert_false(escape_is_plain(slice_of("a b")));
	assert_false(escape_is_plain(slice_of("a\"")));
	assert_false(escape_is_plain(slice_of("\xc3\xbc")));
	assert_false(escape_is_plain(slice_of("a\n")));
}

/* Each byte, at each place: eight of them are looked at together. */
static void
what_stands_as_it_is(void **state)
{
	char text[] = "abcdefghijklmnopqrs";

	(void)state;
	for (unsigned i = 0; i < 256 * (sizeof(text) - 1); i++) {
		size_t at = i % (sizeof(text) - 1);
		unsigned char c = (unsigned char)(i / (sizeof(text) - 1));
		bool stands = c >= ' ' && c <= '~' && c != '"' && c != '\\';
		char was = text[at];
		struct buf b;

		text[at] = (char)c;
		assert_int_equal(
		    escape_is_json((struct slice){text, sizeof(text) - 1}),
		    stands);
		buf_init(&b, 100);
		escape_word(&b, (struct slice){text, sizeof(text) - 1}, 90);
		stands = stands && c != ' ' && c != '<' && c != '>';
		assert_int_equal(b.len == sizeof(text) - 1, stands);
		buf_free(&b);
		text[at] = was;
	}
	assert_true(escape_is_json(slice_of("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json_is_always_valid),
	    cmocka_unit_test(what_is_not_utf8_is_replaced_byte_by_byte),
	    cmocka_unit_test(what_is_hidden_is_shown),
	    cmocka_unit_test(text_shows_bytes),
	    cmocka_unit_test(a_long_value_is_cut_between_characters),
	    cmocka_unit_test(the_buf_says_no),
	    cmocka_unit_test(plain_needs_no_quotes),
	    cmocka_unit_test(what_stands_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
