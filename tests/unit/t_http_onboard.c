/*
 * t_http_onboard: the page that is read before anybody trusts us, and the
 * certificate in whatever file it is in.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/http/http_ca.h"
#include "protocols/http/http_onboard.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END "-----END CERTIFICATE-----"
/* 30 80.. says 128 bytes follow, 30 82 0003 three */
#define SMALL "MIIAA2FiYw==\n"
#define KEY "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"

static void
one_certificate_is_taken(void **state)
{
	static const char *const around[][2] = {{"", ""}, {KEY, "\n" KEY},
	    {"\xff\n", "\n" BEGIN SMALL END}, {"", "\n-----BEGIN CERT"}};
	char text[512];
	struct http_ca ca;

	(void)state;
	for (size_t i = 0; i < N(around); i++) {
		(void)snprintf(text, sizeof(text), "%s" BEGIN SMALL END "%s",
		    around[i][0], around[i][1]);
		assert_int_equal(http_ca_take(&ca, slice_of(text), NULL), 0);
		assert_true(slice_is(ca.pem, BEGIN SMALL END));
		assert_int_equal(ca.der.len, 7);
		assert_memory_equal(ca.der.at,
		    "\x30\x82\x00\x03"
		    "abc",
		    7);
		/* printf '0\x82\0\3abc' | sha256sum */
		assert_string_equal(ca.print,
		    "7A:53:4B:C0:91:CF:79:9C:CC:CF:BD:0C:7E:07:EB:AA:"
		    "48:9A:C3:A3:32:E8:5C:5B:1F:B5:27:E1:D3:95:AD:9C");
		http_ca_free(&ca);
	}
}

static void
what_is_no_certificate(void **state)
{
	static const char *const bad[] = {"", KEY, BEGIN, BEGIN SMALL, END,
	    END BEGIN SMALL, BEGIN END, BEGIN "AAAA\n" END,
	    BEGIN "MIIAA2Fi\n" END,         /* too short */
	    BEGIN "MIIAA2FiY2Rl\n" END,     /* too long */
	    BEGIN "MIIAA2FiYw=!\n" END,     /* not base64 */
	    BEGIN "MA==\n" END,             /* no length */
	    BEGIN "MIT/////AAAA\n" END,     /* an absurd one */
	    BEGIN KEY "MIIAA2FiYw==\n" END, /* something else inside */
	    "-----BEGIN TRUSTED CERTIFICATE-----\n" SMALL END};
	struct http_ca ca;
	struct err e;

	(void)state;
	for (size_t i = 0; i < N(bad); i++) {
		e.text[0] = '\0';
		assert_int_equal(http_ca_take(&ca, slice_of(bad[i]), &e), -1);
		assert_string_not_equal(e.text, "");
		assert_null(ca.der.at);
	}
}

static const char *
page(const struct http_onboard *o, struct buf *b)
{
	buf_init(b, 65536);
	assert_int_equal(http_onboard_put(b, o), 0);
	return buf_text(b);
}

static void
values_are_escaped(void **state)
{
	struct http_onboard o = {"<a>", "<b>", "<c>", "<d>", "<e>", true};
	const char *text;
	struct buf b;

	(void)state;
	text = page(&o, &b);
	for (const char *v = "abcde"; *v != '\0'; v++) {
		char raw[] = {'<', *v, '>', 0}, safe[16];

		(void)snprintf(safe, sizeof(safe), "&lt;%c&gt;", *v);
		assert_non_null(strstr(text, safe));
		if (*v != 'a' && *v != 'b') /* elements of the page, too */
			assert_null(strstr(text, raw));
	}
	assert_non_null(strstr(text, "http://&lt;c&gt;/ca.pem"));
	assert_non_null(strstr(text, "https://&lt;d&gt;/proxy.pac"));
	assert_non_null(strstr(text, "https_proxy=https://&lt;d&gt;<"));
	assert_null(strstr(text, "@<"));
	assert_null(strstr(text, " @ "));
	buf_free(&b);
}

static void
without_a_ca_and_a_contact(void **state)
{
	struct http_onboard o = {
	    "gw", "", "host", "192.0.2.1:3128", NULL, false};
	const char *text;
	struct buf b;

	(void)state;
	text = page(&o, &b);
	assert_non_null(strstr(text, "nothing to install"));
	assert_null(strstr(text, "ca.pem"));
	assert_null(strstr(text, "Questions"));
	buf_free(&b);
}

static void
a_page_too_large_is_none(void **state)
{
	struct http_onboard o = {
	    "gw", "", "host", "192.0.2.1:3128", "AB", false};
	struct buf b;

	(void)state;
	buf_init(&b, 2000);
	assert_int_equal(buf_puts(&b, "before"), 0);
	assert_int_equal(http_onboard_put(&b, &o), -1);
	assert_string_equal(buf_text(&b), "before");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_certificate_is_taken),
	    cmocka_unit_test(what_is_no_certificate),
	    cmocka_unit_test(values_are_escaped),
	    cmocka_unit_test(without_a_ca_and_a_contact),
	    cmocka_unit_test(a_page_too_large_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
