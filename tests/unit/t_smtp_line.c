/*
 * t_smtp_line: command lines, paths, parameters and next hops: what is taken,
 * what is refused.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/smtp/smtp_line.h"
#include "protocols/smtp/smtp_next.h"
#include "protocols/smtp/smtp_param.h"

static void
taken(const char *line, const char *verb, const char *arg)
{
	struct smtp_line l;

	assert_int_equal(smtp_line(slice_of(line), &l), 0);
	assert_true(slice_is(l.verb, verb));
	assert_true(slice_is(l.arg, arg));
}

static void
verb_and_argument(void **state)
{
	(void)state;
	taken("NOOP", "NOOP", "");
	taken("noop  ", "noop", "");
	taken("EHLO  a.example ", "EHLO", "a.example");
	taken("MAIL FROM:<a@b> SIZE=1", "MAIL", "FROM:<a@b> SIZE=1");
	taken("X1\ty", "X1", "y");
}

static void
what_is_no_command(void **state)
{
	static const char *const bad[] = {"", " NOOP", "NO-OP", "MAIL:x", "<",
	    "NOOP\x01", "NOOP a\x7f", "\x80NOOP", "NOOP\x1b[2J"};
	struct smtp_line l;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(smtp_line(slice_of(bad[i]), &l), -1);
	/* io_line() lets neither through, but this one does not know that */
	assert_int_equal(smtp_line((struct slice){"NOOP\0X", 6}, &l), -1);
	assert_int_equal(smtp_line(slice_of("NOOP\rRSET"), &l), -1);
	assert_int_equal(smtp_line(slice_of("NOOP\nRSET"), &l), -1);
}

static void
the_word_before_the_colon(void **state)
{
	struct slice rest;

	(void)state;
	assert_int_equal(
	    smtp_line_after(slice_of("from: <a@b>"), "FROM", &rest), 0);
	assert_true(slice_is(rest, "<a@b>"));
	assert_int_equal(
	    smtp_line_after(slice_of("FROM :<a@b>"), "FROM", &rest), 0);
	assert_int_equal(smtp_line_after(slice_of("FROM:"), "FROM", &rest), 0);
	assert_int_equal((int)rest.len, 0);
	assert_int_equal(
	    smtp_line_after(slice_of("TO:<a@b>"), "FROM", &rest), -1);
	assert_int_equal(smtp_line_after(slice_of("FROM"), "FROM", &rest), -1);
	assert_int_equal(
	    smtp_line_after(slice_of("FROM <a@b>"), "FROM", &rest), -1);
	assert_int_equal(
	    smtp_line_after(slice_of("FROMX:<a@b>"), "FROM", &rest), -1);
}

static void
what_a_client_may_call_itself(void **state)
{
	char longest[256];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	assert_true(smtp_line_helo(slice_of("client.example.org")));
	assert_true(smtp_line_helo(slice_of("[192.0.2.1]")));
	assert_true(smtp_line_helo(slice_of("under_score")));
	assert_false(smtp_line_helo(slice_of("")));
	assert_false(smtp_line_helo(slice_of("two words")));
	assert_false(smtp_line_helo(slice_of("caf\xc3\xa9")));
	assert_true(smtp_line_helo((struct slice){longest, 255}));
	assert_false(smtp_line_helo((struct slice){longest, 256}));
}

static enum smtp_param_is
params(const char *text, struct smtp_param *p)
{
	struct smtp_param_offer none = {0};

	return smtp_param_mail(slice_of(text), none, p);
}

static void
parameters_of_mail(void **state)
{
	struct smtp_param p;

	(void)state;
	assert_int_equal(params("", &p), PARAM_OK);
	assert_false(p.has_size);
	assert_int_equal(params("SIZE=12345 body=8bitmime", &p), PARAM_OK);
	assert_true(p.has_size);
	assert_int_equal(p.size, 12345);
	assert_int_equal(p.body, BODY_8BITMIME);
	assert_int_equal(params("BODY=7BIT", &p), PARAM_OK);
	assert_int_equal(p.body, BODY_7BIT);
	assert_int_equal(params("SIZE=999999999999999999", &p), PARAM_OK);
	assert_int_equal(params("SIZE=0", &p), PARAM_OK);
}

static void
parameters_that_are_refused(void **state)
{
	static const char *const bad[] = {"SIZE", "SIZE=", "SIZE=-1", "SIZE=+1",
	    "SIZE=0x10", "SIZE=1 SIZE=1", "SIZE=1.5",
	    "SIZE=1000000000000000000", "BODY=", "BODY=BINARY",
	    "BODY=7BIT BODY=8BITMIME", "SMTPUTF8=", "SMTPUTF8=1",
	    "SMTPUTF8 SMTPUTF8"};
	static const char *const unknown[] = {
	    "RET=FULL", "SIZE=1 ENVID=a", "AUTH=<>", "=1", "SIZ=1", "SIZES=1"};
	struct smtp_param_offer none = {0};
	struct smtp_rcpt_param r;
	struct smtp_param p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(params(bad[i], &p), PARAM_BAD);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(params(unknown[i], &p), PARAM_UNKNOWN);
	assert_int_equal(
	    smtp_param_rcpt(slice_of("  "), none, false, &r), PARAM_OK);
	assert_int_equal(
	    smtp_param_rcpt(slice_of("NOTIFY=NEVER"), none, false, &r),
	    PARAM_UNKNOWN);
}

static void
next_hop_is(const char *text, const char *whole, const char *host, int port)
{
	struct smtp_next n;
	struct err e;

	assert_int_equal(smtp_next(text, &n, &e), 0);
	assert_string_equal(n.text, whole);
	assert_string_equal(n.host, host);
	assert_int_equal(n.port, port);
	assert_int_equal(n.kind, port == 0 ? NEXT_MAILDIR : NEXT_SMTP);
}

static void
next_hops(void **state)
{
	(void)state;
	next_hop_is(
	    "smtp:127.0.0.1:5000", "smtp:127.0.0.1:5000", "127.0.0.1", 5000);
	next_hop_is("mx.example.org:25", "smtp:mx.example.org:25",
	    "mx.example.org", 25);
	next_hop_is("smtp:[2001:db8::1]:25", "smtp:[2001:db8::1]:25",
	    "2001:db8::1", 25);
	next_hop_is("[::1]:2525", "smtp:[::1]:2525", "::1", 2525);
	next_hop_is(
	    "maildir:/var/mail/x/", "maildir:/var/mail/x", "/var/mail/x", 0);
}

static void
what_is_no_next_hop(void **state)
{
	static const char *const bad[] = {"", "smtp:", "smtp:host", "host",
	    "host:", "host:0", "host:65536", "host:25x", ":25", "::1:25",
	    "[::1]", "[]:25", "maildir:relative", "maildir:", "smtp:/a:25",
	    "host:-1", "host:000025"};
	struct smtp_next n;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e.text[0] = '\0';
		assert_int_equal(smtp_next(bad[i], &n, &e), -1);
		assert_true(e.text[0] != '\0');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verb_and_argument),
	    cmocka_unit_test(what_is_no_command),
	    cmocka_unit_test(the_word_before_the_colon),
	    cmocka_unit_test(what_a_client_may_call_itself),
	    cmocka_unit_test(parameters_of_mail),
	    cmocka_unit_test(parameters_that_are_refused),
	    cmocka_unit_test(next_hops),
	    cmocka_unit_test(what_is_no_next_hop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
