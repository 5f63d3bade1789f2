/*
 * t_http_fresh: whom an answer may be given to besides the one who has asked
 * for it, and for how long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/http/http_fresh.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define EVER UINT64_MAX
#define TAG "ETag: \"a\"\r\n"
#define DATED "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"

/* ---- heads ---- */

static char text[4096];

static struct http_request_head
request(const char *fields)
{
	struct http_request_head r;
	int n = snprintf(text, sizeof(text),
	    "GET http://h/a HTTP/1.1\r\nHost: h\r\n%s\r\n", fields);

	http_request_head_init(&r);
	assert_int_equal(http_request_head(
			     &r, (struct slice){text, (size_t)n}, sizeof(text)),
	    HTTP_HEAD_DONE);
	http_head_move(&r.head, text);
	return r;
}

static struct http_response_head
answer(unsigned status, const char *fields)
{
	static char bytes[4096];
	struct http_response_head r;
	int n = snprintf(bytes, sizeof(bytes),
	    "HTTP/1.1 %u OK\r\nContent-Length: 5\r\n%s\r\n", status, fields);

	http_response_head_init(&r, HTTP_GET);
	assert_int_equal(http_response_head(&r,
			     (struct slice){bytes, (size_t)n}, sizeof(bytes)),
	    HTTP_HEAD_DONE);
	http_head_move(&r.head, bytes);
	return r;
}

/* ---- requests ---- */

static const struct {
	const char *fields;
	bool may;
} asked[] = {
    {"", true},
    {"Range: bytes=0-1\r\nIf-Range: \"a\"\r\n", true},
    {"Cookie: a=b\r\nUser-Agent: x\r\n", true},
    {"Cache-Control: max-age=60\r\n", true},
    {"Pragma: other\r\n", true},
    {"Authorization: Basic YTpi\r\n", false},
    {"If-Match: \"a\"\r\n", false},
    {"If-None-Match: \"a\"\r\n", false},
    {"If-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT\r\n", false},
    {"If-Unmodified-Since: Mon, 01 Jan 2024 00:00:00 GMT\r\n", false},
    {"Cache-Control: no-cache\r\n", false},
    {"Cache-Control: max-age=9, NO-STORE\r\n", false},
    {"Cache-Control: x\r\nCache-Control: no-store\r\n", false},
    {"Cache-Control: max-age=0\r\n", false},
    {"Cache-Control: max-age=no\r\n", false},
    {"Cache-Control: x=\"open\r\n", false},
    {"Pragma: No-Cache\r\n", false},
};

static void
who_may_be_given_another_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(asked); i++) {
		struct http_request_head r = request(asked[i].fields);

		if (http_may_share(&r.head) != asked[i].may)
			fail_msg("%s", asked[i].fields);
	}
}

/* ---- answers ---- */

static const struct {
	const char *fields;
	enum http_share share;
	uint64_t seconds;
} answered[] = {
    {TAG, HTTP_SHARE_LATER, EVER},
    {"Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n", HTTP_SHARE_LATER,
	EVER},
    {"", HTTP_SHARE_NOW, EVER},
    {TAG "Cache-Control: public, max-age=60\r\n", HTTP_SHARE_LATER, 60},
    {TAG "Cache-Control: max-age=\"60\"\r\n", HTTP_SHARE_LATER, 60},
    {TAG "Cache-Control: max-age=60, s-maxage=5\r\n", HTTP_SHARE_LATER, 5},
    {TAG "Cache-Control: max-age=0, s-maxage=5\r\n", HTTP_SHARE_LATER, 5},
    {TAG "Cache-Control: max-age=60\r\nAge: 20\r\n", HTTP_SHARE_LATER, 40},
    {TAG "Cache-Control: max-age=60\r\nAge: 60\r\n", HTTP_SHARE_NOW, 0},
    {TAG "Cache-Control: max-age=60\r\nAge: old\r\n", HTTP_SHARE_NOW, 0},
    {TAG "Cache-Control: max-age=-1\r\n", HTTP_SHARE_NOW, 0},
    {TAG "Cache-Control: max-age\r\n", HTTP_SHARE_NOW, 0},
    {TAG "Cache-Control: no-cache, max-age=60\r\n", HTTP_SHARE_NOW, 60},
    {TAG DATED "Expires: Mon, 01 Jan 2024 00:01:00 GMT\r\n", HTTP_SHARE_LATER,
	60},
    {TAG DATED "Expires: Mon, 01 Jan 2024 00:00:00 GMT\r\n", HTTP_SHARE_NOW, 0},
    {TAG "Expires: Mon, 01 Jan 2024 00:01:00 GMT\r\n", HTTP_SHARE_NOW, 0},
    {TAG DATED "Expires: 0\r\n", HTTP_SHARE_NOW, 0},
    {TAG DATED "Expires: 0\r\nCache-Control: max-age=7\r\n", HTTP_SHARE_LATER,
	7},
    {TAG "Cache-Control: no-store\r\n", HTTP_SHARE_NO, 0},
    {TAG "Cache-Control: max-age=60, Private\r\n", HTTP_SHARE_NO, 0},
    {TAG "Cache-Control: private=\"Set-Cookie\"\r\n", HTTP_SHARE_NO, 0},
    {TAG "Cache-Control: x=\"open\r\n", HTTP_SHARE_NO, 0},
    {TAG "Set-Cookie: a=b\r\n", HTTP_SHARE_NO, 0},
};

static void
whose_an_answer_is(void **state)
{
	struct http_response_head r;
	uint64_t seconds;

	(void)state;
	for (size_t i = 0; i < N(answered); i++) {
		r = answer(200, answered[i].fields);
		if (http_share_of(&r, &seconds) != answered[i].share ||
		    seconds != answered[i].seconds)
			fail_msg(
			    "%s: %ju", answered[i].fields, (uintmax_t)seconds);
	}
	r = answer(404, TAG);
	assert_int_equal(http_share_of(&r, &seconds), HTTP_SHARE_NO);
	r = answer(206, TAG "Content-Range: bytes 0-4/5\r\n");
	assert_int_equal(http_share_of(&r, &seconds), HTTP_SHARE_NO);
}

/* ---- Vary ---- */

static const struct {
	const char *vary, *one, *other;
	bool same;
} varied[] = {
    {"", "A: 1\r\n", "A: 2\r\n", true},
    {"", "Cookie: 1\r\n", "Cookie: 2\r\n", false},
    {"", "Cookie: 1\r\n", "", false},
    {"Vary: B\r\n", "A: 1\r\nB: 1\r\n", "A: 2\r\nb: 1\r\n", true},
    {"Vary: a , B\r\n", "A: 1\r\nB: 1\r\n", "A: 2\r\nB: 1\r\n", false},
    {"Vary: B\r\nVary: A\r\n", "A: 1\r\n", "A: 2\r\n", false},
    {"Vary: A\r\n", "", "A:\r\n", false},
    {"Vary: A\r\n", "A: 1, 2\r\n", "A: 1\r\nA: 2\r\n", false},
    {"Vary: A, B\r\n", "A: 1\r\n", "B: 1\r\n", false},
};

static void
what_chooses_an_answer(void **state)
{
	struct buf one, other;

	(void)state;
	buf_init(&one, 1000);
	buf_init(&other, 1000);
	for (size_t i = 0; i < N(varied); i++) {
		struct http_response_head a = answer(200, varied[i].vary);
		struct http_request_head r = request(varied[i].one);

		buf_clear(&one);
		buf_clear(&other);
		assert_int_equal(http_vary_put(&one, &a.head, &r.head), 0);
		r = request(varied[i].other);
		assert_int_equal(http_vary_put(&other, &a.head, &r.head), 0);
		if ((one.len == other.len &&
			memcmp(buf_at(&one), buf_at(&other), one.len) == 0) !=
		    varied[i].same)
			fail_msg("%zu: %s", i, varied[i].vary);
	}
	buf_free(&one);
	buf_free(&other);
}

static void
what_nobody_can_tell(void **state)
{
	static const char *const bad[] = {
	    "Vary: *\r\n", "Vary: A\r\nVary: B, *\r\n", "Vary: \"open\r\n"};
	struct http_response_head a;
	struct http_request_head r;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < N(bad); i++) {
		a = answer(200, bad[i]);
		buf_init(&b, 1000);
		r = request("");
		assert_int_equal(http_vary_put(&b, &a.head, &r.head), -1);
		buf_free(&b);
	}
	a = answer(200, "");
	buf_init(&b, 10);
	r = request("Cookie: 12345678901\r\n");
	assert_int_equal(http_vary_put(&b, &a.head, &r.head), -1);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_may_be_given_another_ones),
	    cmocka_unit_test(whose_an_answer_is),
	    cmocka_unit_test(what_chooses_an_answer),
	    cmocka_unit_test(what_nobody_can_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
