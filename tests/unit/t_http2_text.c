/*
 * t_http2_text: heads of HTTP/2 to those of HTTP/1.1 and back.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "protocols/http/http2_text.h"

#define LIMIT 4096

struct pair {
	const char *name, *value;
};

#define END \
	{ \
		NULL, NULL \
	}
#define BASE \
	{":method", "GET"}, {":scheme", "https"}, {":authority", "a.test"}, \
	{ \
		":path", "/x?y" \
	}

/* What comes of them; it is valid until the next one. */
static const char *
read_them(const struct pair *p, bool request, bool ended, bool bare,
    const char **bad_r)
{
	static struct buf to;
	static bool begun;
	struct http2_read r;
	bool chunked;

	if (!begun)
		buf_init(&to, (size_t)8 * LIMIT);
	begun = true;
	buf_clear(&to);
	http2_read_init(&r, request, LIMIT);
	for (; p->name != NULL; p++)
		http2_read_field(&r, slice_of(p->name), slice_of(p->value));
	*bad_r = http2_read_text(&r, &to, ended, bare, &chunked);
	if (*bad_r == NULL)
		assert_int_equal(chunked,
		    strstr(buf_text(&to), "transfer-encoding: chunked") !=
			NULL);
	http2_read_free(&r);
	return buf_text(&to);
}

static void
test_requests(void **state)
{
	static const struct {
		struct pair fields[8];
		bool ended;
		const char *text;
	} good[] = {
	    {{BASE, END}, true, "GET /x?y HTTP/1.1\r\nhost: a.test\r\n\r\n"},
	    {{BASE, END}, false,
		"GET /x?y HTTP/1.1\r\nhost: a.test\r\n"
		"transfer-encoding: chunked\r\n\r\n"},
	    {{BASE, {"content-length", "5"}, END}, false,
		"GET /x?y HTTP/1.1\r\nhost: a.test\r\n"
		"content-length: 5\r\n\r\n"},
	    {{BASE, {"host", "A.TEST"}, {"te", "trailers"}, END}, true,
		"GET /x?y HTTP/1.1\r\nhost: a.test\r\nte: trailers\r\n\r\n"},
	    {{BASE, {"cookie", "a=1"}, {"x", ""}, {"cookie", "b=2"}, END}, true,
		"GET /x?y HTTP/1.1\r\nhost: a.test\r\nx: \r\n"
		"cookie: a=1; b=2\r\n\r\n"},
	    {{{":method", "OPTIONS"}, {":scheme", "https"}, {":path", "*"},
		 {"host", "a.test:8"}, END},
		true, "OPTIONS * HTTP/1.1\r\nhost: a.test:8\r\n\r\n"},
	    {{{":method", "CONNECT"}, {":authority", "a.test:443"}, END}, true,
		"CONNECT a.test:443 HTTP/1.1\r\nhost: a.test:443\r\n\r\n"},
	};
	const char *bad;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_string_equal(
		    read_them(good[i].fields, true, good[i].ended, false, &bad),
		    good[i].text);
		assert_null(bad);
	}
}

static void
test_what_no_request_may_say(void **state)
{
	static const struct {
		struct pair fields[8];
		const char *word;
	} bad[] = {
	    {{END}, "pseudo_header"},
	    {{{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, END},
		"authority"},
	    {{{":method", "GET"}, {":authority", "a"}, {":path", "/"}, END},
		"pseudo_header"},
	    {{BASE, {":path", "/"}, END}, "pseudo_header"},
	    {{BASE, {":status", "200"}, END}, "pseudo_header"},
	    {{BASE, {":protocol", "websocket"}, END}, "pseudo_header"},
	    {{{"x", "y"}, BASE, END}, "pseudo_header"},
	    {{{":method", "GET /"}, END}, "pseudo_header"},
	    {{{":method", "GET"}, {":scheme", "https"}, {":authority", "a"},
		 {":path", "/ HTTP/1.1"}, END},
		"pseudo_header"},
	    {{{":method", "GET"}, {":scheme", "https"}, {":authority", "a\r\n"},
		 {":path", "/"}, END},
		"pseudo_header"},
	    {{{":method", "GET"}, {":scheme", "https"}, {":authority", "a"},
		 {":path", "x"}, END},
		"path"},
	    {{{":method", "GET"}, {":scheme", "http"}, {":authority", "a"},
		 {":path", "/"}, END},
		"scheme"},
	    {{BASE, {"host", "b.test"}, END}, "two_hosts"},
	    {{BASE, {"host", "a.test"}, {"host", "a.test"}, END}, "host"},
	    {{BASE, {"X", "y"}, END}, "field_name"},
	    {{BASE, {"", "y"}, END}, "field_name"},
	    {{BASE, {"x y", "y"}, END}, "field_name"},
	    {{BASE, {"x:", "y"}, END}, "field_name"},
	    {{BASE, {"x\r\ny", "z"}, END}, "field_name"},
	    {{BASE, {"x", "y\r\nz: 1"}, END}, "field_value"},
	    {{BASE, {"x", "y\nz"}, END}, "field_value"},
	    {{BASE, {"x", " y"}, END}, "field_value"},
	    {{BASE, {"x", "y\t"}, END}, "field_value"},
	    {{BASE, {"connection", "close"}, END}, "connection_field"},
	    {{BASE, {"transfer-encoding", "chunked"}, END}, "connection_field"},
	    {{BASE, {"upgrade", "h2c"}, END}, "connection_field"},
	    {{BASE, {"te", "gzip"}, END}, "connection_field"},
	};
	const char *word, *text;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		text = read_them(bad[i].fields, true, true, false, &word);
		assert_non_null(word);
		assert_string_equal(word, bad[i].word);
		assert_string_equal(text, "");
	}
}

/* Its reader is to say so, and not we. */
static void
test_too_much_is_too_long(void **state)
{
	static char value[LIMIT];
	struct pair fields[] = {BASE, {"x", value}, END};
	static struct http_request_head head;
	const char *bad, *text;

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	text = read_them(fields, true, true, false, &bad);
	assert_null(bad);
	http_request_head_init(&head);
	assert_int_equal(
	    http_request_head(&head, slice_of(text), LIMIT), HTTP_HEAD_BAD);
	assert_int_equal(head.head.bad, HTTP_BAD_LONG_HEAD);
	fields[3].value = value; /* the path */
	(void)read_them(fields, true, true, false, &bad);
	assert_null(bad);
}

static void
test_answers(void **state)
{
	static const struct {
		struct pair fields[4];
		bool ended, bare;
		const char *text, *bad;
	} all[] = {
	    {{{":status", "200"}, {"x", "y"}, END}, false, false,
		"HTTP/1.1 200 \r\nx: y\r\ntransfer-encoding: chunked\r\n\r\n",
		NULL},
	    {{{":status", "200"}, END}, true, false,
		"HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n", NULL},
	    {{{":status", "200"}, END}, true, true, "HTTP/1.1 200 \r\n\r\n",
		NULL},
	    {{{":status", "304"}, END}, true, false, "HTTP/1.1 304 \r\n\r\n",
		NULL},
	    {{{":status", "103"}, {"link", "x"}, END}, false, false,
		"HTTP/1.1 103 \r\nlink: x\r\n\r\n", NULL},
	    {{{":status", "101"}, END}, false, false, "", "status"},
	    {{{":status", "20"}, END}, false, false, "", "status"},
	    {{{":status", "099"}, END}, false, false, "", "status"},
	    {{{"x", "y"}, END}, false, false, "", "status"},
	    {{{":status", "200"}, {":path", "/"}, END}, false, false, "",
		"pseudo_header"},
	    {{{":status", "200"}, {"upgrade", "x"}, END}, false, false, "",
		"connection_field"},
	};
	const char *bad;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_string_equal(read_them(all[i].fields, false,
					all[i].ended, all[i].bare, &bad),
		    all[i].text);
		if (all[i].bad == NULL)
			assert_null(bad);
		else
			assert_string_equal(bad, all[i].bad);
	}
}

/* ---- text to fields ---- */

static const char *
list(const struct http2_fields *f)
{
	static char text[1024];
	size_t n = 0;

	for (unsigned i = 0; i < f->n; i++) {
		struct slice name = http2_at(f, f->at[i].name);
		struct slice value = http2_at(f, f->at[i].value);

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s=%.*s\n",
		    (int)name.len, name.at, (int)value.len, value.at);
	}
	return text;
}

static void
test_a_request_to_fields(void **state)
{
	static struct http_request_head head;
	struct http2_fields f;

	(void)state;
	http_request_head_init(&head);
	assert_int_equal(http_request_head(&head,
			     slice_of("PUT /a?b HTTP/1.1\r\nHost: a.test:8\r\n"
				      "X-Y: Z\r\nTE: trailers\r\n"
				      "Connection: close\r\nVia: 1.1 gw\r\n"
				      "Transfer-Encoding: chunked\r\n\r\n"),
			     LIMIT),
	    HTTP_HEAD_DONE);
	http2_fields_init(&f);
	http2_put_request(&f, &head, "https");
	assert_string_equal(list(&f),
	    ":method=PUT\n:scheme=https\n:authority=a.test:8\n:path=/a?b\n"
	    "x-y=Z\nvia=1.1 gw\n");
	http2_fields_free(&f);
}

static void
test_an_answer_to_fields(void **state)
{
	static struct http_response_head head;
	struct http2_fields f;

	(void)state;
	http_response_head_init(&head, HTTP_GET);
	assert_int_equal(http_response_head(&head,
			     slice_of("HTTP/1.1 404 Not Found\r\n"
				      "Content-Length: 3\r\nKeep-Alive: x\r\n"
				      "Set-Cookie: a\r\nSet-Cookie: b\r\n\r\n"),
			     LIMIT),
	    HTTP_HEAD_DONE);
	http2_fields_init(&f);
	http2_put_response(&f, &head);
	assert_string_equal(list(&f),
	    ":status=404\ncontent-length=3\nset-cookie=a\nset-cookie=b\n");
	http2_fields_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_requests),
	    cmocka_unit_test(test_what_no_request_may_say),
	    cmocka_unit_test(test_too_much_is_too_long),
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_a_request_to_fields),
	    cmocka_unit_test(test_an_answer_to_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
