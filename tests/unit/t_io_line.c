/*
 * t_io_line: lines out of bytes, whole and in every possible cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/io_line.h"

#define LIMIT 8

struct got {
	enum line what;
	const char *text; /* NULL: does not matter */
};

struct line_case {
	const char *bytes;
	size_t len;
	struct got got[6]; /* LINE_NONE ends it */
	size_t left;       /* bytes that are not eaten in the end */
};

#define BYTES(text) text, sizeof(text) - 1

static const struct line_case cases[] = {
    {BYTES(""), {{LINE_NONE, NULL}}, 0},
    {BYTES("QUIT\r\n"), {{LINE_OK, "QUIT"}}, 0},
    {BYTES("\r\n"), {{LINE_OK, ""}}, 0},
    {BYTES("a\r\nb\r\n"), {{LINE_OK, "a"}, {LINE_OK, "b"}}, 0},
    {BYTES("12345678\r\n"), {{LINE_OK, "12345678"}}, 0},
    {BYTES("123456789\r\nx\r\n"), {{LINE_LONG, NULL}, {LINE_OK, "x"}}, 0},
    {BYTES("12345678\nx\r\n"), {{LINE_BARE, "12345678"}, {LINE_OK, "x"}}, 0},
    {BYTES("1234567890abcdefgh\r\nx\r\n"), {{LINE_LONG, NULL}, {LINE_OK, "x"}},
	0},
    {BYTES("1234567890abcdefgh\nx\r\n"), {{LINE_LONG, NULL}, {LINE_OK, "x"}},
	0},
    {BYTES("1234567890"), {{LINE_LONG, NULL}}, 0},
    {BYTES("a\n"), {{LINE_BARE, "a"}}, 0},
    {BYTES("\n"), {{LINE_BARE, ""}}, 0},
    {BYTES("a\rb\r\n"), {{LINE_BARE, "a\rb"}}, 0},
    {BYTES("a\r\r\n"), {{LINE_BARE, "a\r"}}, 0},
    {BYTES("a\0b\r\n"), {{LINE_BARE, NULL}}, 0},
    {BYTES("a\r"), {{LINE_NONE, NULL}}, 2},
    {BYTES("12345678\r"), {{LINE_NONE, NULL}}, 9},
    {BYTES("a\r\nbc"), {{LINE_OK, "a"}, {LINE_NONE, NULL}}, 2},
};

struct reader {
	struct line_state st;
	size_t eaten, n;
	const struct line_case *c;
};

/* Takes all lines out of the first len bytes; checks each. */
static void
take_all(struct reader *r, size_t len)
{
	for (;;) {
		struct slice in = {r->c->bytes + r->eaten, len - r->eaten};
		const struct got *want = &r->c->got[r->n];
		struct slice line;
		size_t n;
		enum line what = line_take(&r->st, in, LIMIT, &n, &line);

		assert_true(n <= in.len);
		r->eaten += n;
		if (what == LINE_NONE)
			return;
		assert_int_equal(what, want->what);
		if (want->text != NULL)
			assert_true(slice_is(line, want->text));
		r->n++;
	}
}

static size_t
wanted(const struct line_case *c)
{
	size_t n = 0;

	while (n < 6 && (c->got[n].text != NULL || c->got[n].what != LINE_OK) &&
	    c->got[n].what != LINE_NONE)
		n++;
	return n;
}

static void
check_end(const struct reader *r)
{
	assert_int_equal(r->n, wanted(r->c));
	assert_int_equal(r->c->len - r->eaten, r->c->left);
}

static void
test_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct line_case *c = &cases[i];

		for (size_t cut = 0; cut <= c->len; cut++) {
			struct reader r = {.c = c};

			take_all(&r, cut);
			take_all(&r, c->len);
			check_end(&r);
		}
	}
}

static void
test_byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reader r = {.c = &cases[i]};

		for (size_t len = 0; len <= r.c->len; len++)
			take_all(&r, len);
		check_end(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_cut),
	    cmocka_unit_test(test_byte_by_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
