/*
 * t_http_field: lists, parameters, Connection, Via, codings, and the names a
 * file may get.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/http/http_field.h"
#include "protocols/http/http_line.h"
#include "protocols/http/http_list.h"
#include "proxy/base/mem.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct http_response_head res;
static char text[8192];

/* A response with these fields ("A: b\r\n..."). */
static const struct http_head *
with(const char *fields)
{
	int n =
	    snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s\r\n", fields);

	http_response_head_init(&res, HTTP_GET);
	assert_int_equal(
	    http_response_head(&res, (struct slice){text, (size_t)n}, 65536),
	    HTTP_HEAD_DONE);
	return &res.head;
}

static struct http_list
list_of(const char *value)
{
	struct http_list l;

	http_list_of(&l, slice_of(value));
	return l;
}

static void
lists(void **state)
{
	static const char *const want[] = {"a", "b c", "\"x,\\\",y\" z", "d"};
	struct http_list l = list_of(" , a,\tb c ,, \"x,\\\",y\" z ,d,");
	struct slice s;

	(void)state;
	for (size_t i = 0; i < N(want); i++) {
		assert_int_equal(http_list_next(&l, &s), 1);
		assert_true(slice_is(s, want[i]));
	}
	assert_int_equal(http_list_next(&l, &s), 0);
	assert_int_equal(http_list_next(&l, &s), 0);
	l = list_of("a, \"b");
	assert_int_equal(http_list_next(&l, &s), 1);
	assert_int_equal(http_list_next(&l, &s), -1);
	l = list_of("\"b\\\"");
	assert_int_equal(http_list_next(&l, &s), -1);
	http_list_init(&l, with("Via: a\r\nX: b\r\nvia:\r\nVIA: c, d\r\n"),
	    HTTP_FIELD_VIA);
	for (const char *c = "acd"; *c != '\0'; c++) {
		assert_int_equal(http_list_next(&l, &s), 1);
		assert_true(s.len == 1 && *s.at == *c);
	}
	assert_int_equal(http_list_next(&l, &s), 0);
}

static const struct {
	const char *value, *name, *want; /* NULL: -1; "-": not there */
} params[] = {
    {"a/b; charset=utf-8", "CHARSET", "utf-8"},
    {"a/b;charset=\"utf-8\"", "charset", "utf-8"},
    {"a/b ; x=1;; charset=\"a\\\"b;c\"", "charset", "a\"b;c"},
    {"a/b; x=\"; charset=no\"", "charset", "-"},
    {"a/b", "charset", "-"},
    {"a/b; charset", "charset", NULL},
    {"a/b; charset=", "charset", NULL},
    {"a/b; charset=a b", "charset", NULL},
    {"a/b; charset=a; charset=b", "charset", NULL},
    {"a/b; charset=\"a", "charset", NULL},
    {"a/b; (=1", "charset", NULL},
    {"a/b; charset=0123456789abcdef", "charset", NULL},
    {"a/b; charset=0123456789abcde", "charset", "0123456789abcde"},
};

static void
parameters(void **state)
{
	char to[16];

	(void)state;
	for (size_t i = 0; i < N(params); i++) {
		const char *want = params[i].want;
		int got = http_param(
		    slice_of(params[i].value), params[i].name, to, sizeof(to));

		if (want == NULL || *want == '-') {
			if (got != (want == NULL ? -1 : 0))
				fail_msg("row %zu: %d", i, got);
			continue;
		}
		assert_int_equal(got, 1);
		assert_string_equal(to, want);
	}
}

static void
numbers(void **state)
{
	static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "0x1",
	    "1.0", "9223372036854775808", "00000000000000000001"};
	uint64_t n;

	(void)state;
	assert_int_equal(http_number(slice_of("9223372036854775807"), &n), 0);
	assert_int_equal(n, INT64_MAX);
	assert_int_equal(http_number(slice_of("007"), &n), 0);
	assert_int_equal(n, 7);
	for (size_t i = 0; i < N(bad); i++)
		assert_int_equal(http_number(slice_of(bad[i]), &n), -1);
}

static void
what_ends_here(void **state)
{
	const struct http_head *h =
	    with("Connection: X-Mine, Keep-Alive\r\nconnection: close\r\n"
		 "X-Mine: 1\r\nx-mine: 2\r\nX-Yours: 3\r\nKeep-Alive: 5\r\n"
		 "Upgrade: a\r\nTE: trailers\r\nETag: \"x\"\r\n"
		 "Proxy-Authenticate: Basic\r\nClose: 1\r\n");
	static const bool hop[] = {
	    1, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1 /* named "close" */};

	(void)state;
	assert_int_equal(h->n, N(hop));
	for (unsigned i = 0; i < h->n; i++)
		assert_int_equal(http_is_hop(h, &h->fields[i]), hop[i]);
}

static void
upgrades(void **state)
{
	(void)state;
	assert_true(http_upgrades_to(
	    with("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"),
	    "websocket"));
	assert_false(
	    http_upgrades_to(with("Upgrade: websocket\r\n"), "websocket"));
	assert_false(
	    http_upgrades_to(with("Connection: upgrade\r\n"), "websocket"));
	assert_false(http_upgrades_to(
	    with("Connection: upgrade\r\nUpgrade: h2c\r\n"), "websocket"));
}

static void
via(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 200);
	assert_false(http_via_has(with(""), "gw1"));
	assert_true(
	    http_via_has(with("Via: 1.1 a, HTTP/1.0 GW1 (x)\r\n"), "gw1"));
	assert_true(
	    http_via_has(with("Via: 1.1 a\r\nVia: 1.1\tgw1\r\n"), "gw1"));
	assert_false(
	    http_via_has(with("Via: 1.1 gw11, 1.1 a (gw1)\r\n"), "gw1"));
	assert_false(http_via_has(with("Via: gw1\r\n"), "gw1"));
	assert_true(http_via_has(with("Via: 1.1 \"a, (b, 1.1 gw1\r\n"), "gw1"));
	assert_int_equal(http_via_put(&b, with(""), "gw1"), 0);
	assert_string_equal(buf_text(&b), "Via: 1.1 gw1\r\n");
	buf_clear(&b);
	assert_int_equal(
	    http_via_put(&b, with("Via: 1.0 a\r\nVia: 1.1 b (c)\r\n"), "gw1"),
	    0);
	assert_string_equal(buf_text(&b), "Via: 1.0 a, 1.1 b (c), 1.1 gw1\r\n");
	buf_free(&b);
}

static void
expectations(void **state)
{
	struct http_head *h;
	uint64_t n;

	(void)state;
	assert_int_equal(http_expect(with("")), HTTP_EXPECT_NONE);
	assert_int_equal(http_expect(with("Expect: 100-Continue\r\n")),
	    HTTP_EXPECT_CONTINUE);
	assert_int_equal(http_expect(with("Expect: 100-continue, x\r\n")),
	    HTTP_EXPECT_OTHER);
	assert_int_equal(http_expect(with("Expect: x\r\n")), HTTP_EXPECT_OTHER);
	assert_int_equal(
	    http_expect(with("Expect: \"x\r\n")), HTTP_EXPECT_OTHER);
	with("Expect: 100-continue\r\n");
	h = &res.head;
	h->minor = 0;
	assert_int_equal(http_expect(h), HTTP_EXPECT_NONE);
	assert_int_equal(http_max_forwards(with(""), &n), 0);
	assert_int_equal(
	    http_max_forwards(with("Max-Forwards: 10\r\n"), &n), 1);
	assert_int_equal(n, 10);
	assert_int_equal(
	    http_max_forwards(with("Max-Forwards: -1\r\n"), &n), -1);
}

static const struct {
	const char *fields;
	int n;
	enum http_coding list[4];
} coded[] = {
    {"", 0, {0}},
    {"Content-Encoding: gzip\r\n", 1, {HTTP_CODING_GZIP}},
    {"Content-Encoding: X-GZIP\r\n", 1, {HTTP_CODING_GZIP}},
    {"Content-Encoding: identity\r\n", 0, {0}},
    {"Content-Encoding:\r\n", 0, {0}},
    {"Content-Encoding: deflate, br\r\ncontent-encoding: zstd,identity\r\n", 3,
	{HTTP_CODING_DEFLATE, HTTP_CODING_BR, HTTP_CODING_ZSTD}},
    {"Content-Encoding: compress\r\n", 1, {HTTP_CODING_OTHER}},
    {"Content-Encoding: gzip;q=1\r\n", -1, {0}},
    {"Content-Encoding: gzip br\r\n", -1, {0}},
    {"Content-Encoding: \"gzip\"\r\n", -1, {0}},
    {"Content-Encoding: br,br,br,br,br,br,br,br,br\r\n", -1, {0}},
};

static void
codings(void **state)
{
	enum http_coding list[HTTP_CODINGS_MAX];

	(void)state;
	for (size_t i = 0; i < N(coded); i++) {
		int n = http_codings(with(coded[i].fields), list);

		assert_int_equal(n, coded[i].n);
		for (int k = 0; k < n; k++)
			assert_int_equal(list[k], coded[i].list[k]);
	}
}

static const struct {
	const char *fields, *want;
} accepted[] = {
    {"", "identity"},
    {"Accept-Encoding:\r\n", "identity"},
    {"Accept-Encoding: gzip, deflate, br, zstd\r\n", "gzip, br, zstd"},
    {"Accept-Encoding: deflate, compress, sdch, dcb\r\n", "identity"},
    {"Accept-Encoding: GZIP;q=0.5\r\naccept-encoding: br;q=1.0\r\n",
	"gzip;q=0.500, br"},
    {"Accept-Encoding: gzip;q=0, br ; Q=0.001\r\n", "br;q=0.001"},
    {"Accept-Encoding: gzip;q=2, br;q=x\r\n", "identity"},
    {"Accept-Encoding: *\r\n", "gzip, br, zstd, identity"},
    {"Accept-Encoding: *;q=0.1, br, identity;q=0\r\n",
	"gzip;q=0.100, br, zstd;q=0.100"},
    {"Accept-Encoding: *;q=0\r\n", "identity"},
    {"Accept-Encoding: identity\r\n", "identity"},
    {"Accept-Encoding: x-gzip\r\n", "x-gzip"},
};

static void
what_may_be_sent(void **state)
{
	char to[HTTP_ACCEPT_MAX];

	(void)state;
	for (size_t i = 0; i < N(accepted); i++)
		assert_string_equal(
		    http_accept_encoding(with(accepted[i].fields), to),
		    accepted[i].want);
}

static void
types(void **state)
{
	char to[HTTP_TYPE_MAX];

	(void)state;
	assert_string_equal(
	    http_media_type(with("Content-Type: Text/HTML; charset=x\r\n"), to),
	    "text/html");
	assert_string_equal(http_media_type(with(""), to), "");
	assert_string_equal(
	    http_media_type(with("Content-Type: text\r\n"), to), "");
	assert_string_equal(
	    http_media_type(with("Content-Type: text/a b\r\n"), to), "");
	assert_true(http_accepts(with("Accept: a/b, Text/Event-Stream;q=1\r\n"),
	    "text/event-stream"));
	assert_false(
	    http_accepts(with("Accept: */*\r\n"), "text/event-stream"));
	assert_false(http_accepts(with(""), "text/event-stream"));
}

#define CD "Content-Disposition: attachment; "

static const struct {
	const char *fields, *path, *want[4];
} named[] = {
    {"", "/", {NULL}},
    {"", "/a/b.txt", {"b.txt"}},
    {"", "/a%2Fb%00.exe", {"b_.exe"}},
    {"", "/caf%C3%A9", {"caf\xc3\xa9"}},
    {"Content-Disposition: attachment\r\n", "/x", {"x"}},
    {CD "filename=a.txt\r\n", "/a.txt", {"a.txt"}},
    {CD "filename=\"a b.txt\"\r\n", "/", {"a b.txt"}},
    {CD "filename=a b.txt\r\n", "/", {"a b.txt"}},
    {CD "FileName=\"a\\\"b\"\r\n", "/", {"a\"b", "\"b"}},
    {CD "filename=\"../../etc/x\"\r\n", "/", {"x"}},
    {CD "filename=\"C:\\\\x\\\\y.exe\"\r\n", "/", {"y.exe"}},
    {CD "filename=\"C:\\x\\y.exe\"\r\n", "/", {"C:xy.exe", "y.exe"}},
    {CD "filename=\"a%2eexe\"\r\n", "/", {"a%2eexe", "a.exe"}},
    {CD "filename=a.txt; filename*=UTF-8'en'%e2%82%ac.exe\r\n", "/",
	{"\xe2\x82\xac.exe", "a.txt"}},
    {CD "filename*=iso-8859-1''caf%e9.exe\r\n", "/", {"caf\xc3\xa9.exe"}},
    {CD "filename*=x.exe\r\n", "/", {NULL}},
    {CD "filename*=UTF-8'x.exe\r\n", "/", {NULL}},
    {CD "filename=a; filename=b\r\n", "/", {"a", "b"}},
    {CD "filename=\"a;b.exe\r\n", "/", {"a;b.exe", "\"a;b.exe"}},
    {CD "filename=\"a\r\n", "/c", {"a", "\"a", "c"}},
    {CD "filename\r\n", "/c", {"c"}},
    {CD "filename=\r\n", "/c", {"c"}},
    {"Content-Type: a/b; name=\"n.exe\"\r\n", "/p", {"n.exe", "p"}},
    {CD "filename=a\tb\r\n", "/", {"a_b"}},
};

static void
names(void **state)
{
	struct http_names list;

	(void)state;
	for (size_t i = 0; i < N(named); i++) {
		unsigned n = http_names(
		    with(named[i].fields), slice_of(named[i].path), &list);

		for (unsigned k = 0; k < n; k++) {
			if (named[i].want[k] == NULL)
				fail_msg("row %zu: %s", i, list.list[k]);
			assert_string_equal(list.list[k], named[i].want[k]);
		}
		assert_null(named[i].want[n]);
	}
}

static void
long_names_keep_their_end(void **state)
{
	struct http_names list;
	char path[2048];

	(void)state;
	memset(path, 'a', sizeof(path));
	(void)copy_text(path + sizeof(path) - 5, 5, ".exe");
	assert_int_equal(http_names(with(""), slice_of(path), &list), 1);
	assert_true(strlen(list.list[0]) >= 190);
	assert_string_equal(list.list[0] + strlen(list.list[0]) - 5, "a.exe");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lists),
	    cmocka_unit_test(parameters),
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(what_ends_here),
	    cmocka_unit_test(upgrades),
	    cmocka_unit_test(via),
	    cmocka_unit_test(expectations),
	    cmocka_unit_test(codings),
	    cmocka_unit_test(what_may_be_sent),
	    cmocka_unit_test(types),
	    cmocka_unit_test(names),
	    cmocka_unit_test(long_names_keep_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
