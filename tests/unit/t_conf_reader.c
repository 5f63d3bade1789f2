/*
 * t_conf_reader: what the bytes of a file are taken for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/reader.h"
#include "proxy/base/buf.h"

/* Everything that was told, one line each; a joined line's end is a "|". */
static void
on_section(void *arg, const char *name, unsigned line)
{
	buf_printf(arg, "%u [%s]\n", line, name);
}

static void
on_key(void *arg, const char *key, const char *value, unsigned line)
{
	buf_printf(arg, "%u %s=", line, key);
	for (; *value != '\0'; value++)
		buf_put(arg, *value == '\n' ? "|" : value, 1);
	buf_puts(arg, "\n");
}

static void
on_wrong(void *arg, unsigned line, const char *text)
{
	buf_printf(arg, "%u WRONG %.20s\n", line, text);
}

static void
reads_n(const char *text, size_t len, const char *wanted)
{
	static const struct reader_to to = {on_section, on_key, on_wrong};
	struct buf b;

	buf_init(&b, 1 << 20);
	reader_read(text, len, &to, &b);
	assert_string_equal(buf_text(&b), wanted);
	buf_free(&b);
}

static void
reads(const char *text, const char *wanted)
{
	reads_n(text, strlen(text), wanted);
}

static void
sections_and_keys(void **state)
{
	(void)state;
	reads("", "");
	reads("[a]\nk = v\n[b c]\n\nx=y", "1 [a]\n2 k=v\n3 [b c]\n5 x=y\n");
	reads("[a]\r\nk = v\r\n", "1 [a]\n2 k=v\n");
	reads("\xef\xbb\xbf[a]\nk = v\n", "1 [a]\n2 k=v\n");
	reads("[a]\nk = a = b : c\n", "1 [a]\n2 k=a = b : c\n");
	reads("[a]\nk =\n", "1 [a]\n2 k=\n");
	reads("[empty]\n[next]\n", "1 [empty]\n2 [next]\n");
	reads("[a]\nsection = v\n", "1 [a]\n2 section=v\n");
}

static void
comments(void **state)
{
	(void)state;
	reads("; one\n# two\n[a] ; three\nk = v # four\n", "3 [a]\n4 k=v\n");
	reads("[a]\nk = a;b#c\n", "1 [a]\n2 k=a;b#c\n");
	reads("[a]\nk = a\t;b\n", "1 [a]\n2 k=a\n");
	reads("[a]\nk = \"x ; y\" ; \"z\n", "1 [a]\n2 k=\"x ; y\"\n");
	reads("[a]\nk = a \"b # c\" d # e\n", "1 [a]\n2 k=a \"b # c\" d\n");
	reads("[a]\nk = \"x ; y\n", "1 [a]\n2 WRONG a double quote is no\n");
}

static void
joined_lines(void **state)
{
	(void)state;
	reads("[a]\nk = x,\n  y ; no\n\tz\nl = m\n",
	    "1 [a]\n2 k=x,|y|z\n5 l=m\n");
	reads("[a]\nk = x\n; between\n  # also\n  y\n", "1 [a]\n2 k=x|||y\n");
	reads("[a]\nk =\n  x\n  y\n", "1 [a]\n3 k=x|y\n");
	reads("[a]\nk = x\n\n  y\n",
	    "1 [a]\n2 k=x\n4 WRONG an indented line goe\n");
	reads("[a]\nk = x\n   \n  y\n",
	    "1 [a]\n2 k=x\n4 WRONG an indented line goe\n");
	reads("[a]\n  k = x\n", "1 [a]\n2 WRONG an indented line goe\n");
	/* A part that is wrong takes the value with it, not the next one. */
	reads("[a]\nk = x\n  \"y\n  z\nl = m\n",
	    "1 [a]\n3 WRONG a double quote is no\n5 l=m\n");
}

static void
bad_bytes(void **state)
{
	static const char nul[] = "[a]\nk = v\0w\nl = m\n";

	(void)state;
	reads_n(nul, sizeof(nul) - 1, "1 [a]\n2 WRONG a NUL byte\n3 l=m\n");
	reads("[a]\nk = v\rl = m\n", "1 [a]\n2 WRONG a carriage return th\n");
	reads("[a]\nk = \x1b[1m\n", "1 [a]\n2 WRONG a control byte\n");
	reads("[a]\nk = v\r\r\n", "1 [a]\n2 WRONG a carriage return th\n");
	/* A tab and UTF-8 are text. */
	reads("[a]\nk = \xc3\xa4\tb\n", "1 [a]\n2 k=\xc3\xa4\tb\n");
}

static void
what_is_no_line(void **state)
{
	(void)state;
	reads("k = v\n[a]\nl = m\n",
	    "1 WRONG a key before the fir\n2 [a]\n3 l=m\n");
	reads("[a]\nword\n", "1 [a]\n2 WRONG neither [section] no\n");
	reads("[a]\nk: v = w\n", "1 [a]\n2 WRONG neither [section] no\n");
	reads("[a]\n= v\n", "1 [a]\n2 WRONG neither [section] no\n");
}

/* inih alone cuts a line at 200 bytes and a section's name at 49. */
static void
nothing_is_cut(void **state)
{
	static char text[READER_LINE_MAX + 64], wanted[READER_LINE_MAX + 64];
	size_t most = READER_LINE_MAX - 4; /* "k = " */
	size_t n;

	(void)state;
	n = (size_t)snprintf(
	    text, sizeof(text), "[a]\nk = %0*d\nl = m\n", (int)most, 7);
	snprintf(
	    wanted, sizeof(wanted), "1 [a]\n2 k=%0*d\n3 l=m\n", (int)most, 7);
	reads_n(text, n, wanted);
	n = (size_t)snprintf(
	    text, sizeof(text), "[a]\nk = %0*d\nl = m\n", (int)most + 1, 7);
	reads_n(text, n, "1 [a]\n2 WRONG the line is longer t\n3 l=m\n");
	n = (size_t)snprintf(text, sizeof(text), "[a]\nk = %0*d\n  5\nl = m\n",
	    (int)most - 1, 7);
	reads_n(text, n, "1 [a]\n2 WRONG the value is longer \n4 l=m\n");
	snprintf(text, sizeof(text), "[%049d]\nk = v\n", 7);
	snprintf(wanted, sizeof(wanted), "1 [%049d]\n2 k=v\n", 7);
	reads(text, wanted);
	snprintf(text, sizeof(text), "[%050d]\nk = v\n", 7);
	reads(text, "1 WRONG the section's name i\n");
	snprintf(text, sizeof(text), "[a]\n%065d = v\n", 7);
	reads(text, "1 [a]\n2 WRONG the key is longer th\n");
}

static void
sections_that_cannot_be_named(void **state)
{
	(void)state;
	/* Their keys belong to no other section. */
	reads("[a]\n[b\nk = v\n[c]\nl = m\n",
	    "1 [a]\n2 WRONG a section is [kind] \n4 [c]\n5 l=m\n");
	reads("[a] k = v\nl = m\n", "1 WRONG a section is [kind] \n");
	reads("[a]b]\n", "1 WRONG a section is [kind] \n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sections_and_keys),
	    cmocka_unit_test(comments),
	    cmocka_unit_test(joined_lines),
	    cmocka_unit_test(bad_bytes),
	    cmocka_unit_test(what_is_no_line),
	    cmocka_unit_test(nothing_is_cut),
	    cmocka_unit_test(sections_that_cannot_be_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
