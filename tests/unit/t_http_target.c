/*
 * t_http_target: request targets and hosts: what is taken, as what, and what
 * is refused; and the one URL that many ways of writing it become.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/http/http_target.h"
#include "proxy/base/mem.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *text, *name;
	enum http_host_is is;
	unsigned port;
} hosts[] = {
    {"a", "a", HTTP_HOST_NAME, 0},
    {"Example.ORG", "example.org", HTTP_HOST_NAME, 0},
    {"example.org.", "example.org", HTTP_HOST_NAME, 0},
    {"example.org:8080", "example.org", HTTP_HOST_NAME, 8080},
    {"example.org:", "example.org", HTTP_HOST_NAME, 0},
    {"example.org.:65535", "example.org", HTTP_HOST_NAME, 65535},
    {"under_score.-a-.x", "under_score.-a-.x", HTTP_HOST_NAME, 0},
    {"xn--caf-dma.example", "xn--caf-dma.example", HTTP_HOST_NAME, 0},
    {"1a", "1a", HTTP_HOST_NAME, 0},
    {"1.2.3.4a", "1.2.3.4a", HTTP_HOST_NAME, 0},
    {"127.0.0.1.example", "127.0.0.1.example", HTTP_HOST_NAME, 0},
    {"0xg", "0xg", HTTP_HOST_NAME, 0},
    {"127.0.0.1", "127.0.0.1", HTTP_HOST_V4, 0},
    {"127.0.0.1:80", "127.0.0.1", HTTP_HOST_V4, 80},
    {"0.0.0.0", "0.0.0.0", HTTP_HOST_V4, 0},
    {"[::1]", "::1", HTTP_HOST_V6, 0},
    {"[::1]:443", "::1", HTTP_HOST_V6, 443},
    {"[::1]:", "::1", HTTP_HOST_V6, 0},
    {"[2001:0DB8:0:0:0:0:0:1]", "2001:db8::1", HTTP_HOST_V6, 0},
    {"[::ffff:127.0.0.1]", "::ffff:127.0.0.1", HTTP_HOST_V6, 0},
};

static void
hosts_that_are_taken(void **state)
{
	struct http_host h;

	(void)state;
	for (size_t i = 0; i < N(hosts); i++) {
		assert_int_equal(
		    http_host(slice_of(hosts[i].text), &h), HTTP_BAD_NONE);
		assert_string_equal(h.name, hosts[i].name);
		assert_int_equal(h.is, hosts[i].is);
		assert_int_equal(h.port, hosts[i].port);
	}
}

/* What inet_aton(3) or a browser would take for an address, and the rest. */
static const char *const no_hosts[] = {"", ".", "..", ".a", "a..b", "a..",
    "0x7f.1", "0x7f000001", "0x7F.0.0.0x1", "0x", "127.1", "127.0.1",
    "2130706433", "0177.0.0.1", "127.0.0.01", "127.0.0.1.", "256.0.0.1",
    "1.2.3", "1.2.3.4.5", "a.1", "a.0x1", "0", "00000000000000000001",
    "caf\xc3\xa9", "a%2eb", "a b", "a/b", "a?b", "a#b", "a\\b", "a,b", "a;b",
    "(a)", "*", "a:b", "a:80:80", "::1", "2001:db8::1", "a:0", "a:65536",
    "a:080", "a:+80", "a:-1", "a:8 0", "a: 80", ":80", ":", "[", "[]", "[]:80",
    "[::1", "::1]", "[::1]x", "[::1]80", "[::1%25eth0]", "[::1%eth0]", "[v1.x]",
    "[127.0.0.1]", "[a]", "[::1]:0", "[::1]:x", "[:::1]", "[::010.0.0.1]",
    "[1::2::3]", "[[::1]]", "x[::1]"};

static void
hosts_that_are_refused(void **state)
{
	struct http_host h;

	(void)state;
	for (size_t i = 0; i < N(no_hosts); i++) {
		if (http_host(slice_of(no_hosts[i]), &h) != HTTP_BAD_AUTHORITY)
			fail_msg("%s", no_hosts[i]);
	}
	assert_int_equal(
	    http_host((struct slice){"a\0b", 3}, &h), HTTP_BAD_AUTHORITY);
	assert_int_equal(
	    http_host((struct slice){"[::1\0]", 6}, &h), HTTP_BAD_AUTHORITY);
	assert_int_equal(http_host(slice_of("u@a"), &h), HTTP_BAD_USERINFO);
	assert_int_equal(http_host(slice_of("a@"), &h), HTTP_BAD_USERINFO);
}

static void
long_hosts(void **state)
{
	struct http_host h;
	char text[300];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(
	    http_host((struct slice){text, 63}, &h), HTTP_BAD_NONE);
	assert_int_equal(
	    http_host((struct slice){text, 64}, &h), HTTP_BAD_AUTHORITY);
	for (size_t i = 50; i < sizeof(text); i += 51)
		text[i] = '.';
	assert_int_equal(
	    http_host((struct slice){text, 253}, &h), HTTP_BAD_NONE);
	assert_int_equal(
	    http_host((struct slice){text, 254}, &h), HTTP_BAD_AUTHORITY);
}

static const struct {
	const char *text;
	bool connect;
	enum http_form form;
	enum http_scheme scheme;
	const char *user, *host, *path, *query; /* query NULL: none */
} targets[] = {
    {"/", false, HTTP_FORM_ORIGIN, 0, "", "", "/", NULL},
    {"/a/b?", false, HTTP_FORM_ORIGIN, 0, "", "", "/a/b", ""},
    {"//a/b", false, HTTP_FORM_ORIGIN, 0, "", "", "//a/b", NULL},
    {"/a?b?c=/d|{}^", false, HTTP_FORM_ORIGIN, 0, "", "", "/a", "b?c=/d|{}^"},
    {"/%zz[]", false, HTTP_FORM_ORIGIN, 0, "", "", "/%zz[]", NULL},
    {"/http://u@a/", false, HTTP_FORM_ORIGIN, 0, "", "", "/http://u@a/", NULL},
    {"*", false, HTTP_FORM_ASTERISK, 0, "", "", "", NULL},
    {"http://a", false, HTTP_FORM_ABSOLUTE, HTTP_SCHEME_HTTP, "", "a", "",
	NULL},
    {"HTTP://A:81/x@y?z", false, HTTP_FORM_ABSOLUTE, HTTP_SCHEME_HTTP, "", "a",
	"/x@y", "z"},
    {"https://a?q", false, HTTP_FORM_ABSOLUTE, HTTP_SCHEME_HTTPS, "", "a", "",
	"q"},
    {"http://a?x@y/z", false, HTTP_FORM_ABSOLUTE, HTTP_SCHEME_HTTP, "", "a", "",
	"x@y/z"},
    {"http://[::1]:81/", false, HTTP_FORM_ABSOLUTE, HTTP_SCHEME_HTTP, "", "::1",
	"/", NULL},
    {"ftp://u:p%40@a/f", false, HTTP_FORM_ABSOLUTE, HTTP_SCHEME_FTP, "u:p%40",
	"a", "/f", NULL},
    {"ftp://a/f", false, HTTP_FORM_ABSOLUTE, HTTP_SCHEME_FTP, "", "a", "/f",
	NULL},
    {"A:443", true, HTTP_FORM_AUTHORITY, 0, "", "a", "", NULL},
    {"[::1]:443", true, HTTP_FORM_AUTHORITY, 0, "", "::1", "", NULL},
};

static bool
says(const char *text, struct http_span s, const char *what)
{
	return slice_is((struct slice){text + s.at, s.len}, what);
}

static void
targets_that_are_taken(void **state)
{
	struct http_target t;

	(void)state;
	for (size_t i = 0; i < N(targets); i++) {
		const char *text = targets[i].text;

		assert_int_equal(
		    http_target(slice_of(text), targets[i].connect, &t),
		    HTTP_BAD_NONE);
		assert_int_equal(t.form, targets[i].form);
		assert_int_equal(t.scheme, targets[i].scheme);
		assert_string_equal(t.host.name, targets[i].host);
		assert_true(says(text, t.user, targets[i].user));
		assert_true(says(text, t.path, targets[i].path));
		assert_int_equal(t.has_query, targets[i].query != NULL);
		if (targets[i].query != NULL)
			assert_true(says(text, t.query, targets[i].query));
	}
}

static const struct {
	const char *text;
	bool connect;
	enum http_bad bad;
} no_targets[] = {
    {"", false, HTTP_BAD_TARGET},
    {"a", false, HTTP_BAD_TARGET},
    {"a/b", false, HTTP_BAD_TARGET},
    {"?a", false, HTTP_BAD_TARGET},
    {"**", false, HTTP_BAD_TARGET},
    {"/a b", false, HTTP_BAD_TARGET},
    {"/a#b", false, HTTP_BAD_TARGET},
    {"/a\\b", false, HTTP_BAD_TARGET},
    {"/\"", false, HTTP_BAD_TARGET},
    {"/<b>", false, HTTP_BAD_TARGET},
    {"/caf\xc3\xa9", false, HTTP_BAD_TARGET},
    {"/\x01", false, HTTP_BAD_TARGET},
    {"/\x7f", false, HTTP_BAD_TARGET},
    {"http:/a", false, HTTP_BAD_TARGET},
    {"http:a", false, HTTP_BAD_TARGET},
    {"http:\\\\a", false, HTTP_BAD_TARGET},
    {"http", false, HTTP_BAD_TARGET},
    {"a:443", false, HTTP_BAD_TARGET},
    {"javascript:1", false, HTTP_BAD_TARGET},
    {"ws://a/", false, HTTP_BAD_SCHEME},
    {"file:///etc", false, HTTP_BAD_SCHEME},
    {"://a", false, HTTP_BAD_SCHEME},
    {"http://", false, HTTP_BAD_AUTHORITY},
    {"http:///a", false, HTTP_BAD_AUTHORITY},
    {"http://?a", false, HTTP_BAD_AUTHORITY},
    {"http://:80/", false, HTTP_BAD_AUTHORITY},
    {"http://0x7f.1/", false, HTTP_BAD_AUTHORITY},
    {"http://0177.0.0.1/", false, HTTP_BAD_AUTHORITY},
    {"http://a%2f/", false, HTTP_BAD_AUTHORITY},
    {"http://u@a/", false, HTTP_BAD_USERINFO},
    {"http://@a/", false, HTTP_BAD_USERINFO},
    {"http://u:p@a/", false, HTTP_BAD_USERINFO},
    {"https://a:80@b/", false, HTTP_BAD_USERINFO},
    {"ftp://u@v@a/", false, HTTP_BAD_USERINFO},
    {"ftp://u@/", false, HTTP_BAD_AUTHORITY},
    {"a", true, HTTP_BAD_AUTHORITY},
    {"a:", true, HTTP_BAD_AUTHORITY},
    {"a:443/", true, HTTP_BAD_AUTHORITY},
    {"a:443?", true, HTTP_BAD_AUTHORITY},
    {"u@a:443", true, HTTP_BAD_USERINFO},
    {"/", true, HTTP_BAD_FORM},
    {"*", true, HTTP_BAD_FORM},
    {"http://a:443", true, HTTP_BAD_FORM},
};

static void
targets_that_are_refused(void **state)
{
	struct http_target t;
	enum http_bad bad;

	(void)state;
	for (size_t i = 0; i < N(no_targets); i++) {
		bad = http_target(
		    slice_of(no_targets[i].text), no_targets[i].connect, &t);
		if (bad != no_targets[i].bad)
			fail_msg(
			    "%s: %s", no_targets[i].text, http_bad_word(bad));
	}
}

static const struct {
	const char *text, *url;
} urls[] = {
    {"http://a", "http://a/"},
    {"HTTP://EXAMPLE.org.:80/", "http://example.org/"},
    {"https://a:443/x", "https://a/x"},
    {"https://a:80/x", "https://a:80/x"},
    {"http://[0::1]:80/", "http://[::1]/"},
    {"http://[::1]:81", "http://[::1]:81/"},
    {"http://a/%7eb/%41%2F%2f%c3%A9", "http://a/~b/A%2F%2F%C3%A9"},
    {"http://a/%zz%4", "http://a/%25zz%254"},
    {"http://a/%%34%31?%%34%31", "http://a/%2541?%2541"},
    {"http://a/./b/../c", "http://a/c"},
    {"http://a/../../c", "http://a/c"},
    {"http://a/b/..", "http://a/"},
    {"http://a/b/.", "http://a/b/"},
    {"http://a/b/c/..", "http://a/b/"},
    {"http://a/%2e%2E/b", "http://a/b"},
    {"http://a/b/%2e%2e%2fc", "http://a/b/..%2Fc"},
    {"http://a//b///c", "http://a//b///c"},
    {"http://a//../b", "http://a/b"},
    {"http://a/...", "http://a/..."},
    {"http://a?%41=/../b", "http://a/?A=/../b"},
    {"http://a/x?", "http://a/x?"},
    {"ftp://u:secret@a:21/f", "ftp://a/f"},
    {"/x?y", "https://h:8443/x?y"},
    {"*", "https://h:8443/*"},
};

static void
one_url_for_many(void **state)
{
	struct http_target t;
	struct http_host h;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(http_host(slice_of("H:8443"), &h), HTTP_BAD_NONE);
	for (size_t i = 0; i < N(urls); i++) {
		struct slice text = slice_of(urls[i].text);

		buf_clear(&b);
		assert_int_equal(http_target(text, false, &t), HTTP_BAD_NONE);
		assert_int_equal(
		    http_url_put(&b, text, &t, HTTP_SCHEME_HTTPS, &h), 0);
		assert_string_equal(buf_text(&b), urls[i].url);
	}
	buf_clear(&b);
	assert_int_equal(
	    http_target(slice_of("A:443"), true, &t), HTTP_BAD_NONE);
	assert_int_equal(
	    http_url_put(&b, slice_of("A:443"), &t, HTTP_SCHEME_NONE, NULL), 0);
	assert_string_equal(buf_text(&b), "a:443");
	buf_free(&b);
}

static void
a_url_without_room(void **state)
{
	struct http_target t;
	struct slice text = slice_of("http://a/bcdefgh");
	struct buf b;

	(void)state;
	assert_int_equal(http_target(text, false, &t), HTTP_BAD_NONE);
	for (size_t room = 0; room < 16; room++) {
		buf_init(&b, room);
		assert_int_equal(
		    http_url_put(&b, text, &t, HTTP_SCHEME_NONE, NULL), -1);
		buf_free(&b);
	}
	buf_init(&b, 16);
	assert_int_equal(http_url_put(&b, text, &t, HTTP_SCHEME_NONE, NULL), 0);
	buf_free(&b);
}

static bool
same(const char *a, const char *b, uint16_t usual)
{
	struct http_host ha, hb;

	assert_int_equal(http_host(slice_of(a), &ha), HTTP_BAD_NONE);
	assert_int_equal(http_host(slice_of(b), &hb), HTTP_BAD_NONE);
	return http_host_same(&ha, &hb, usual);
}

static void
hosts_are_compared(void **state)
{
	(void)state;
	assert_true(same("A.b.", "a.B:80", 80));
	assert_true(same("[::1]", "[0:0::1]:80", 80));
	assert_false(same("a", "a:81", 80));
	assert_false(same("a", "b", 80));
	assert_false(same("a:443", "a", 80));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hosts_that_are_taken),
	    cmocka_unit_test(hosts_that_are_refused),
	    cmocka_unit_test(long_hosts),
	    cmocka_unit_test(targets_that_are_taken),
	    cmocka_unit_test(targets_that_are_refused),
	    cmocka_unit_test(one_url_for_many),
	    cmocka_unit_test(a_url_without_room),
	    cmocka_unit_test(hosts_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
