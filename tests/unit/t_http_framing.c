/*
 * t_http_framing: whole messages, one behind the other, as a session reads
 * them.  With an argument it reads standard input instead and prints what it
 * takes it for: "requests", or the method that a response answers.  That is
 * what e2e/test_http_framing.py holds against other readers.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "protocols/http/http_chunk.h"
#include "protocols/http/http_head.h"

#define LIMIT (64 * 1024)
#define INPUT_MAX (1024 * 1024)

/* What is printed, a line for each message, and one for the end. */
static struct buf out;

static void
hex_of(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		(void)buf_printf(&out, "%02x", (unsigned char)s.at[i]);
}

/* The body off *in.  NULL, or the last line. */
static const char *
chunked(struct slice *in)
{
	enum http_chunk_is is;
	struct http_chunks c;
	struct slice data;

	http_chunk_init(&c, NULL);
	while ((is = http_chunk(&c, in, &data)) == HTTP_CHUNK_DATA)
		hex_of(data);
	http_chunk_free(&c);
	if (is == HTTP_CHUNK_BAD)
		return http_bad_word(c.bad);
	return is == HTTP_CHUNK_MORE ? "more" : NULL;
}

static const char *
body(const struct http_framing *f, struct slice *in)
{
	struct slice data = *in;

	if (f->is == HTTP_BODY_CHUNKED)
		return chunked(in);
	if (f->is == HTTP_BODY_NONE || f->is == HTTP_BODY_TUNNEL)
		return NULL;
	if (f->is == HTTP_BODY_LENGTH && f->length > in->len)
		return "more";
	if (f->is == HTTP_BODY_LENGTH)
		data.len = (size_t)f->length;
	hex_of(data);
	*in = slice_skip(*in, data.len);
	return NULL;
}

static const char *
read_requests(struct slice in)
{
	static struct http_request_head r;
	const char *why;

	for (;;) {
		enum http_head_is is;

		http_request_head_init(&r);
		is = http_request_head(&r, in, LIMIT);
		if (is == HTTP_HEAD_BAD)
			return http_bad_word(r.head.bad);
		if (is == HTTP_HEAD_MORE)
			return in.len == 0 ? "end" : "more";
		hex_of(http_at(&r.head, r.word));
		(void)buf_puts(&out, " ");
		in = slice_skip(in, r.head.size);
		why = body(&r.head.framing, &in);
		(void)buf_puts(&out, "\n");
		if (why != NULL)
			return why;
		if (!r.head.goes_on)
			return "close";
	}
}

static const char *
read_response(struct slice in, enum http_method asked)
{
	static struct http_response_head r;
	enum http_head_is is;
	const char *why;

	do {
		http_response_head_init(&r, asked);
		is = http_response_head(&r, in, LIMIT);
		if (is == HTTP_HEAD_BAD)
			return http_bad_word(r.head.bad);
		if (is == HTTP_HEAD_MORE)
			return "more";
		in = slice_skip(in, r.head.size);
	} while (r.status / 100 == 1 && r.status != 101);
	(void)buf_printf(&out, "%u ", r.status);
	why = body(&r.head.framing, &in);
	(void)buf_puts(&out, "\n");
	if (why != NULL)
		return why;
	return r.head.goes_on ? "end" : "close";
}

static const char *
all_of(struct slice in, const char *what)
{
	const char *last;

	buf_clear(&out);
	if (strcmp(what, "requests") == 0)
		last = read_requests(in);
	else
		last = read_response(in, http_method_of(slice_of(what)));
	(void)buf_printf(&out, "%s\n", last);
	return buf_text(&out);
}

static int
print_input(const char *what)
{
	static char input[INPUT_MAX];
	size_t n = fread(input, 1, sizeof(input), stdin);

	(void)fputs(all_of((struct slice){input, n}, what), stdout);
	return n < sizeof(input) ? 0 : 1;
}

/* ---- on its own ---- */

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

static void
requests_one_behind_the_other(void **state)
{
	(void)state;
	assert_string_equal(
	    all_of(slice_of(GET POST "Content-Length: 3\r\n\r\nabc\r\n" GET),
		"requests"),
	    "474554 \n504f5354 616263\n474554 \nend\n");
	assert_string_equal(
	    all_of(slice_of(POST "Transfer-Encoding: chunked\r\n\r\n"
				 "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n" GET),
		"requests"),
	    "504f5354 616263\n474554 \nend\n");
	/* what is smuggled behind a body that ends early is no request */
	assert_string_equal(
	    all_of(slice_of(POST "Content-Length: 5\r\n"
				 "Transfer-Encoding: chunked\r\n\r\n"
				 "0\r\n\r\n" GET),
		"requests"),
	    "length_coding\n");
	assert_string_equal(
	    all_of(
		slice_of(POST "Content-Length: 100\r\n\r\n" GET), "requests"),
	    "504f5354 \nmore\n");
	assert_string_equal(
	    all_of(slice_of("GET / HTTP/1.0\r\n\r\n" GET), "requests"),
	    "474554 \nclose\n");
}

static void
one_response(void **state)
{
	(void)state;
	assert_string_equal(
	    all_of(slice_of("HTTP/1.1 100 Continue\r\n\r\n"
			    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd"),
		"GET"),
	    "200 616263\nend\n");
	assert_string_equal(
	    all_of(slice_of("HTTP/1.1 200 OK\r\n\r\nabc"), "GET"),
	    "200 616263\nclose\n");
	assert_string_equal(
	    all_of(slice_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"),
		"HEAD"),
	    "200 \nend\n");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_one_behind_the_other),
	    cmocka_unit_test(one_response),
	};
	int status;

	buf_init(&out, 4 * INPUT_MAX);
	status = argc > 1 ? print_input(argv[1])
			  : cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&out);
	return status;
}
