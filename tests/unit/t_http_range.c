/*
 * t_http_range: Range, Content-Range, If-Range, dates, and several parts in
 * one body.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/http/http_range.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* Of 1000 bytes. */
static const struct {
	const char *value;
	enum http_range_is is;
	unsigned n;
	struct http_range list[2];
} asked[] = {
    {"bytes=0-499", HTTP_RANGE_SOME, 1, {{0, 499}}},
    {"Bytes=0-0", HTTP_RANGE_SOME, 1, {{0, 0}}},
    {"bytes=500-", HTTP_RANGE_SOME, 1, {{500, 999}}},
    {"bytes=999-", HTTP_RANGE_SOME, 1, {{999, 999}}},
    {"bytes=0-1000000", HTTP_RANGE_SOME, 1, {{0, 999}}},
    {"bytes=-1", HTTP_RANGE_SOME, 1, {{999, 999}}},
    {"bytes=-1000", HTTP_RANGE_SOME, 1, {{0, 999}}},
    {"bytes=-9223372036854775807", HTTP_RANGE_SOME, 1, {{0, 999}}},
    {"bytes=0-9223372036854775807", HTTP_RANGE_SOME, 1, {{0, 999}}},
    {"bytes= 0-0 , ,-1 ", HTTP_RANGE_SOME, 2, {{0, 0}, {999, 999}}},
    {"bytes=500-600,0-10", HTTP_RANGE_SOME, 2, {{500, 600}, {0, 10}}},
    {"bytes=0-10,1000-", HTTP_RANGE_SOME, 1, {{0, 10}}},
    {"bytes=1000-", HTTP_RANGE_NONE, 0, {{0, 0}}},
    {"bytes=-0", HTTP_RANGE_NONE, 0, {{0, 0}}},
    {"bytes=1000-2000,-0", HTTP_RANGE_NONE, 0, {{0, 0}}},
    {"bytes=0-10,10-20", HTTP_RANGE_WHOLE, 0, {{0, 0}}},
    {"bytes=0-,0-", HTTP_RANGE_WHOLE, 0, {{0, 0}}},
};

static void
ranges_that_are_taken(void **state)
{
	struct http_range list[HTTP_RANGES_MAX];
	struct http_range_set set;
	unsigned n;

	(void)state;
	for (size_t i = 0; i < N(asked); i++) {
		assert_int_equal(
		    http_ranges(slice_of(asked[i].value), &set), 0);
		assert_int_equal(
		    http_ranges_of(&set, 1000, list, &n), asked[i].is);
		assert_int_equal(n, asked[i].n);
		for (unsigned k = 0; k < n; k++) {
			assert_int_equal(list[k].first, asked[i].list[k].first);
			assert_int_equal(list[k].last, asked[i].list[k].last);
		}
	}
	/* of nothing there is no part */
	assert_int_equal(http_ranges(slice_of("bytes=0-,-5"), &set), 0);
	assert_int_equal(http_ranges_of(&set, 0, list, &n), HTTP_RANGE_NONE);
}

#define ONE_TOO_MANY \
	"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16," \
	"18-18,20-20,22-22,24-24,26-26,28-28,30-30,32-32"

static void
ranges_that_are_as_if_not_there(void **state)
{
	static const char *const bad[] = {"", "bytes", "bytes=", "bytes=,",
	    "bytes =0-1", "bytes 0-1", "lines=0-1", "0-1", "bytes=-",
	    "bytes=1-0", "bytes=a-b", "bytes=0-1x", "bytes=+0-1", "bytes=0--1",
	    "bytes=0x0-1", "bytes=0 - 1", "bytes=0-1;2-3", "bytes=\"0-1\"",
	    "bytes=9223372036854775808-", "bytes=0-99999999999999999999",
	    "bytes=0-1,x"};
	struct http_range_set set;

	(void)state;
	assert_int_equal(http_ranges(slice_of(ONE_TOO_MANY), &set), -1);
	for (size_t i = 0; i < N(bad); i++) {
		if (http_ranges(slice_of(bad[i]), &set) != -1)
			fail_msg("%s", bad[i]);
	}
}

static void
content_range(void **state)
{
	static const char *const bad[] = {"", "bytes", "bytes ", "bytes 0-1",
	    "bytes=0-1/2", "items 0-1/2", "bytes 0-1/", "bytes 1-0/2",
	    "bytes 0-2/2", "bytes -1/2", "bytes 0-/2", "bytes */*",
	    "bytes 0-1/2/3", "bytes 0-1/x", "bytes  0-1/2", "bytes 0-1 /2",
	    "bytes 0-1/+2", "bytes a-1/2"};
	struct http_content_range c;

	(void)state;
	assert_int_equal(http_content_range(slice_of("bytes 5-9/1000"), &c), 0);
	assert_true(c.has_range && c.has_size);
	assert_int_equal(c.range.first, 5);
	assert_int_equal(c.range.last, 9);
	assert_int_equal(c.size, 1000);
	assert_int_equal(http_content_range(slice_of("bytes 0-0/*"), &c), 0);
	assert_true(c.has_range && !c.has_size);
	assert_int_equal(http_content_range(slice_of("bytes */7"), &c), 0);
	assert_true(!c.has_range && c.has_size);
	assert_int_equal(c.size, 7);
	for (size_t i = 0; i < N(bad); i++) {
		if (http_content_range(slice_of(bad[i]), &c) != -1)
			fail_msg("%s", bad[i]);
	}
}

static void
content_range_is_written(void **state)
{
	struct http_range r = {0, 99};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(http_content_range_put(&b, &r, 1000), 0);
	assert_string_equal(buf_text(&b), "bytes 0-99/1000");
	buf_clear(&b);
	assert_int_equal(http_content_range_put(&b, NULL, 1000), 0);
	assert_string_equal(buf_text(&b), "bytes */1000");
	buf_free(&b);
}

static void
dates(void **state)
{
	static const char *const bad[] = {"", "Sun, 06 Nov 1994 08:49:37",
	    "Sun, 06 Nov 1994 08:49:37 UTC", "Sunday, 06-Nov-94 08:49:37 GMT",
	    "Sun Nov  6 08:49:37 1994     ", "Mon, 06 Nov 1994 08:49:37 GMT",
	    "Thu, 31 Feb 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
	    "Sun, 6  Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
	    "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, +6 Nov 1994 08:49:37 GMT"};
	char text[HTTP_DATE_MAX];
	time_t t;

	(void)state;
	assert_int_equal(
	    http_date(slice_of("Sun, 06 Nov 1994 08:49:37 GMT"), &t), 0);
	assert_int_equal(t, 784111777);
	assert_string_equal(
	    http_date_text(t, text), "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_string_equal(
	    http_date_text(0, text), "Thu, 01 Jan 1970 00:00:00 GMT");
	for (size_t i = 0; i < N(bad); i++) {
		if (http_date(slice_of(bad[i]), &t) != -1)
			fail_msg("%s", bad[i]);
	}
}

#define DAY "Sun, 06 Nov 1994 08:49:37 GMT"
#define LATER "Sun, 06 Nov 1994 08:50:37 GMT"
#define SOON "Sun, 06 Nov 1994 08:50:36 GMT"

static const struct {
	const char *value, *etag, *modified, *date;
	bool holds;
} conditions[] = {
    {"\"a\"", "\"a\"", "", "", true},
    {"\"a\"", "\"b\"", "", "", false},
    {"\"a\"", "W/\"a\"", "", "", false},
    {"W/\"a\"", "W/\"a\"", "", "", false},
    {"W/\"a\"", "\"a\"", "", "", false},
    {"\"a\"", "", DAY, LATER, false},
    {"\"", "\"", "", "", false},
    {"\"a", "\"a", "", "", false},
    {"a", "a", "", "", false},
    {"", "", "", "", false},
    {DAY, "\"a\"", DAY, LATER, true},
    {DAY, "", DAY, SOON, false},
    {DAY, "", DAY, "", false},
    {DAY, "", "", LATER, false},
    {LATER, "", DAY, LATER, false},
    {DAY, "", LATER, LATER, false},
};

static void
if_range(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(conditions); i++) {
		if (http_if_range(slice_of(conditions[i].value),
			slice_of(conditions[i].etag),
			slice_of(conditions[i].modified),
			slice_of(conditions[i].date)) != conditions[i].holds)
			fail_msg("row %zu", i);
	}
}

static void
several_parts(void **state)
{
	struct http_range list[] = {{0, 4}, {995, 999}};
	struct buf b;

	(void)state;
	assert_true(
	    http_is_byteranges(slice_of("Multipart/ByteRanges; boundary=x")));
	assert_true(http_is_byteranges(slice_of("multipart/byteranges")));
	assert_false(http_is_byteranges(slice_of("multipart/mixed")));
	assert_false(http_is_byteranges(slice_of("")));
	for (unsigned typed = 0; typed < 2; typed++) {
		struct slice type = slice_of(typed ? "text/plain" : "");

		buf_init(&b, 4096);
		for (size_t i = 0; i < N(list); i++) {
			assert_int_equal(
			    http_part_put(&b, "xyz", type, &list[i], 1000), 0);
			assert_int_equal(buf_puts(&b, "01234"), 0);
		}
		assert_int_equal(http_parts_end(&b, "xyz"), 0);
		assert_int_equal(
		    http_parts_size("xyz", type, list, N(list), 1000), b.len);
		if (!typed)
			assert_string_equal(buf_text(&b),
			    "\r\n--xyz\r\nContent-Range: bytes 0-4/1000\r\n\r\n"
			    "01234"
			    "\r\n--xyz\r\n"
			    "Content-Range: bytes 995-999/1000\r\n\r\n"
			    "01234"
			    "\r\n--xyz--\r\n");
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ranges_that_are_taken),
	    cmocka_unit_test(ranges_that_are_as_if_not_there),
	    cmocka_unit_test(content_range),
	    cmocka_unit_test(content_range_is_written),
	    cmocka_unit_test(dates),
	    cmocka_unit_test(if_range),
	    cmocka_unit_test(several_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
