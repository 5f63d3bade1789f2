/*
 * t_smtp_esmtp: what extensions say: xtext, DSN and AUTH parameters, EHLO's
 * lines, AUTH's argument, XFORWARD and XCLIENT.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "protocols/smtp/smtp_caps.h"
#include "protocols/smtp/smtp_param.h"
#include "protocols/smtp/smtp_sasl.h"
#include "protocols/smtp/smtp_who.h"
#include "protocols/smtp/smtp_xtext.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const struct smtp_param_offer all = {.dsn = true, .auth = true};

/* ---- xtext ---- */

static void
xtext_is_read_and_written(void **state)
{
	static const char *const bad[] = {
	    "a b", "a=b", "+", "+2", "+2b", "+00", "+G0", "\xc3\xa9", "a\t"};
	char to[32];
	struct buf b;

	(void)state;
	assert_int_equal(smtp_xtext(slice_of("a+20b+3Dc+2B"), to, 32), 0);
	assert_string_equal(to, "a b=c+");
	assert_int_equal(smtp_xtext(slice_of(""), to, 32), 0);
	assert_int_equal(smtp_xtext(slice_of("1234"), to, 4), -1);
	assert_int_equal(smtp_xtext(slice_of("123"), to, 4), 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(smtp_xtext(slice_of(bad[i]), to, 32), -1);
	buf_init(&b, 100);
	smtp_xtext_put(&b, "a b=c+\r\n\xe9");
	assert_string_equal(buf_text(&b), "a+20b+3Dc+2B+0D+0A+E9");
	buf_free(&b);
}

/* ---- DSN, AUTH= ---- */

static void
dsn_of_mail(void **state)
{
	static const char *const bad[] = {"RET=", "RET=NONE",
	    "RET=FULL RET=HDRS", "ENVID=", "ENVID=a+0Ab", "ENVID=+zz",
	    "ENVID=a ENVID=b", "RET", "AUTH=", "AUTH=a=b", "AUTH=<> AUTH=<>"};
	char text[256];
	struct smtp_param p;

	(void)state;
	assert_int_equal(
	    smtp_param_mail(
		slice_of("ret=hdrs ENVID=QQ+2B314 AUTH=a+3Db@c SMTPUTF8"), all,
		&p),
	    PARAM_OK);
	assert_int_equal(p.ret, RET_HDRS);
	assert_string_equal(p.envid, "QQ+2B314");
	assert_string_equal(p.auth, "a+3Db@c");
	assert_true(p.utf8);
	assert_int_equal(
	    smtp_param_mail(slice_of("AUTH=<>"), all, &p), PARAM_OK);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(
		    smtp_param_mail(slice_of(bad[i]), all, &p), PARAM_BAD);
	(void)snprintf(text, sizeof(text), "ENVID=%0100d", 0);
	assert_int_equal(smtp_param_mail(slice_of(text), all, &p), PARAM_OK);
	(void)snprintf(text, sizeof(text), "ENVID=%0101d", 0);
	assert_int_equal(smtp_param_mail(slice_of(text), all, &p), PARAM_BAD);
}

static void
dsn_of_rcpt(void **state)
{
	static const char *const bad[] = {"NOTIFY=", "NOTIFY=ALWAYS",
	    "NOTIFY=NEVER,DELAY", "NOTIFY=DELAY,DELAY", "NOTIFY=DELAY,",
	    "NOTIFY=,DELAY", "NOTIFY=DELAY NOTIFY=DELAY", "ORCPT=a@b",
	    "ORCPT=rfc822;", "ORCPT=;a@b", "ORCPT=rfc822;a=b",
	    "ORCPT=rfc 822;a", "ORCPT=rfc822;a+0G", "ORCPT",
	    "ORCPT=rfc822;a ORCPT=rfc822;a", "ORCPT=rfc822;caf\xc3\xa9@b"};
	char said[SMTP_RCPT_PARAM_TEXT];
	struct smtp_rcpt_param p;

	(void)state;
	assert_int_equal(
	    smtp_param_rcpt(
		slice_of("NOTIFY=delay,Success ORCPT=rfc822;Bob+2Bx@b"), all,
		false, &p),
	    PARAM_OK);
	assert_string_equal(smtp_rcpt_param_text(&p, said),
	    " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+2Bx@b");
	assert_int_equal(
	    smtp_param_rcpt(slice_of("NOTIFY=NEVER"), all, false, &p),
	    PARAM_OK);
	assert_string_equal(smtp_rcpt_param_text(&p, said), " NOTIFY=NEVER");
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(
		    smtp_param_rcpt(slice_of(bad[i]), all, false, &p),
		    PARAM_BAD);
	assert_int_equal(
	    smtp_param_rcpt(slice_of("X=1"), all, false, &p), PARAM_UNKNOWN);
	/* RFC 6533: only with SMTPUTF8, and only of that type */
	assert_int_equal(smtp_param_rcpt(slice_of("ORCPT=utf-8;caf\xc3\xa9@b"),
			     all, true, &p),
	    PARAM_OK);
	assert_int_equal(smtp_param_rcpt(slice_of("ORCPT=rfc822;caf\xc3\xa9@b"),
			     all, true, &p),
	    PARAM_BAD);
}

/* ---- EHLO ---- */

static struct smtp_caps
caps(const char *const *lines)
{
	struct smtp_caps c = {.known = true};

	for (; *lines != NULL; lines++)
		smtp_caps_line(&c, slice_of(*lines));
	return c;
}

static void
the_least_of_two(void **state)
{
	static const char *const one[] = {"PIPELINING", "SIZE 2000", "CHUNKING",
	    "BINARYMIME", "SMTPUTF8", "DSN", "8BITMIME", "AUTH PLAIN login X-A",
	    "XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT", NULL};
	static const char *const two[] = {"SIZE 1000", "CHUNKING", "8bitmime",
	    "auth LOGIN EXTERNAL SCRAM-SHA-256-PLUS X-A", "XFORWARD ADDR",
	    NULL};
	struct smtp_caps a = caps(one), b = caps(two);

	(void)state;
	assert_string_equal(a.mechs, "PLAIN login X-A");
	/* they mean the connection, and there are two */
	assert_string_equal(b.mechs, "LOGIN X-A");
	assert_int_equal(a.xforward, WHO_XFORWARD);
	smtp_caps_least(&a, &b);
	assert_true(a.known && a.chunking && a.eightbit && a.has_size);
	assert_false(a.pipelining || a.binarymime || a.smtputf8 || a.dsn);
	assert_int_equal(a.size, 1000);
	assert_string_equal(a.mechs, "login X-A");
	assert_int_equal(a.xforward, 1u << WHO_ADDR);
	assert_true(smtp_caps_mech(&a, slice_of("LOGIN")));
	assert_false(smtp_caps_mech(&a, slice_of("PLAIN")));
	assert_false(smtp_caps_mech(&a, slice_of("")));
	assert_false(smtp_caps_mech(&a, slice_of("login X-A")));
}

static void
nothing_of_one_that_is_not_known(void **state)
{
	static const char *const one[] = {
	    "CHUNKING", "DSN", "AUTH PLAIN", NULL};
	struct smtp_caps a = caps(one), unknown = {0};

	(void)state;
	smtp_caps_least(&a, &unknown);
	assert_false(a.known || a.chunking || a.dsn);
	assert_string_equal(a.mechs, "");
}

static void
too_many_mechanisms(void **state)
{
	struct smtp_caps c = {0};
	char line[64];

	(void)state;
	for (int i = 0; i < 100; i++) {
		(void)snprintf(line, sizeof(line), "AUTH MECHANISM-%d", i);
		smtp_caps_line(&c, slice_of(line));
	}
	assert_true(strlen(c.mechs) <= SMTP_MECHS_MAX);
	assert_true(strlen(c.mechs) > SMTP_MECHS_MAX - 20);
}

/* ---- AUTH ---- */

static void
auth_with_and_without_initial(void **state)
{
	static const struct {
		const char *text;
		enum smtp_sasl_is is;
	} rows[] = {
	    {"PLAIN", SASL_OK},
	    {"PLAIN =", SASL_OK},
	    {"PLAIN AGEAYg==", SASL_OK},
	    {"SCRAM-SHA-256 AGEA", SASL_OK},
	    {"", SASL_SYNTAX},
	    {"PL+IN", SASL_SYNTAX},
	    {"MECHANISMS-ARE-SHORTER", SASL_SYNTAX},
	    {"PLAIN ", SASL_CODING},
	    {"PLAIN AGE", SASL_CODING},
	    {"PLAIN A===", SASL_CODING},
	    {"PLAIN AG=A", SASL_CODING},
	    {"PLAIN AGEA AGEA", SASL_CODING},
	    {"PLAIN *", SASL_CODING},
	};
	struct smtp_sasl a;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    smtp_sasl(slice_of(rows[i].text), &a), rows[i].is);
	assert_int_equal(smtp_sasl(slice_of("PLAIN"), &a), SASL_OK);
	assert_null(a.initial.at);
	assert_true(smtp_sasl_coded(slice_of("")));
	assert_false(smtp_sasl_coded(slice_of("a\r\nRSET")));
}

/* ---- XFORWARD, XCLIENT ---- */

static void
who_the_client_is(void **state)
{
	struct smtp_who w = {0};
	char text[ADDR_TEXT];
	struct addr a;

	(void)state;
	assert_int_equal(
	    smtp_who(slice_of("NAME=a.example addr=192.0.2.1 PORT=99 "
			      "PROTO=ESMTP HELO=b+2Bc IDENT=X SOURCE=remote"),
		false, &w),
	    WHO_OK);
	assert_string_equal(smtp_who_get(&w, WHO_HELO), "b+c");
	assert_int_equal(smtp_who_addr(&w, &a), 0);
	assert_string_equal(addr_text(&a, text), "192.0.2.1:99");
	/* what is said later holds, the rest stays */
	assert_int_equal(smtp_who(slice_of("ADDR=IPV6:2001:db8::1 "
					   "NAME=[unavailable]"),
			     false, &w),
	    WHO_OK);
	assert_int_equal(smtp_who_addr(&w, &a), 0);
	assert_string_equal(addr_text(&a, text), "[2001:db8::1]:99");
	assert_null(smtp_who_get(&w, WHO_NAME));
	assert_string_equal(smtp_who_get(&w, WHO_IDENT), "X");
	assert_int_equal(
	    smtp_who(
		slice_of("LOGIN=bob DESTADDR=192.0.2.9 DESTPORT=25"), true, &w),
	    WHO_OK);
}

static void
who_it_cannot_be(void **state)
{
	static const struct {
		const char *text;
		bool xclient;
		enum smtp_who_is is;
	} rows[] = {
	    {"", false, WHO_SYNTAX},
	    {"NAME", false, WHO_SYNTAX},
	    {"=a", false, WHO_SYNTAX},
	    {"COLOR=red", false, WHO_UNKNOWN},
	    {"LOGIN=bob", false, WHO_UNKNOWN},
	    {"SOURCE=LOCAL", true, WHO_UNKNOWN},
	    {"ADDR=192.0.2", false, WHO_BAD},
	    {"ADDR=2001:db8::1", false, WHO_BAD},
	    {"ADDR=IPV6:192.0.2.1", false, WHO_BAD},
	    {"PORT=99999", false, WHO_BAD},
	    {"PORT=-1", false, WHO_BAD},
	    {"SOURCE=moon", false, WHO_BAD},
	    {"HELO=a+0", false, WHO_BAD},
	    {"NAME=ok ADDR=bad", false, WHO_BAD},
	};
	struct smtp_who w = {0};
	char text[400];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(
		    smtp_who(slice_of(rows[i].text), rows[i].xclient, &w),
		    rows[i].is);
		assert_int_equal(w.said, 0);
	}
	(void)snprintf(text, sizeof(text), "HELO=%0255d", 0);
	assert_int_equal(smtp_who(slice_of(text), false, &w), WHO_OK);
	(void)snprintf(text, sizeof(text), "HELO=%0256d", 0);
	assert_int_equal(smtp_who(slice_of(text), false, &w), WHO_BAD);
}

/* They go into headers and logs. */
static void
no_line_end_is_kept(void **state)
{
	struct smtp_who w = {0};

	(void)state;
	assert_int_equal(
	    smtp_who(slice_of("HELO=a+0D+0AX:+20y NAME=+01"), false, &w),
	    WHO_OK);
	assert_string_equal(smtp_who_get(&w, WHO_HELO), "a??X:?y");
	assert_string_equal(smtp_who_get(&w, WHO_NAME), "?");
}

static void
as_it_is_said_on(void **state)
{
	struct smtp_who w = {0};
	struct buf b;
	char text[400];
	int n;

	(void)state;
	assert_int_equal(
	    smtp_who(slice_of("ADDR=IPV6:2001:db8::1 HELO=a+3Db"), false, &w),
	    WHO_OK);
	buf_init(&b, 1024);
	smtp_who_put(&b, &w, 1u << WHO_NAME | 1u << WHO_ADDR | 1u << WHO_HELO);
	assert_string_equal(buf_text(&b),
	    " NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::1 HELO=a+3Db");
	buf_free(&b);
	/* 100 of them, each three times as long: a part of it would be a lie */
	n = snprintf(text, sizeof(text), "HELO=");
	for (int i = 0; i < 100; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "+3D");
	assert_int_equal(smtp_who(slice_of(text), false, &w), WHO_OK);
	buf_init(&b, 1024);
	smtp_who_put(&b, &w, 1u << WHO_HELO);
	assert_string_equal(buf_text(&b), " HELO=[UNAVAILABLE]");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(xtext_is_read_and_written),
	    cmocka_unit_test(dsn_of_mail),
	    cmocka_unit_test(dsn_of_rcpt),
	    cmocka_unit_test(the_least_of_two),
	    cmocka_unit_test(nothing_of_one_that_is_not_known),
	    cmocka_unit_test(too_many_mechanisms),
	    cmocka_unit_test(auth_with_and_without_initial),
	    cmocka_unit_test(who_the_client_is),
	    cmocka_unit_test(who_it_cannot_be),
	    cmocka_unit_test(no_line_end_is_kept),
	    cmocka_unit_test(as_it_is_said_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
