/*
 * t_mail_text: refusals from templates, and the fields on top of a mail: no
 * byte of a peer or a signature ends a line in them.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/smtp/smtp_trace.h"
#include "proxy/base/slice.h"
#include "proxy/mail_text.h"

#define ID "01ARZ3NDEKTSV4RRFFQ69G5FAV"

static void
fills(const char *tpl, const char *reason, const char *line)
{
	char to[MAIL_TEXT_MAX];

	assert_string_equal(mail_text_fill(tpl, reason, ID, to), line);
}

static void
templates_are_filled(void **state)
{
	(void)state;
	fills("554 5.7.1 Refused: {reason} ({id})", "malware X",
	    "554 5.7.1 Refused: malware X (" ID ")\r\n");
	fills("554 No", "malware X", "554 No\r\n");
	fills("554 {id}{id} {reason}{reason}", "a", "554 " ID ID " aa\r\n");
	fills("554 {reason", "a", "554 {reason\r\n");
}

static void
the_reason_gives_way_not_the_id(void **state)
{
	char tpl[300], reason[600], to[MAIL_TEXT_MAX];

	(void)state;
	memset(reason, 'r', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	mail_text_fill("554 {reason} ({id})", reason, ID, to);
	assert_int_equal(strlen(to), MAIL_TEXT_MAX - 1);
	assert_non_null(strstr(to, " (" ID ")\r\n"));
	memset(tpl, 't', sizeof(tpl));
	memcpy(tpl, "554 {reason}{reason}", 20);
	memcpy(tpl + sizeof(tpl) - 5, "{id}", 5);
	mail_text_fill(tpl, reason, ID, to);
	assert_true(strlen(to) < MAIL_TEXT_MAX);
	assert_non_null(strstr(to, ID "\r\n"));
}

static void
what_a_template_must_be(void **state)
{
	static const char *const bad[] = {"", "554", "554 ", "451 4.7.1 x",
	    "Refused {id}", "55 5.7.1 x", "554-5.7.1 x", "554 {what}",
	    "554 {Reason}", "554 {", "554 caf\xc3\xa9", "554 a\r\nb",
	    "554 a\tb"};
	char longest[MAIL_TEXT_MAX];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e.text[0] = '\0';
		assert_int_equal(mail_text_check(bad[i], '5', &e), -1);
		assert_true(e.text[0] != '\0');
	}
	assert_int_equal(mail_text_check("554 x", '5', &e), 0);
	assert_int_equal(mail_text_check("451 4.7.1 {id}", '4', &e), 0);
	assert_int_equal(mail_text_check("550 5.7.1 {reason} }", '5', &e), 0);
	memset(longest, 'x', sizeof(longest) - 1);
	memcpy(longest, "554 ", 4);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(mail_text_check(longest, '5', &e), -1);
}

static void
reasons(void **state)
{
	struct finding f = {.kind = FOUND_MALWARE, .what = "Eicar-Test"};
	char to[MAIL_REASON_MAX];

	(void)state;
	assert_string_equal(mail_text_reason(&f, to), "malware Eicar-Test");
	(void)snprintf(f.what, sizeof(f.what), "%s", "a\r\n250 Ok\x80");
	assert_string_equal(mail_text_reason(&f, to), "malware a??250 Ok?");
	f.kind = FOUND_ENCRYPTED;
	f.what[0] = '\0';
	assert_string_equal(mail_text_reason(&f, to), "encrypted");
}

/* ---- the fields on top ---- */

static struct decision decision;
static struct report report;
static struct addr client;

static struct smtp_trace
a_trace(void)
{
	struct err e;

	assert_int_equal(addr_parse("192.0.2.1:999", &client, &e), 0);
	decision = (struct decision){.action = DO_PASS, .verdict = "clean"};
	report_init(&report);
	(void)snprintf(report.engines, sizeof(report.engines), "clamav/1/2");
	return (struct smtp_trace){.helo = "h.example",
	    .esmtp = true,
	    .client = &client,
	    .gateway = "gw.example",
	    .id = ID,
	    .direction = "outbound",
	    .recipient = "a@b",
	    .wall_ms = 0,
	    .add_headers = true,
	    .decision = &decision,
	    .report = &report};
}

static void
is(const struct smtp_trace *t, const char *text)
{
	struct buf b;

	buf_init(&b, SMTP_TRACE_MAX);
	smtp_trace_put(&b, t);
	assert_string_equal(buf_text(&b), text);
	buf_free(&b);
}

#define RECEIVED \
	"Received: from h.example ([192.0.2.1])\r\n" \
	"\tby gw.example (Sallyport) with ESMTP id " ID " for <a@b>;\r\n" \
	"\tThu, 1 Jan 1970 00:00:00 +0000\r\n"

static void
fields_on_top(void **state)
{
	struct smtp_trace t = a_trace();
	struct err e;

	(void)state;
	is(&t, RECEIVED "X-Sallyport: clean; clamav/1/2; " ID "; outbound\r\n");
	t.separate = true;
	t.add_headers = false;
	is(&t, RECEIVED "\r\n");
	t.separate = false;
	t.recipient = NULL;
	t.esmtp = false;
	assert_int_equal(addr_parse("[2001:db8::1]:9", &client, &e), 0);
	is(&t,
	    "Received: from h.example ([IPv6:2001:db8::1])\r\n"
	    "\tby gw.example (Sallyport) with SMTP id " ID ";\r\n"
	    "\tThu, 1 Jan 1970 00:00:00 +0000\r\n");
}

static void
a_tag_says_what(void **state)
{
	struct smtp_trace t = a_trace();

	(void)state;
	t.helo = "a);\x01"
		 "b(";
	t.recipient = NULL;
	decision.action = DO_TAG;
	decision.verdict = "encrypted";
	(void)snprintf(decision.because.what, sizeof(decision.because.what),
	    "Zip;\r\nX: y");
	is(&t,
	    "Received: from a???b? ([192.0.2.1])\r\n"
	    "\tby gw.example (Sallyport) with ESMTP id " ID ";\r\n"
	    "\tThu, 1 Jan 1970 00:00:00 +0000\r\n"
	    "X-Sallyport: encrypted Zip???X: y; clamav/1/2; " ID
	    "; outbound\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(templates_are_filled),
	    cmocka_unit_test(the_reason_gives_way_not_the_id),
	    cmocka_unit_test(what_a_template_must_be),
	    cmocka_unit_test(reasons),
	    cmocka_unit_test(fields_on_top),
	    cmocka_unit_test(a_tag_says_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
