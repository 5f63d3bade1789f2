/*
 * t_http_write: requests and responses written anew: what goes on, what stays
 * here, and that what is written is read again as it was meant.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/http/http_write.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define LIMIT 65536

static struct http_request_head req;
static struct http_response_head res;
static struct buf out;

static void
read_request(const char *text)
{
	http_request_head_init(&req);
	assert_int_equal(
	    http_request_head(&req, slice_of(text), LIMIT), HTTP_HEAD_DONE);
}

static const char *
request(const char *text, struct http_write_request w)
{
	w.via = "gw";
	read_request(text);
	if (w.host == NULL)
		w.host = req.target.host.is == HTTP_HOST_NONE
		    ? &req.host
		    : &req.target.host;
	buf_clear(&out);
	assert_int_equal(http_write_request(&out, &req, &w), 0);
	return buf_text(&out);
}

static void
a_request_goes_on(void **state)
{
	static const char text[] = "PUT http://Example.ORG:80/a?b HTTP/1.1\r\n"
				   "X-First:  1\r\n"
				   "Host: other\r\n"
				   "Connection: X-Mine, close\r\n"
				   "X-Mine: 2\r\n"
				   "Proxy-Authorization: Basic eDp5\r\n"
				   "Proxy-Connection: keep-alive\r\n"
				   "TE: trailers\r\n"
				   "Upgrade: h2c\r\n"
				   "HTTP2-Settings: x\r\n"
				   "Via: 1.0 a\r\n"
				   "Accept-Encoding: gzip, deflate\r\n"
				   "Transfer-Encoding: chunked\r\n"
				   "Authorization: Basic eDp5\r\n"
				   "Expect: 100-continue\r\n\r\n";
	struct http_write_request w = {.scheme = HTTP_SCHEME_HTTP,
	    .accept_encoding = "gzip",
	    .body = {HTTP_BODY_LENGTH, 7},
	    .drop = HTTP_FIELD_BIT(EXPECT),
	    .more = slice_of("X-More: 3\r\n")};

	(void)state;
	assert_string_equal(request(text, w),
	    "PUT /a?b HTTP/1.1\r\n"
	    "Host: example.org\r\n"
	    "X-First: 1\r\n"
	    "Authorization: Basic eDp5\r\n"
	    "Via: 1.0 a, 1.1 gw\r\n"
	    "Accept-Encoding: gzip\r\n"
	    "Content-Length: 7\r\n"
	    "X-More: 3\r\n\r\n");
}

static void
how_a_body_follows(void **state)
{
	static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\n"
				   "Content-Length: 5\r\n\r\n";
	struct http_write_request w = {.scheme = HTTP_SCHEME_HTTP};

	(void)state;
	assert_string_equal(request(text, w),
	    "POST / HTTP/1.1\r\nHost: a\r\nVia: 1.1 gw\r\n\r\n");
	w.body.is = HTTP_BODY_LENGTH;
	assert_string_equal(request(text, w),
	    "POST / HTTP/1.1\r\nHost: a\r\nVia: 1.1 gw\r\n"
	    "Content-Length: 0\r\n\r\n");
	w.body.is = HTTP_BODY_CHUNKED;
	w.close = true;
	assert_string_equal(request(text, w),
	    "POST / HTTP/1.1\r\nHost: a\r\nVia: 1.1 gw\r\n"
	    "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
}

/* The first line and Host of each. */
static const struct {
	const char *line, *want;
	enum http_scheme scheme;
	bool absolute;
} lines[] = {
    {"GET http://a HTTP/1.1", "GET / HTTP/1.1\r\nHost: a\r\n", HTTP_SCHEME_HTTP,
	false},
    {"GET http://a?x HTTP/1.0", "GET /?x HTTP/1.1\r\nHost: a\r\n",
	HTTP_SCHEME_HTTP, false},
    {"GET http://a:81/x? HTTP/1.1", "GET /x? HTTP/1.1\r\nHost: a:81\r\n",
	HTTP_SCHEME_HTTP, false},
    {"GET http://[0::1]/ HTTP/1.1", "GET / HTTP/1.1\r\nHost: [::1]\r\n",
	HTTP_SCHEME_HTTP, false},
    {"GET https://a:443/ HTTP/1.1", "GET / HTTP/1.1\r\nHost: a\r\n",
	HTTP_SCHEME_HTTPS, false},
    {"GET http://a/../%7e HTTP/1.1", "GET /../%7e HTTP/1.1\r\nHost: a\r\n",
	HTTP_SCHEME_HTTP, false},
    {"GET http://A/x?y HTTP/1.1", "GET http://a/x?y HTTP/1.1\r\nHost: a\r\n",
	HTTP_SCHEME_HTTP, true},
    {"GET http://a:81 HTTP/1.1", "GET http://a:81/ HTTP/1.1\r\nHost: a:81\r\n",
	HTTP_SCHEME_HTTP, true},
    {"OPTIONS http://a HTTP/1.1", "OPTIONS * HTTP/1.1\r\nHost: a\r\n",
	HTTP_SCHEME_HTTP, false},
    {"OPTIONS http://a HTTP/1.1", "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n",
	HTTP_SCHEME_HTTP, true},
    {"OPTIONS http://a/ HTTP/1.1", "OPTIONS / HTTP/1.1\r\nHost: a\r\n",
	HTTP_SCHEME_HTTP, false},
    {"OPTIONS * HTTP/1.1", "OPTIONS * HTTP/1.1\r\nHost: h\r\n",
	HTTP_SCHEME_HTTP, false},
    {"GET /x HTTP/1.1", "GET /x HTTP/1.1\r\nHost: h\r\n", HTTP_SCHEME_HTTP,
	false},
    {"CONNECT A:443 HTTP/1.1", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n",
	HTTP_SCHEME_HTTP, true},
    {"bReW http://a/ HTTP/1.1", "bReW / HTTP/1.1\r\nHost: a\r\n",
	HTTP_SCHEME_HTTP, false},
};

static void
first_lines(void **state)
{
	char text[256], want[256];

	(void)state;
	for (size_t i = 0; i < N(lines); i++) {
		struct http_write_request w = {
		    .scheme = lines[i].scheme, .absolute = lines[i].absolute};
		bool old = strstr(lines[i].line, "HTTP/1.0") != NULL;

		(void)snprintf(
		    text, sizeof(text), "%s\r\nHost: h\r\n\r\n", lines[i].line);
		(void)snprintf(want, sizeof(want), "%sVia: 1.%d gw\r\n\r\n",
		    lines[i].want, old ? 0 : 1);
		assert_string_equal(request(text, w), want);
	}
}

static void
what_an_option_adds(void **state)
{
	static const char text[] = "OPTIONS / HTTP/1.1\r\nHost: a\r\n"
				   "Max-Forwards: 5\r\n"
				   "Connection: upgrade\r\n"
				   "Upgrade: websocket, x\r\n\r\n";
	struct http_write_request w = {.scheme = HTTP_SCHEME_HTTP,
	    .has_max_forwards = true,
	    .max_forwards = 4,
	    .upgrade = "websocket"};

	(void)state;
	assert_string_equal(request(text, w),
	    "OPTIONS / HTTP/1.1\r\nHost: a\r\nVia: 1.1 gw\r\n"
	    "Max-Forwards: 4\r\n"
	    "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

static const char *
response(const char *text, enum http_method asked, struct http_write_response w)
{
	w.via = "gw";
	http_response_head_init(&res, asked);
	assert_int_equal(
	    http_response_head(&res, slice_of(text), LIMIT), HTTP_HEAD_DONE);
	buf_clear(&out);
	assert_int_equal(http_write_response(&out, &res, &w), 0);
	return buf_text(&out);
}

static void
a_response_goes_on(void **state)
{
	static const char text[] = "HTTP/1.0 200 Fine\r\n"
				   "Server: x\r\n"
				   "Content-Length: 5\r\n"
				   "Connection: X-Mine\r\nX-Mine: 1\r\n"
				   "Keep-Alive: timeout=5\r\n"
				   "Proxy-Authenticate: Basic\r\n"
				   "Trailer: X\r\n"
				   "Alt-Svc: h3\r\n"
				   "Set-Cookie: a=b\r\n"
				   "Set-Cookie: c=d\r\n\r\n";
	struct http_write_response w = {
	    .body = {HTTP_BODY_CHUNKED, 0}, .drop = HTTP_FIELD_BIT(ALT_SVC)};

	(void)state;
	assert_string_equal(response(text, HTTP_GET, w),
	    "HTTP/1.1 200 Fine\r\n"
	    "Server: x\r\n"
	    "Set-Cookie: a=b\r\n"
	    "Set-Cookie: c=d\r\n"
	    "Via: 1.0 gw\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n");
	w.body = (struct http_framing){HTTP_BODY_LENGTH, 5};
	w.status = 206;
	w.close = true;
	assert_string_equal(response(text, HTTP_GET, w),
	    "HTTP/1.1 206 Partial Content\r\n"
	    "Server: x\r\n"
	    "Set-Cookie: a=b\r\n"
	    "Set-Cookie: c=d\r\n"
	    "Via: 1.0 gw\r\n"
	    "Content-Length: 5\r\n"
	    "Connection: close\r\n\r\n");
}

static void
a_response_without_body(void **state)
{
	static const char text[] =
	    "HTTP/1.1 304\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n";
	struct http_write_response w = {.body = {HTTP_BODY_NONE, 0}};

	(void)state;
	assert_string_equal(response(text, HTTP_GET, w),
	    "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nVia: 1.1 gw\r\n\r\n");
	w.has_length_of = true;
	w.length_of = 5;
	assert_string_equal(response(text, HTTP_GET, w),
	    "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nVia: 1.1 gw\r\n"
	    "Content-Length: 5\r\n\r\n");
}

static void
without_room_nothing_is_written(void **state)
{
	struct http_write_request w = {
	    .via = "gw", .scheme = HTTP_SCHEME_HTTP, .host = &req.host};
	struct http_write_response v = {.via = "gw"};
	struct buf b;
	size_t whole;

	(void)state;
	read_request("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n");
	buf_clear(&out);
	assert_int_equal(http_write_request(&out, &req, &w), 0);
	whole = out.len;
	for (size_t room = 0; room <= whole; room++) {
		buf_init(&b, room);
		assert_int_equal(
		    http_write_request(&b, &req, &w), room == whole ? 0 : -1);
		assert_int_equal(b.len, room == whole ? whole : 0);
		buf_free(&b);
	}
	response("HTTP/1.1 200 OK\r\nX: y\r\n\r\n", HTTP_HEAD, v);
	whole = out.len;
	for (size_t room = 0; room < whole; room++) {
		buf_init(&b, room);
		assert_int_equal(http_write_response(&b, &res, &v), -1);
		assert_int_equal(b.len, 0);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_goes_on),
	    cmocka_unit_test(how_a_body_follows),
	    cmocka_unit_test(first_lines),
	    cmocka_unit_test(what_an_option_adds),
	    cmocka_unit_test(a_response_goes_on),
	    cmocka_unit_test(a_response_without_body),
	    cmocka_unit_test(without_room_nothing_is_written),
	};
	int failed;

	buf_init(&out, 4096);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&out);
	return failed;
}
