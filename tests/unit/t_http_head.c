/*
 * t_http_head: heads of requests and responses: what is taken and how the
 * body follows, and everything that is refused, by its word.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/http/http_head.h"
#include "proxy/base/mem.h"

#define LIMIT (64 * 1024)
#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct http_request_head req;
static struct http_response_head res;

/* A text with a NUL in it where "\0" stands needs its length. */
#define TEXT(s) \
	{ \
		s, sizeof(s) - 1 \
	}

static enum http_head_is
ask(struct slice in, size_t limit)
{
	http_request_head_init(&req);
	return http_request_head(&req, in, limit);
}

static enum http_head_is
answer(struct slice in, enum http_method asked)
{
	http_response_head_init(&res, asked);
	return http_response_head(&res, in, LIMIT);
}

/* The same, a byte more each time, and never at the same place. */
static enum http_head_is
ask_slowly(struct slice in)
{
	enum http_head_is is = HTTP_HEAD_MORE;

	http_request_head_init(&req);
	for (size_t n = 0; is == HTTP_HEAD_MORE && n <= in.len; n++) {
		char *copy = xstrndup("", 0);

		copy = xrealloc(copy, n + 1, 1);
		memcpy(copy, in.at, n);
		is = http_request_head(&req, (struct slice){copy, n}, LIMIT);
		http_head_move(&req.head, in.at);
		free(copy);
	}
	return is;
}

/* In two pieces, cut at every place. */
static void
ask_in_two(struct slice in)
{
	for (size_t n = 1; n < in.len; n++) {
		http_request_head_init(&req);
		assert_int_equal(
		    http_request_head(&req, (struct slice){in.at, n}, LIMIT),
		    HTTP_HEAD_MORE);
		assert_int_equal(
		    http_request_head(&req, in, LIMIT), HTTP_HEAD_DONE);
		assert_int_equal(req.head.size, in.len);
	}
}

static enum http_head_is
answer_slowly(struct slice in, enum http_method asked)
{
	enum http_head_is is = HTTP_HEAD_MORE;

	http_response_head_init(&res, asked);
	for (size_t n = 0; is == HTTP_HEAD_MORE && n <= in.len; n++)
		is = http_response_head(&res, (struct slice){in.at, n}, LIMIT);
	return is;
}

#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define HOST "Host: a\r\n"
#define CL "Content-Length: "
#define TE "Transfer-Encoding: "

struct refused {
	struct slice text;
	enum http_bad bad;
};

static const struct refused bad_requests[] = {
    /* the first line */
    {TEXT("GET /\r\n"), HTTP_BAD_START},
    {TEXT("GET\r\n"), HTTP_BAD_START},
    {TEXT("\r\n\r\n"), HTTP_BAD_START},
    {TEXT(" GET / HTTP/1.1\r\n"), HTTP_BAD_START},
    {TEXT("\x16\x03\x01"), HTTP_BAD_START},
    {TEXT("GET / http/1.1\r\n"), HTTP_BAD_START},
    {TEXT("GET / HTTP/1.1 \r\n"), HTTP_BAD_START},
    {TEXT("GET  / HTTP/1.1\r\n"), HTTP_BAD_TARGET},
    {TEXT("GET /  HTTP/1.1\r\n"), HTTP_BAD_TARGET},
    {TEXT("GET / x HTTP/1.1\r\n"), HTTP_BAD_TARGET},
    {TEXT("GET\t/ HTTP/1.1\r\n"), HTTP_BAD_START},
    {TEXT("GET /\tHTTP/1.1\r\n"), HTTP_BAD_START},
    {TEXT("G(T / HTTP/1.1\r\n"), HTTP_BAD_METHOD},
    {TEXT("GET: / HTTP/1.1\r\n"), HTTP_BAD_METHOD},
    {TEXT("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n"), HTTP_BAD_METHOD},
    /* versions */
    {TEXT("GET / HTTP/1.2\r\n"), HTTP_BAD_VERSION},
    {TEXT("GET / HTTP/0.9\r\n"), HTTP_BAD_VERSION},
    {TEXT("GET / HTTP/2.0\r\n"), HTTP_BAD_VERSION},
    {TEXT("PRI * HTTP/2.0\r\n"), HTTP_BAD_VERSION},
    {TEXT("GET / HTTP/1\r\n"), HTTP_BAD_VERSION},
    {TEXT("GET / HTTP/1.1.1\r\n"), HTTP_BAD_VERSION},
    {TEXT("GET / HTTP/01.1\r\n"), HTTP_BAD_VERSION},
    {TEXT("GET / HTTP/1.10\r\n"), HTTP_BAD_VERSION},
    {TEXT("GET / HTTP/+1.1\r\n"), HTTP_BAD_VERSION},
    {TEXT("GET / HTTP/1.\xd9\xa1\r\n"), HTTP_BAD_VERSION},
    /* targets; more of them in t_http_target */
    {TEXT("GET * HTTP/1.1\r\n"), HTTP_BAD_FORM},
    {TEXT("GET a HTTP/1.1\r\n"), HTTP_BAD_TARGET},
    {TEXT("GET a:80 HTTP/1.1\r\n"), HTTP_BAD_TARGET},
    {TEXT("GET gopher://a/ HTTP/1.1\r\n"), HTTP_BAD_SCHEME},
    {TEXT("GET http:/// HTTP/1.1\r\n"), HTTP_BAD_AUTHORITY},
    {TEXT("GET http://u@a/ HTTP/1.1\r\n"), HTTP_BAD_USERINFO},
    {TEXT("CONNECT a HTTP/1.1\r\n"), HTTP_BAD_AUTHORITY},
    {TEXT("CONNECT / HTTP/1.1\r\n"), HTTP_BAD_FORM},
    {TEXT("CONNECT http://a:80 HTTP/1.1\r\n"), HTTP_BAD_FORM},
    /* line ends and control bytes */
    {TEXT("GET / HTTP/1.1\n"), HTTP_BAD_BARE_LF},
    {TEXT(GET "Host: a\n"), HTTP_BAD_BARE_LF},
    {TEXT(GET HOST "\n"), HTTP_BAD_BARE_LF},
    {TEXT("\n"), HTTP_BAD_BARE_LF},
    {TEXT(GET "Host: a\rX: b\r\n"), HTTP_BAD_BARE_CR},
    {TEXT(GET "Host: a\r\r\n"), HTTP_BAD_BARE_CR},
    {TEXT("GET /\r HTTP/1.1\r\n"), HTTP_BAD_BARE_CR},
    {TEXT("GET /\0 HTTP/1.1\r\n"), HTTP_BAD_CONTROL},
    {TEXT(GET "X: a\0b\r\n"), HTTP_BAD_CONTROL},
    {TEXT(GET "X: a\x7f\r\n"), HTTP_BAD_CONTROL},
    {TEXT(GET "X: a\x0b\r\n"), HTTP_BAD_CONTROL},
    {TEXT(GET "X\x01: a\r\n"), HTTP_BAD_CONTROL},
    /* fields */
    {TEXT(GET HOST " b\r\n"), HTTP_BAD_FOLD},
    {TEXT(GET HOST "\tb\r\n"), HTTP_BAD_FOLD},
    {TEXT(GET " Host: a\r\n"), HTTP_BAD_FOLD},
    {TEXT(GET HOST " \r\n"), HTTP_BAD_FOLD},
    {TEXT(GET "Host : a\r\n"), HTTP_BAD_COLON},
    {TEXT(GET "Host\t: a\r\n"), HTTP_BAD_COLON},
    {TEXT(GET CL "\r\n" HOST "Content-Length : 5\r\n"), HTTP_BAD_COLON},
    {TEXT(GET "Host\r\n"), HTTP_BAD_NO_COLON},
    {TEXT(GET ": a\r\n"), HTTP_BAD_FIELD_NAME},
    {TEXT(GET "Ho st: a\r\n"), HTTP_BAD_FIELD_NAME},
    {TEXT(GET "X(: a\r\n"), HTTP_BAD_FIELD_NAME},
    {TEXT(GET "Transfer\xc3\xa9: a\r\n"), HTTP_BAD_FIELD_NAME},
    /* Host */
    {TEXT(GET "\r\n"), HTTP_BAD_NO_HOST},
    {TEXT("GET http://a/ HTTP/1.1\r\n\r\n"), HTTP_BAD_NO_HOST},
    {TEXT(GET HOST HOST "\r\n"), HTTP_BAD_TWO_HOSTS},
    {TEXT(GET HOST "host: b\r\n\r\n"), HTTP_BAD_TWO_HOSTS},
    {TEXT("GET / HTTP/1.0\r\n" HOST HOST "\r\n"), HTTP_BAD_TWO_HOSTS},
    {TEXT(GET "Host: \r\n\r\n"), HTTP_BAD_HOST},
    {TEXT(GET "Host: a, b\r\n\r\n"), HTTP_BAD_HOST},
    {TEXT(GET "Host: u@a\r\n\r\n"), HTTP_BAD_HOST},
    {TEXT(GET "Host: a/b\r\n\r\n"), HTTP_BAD_HOST},
    {TEXT(GET "Host: http://a\r\n\r\n"), HTTP_BAD_HOST},
    {TEXT(GET "Host: a:80:80\r\n\r\n"), HTTP_BAD_HOST},
    {TEXT(GET "Host: 0x7f.1\r\n\r\n"), HTTP_BAD_HOST},
    /* two lengths, and lengths that are none */
    {TEXT(POST CL "5\r\n" TE "chunked\r\n\r\n"), HTTP_BAD_BOTH},
    {TEXT(POST TE "chunked\r\n" CL "5\r\n\r\n"), HTTP_BAD_BOTH},
    {TEXT(POST CL "0\r\n" TE "x\r\n\r\n"), HTTP_BAD_BOTH},
    {TEXT(POST CL "5\r\n" CL "6\r\n\r\n"), HTTP_BAD_TWO_LENGTHS},
    {TEXT(POST CL "5\r\n" CL "5\r\n\r\n"), HTTP_BAD_TWO_LENGTHS},
    {TEXT(POST CL "5, 5\r\n\r\n"), HTTP_BAD_LENGTH},
    {TEXT(POST CL "5, 6\r\n\r\n"), HTTP_BAD_LENGTH},
    {TEXT(POST CL "5,\r\n\r\n"), HTTP_BAD_LENGTH},
    {TEXT(POST CL "\r\n\r\n"), HTTP_BAD_LENGTH},
    {TEXT(POST CL "+5\r\n\r\n"), HTTP_BAD_LENGTH},
    {TEXT(POST CL "-5\r\n\r\n"), HTTP_BAD_LENGTH},
    {TEXT(POST CL "0x5\r\n\r\n"), HTTP_BAD_LENGTH},
    {TEXT(POST CL "5.0\r\n\r\n"), HTTP_BAD_LENGTH},
    {TEXT(POST CL "1_0\r\n\r\n"), HTTP_BAD_LENGTH},
    {TEXT(POST CL "5 5\r\n\r\n"), HTTP_BAD_LENGTH},
    {TEXT(POST CL "\xd9\xa5\r\n\r\n"), HTTP_BAD_LENGTH},
    {TEXT(POST CL "9223372036854775808\r\n\r\n"), HTTP_BAD_LENGTH},
    {TEXT(POST CL "18446744073709551621\r\n\r\n"), HTTP_BAD_LENGTH},
    /* Transfer-Encoding */
    {TEXT(POST TE "gzip, chunked\r\n\r\n"), HTTP_BAD_CODING},
    {TEXT(POST TE "chunked, gzip\r\n\r\n"), HTTP_BAD_CODING},
    {TEXT(POST TE "chunked, chunked\r\n\r\n"), HTTP_BAD_CODING},
    {TEXT(POST TE "xchunked\r\n\r\n"), HTTP_BAD_CODING},
    {TEXT(POST TE "\"chunked\"\r\n\r\n"), HTTP_BAD_CODING},
    {TEXT(POST TE "chunked;q=1\r\n\r\n"), HTTP_BAD_CODING},
    {TEXT(POST TE "identity\r\n\r\n"), HTTP_BAD_CODING},
    {TEXT(POST TE "chunked \r\n\r\n"), HTTP_BAD_CODING},
    {TEXT(POST TE "chunked\t\r\n\r\n"), HTTP_BAD_CODING},
    {TEXT(POST TE ", chunked\r\n\r\n"), HTTP_BAD_CODING},
    {TEXT(POST TE "\r\n\r\n"), HTTP_BAD_CODING},
    {TEXT(POST TE "chunked\r\n" TE "chunked\r\n\r\n"), HTTP_BAD_CODING},
    {TEXT(POST TE "gzip\r\n" TE "chunked\r\n\r\n"), HTTP_BAD_CODING},
    {TEXT("POST / HTTP/1.0\r\n" TE "chunked\r\n\r\n"), HTTP_BAD_OLD_CODING},
    {TEXT("CONNECT a:1 HTTP/1.1\r\n" HOST CL "1\r\n\r\n"),
	HTTP_BAD_CONNECT_BODY},
    {TEXT("CONNECT a:1 HTTP/1.1\r\n" HOST TE "chunked\r\n\r\n"),
	HTTP_BAD_CONNECT_BODY},
    /* what may be there once */
    {TEXT(GET HOST "Range: bytes=0-1\r\nRange: bytes=0-1\r\n"), HTTP_BAD_TWICE},
    {TEXT(GET HOST "Content-Type: a/b\r\nContent-Type: a/c\r\n"),
	HTTP_BAD_TWICE},
    {TEXT(GET HOST "Max-Forwards: 1\r\nMax-Forwards: 2\r\n"), HTTP_BAD_TWICE},
    /* Connection */
    {TEXT(GET HOST "Connection: content-encoding\r\n\r\n"),
	HTTP_BAD_CONNECTION},
    {TEXT(GET HOST "Connection: close, Content-Length\r\n\r\n"),
	HTTP_BAD_CONNECTION},
    {TEXT(GET HOST "Connection: host\r\n\r\n"), HTTP_BAD_CONNECTION},
    {TEXT(GET HOST "Connection: a b\r\n\r\n"), HTTP_BAD_CONNECTION},
    {TEXT(GET HOST "Connection: \"close\r\n\r\n"), HTTP_BAD_CONNECTION},
};

static void
requests_that_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(bad_requests); i++) {
		const struct refused *r = &bad_requests[i];
		enum http_head_is is = ask(r->text, LIMIT);

		if (is != HTTP_HEAD_BAD || req.head.bad != r->bad)
			print_error("%.*s: %d %s\n", (int)r->text.len,
			    r->text.at, (int)is, http_bad_word(req.head.bad));
		assert_int_equal(is, HTTP_HEAD_BAD);
		assert_string_equal(
		    http_bad_word(req.head.bad), http_bad_word(r->bad));
		assert_int_equal(ask_slowly(r->text), HTTP_HEAD_BAD);
		assert_int_equal(req.head.bad, r->bad);
	}
}

struct taken {
	struct slice text;
	enum http_body_is body;
	uint64_t length;
	bool goes_on;
};

static const struct taken good_requests[] = {
    {TEXT(GET HOST "\r\n"), HTTP_BODY_NONE, 0, true},
    {TEXT("\r\n" GET HOST "\r\n"), HTTP_BODY_NONE, 0, true},
    {TEXT("GET / HTTP/1.0\r\n\r\n"), HTTP_BODY_NONE, 0, false},
    {TEXT("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), HTTP_BODY_NONE,
	0, false},
    {TEXT(GET HOST "Connection: close\r\n\r\n"), HTTP_BODY_NONE, 0, false},
    {TEXT(GET HOST "Connection: x\r\nconnection: y, CLOSE\r\n\r\n"),
	HTTP_BODY_NONE, 0, false},
    {TEXT(GET HOST "Connection:\r\n\r\n"), HTTP_BODY_NONE, 0, true},
    {TEXT(POST CL "0\r\n\r\n"), HTTP_BODY_LENGTH, 0, true},
    {TEXT(POST CL "12\r\n\r\n"), HTTP_BODY_LENGTH, 12, true},
    {TEXT(POST "Content-Length:12\r\n\r\n"), HTTP_BODY_LENGTH, 12, true},
    {TEXT(POST "cOnTeNt-lEnGtH:\t 12 \t\r\n\r\n"), HTTP_BODY_LENGTH, 12, true},
    {TEXT(POST CL "0012\r\n\r\n"), HTTP_BODY_LENGTH, 12, true},
    {TEXT(POST CL "9223372036854775807\r\n\r\n"), HTTP_BODY_LENGTH, INT64_MAX,
	true},
    {TEXT(POST TE "chunked\r\n\r\n"), HTTP_BODY_CHUNKED, 0, true},
    {TEXT(POST TE "Chunked\r\n\r\n"), HTTP_BODY_CHUNKED, 0, true},
    {TEXT("GET / HTTP/1.1\r\n" HOST CL "3\r\n\r\n"), HTTP_BODY_LENGTH, 3, true},
    {TEXT("CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n"), HTTP_BODY_NONE, 0, true},
    {TEXT("CONNECT a:443 HTTP/1.1\r\n" HOST CL "0\r\n\r\n"), HTTP_BODY_LENGTH,
	0, true},
    {TEXT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), HTTP_BODY_NONE, 0, true},
    {TEXT("BREW / HTTP/1.1\r\n" HOST "\r\n"), HTTP_BODY_NONE, 0, true},
    {TEXT(GET HOST "X: caf\xc3\xa9 \"\tb\r\nEmpty:\r\n\r\n"), HTTP_BODY_NONE, 0,
	true},
    {TEXT(GET HOST "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n"),
	HTTP_BODY_NONE, 0, true},
    {TEXT(GET HOST "Connection: TE, Upgrade, x-mine\r\n\r\n"), HTTP_BODY_NONE,
	0, true},
};

static void
requests_that_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(good_requests); i++) {
		const struct taken *t = &good_requests[i];
		enum http_head_is is = ask(t->text, LIMIT);

		if (is != HTTP_HEAD_DONE)
			print_error("%.*s: %s\n", (int)t->text.len, t->text.at,
			    http_bad_word(req.head.bad));
		assert_int_equal(is, HTTP_HEAD_DONE);
		assert_int_equal(req.head.size, t->text.len);
		assert_int_equal(req.head.framing.is, t->body);
		assert_int_equal(req.head.framing.length, t->length);
		assert_int_equal(req.head.goes_on, t->goes_on);
		assert_int_equal(ask_slowly(t->text), HTTP_HEAD_DONE);
		assert_int_equal(req.head.size, t->text.len);
		ask_in_two(t->text);
	}
}

static void
what_a_request_says(void **state)
{
	static const char text[] =
	    "PUT http://Example.ORG:8080/a?b=c HTTP/1.1\r\n"
	    "Host: other\r\nX-One:  1 \r\nRange: bytes=0-\r\n\r\nbody";

	(void)state;
	assert_int_equal(ask(slice_of(text), LIMIT), HTTP_HEAD_DONE);
	assert_int_equal(req.head.size, sizeof(text) - 1 - 4);
	assert_int_equal(req.method, HTTP_PUT);
	assert_true(slice_is(http_at(&req.head, req.word), "PUT"));
	assert_true(slice_is(
	    http_at(&req.head, req.text), "http://Example.ORG:8080/a?b=c"));
	assert_string_equal(req.target.host.name, "example.org");
	assert_int_equal(req.target.host.port, 8080);
	assert_string_equal(req.host.name, "other");
	assert_int_equal(req.head.n, 3);
	assert_true(slice_is(http_value_named(&req.head, "x-one"), "1"));
	assert_true(
	    slice_is(http_value(&req.head, HTTP_FIELD_RANGE), "bytes=0-"));
	assert_null(http_value(&req.head, HTTP_FIELD_EXPECT).at);
	assert_null(http_value_named(&req.head, "x").at);
}

static void
bytes_may_move(void **state)
{
	static const char text[] = GET "Host: a\r\nX: value\r\n\r\n";
	char *copy = xstrdup(text);

	(void)state;
	assert_int_equal(ask(slice_of(copy), LIMIT), HTTP_HEAD_DONE);
	http_head_move(&req.head, text);
	free(copy);
	assert_true(slice_is(http_value_named(&req.head, "X"), "value"));
	assert_true(slice_is(http_at(&req.head, req.text), "/"));
}

/* A request whose field X has so many bytes. */
static struct slice
padded(char *to, const char *before, size_t n)
{
	size_t len = strlen(before);

	(void)copy_text(to, len + 1, before);
	memset(to + len, 'x', n);
	(void)copy_text(to + len + n, 5, "\r\n\r\n");
	return (struct slice){to, len + n + 4};
}

static void
limits(void **state)
{
	static char text[200 * 1024];
	static const char before[] = GET HOST "X: ";
	struct slice in;

	(void)state;
	in = padded(text, before, HTTP_FIELD_LINE_MAX - 3);
	assert_int_equal(ask(in, LIMIT), HTTP_HEAD_DONE);
	assert_int_equal(ask(in, in.len), HTTP_HEAD_DONE);
	assert_int_equal(ask(in, in.len - 1), HTTP_HEAD_BAD);
	assert_int_equal(req.head.bad, HTTP_BAD_LONG_HEAD);
	in = padded(text, before, HTTP_FIELD_LINE_MAX - 2);
	assert_int_equal(ask(in, LIMIT), HTTP_HEAD_BAD);
	assert_int_equal(req.head.bad, HTTP_BAD_LONG_FIELD);
	in = padded(text, "GET /", HTTP_START_MAX);
	assert_int_equal(ask(in, LIMIT), HTTP_HEAD_BAD);
	assert_int_equal(req.head.bad, HTTP_BAD_LONG_START);
	/* it is not waited for the end of what is too long */
	in.len = HTTP_START_MAX + 1;
	assert_int_equal(ask(in, LIMIT), HTTP_HEAD_MORE);
	in.len++;
	assert_int_equal(ask(in, LIMIT), HTTP_HEAD_BAD);
	assert_int_equal(ask(in, 100), HTTP_HEAD_BAD);
	assert_int_equal(req.head.bad, HTTP_BAD_LONG_START);
}

static void
so_many_fields(void **state)
{
	char text[64 + HTTP_FIELDS_MAX * 8];
	size_t n;

	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		n = copy_text(text, sizeof(text), GET HOST);
		for (unsigned i = 1; i < HTTP_FIELDS_MAX + more; i++)
			n += copy_text(text + n, sizeof(text) - n, "X: y\r\n");
		n += copy_text(text + n, sizeof(text) - n, "\r\n");
		assert_int_equal(ask((struct slice){text, n}, LIMIT),
		    more ? HTTP_HEAD_BAD : HTTP_HEAD_DONE);
	}
	assert_int_equal(req.head.bad, HTTP_BAD_MANY_FIELDS);
}

#define OK "HTTP/1.1 200 OK\r\n"

static const struct refused bad_responses[] = {
    {TEXT("\r\n"), HTTP_BAD_START},
    {TEXT("<html>\r\n"), HTTP_BAD_START},
    {TEXT("ICY 200 OK\r\n"), HTTP_BAD_START},
    {TEXT("HTTP/1.1\r\n"), HTTP_BAD_START},
    {TEXT("http/1.1 200 OK\r\n"), HTTP_BAD_START},
    {TEXT(" HTTP/1.1 200 OK\r\n"), HTTP_BAD_START},
    {TEXT("HTTP/1.2 200 OK\r\n"), HTTP_BAD_VERSION},
    {TEXT("HTTP/2.0 200 OK\r\n"), HTTP_BAD_VERSION},
    {TEXT("HTTP/0.9 200 OK\r\n"), HTTP_BAD_VERSION},
    {TEXT("HTTP/11.1 200 OK\r\n"), HTTP_BAD_VERSION},
    {TEXT("HTTP/1.1  200 OK\r\n"), HTTP_BAD_STATUS},
    {TEXT("HTTP/1.1 20 OK\r\n"), HTTP_BAD_STATUS},
    {TEXT("HTTP/1.1 2000 OK\r\n"), HTTP_BAD_STATUS},
    {TEXT("HTTP/1.1 099 OK\r\n"), HTTP_BAD_STATUS},
    {TEXT("HTTP/1.1 +20 OK\r\n"), HTTP_BAD_STATUS},
    {TEXT("HTTP/1.1 200OK\r\n"), HTTP_BAD_STATUS},
    {TEXT("HTTP/1.1 \r\n"), HTTP_BAD_STATUS},
    {TEXT("HTTP/1.1 200 O\0K\r\n"), HTTP_BAD_CONTROL},
    {TEXT("HTTP/1.1 200 OK\n"), HTTP_BAD_BARE_LF},
    {TEXT(OK "X: a\rb\r\n"), HTTP_BAD_BARE_CR},
    {TEXT(OK "X: a\r\n b\r\n"), HTTP_BAD_FOLD},
    {TEXT(OK "X : a\r\n"), HTTP_BAD_COLON},
    {TEXT(OK "<html>\r\n"), HTTP_BAD_NO_COLON},
    {TEXT(OK CL "1\r\n" TE "chunked\r\n\r\n"), HTTP_BAD_BOTH},
    {TEXT(OK CL "1\r\n" CL "2\r\n"), HTTP_BAD_TWO_LENGTHS},
    {TEXT(OK CL "1\r\n" CL "1\r\n"), HTTP_BAD_TWO_LENGTHS},
    {TEXT(OK CL "1, 1\r\n\r\n"), HTTP_BAD_LENGTH},
    {TEXT(OK CL "x\r\n\r\n"), HTTP_BAD_LENGTH},
    {TEXT(OK TE "gzip, chunked\r\n\r\n"), HTTP_BAD_CODING},
    {TEXT(OK TE "gzip\r\n\r\n"), HTTP_BAD_CODING},
    {TEXT("HTTP/1.0 200 OK\r\n" TE "chunked\r\n\r\n"), HTTP_BAD_OLD_CODING},
    {TEXT(OK "Content-Range: bytes 0-1/2\r\nContent-Range: bytes 0-1/3\r\n"),
	HTTP_BAD_TWICE},
    {TEXT(OK "Content-Disposition: inline\r\n"
	     "Content-Disposition: attachment\r\n"),
	HTTP_BAD_TWICE},
    {TEXT(OK "Connection: Content-Type\r\n\r\n"), HTTP_BAD_CONNECTION},
};

static void
responses_that_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(bad_responses); i++) {
		const struct refused *r = &bad_responses[i];

		assert_int_equal(answer(r->text, HTTP_GET), HTTP_HEAD_BAD);
		assert_string_equal(
		    http_bad_word(res.head.bad), http_bad_word(r->bad));
		assert_int_equal(
		    answer_slowly(r->text, HTTP_GET), HTTP_HEAD_BAD);
		assert_int_equal(res.head.bad, r->bad);
	}
}

/* RFC 9112 6.3, in its order. */
static const struct {
	enum http_method asked;
	struct taken t;
} good_responses[] = {
    {HTTP_HEAD, {TEXT(OK CL "5\r\n\r\n"), HTTP_BODY_NONE, 0, true}},
    {HTTP_HEAD, {TEXT(OK TE "chunked\r\n\r\n"), HTTP_BODY_NONE, 0, true}},
    {HTTP_HEAD, {TEXT(OK "\r\n"), HTTP_BODY_NONE, 0, true}},
    {HTTP_GET,
	{TEXT("HTTP/1.1 100 Continue\r\n\r\n"), HTTP_BODY_NONE, 0, true}},
    {HTTP_GET, {TEXT("HTTP/1.1 204\r\n\r\n"), HTTP_BODY_NONE, 0, true}},
    {HTTP_GET,
	{TEXT("HTTP/1.1 204 \r\n" CL "0\r\n\r\n"), HTTP_BODY_NONE, 0, true}},
    {HTTP_GET,
	{TEXT("HTTP/1.1 204 x\r\n" CL "5\r\n\r\n"), HTTP_BODY_NONE, 0, false}},
    {HTTP_GET,
	{TEXT("HTTP/1.1 204 x\r\n" TE "chunked\r\n\r\n"), HTTP_BODY_NONE, 0,
	    false}},
    {HTTP_GET,
	{TEXT("HTTP/1.1 304 Not\r\n" CL "5\r\n\r\n"), HTTP_BODY_NONE, 0, true}},
    {HTTP_CONNECT, {TEXT(OK CL "5\r\n\r\n"), HTTP_BODY_TUNNEL, 0, false}},
    {HTTP_CONNECT,
	{TEXT(OK TE "x\r\n" CL "y\r\n\r\n"), HTTP_BODY_TUNNEL, 0, false}},
    {HTTP_CONNECT,
	{TEXT("HTTP/1.1 403 No\r\n" CL "5\r\n\r\n"), HTTP_BODY_LENGTH, 5,
	    true}},
    {HTTP_GET,
	{TEXT("HTTP/1.1 101 Go\r\nConnection: upgrade\r\n\r\n"),
	    HTTP_BODY_TUNNEL, 0, false}},
    {HTTP_GET, {TEXT(OK TE "chunked\r\n\r\n"), HTTP_BODY_CHUNKED, 0, true}},
    {HTTP_GET, {TEXT(OK CL "5\r\n\r\n"), HTTP_BODY_LENGTH, 5, true}},
    {HTTP_GET,
	{TEXT(OK CL "5\r\nConnection: close\r\n\r\n"), HTTP_BODY_LENGTH, 5,
	    false}},
    {HTTP_GET, {TEXT(OK "\r\n"), HTTP_BODY_CLOSE, 0, false}},
    {HTTP_GET, {TEXT("HTTP/1.0 200\r\n\r\n"), HTTP_BODY_CLOSE, 0, false}},
    {HTTP_GET,
	{TEXT("HTTP/1.0 200 OK\r\n" CL "5\r\n\r\n"), HTTP_BODY_LENGTH, 5,
	    false}},
    {HTTP_GET,
	{TEXT("HTTP/1.0 200 OK\r\n" CL "5\r\nConnection: Keep-Alive\r\n\r\n"),
	    HTTP_BODY_LENGTH, 5, true}},
    {HTTP_GET,
	{TEXT("HTTP/1.1 999 No\r\n" CL "0\r\n\r\n"), HTTP_BODY_LENGTH, 0,
	    true}},
};

static void
responses_that_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(good_responses); i++) {
		const struct taken *t = &good_responses[i].t;
		enum http_method asked = good_responses[i].asked;
		enum http_head_is is = answer(t->text, asked);

		if (is != HTTP_HEAD_DONE || res.head.framing.is != t->body)
			print_error("%.*s\n", (int)t->text.len, t->text.at);
		assert_int_equal(is, HTTP_HEAD_DONE);
		assert_int_equal(res.head.framing.is, t->body);
		assert_int_equal(res.head.framing.length, t->length);
		assert_int_equal(res.head.goes_on, t->goes_on);
		assert_int_equal(answer_slowly(t->text, asked), HTTP_HEAD_DONE);
		assert_int_equal(res.head.size, t->text.len);
	}
}

static void
what_a_response_says(void **state)
{
	(void)state;
	assert_int_equal(answer(slice_of("HTTP/1.1 418 I'm a  caf\xe9\r\n"
					 "ETag: \"x\"\r\n\r\n"),
			     HTTP_GET),
	    HTTP_HEAD_DONE);
	assert_int_equal(res.status, 418);
	assert_true(slice_is(http_at(&res.head, res.reason), "I'm a  caf\xe9"));
	assert_true(slice_is(http_value(&res.head, HTTP_FIELD_ETAG), "\"x\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_that_are_refused),
	    cmocka_unit_test(requests_that_are_taken),
	    cmocka_unit_test(what_a_request_says),
	    cmocka_unit_test(bytes_may_move),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(so_many_fields),
	    cmocka_unit_test(responses_that_are_refused),
	    cmocka_unit_test(responses_that_are_taken),
	    cmocka_unit_test(what_a_response_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
