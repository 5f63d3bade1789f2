/*
 * t_decode: base64, quoted-printable, uuencode and yEnc: what is right, what
 * is odd, and every way in which the odd is read.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scan/decode.h"

struct base64_case {
	const char *text;
	unsigned odd;
	enum base64_variant variant;
	const char *bytes;
};

static const struct base64_case base64_cases[] = {
    {"SGVsbG8=", 0, BASE64_PLAIN, "Hello"},
    {"SGVsbG8=\r\n\r\n", 0, BASE64_PLAIN, "Hello"},
    {"SGVs\r\nbG8=\r\n", 0, BASE64_PLAIN, "Hello"},
    {"SGVs\r\nbG8=", 0, BASE64_BY_LINE, "Hello"},
    {"SGVsbG8h", 0, BASE64_PLAIN, "Hello!"},
    {"", 0, BASE64_PLAIN, ""},
    {"====", BASE64_PADDING, BASE64_PLAIN, ""},
    {" SGVs bG8= ", 0, BASE64_PLAIN, "Hello"},
    /* no "=" at the end */
    {"SGVsbG8", BASE64_TAIL, BASE64_PLAIN, "Hello"},
    {"SGVsbA", BASE64_TAIL, BASE64_PLAIN, "Hell"},
    {"SGVsb", BASE64_TAIL, BASE64_PLAIN, "Hel"},
    /* junk */
    {"SG.Vsb#G8=", BASE64_JUNK, BASE64_PLAIN, "Hello"},
    {"SGVs.bG8=", BASE64_JUNK, BASE64_NO_JUNK, "Hel"},
    {"SGVsbG8=\r\n--x", BASE64_JUNK | BASE64_URL | BASE64_PADDING | BASE64_TAIL,
	BASE64_NO_JUNK, "Hello"},
    /* lines that are no whole groups */
    {"SGVsb\r\nG8=\r\n", BASE64_LINES, BASE64_PLAIN, "Hello"},
    {"SGU\r\nSGU\r\n", BASE64_LINES | BASE64_TAIL, BASE64_BY_LINE, "HeHe"},
    /* "=" in the middle */
    {"SGU=SGU=", BASE64_PADDING, BASE64_PLAIN, "HeHe"},
    {"SA==SA==\r\n", BASE64_PADDING, BASE64_PLAIN, "HH"},
    {"SGU=SGU=", BASE64_PADDING, BASE64_STOPS, "He"},
    {"SGVs=bG8=", BASE64_PADDING, BASE64_SKIPS, "Hello"},
    {"SGVs=bG8=", BASE64_PADDING, BASE64_PLAIN, "Hello"},
    {"SG=VsbG8=", BASE64_PADDING, BASE64_SKIPS, "Hello"},
    /* the other alphabet */
    {"_-__", BASE64_URL | BASE64_JUNK, BASE64_URL_SAFE, "\xff\xef\xff"},
};

static void
base64_is_read_in_every_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(base64_cases) / sizeof(base64_cases[0]);
	     i++) {
		const struct base64_case *c = &base64_cases[i];
		char out[64];
		size_t len = strlen(c->text), n;

		assert_true(BASE64_ROOM(len) <= sizeof(out));
		print_message("%s\n", c->text);
		assert_int_equal(base64_check(c->text, len), c->odd);
		n = base64_decode(c->text, len, c->variant, out);
		assert_int_equal(n, strlen(c->bytes));
		assert_memory_equal(out, c->bytes, n);
	}
}

/* Long lines go another way than short ones. */
static void
base64_of_all_bytes(void **state)
{
	static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
				  "stuvwxyz0123456789+/";
	char text[4 * 256 + 1];
	unsigned char out[BASE64_ROOM(sizeof(text))];

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		unsigned v = i << 16 | (255 - i) << 8 | i;

		for (unsigned k = 0; k < 4; k++)
			text[4 * i + k] = abc[v >> (18 - 6 * k) & 63];
	}
	assert_int_equal(base64_check(text, 1024), 0);
	assert_int_equal(base64_decode(text, 1024, BASE64_PLAIN, out), 768);
	for (unsigned i = 0; i < 256; i++) {
		assert_int_equal(out[3 * i], i);
		assert_int_equal(out[3 * i + 1], 255 - i);
		assert_int_equal(out[3 * i + 2], i);
	}
	/* each byte that is not of the alphabet is seen, wherever it stands */
	for (unsigned c = 0; c < 256; c++) {
		char was = text[500 + c % 40];

		if (c != 0 && strchr(abc, (int)c) != NULL)
			continue;
		if (strchr("= \t", (int)c) != NULL && c != 0)
			continue;
		text[500 + c % 40] = (char)c;
		assert_int_not_equal(base64_check(text, 1024), 0);
		text[500 + c % 40] = was;
	}
}

struct qp_case {
	const char *text;
	unsigned odd;
	enum qp_variant variant;
	const char *bytes;
};

static const struct qp_case qp_cases[] = {
    {"a=3Db\r\nc", 0, QP_PLAIN, "a=b\r\nc"},
    {"a=3db=\r\nc", 0, QP_PLAIN, "a=bc"},
    {"a=\nb", 0, QP_PLAIN, "ab"},
    {"a=", 0, QP_PLAIN, "a"},
    {"a=\r\n b", 0, QP_PLAIN, "a b"},
    /* blanks behind a soft line break */
    {"a= \t\r\nb", QP_SOFT | QP_BLANKS, QP_PLAIN, "ab"},
    {"a= \r\nb", QP_SOFT | QP_BLANKS, QP_KEEPS_BLANKS, "a= \r\nb"},
    {"a= ", QP_SOFT | QP_BLANKS, QP_PLAIN, "a"},
    /* blanks at the end of a line */
    {"a  \r\nb \n", QP_BLANKS, QP_PLAIN, "a\r\nb\n"},
    {"a  \r\nb \n", QP_BLANKS, QP_KEEPS_BLANKS, "a  \r\nb \n"},
    {"a ", QP_BLANKS, QP_PLAIN, "a"},
    /* escapes that are none */
    {"a=zb", QP_ESCAPE, QP_PLAIN, "a=zb"},
    {"=58==35", QP_ESCAPE, QP_DROPS_1, "X5"},
    {"=58=2=35", QP_ESCAPE, QP_DROPS_2, "X5"},
    {"=58=@=35", QP_ESCAPE, QP_DROPS_2, "X5"},
    {"=58= ==35", QP_ESCAPE, QP_DROPS_2, "X5"},
    {"=58=0x=35", QP_ESCAPE, QP_DROPS_3, "X5"},
    {"=58=0=35", QP_ESCAPE, QP_DROPS_3, "X5"},
    {"=5=\r\n8=35", QP_ESCAPE, QP_JOINS, "X5"},
    {"=5\r\n8=35", QP_ESCAPE, QP_JOINS, "X5"},
    {"=\r\n \t=58=\r\n =35", QP_INDENT, QP_JOINS, "X5"},
    {"=58=\r\n\r\n=35", QP_INDENT, QP_JOINS, "X5"},
    /* bytes that should not be there */
    {"=58\x12\xaa=35", QP_BYTE, QP_DROPS_1, "X5"},
    {"=58\x12\xaa=35", QP_BYTE, QP_PLAIN,
	"X\x12\xaa"
	"5"},
    {"=58=\r=35", QP_ESCAPE | QP_BYTE, QP_DROPS_1, "X5"},
};

static void
quoted_printable_is_read_in_every_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(qp_cases) / sizeof(qp_cases[0]); i++) {
		const struct qp_case *c = &qp_cases[i];
		char out[64];
		size_t len = strlen(c->text), n;

		assert_true(len <= sizeof(out));
		print_message("%s\n", c->text);
		assert_int_equal(qp_check(c->text, len), c->odd);
		n = qp_decode(c->text, len, c->variant, out);
		assert_int_equal(n, strlen(c->bytes));
		assert_memory_equal(out, c->bytes, n);
	}
}

static size_t
uu(const char *text, char *out)
{
	return uu_decode(text, strlen(text), out);
}

static void
uuencode_ends_where_it_should(void **state)
{
	char out[256];

	(void)state;
	assert_int_equal(uu("begin 644 x\n%2&5L;&\\ \n`\nend\nmore", out), 5);
	assert_memory_equal(out, "Hello", 5);
	/* blanks at the end cut off, CRLF, no begin line, a checksum letter */
	assert_int_equal(uu("%2&5L;&\\\r\n`\r\nend\r\n", out), 5);
	assert_memory_equal(out, "Hello", 5);
	assert_int_equal(uu("begin 644 x\n%2&5L;&\\ Q\n", out), 5);
	/* a line of zeros whose blanks are gone */
	assert_int_equal(uu("#\n", out), 3);
	assert_memory_equal(out, "\0\0\0", 3);
	assert_int_equal(uu("begin 644 x\nthis is no uuencode\n", out), 0);
	/* many such lines are not taken at their word */
	assert_true(uu("_\n_\n_\n_\n_\n_\n_\n_\n_\n_\n", out) <= UU_ROOM(20));
}

static void
yenc_is_read(void **state)
{
	static const char text[] = "=ybegin line=128 size=4 name=x\r\n"
				   "=ypart begin=1 end=4\r\n"
				   "r\x8f=M\x96\r\n=yend size=4\r\nmore";
	char out[sizeof(text)];

	(void)state;
	assert_int_equal(yenc_decode(text, sizeof(text) - 1, out), 4);
	/* "=M" is an escaped CR: 77 - 64 - 42 */
	assert_memory_equal(out, "He\xe3l", 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(base64_is_read_in_every_way),
	    cmocka_unit_test(base64_of_all_bytes),
	    cmocka_unit_test(quoted_printable_is_read_in_every_way),
	    cmocka_unit_test(uuencode_ends_where_it_should),
	    cmocka_unit_test(yenc_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
