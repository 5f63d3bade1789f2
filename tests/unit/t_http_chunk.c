/*
 * t_http_chunk: chunked bodies, cut at every place; what is refused; and what
 * is written is read again.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/http/http_chunk.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct buf body, kept;

/* In pieces of n bytes; *rest_r is how much lies behind the end. */
static enum http_chunk_is
take(struct http_chunks *c, struct slice text, size_t n, size_t *rest_r)
{
	enum http_chunk_is is = HTTP_CHUNK_MORE;
	struct slice data;

	http_chunk_free(c);
	http_chunk_init(c, &kept);
	buf_clear(&body);
	buf_clear(&kept);
	while (text.len > 0 && is == HTTP_CHUNK_MORE) {
		struct slice in = {text.at, text.len < n ? text.len : n};
		size_t len = in.len;

		while ((is = http_chunk(c, &in, &data)) == HTTP_CHUNK_DATA)
			assert_int_equal(buf_put(&body, data.at, data.len), 0);
		text = slice_skip(text, len - in.len);
	}
	*rest_r = text.len;
	return is;
}

static const struct {
	const char *text, *body, *trailers;
	size_t rest;
} good[] = {
    {"0\r\n\r\n", "", "", 0},
    {"000\r\n\r\nGET", "", "", 3},
    {"3\r\nabc\r\n0\r\n\r\n", "abc", "", 0},
    {"1\r\na\r\n2\r\n\r\n\r\n0\r\n\r\n", "a\r\n", "", 0},
    {"a\r\n0123456789\r\n0\r\n\r\n", "0123456789", "", 0},
    {"0A\r\n0123456789\r\n0\r\n\r\n", "0123456789", "", 0},
    {"0000000000000001\r\na\r\n0\r\n\r\n", "a", "", 0},
    {"1;x=y\r\na\r\n0;z;\"q\\\"\"\r\n\r\n", "a", "", 0},
    {"1; \tx\xc3\xa9\r\na\r\n0\r\n\r\n", "a", "", 0},
    {"0\r\nX-One:1\r\nx-two:  2 \r\n\r\nx", "", "X-One: 1\r\nx-two: 2\r\n", 1},
    /* what would be read before the body is left out behind it */
    {"0\r\nContent-Encoding: gzip\r\nConnection: x\r\nX: y\r\n\r\n", "",
	"X: y\r\n", 0},
};

static void
bodies_that_are_taken(void **state)
{
	struct http_chunks c = {0};
	size_t rest;

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		struct slice text = slice_of(good[i].text);

		for (size_t n = 1; n <= text.len; n++) {
			assert_int_equal(
			    take(&c, text, n, &rest), HTTP_CHUNK_DONE);
			assert_string_equal(buf_text(&body), good[i].body);
			assert_string_equal(buf_text(&kept), good[i].trailers);
			assert_int_equal(rest, good[i].rest);
			assert_int_equal(c.size, body.len);
		}
	}
	http_chunk_free(&c);
}

#define TEXT(s) \
	{ \
		s, sizeof(s) - 1 \
	}

static const struct {
	struct slice text;
	enum http_bad bad;
} wrong[] = {
    /* sizes */
    {TEXT("\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("g\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("0x3\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("+3\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("-3\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT(" 3\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("3 \r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("3 ;x\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("3\t\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("3,\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("3_0\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT(";x\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("3\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("3\0\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("00000000000000003\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("10000000000000003\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("8000000000000000\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("ffffffffffffffff\r\n"), HTTP_BAD_CHUNK_SIZE},
    {TEXT("1\r\na\r\n7fffffffffffffff\r\n"), HTTP_BAD_CHUNK_SIZE},
    /* lines */
    {TEXT("3\rx"), HTTP_BAD_CHUNK_LINE},
    {TEXT("3;x\ny"), HTTP_BAD_CHUNK_LINE},
    {TEXT("3;x\rx"), HTTP_BAD_CHUNK_LINE},
    {TEXT("3;\0"), HTTP_BAD_CHUNK_LINE},
    {TEXT("3;\x7f"), HTTP_BAD_CHUNK_LINE},
    /* behind the data */
    {TEXT("1\r\nab"), HTTP_BAD_CHUNK_END},
    {TEXT("1\r\na\n"), HTTP_BAD_CHUNK_END},
    {TEXT("1\r\na\rb"), HTTP_BAD_CHUNK_END},
    {TEXT("1\r\na0\r\n\r\n"), HTTP_BAD_CHUNK_END},
    /* trailers */
    {TEXT("0\r\n\n"), HTTP_BAD_BARE_LF},
    {TEXT("0\r\nX: y\n"), HTTP_BAD_BARE_LF},
    {TEXT("0\r\nX: y\rz\r\n"), HTTP_BAD_BARE_CR},
    {TEXT("0\r\nX: \0\r\n"), HTTP_BAD_CONTROL},
    {TEXT("0\r\nX : y\r\n"), HTTP_BAD_COLON},
    {TEXT("0\r\nX\r\n"), HTTP_BAD_NO_COLON},
    {TEXT("0\r\nX: y\r\n z\r\n"), HTTP_BAD_FOLD},
    {TEXT("0\r\n(: y\r\n"), HTTP_BAD_FIELD_NAME},
    {TEXT("0\r\nGET / HTTP/1.1\r\n"), HTTP_BAD_NO_COLON},
    {TEXT("0\r\nContent-Length: 1\r\n"), HTTP_BAD_TRAILER},
    {TEXT("0\r\ntransfer-encoding: chunked\r\n"), HTTP_BAD_TRAILER},
    {TEXT("0\r\nHost: a\r\n"), HTTP_BAD_TRAILER},
};

static void
bodies_that_are_refused(void **state)
{
	struct http_chunks c = {0};
	size_t rest;

	(void)state;
	for (size_t i = 0; i < N(wrong); i++) {
		for (size_t n = 1; n <= wrong[i].text.len; n++) {
			enum http_chunk_is is =
			    take(&c, wrong[i].text, n, &rest);
			struct slice more = slice_of("0\r\n\r\n"), data;

			if (is != HTTP_CHUNK_BAD || c.bad != wrong[i].bad)
				print_error(
				    "row %zu: %s\n", i, http_bad_word(c.bad));
			assert_int_equal(is, HTTP_CHUNK_BAD);
			assert_int_equal(c.bad, wrong[i].bad);
			assert_int_equal(
			    http_chunk(&c, &more, &data), HTTP_CHUNK_BAD);
		}
	}
	http_chunk_free(&c);
}

/* Feeds what before says, then times times what again says. */
static enum http_bad
many(const char *before, const char *again, size_t times)
{
	struct http_chunks c;
	struct slice in = slice_of(before), data;
	enum http_chunk_is is;
	enum http_bad why;

	buf_clear(&kept);
	http_chunk_init(&c, NULL);
	do {
		while ((is = http_chunk(&c, &in, &data)) == HTTP_CHUNK_DATA)
			;
		in = slice_of(again);
	} while (is == HTTP_CHUNK_MORE && times-- > 0);
	why = c.bad;
	http_chunk_free(&c);
	return why;
}

static void
limits(void **state)
{
	static const char one[] = "1;0123456789abcde\r\na\r\n";

	(void)state;
	assert_int_equal(
	    many("1;", "x", HTTP_CHUNK_EXTENSION_MAX), HTTP_BAD_NONE);
	assert_int_equal(
	    many("1;", "x", HTTP_CHUNK_EXTENSION_MAX + 1), HTTP_BAD_CHUNK_MORE);
	assert_int_equal(
	    many("", one, HTTP_CHUNK_EXTENSIONS_MAX / 15), HTTP_BAD_NONE);
	assert_int_equal(many("", one, HTTP_CHUNK_EXTENSIONS_MAX / 15 + 1),
	    HTTP_BAD_CHUNK_MORE);
	assert_int_equal(
	    many("0\r\nX: ", "x", HTTP_TRAILER_LINE_MAX - 3), HTTP_BAD_NONE);
	assert_int_equal(many("0\r\nX: ", "x", HTTP_TRAILER_LINE_MAX - 2),
	    HTTP_BAD_LONG_FIELD);
	assert_int_equal(
	    many("0\r\n", "X: y\r\n", HTTP_TRAILER_FIELDS_MAX), HTTP_BAD_NONE);
	assert_int_equal(many("0\r\n", "X: y\r\n", HTTP_TRAILER_FIELDS_MAX + 1),
	    HTTP_BAD_MANY_FIELDS);
	assert_int_equal(many("0\r\n",
			     "X: 0123456789012345678901234567890123456789"
			     "0123456789012345678901234567890123456789"
			     "0123456789012345678901234567890123456789"
			     "0123456789012345678901234567890123456789"
			     "0123456789012345678901234567890123456789"
			     "0123456789012345678901234567890123456789"
			     "0123456789012345678901234567890123456789\r\n",
			     60),
	    HTTP_BAD_LONG_HEAD);
	/* a long body of small chunks is fine */
	assert_int_equal(many("", "1\r\na\r\n", 100000), HTTP_BAD_NONE);
}

static void
what_is_written_is_read(void **state)
{
	struct http_chunks c = {0};
	char head[HTTP_CHUNK_HEAD_MAX];
	struct buf b;
	size_t rest;

	(void)state;
	buf_init(&b, 50);
	assert_int_equal(http_chunk_put(&b, slice_of("seventeen letters")), 0);
	assert_int_equal(http_chunk_end(&b, slice_of("X: y\r\n")), 0);
	assert_string_equal(
	    buf_text(&b), "11\r\nseventeen letters\r\n0\r\nX: y\r\n\r\n");
	assert_int_equal(take(&c, (struct slice){buf_at(&b), b.len}, 5, &rest),
	    HTTP_CHUNK_DONE);
	assert_string_equal(buf_text(&body), "seventeen letters");
	assert_string_equal(buf_text(&kept), "X: y\r\n");
	http_chunk_free(&c);
	/* what does not fit is not begun */
	rest = b.len;
	assert_int_equal(http_chunk_put(&b, slice_of("seventeen letters")), -1);
	assert_int_equal(http_chunk_end(&b, slice_of("X: 0123456789\r\n")), -1);
	assert_int_equal(b.len, rest);
	buf_free(&b);
	assert_int_equal(http_chunk_head(head, INT64_MAX), 18);
	assert_string_equal(head, "7fffffffffffffff\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bodies_that_are_taken),
	    cmocka_unit_test(bodies_that_are_refused),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(what_is_written_is_read),
	};
	int failed;

	buf_init(&body, 4096);
	buf_init(&kept, 4096);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&body);
	buf_free(&kept);
	return failed;
}
