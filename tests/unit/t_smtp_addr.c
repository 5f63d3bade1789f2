/*
 * t_smtp_addr: paths of MAIL and RCPT: RFC 5321's own, what the field sends
 * besides, and what must not pass.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/smtp/smtp_addr.h"

static void
is(const char *text, const char *whole, const char *rest)
{
	struct smtp_addr a;
	struct slice r;

	assert_int_equal(smtp_addr(slice_of(text), &a, &r), ADDR_OK);
	assert_true(slice_is(a.whole, whole));
	assert_true(slice_is(r, rest));
}

static void
refused(const char *text, enum smtp_addr_is why)
{
	struct smtp_addr a;
	struct slice r;

	assert_int_equal(smtp_addr(slice_of(text), &a, &r), why);
}

static void
paths_of_the_rfc(void **state)
{
	(void)state;
	is("<a@b.example>", "a@b.example", "");
	is("<>", "", "");
	is("<postmaster>", "postmaster", "");
	is("<a.b+c=d@b.example> SIZE=1", "a.b+c=d@b.example", "SIZE=1");
	is("<\"a b\"@c>", "\"a b\"@c", "");
	is("<\"a\\\"b\\\\c\"@c>", "\"a\\\"b\\\\c\"@c", "");
	is("<\"a@b>\"@c>", "\"a@b>\"@c", "");
	is("<a@[192.0.2.1]>", "a@[192.0.2.1]", "");
	is("<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", "");
	is("<!#$%&'*+-/=?^_`{|}~@b>", "!#$%&'*+-/=?^_`{|}~@b", "");
}

static void
source_routes_are_dropped(void **state)
{
	(void)state;
	is("<@a.example,@b.example:c@d>", "c@d", "");
	is("<@[192.0.2.1]:c@d> X", "c@d", "X");
	refused("<@a.example c@d>", ADDR_BAD);
	refused("<@a.example>", ADDR_BAD);
	refused("<@a.example,:c@d>", ADDR_BAD);
	refused("<@:c@d>", ADDR_BAD);
}

static void
as_the_field_has_it(void **state)
{
	(void)state;
	is("  <a@b>", "a@b", "");
	is("a@b", "a@b", "");
	is("a@b SIZE=1", "a@b", "SIZE=1");
	is("<a@b>\tSIZE=1", "a@b", "SIZE=1");
	is("<a..b.@c>", "a..b.@c", "");
	is("<root>", "root", "");
	is("<a@under_score.example>", "a@under_score.example", "");
}

static void
what_must_not_pass(void **state)
{
	static const char *const bad[] = {"", "<", ">", "<a@b", "<a@b>x",
	    "<a@b>>", "<<a@b>>", "<a@>", "<@b>", "<a b@c>", "<a@b c>",
	    "<\"a@b>", "<\"\"", "<a\"b\"@c>", "<a@b@c>", "<a@[1.2.3.4>",
	    "<a@[]>", "<a@[1]x>", "<a@-b>", "<a@.b>", "<a,b@c>", "<a:b@c>",
	    "<a(b)@c>", "<a\\b@c>", "<a@b>,<c@d>", "<\"a\x01\"@b>", "<a@b\x7f>",
	    "<\"a\\"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i], ADDR_BAD);
}

static void
no_line_end_gets_through(void **state)
{
	struct smtp_addr a;
	struct slice r;

	(void)state;
	refused("<a\r\nRCPT TO:<x@y>@b>", ADDR_BAD);
	refused("<\"a\r\n\"@b>", ADDR_BAD);
	refused("<\"a\\\n\"@b>", ADDR_BAD);
	assert_int_equal(
	    smtp_addr((struct slice){"<a\0@b>", 6}, &a, &r), ADDR_BAD);
	assert_int_equal(
	    smtp_addr((struct slice){"<\"\0\"@b>", 7}, &a, &r), ADDR_BAD);
}

static void
utf8_has_its_own_answer(void **state)
{
	(void)state;
	refused("<caf\xc3\xa9@b>", ADDR_UTF8);
	refused("<\xc3\xa9@b>", ADDR_UTF8);
	refused("<a@\xc3\xa9.example>", ADDR_UTF8);
	refused("caf\xc3\xa9@b", ADDR_UTF8);
	refused("<\"\xc3\xa9\"@b> SMTPUTF8", ADDR_UTF8);
	refused("<\xf0\x9f\x8f\xb0@\xe4\xbe\x8b.example>", ADDR_UTF8);
}

static void
what_is_no_utf8_has_another(void **state)
{
	static const char *const bad[] = {"<caf\xe9@b>", "<\xc3@b>",
	    "<\xc0\xaf@b>", "<\xed\xa0\x80@b>", "<\xf5\x80\x80\x80@b>",
	    "<a@\xff>", "<\xc2\x85@b>", "<caf\xc3\xa9 x@b>"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i], ADDR_BAD);
}

static void
limits_of_both_parts(void **state)
{
	char text[1024];
	struct smtp_addr a;
	struct slice r;

	(void)state;
	(void)snprintf(text, sizeof(text), "<%0255d@b>", 0);
	assert_int_equal(smtp_addr(slice_of(text), &a, &r), ADDR_OK);
	assert_int_equal(a.local.len, SMTP_LOCAL_MAX);
	(void)snprintf(text, sizeof(text), "<%0256d@b>", 0);
	refused(text, ADDR_LONG);
	(void)snprintf(text, sizeof(text), "<a@%0255d>", 0);
	assert_int_equal(smtp_addr(slice_of(text), &a, &r), ADDR_OK);
	assert_int_equal(a.domain.len, SMTP_DOMAIN_MAX);
	(void)snprintf(text, sizeof(text), "<a@%0256d>", 0);
	refused(text, ADDR_LONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths_of_the_rfc),
	    cmocka_unit_test(source_routes_are_dropped),
	    cmocka_unit_test(as_the_field_has_it),
	    cmocka_unit_test(what_must_not_pass),
	    cmocka_unit_test(no_line_end_gets_through),
	    cmocka_unit_test(utf8_has_its_own_answer),
	    cmocka_unit_test(what_is_no_utf8_has_another),
	    cmocka_unit_test(limits_of_both_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
