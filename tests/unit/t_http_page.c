/*
 * t_http_page: templates, and that nothing a peer says becomes markup, a tag,
 * a field or a script.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/http/http_page.h"
#include "protocols/http/http_write.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define FFFD "\xef\xbf\xbd"

static struct buf out;

static const char *
page(const char *tpl, enum http_cause cause, const struct http_tags *tags)
{
	struct err e;

	buf_clear(&out);
	assert_int_equal(http_page_check(slice_of(tpl), &e), 0);
	assert_int_equal(http_page_put(&out, slice_of(tpl), cause, tags), 0);
	return buf_text(&out);
}

static void
tags_are_filled_in(void **state)
{
	struct http_tags tags = {.url = "http://a/", .id = "{{id}}"};

	(void)state;
	assert_string_equal(page("", HTTP_CAUSE_URL, &tags), "");
	assert_string_equal(
	    page("a { b } {c}}", HTTP_CAUSE_URL, &tags), "a { b } {c}}");
	assert_string_equal(page("{{cause}} {{status}} {{url}}|{{user}}|",
				HTTP_CAUSE_DNS, &tags),
	    "dns 502 http://a/||");
	/* what stands in a value is no tag */
	assert_string_equal(
	    page("{{id}}{{id}}", HTTP_CAUSE_URL, &tags), "{{id}}{{id}}");
	/* and what is said about the cause is not the peer's to say */
	tags.title = tags.text = tags.cause = tags.status = "mine";
	assert_string_equal(
	    page("{{cause}} {{title}}", HTTP_CAUSE_LOOP, &tags), "loop A loop");
}

static void
templates_that_are_refused(void **state)
{
	static const char *const bad[] = {"{{", "a {{url", "{{url}", "{{URL}}",
	    "{{ url }}", "{{urls}}", "{{}}", "{{{url}}}", "\xff", "a\xc0\x80"};
	struct err e;

	(void)state;
	for (size_t i = 0; i < N(bad); i++) {
		e.text[0] = '\0';
		if (http_page_check(slice_of(bad[i]), &e) != -1)
			fail_msg("%s", bad[i]);
		assert_true(e.text[0] != '\0');
	}
	http_page_check(slice_of("a\n\n{{nope}}\n"), &e);
	assert_string_equal(
	    e.text, "line 3: no such tag, or it is not closed: {{nope}}?");
	assert_int_equal(http_page_check((struct slice){"a\0b", 3}, &e), -1);
}

static const struct {
	const char *value, *want;
} escaped[] = {
    {"plain caf\xc3\xa9 \xf0\x9f\x98\x80",
	"plain caf\xc3\xa9 "
	"\xf0\x9f\x98\x80"},
    {"<script>alert('x')</script>",
	"&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"},
    {"\" onload=\"x", "&quot; onload=&quot;x"},
    {"a&b`c", "a&amp;b&#96;c"},
    {"&lt;", "&amp;lt;"},
    {"a\r\nb\tc", "a" FFFD "\nb\tc"},
    {"\x1b[2J\x7f", FFFD "[2J" FFFD},
    {"\xff\xc0\xaf", FFFD FFFD FFFD},          /* no, overlong */
    {"\xed\xa0\x80", FFFD FFFD FFFD},          /* a surrogate */
    {"\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD}, /* past U+10FFFF */
    {"\xe2\x82", FFFD FFFD},                   /* cut off */
    {"\xc2\x85", FFFD},                        /* C1 */
    {"exe\xe2\x80\xae"
     "fdp",
	"exe" FFFD "fdp"}, /* right to left */
    {"a\xe2\x80\x8b"
     "b\xe2\x80\xa8",
	"a" FFFD "b" FFFD},
    {"\xef\xbb\xbf", FFFD},
};

static void
values_are_escaped(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(escaped); i++) {
		struct http_tags tags = {.reason = escaped[i].value};

		assert_string_equal(
		    page("{{reason}}", HTTP_CAUSE_BLOCKED, &tags),
		    escaped[i].want);
	}
}

static void
values_are_cut(void **state)
{
	(void)state;
	buf_clear(&out);
	assert_int_equal(http_escape(&out, slice_of("ab&cd"), 6), 0);
	assert_string_equal(buf_text(&out), "ab");
	buf_clear(&out);
	assert_int_equal(http_escape(&out, slice_of("a\xc3\xa9"), 2), 0);
	assert_string_equal(buf_text(&out), "a");
}

/* Every cause has its words, a status that has a text, and a page. */
static void
the_page_that_is_built_in(void **state)
{
	struct http_tags tags = {.url = "http://a/<>",
	    .id = "ID",
	    .contact = "postmaster@example.org"};
	struct slice builtin = http_page_builtin();
	struct err e;

	(void)state;
	assert_int_equal(http_page_check(builtin, &e), 0);
	assert_null(memmem(builtin.at, builtin.len, "script", 6));
	assert_null(memmem(builtin.at, builtin.len, "http:", 5));
	assert_null(memmem(builtin.at, builtin.len, "src=", 4));
	assert_non_null(memmem(builtin.at, builtin.len, "scheme: dark", 12));
	for (int i = 0; i < HTTP_CAUSE_COUNT; i++) {
		enum http_cause cause = (enum http_cause)i;
		unsigned status = http_cause_status(cause);

		assert_true(http_status_text(status)[0] != '\0');
		buf_clear(&out);
		assert_int_equal(
		    http_page_put(&out, (struct slice){NULL, 0}, cause, &tags),
		    0);
		assert_non_null(strstr(buf_text(&out), "http://a/&lt;&gt;"));
		assert_null(strstr(buf_text(&out), "{{"));
	}
}

static void
without_room_there_is_no_page(void **state)
{
	struct http_tags tags = {.url = "http://a/"};
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(
	    http_page_put(&b, (struct slice){NULL, 0}, HTTP_CAUSE_URL, &tags),
	    -1);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void
proxy_status(void **state)
{
	(void)state;
	buf_clear(&out);
	assert_int_equal(
	    http_proxy_status(&out, "gw1", HTTP_CAUSE_DNS, NULL), 0);
	assert_string_equal(buf_text(&out), "\"gw1\"; error=dns_error");
	buf_clear(&out);
	assert_int_equal(http_proxy_status(&out, "1 gw\"", HTTP_CAUSE_BLOCKED,
			     "a \"b\\c\"\r\nSet-Cookie: \xc3\xa9"),
	    0);
	assert_string_equal(buf_text(&out),
	    "\"1 gw\\\"\"; error=http_request_denied; "
	    "details=\"a \\\"b\\\\c\\\"??Set-Cookie: ??\"");
}

static void
proxy_pac(void **state)
{
	static const char *const direct[] = {"intra.example.org", ".local"};
	static const char *const bad[] = {
	    "", "a\"b", "a b", "a\nb", "a'b", "a\\b", "a;b", "a/b"};

	(void)state;
	buf_clear(&out);
	assert_int_equal(
	    http_pac_put(&out, false, "gw:3128", direct, N(direct)), 0);
	assert_string_equal(buf_text(&out),
	    "function FindProxyForURL(url, host)\n{\n"
	    "\thost = host.toLowerCase();\n"
	    "\tif (isPlainHostName(host))\n\t\treturn \"DIRECT\";\n"
	    "\tif (host === \"intra.example.org\")\n\t\treturn \"DIRECT\";\n"
	    "\tif (dnsDomainIs(host, \".local\") || host === \"local\")\n"
	    "\t\treturn \"DIRECT\";\n"
	    "\treturn \"PROXY gw:3128\";\n}\n");
	buf_clear(&out);
	assert_int_equal(http_pac_put(&out, true, "gw:3129", NULL, 0), 0);
	assert_non_null(
	    strstr(buf_text(&out), "\treturn \"HTTPS gw:3129\";\n}\n"));
	buf_clear(&out);
	assert_int_equal(http_pac_put(&out, false, "gw", NULL, 0), -1);
	for (size_t i = 0; i < N(bad); i++) {
		errno = 0;
		assert_int_equal(
		    http_pac_put(&out, true, "gw:1", &bad[i], 1), -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(http_pac_put(&out, true, bad[i], NULL, 0), -1);
	}
	assert_int_equal(out.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tags_are_filled_in),
	    cmocka_unit_test(templates_that_are_refused),
	    cmocka_unit_test(values_are_escaped),
	    cmocka_unit_test(values_are_cut),
	    cmocka_unit_test(the_page_that_is_built_in),
	    cmocka_unit_test(without_room_there_is_no_page),
	    cmocka_unit_test(proxy_status),
	    cmocka_unit_test(proxy_pac),
	};
	int failed;

	buf_init(&out, 65536);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&out);
	return failed;
}
