/*
 * t_milter_verdict: what an MTA hears about a mail that was judged, for each
 * action, with and without what it would have to allow; byte by byte.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "protocols/milter/milter.h"
#include "protocols/milter/milter_reply.h"

#define ID "01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define ALL (MILTER_ACT_ADDHDRS | MILTER_ACT_CHGHDRS | MILTER_ACT_QUARANTINE)

static struct decision decision;
static struct report report;
static struct milter_agreed agreed;
static struct milter_verdict v;
static struct milter_said said;
static struct buf out;

static int
begin(void **state)
{
	(void)state;
	decision = (struct decision){.action = DO_PASS, .verdict = "clean"};
	report_init(&report);
	(void)snprintf(report.engines, sizeof(report.engines), "clamav/1");
	agreed = (struct milter_agreed){
	    .version = 6, .actions = ALL, .steps = MILTER_LEADING_SPACE};
	v = (struct milter_verdict){.decision = &decision,
	    .report = &report,
	    .id = ID,
	    .direction = "inbound",
	    .agreed = &agreed,
	    .add_headers = true,
	    .reject_text = "554 5.7.1 Refused: {reason} ({id})",
	    .tempfail_text = "451 4.7.1 Later ({id})"};
	buf_init(&out, MILTER_VERDICT_MAX);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	buf_free(&out);
	return 0;
}

static void
found(enum action action)
{
	decision.action = action;
	decision.verdict = "malware";
	decision.because.kind = FOUND_MALWARE;
	(void)snprintf(
	    decision.because.what, sizeof(decision.because.what), "Test");
}

/* The packets, each as its letter and its data up to the next '|'; a NUL is
 * shown as '.', the four bytes of a number as #N. */
static void
says(const char *wanted)
{
	char text[2048];
	size_t n = 0;
	const unsigned char *at = (const unsigned char *)buf_at(&out);
	const unsigned char *over = at + out.len;

	while (at < over) {
		size_t len = (size_t)at[2] << 8 | at[3];
		const unsigned char *next = at + 4 + len;

		assert_int_equal(at[0], 0);
		assert_int_equal(at[1], 0);
		assert_true(len > 0 && next <= over);
		text[n++] = (char)at[4];
		at += 5;
		if (text[n - 1] == 'm' || text[n - 1] == 'i') {
			n += (size_t)snprintf(text + n, 8, "#%d", at[3]);
			at += 4;
		}
		for (; at < next; at++)
			text[n++] = *at == '\0' ? '.' : (char)*at;
		text[n++] = '|';
	}
	text[n] = '\0';
	assert_string_equal(text, wanted);
}

static void
judge(void)
{
	buf_clear(&out);
	milter_verdict(&v, &out, &said);
}

static void
a_clean_mail_is_marked(void **state)
{
	(void)state;
	judge();
	says("i#0X-Sallyport. clean; clamav/1; " ID "; inbound.|a|");
	assert_string_equal(said.result, "delivered");
	assert_string_equal(said.reply, "accept");
	agreed.steps = 0; /* the MTA puts the blank */
	judge();
	says("i#0X-Sallyport.clean; clamav/1; " ID "; inbound.|a|");
	v.add_headers = false;
	judge();
	says("a|");
	v.add_headers = true;
	agreed.actions = 0;
	judge();
	says("a|");
}

/* From the last to the first, and before ours is there. */
static void
foreign_marks_go(void **state)
{
	(void)state;
	v.marks = 3;
	judge();
	says("m#3X-Sallyport..|m#2X-Sallyport..|m#1X-Sallyport..|"
	     "i#0X-Sallyport. clean; clamav/1; " ID "; inbound.|a|");
	agreed.actions = MILTER_ACT_ADDHDRS;
	judge();
	says("i#0X-Sallyport. clean; clamav/1; " ID "; inbound.|a|");
	agreed.actions = MILTER_ACT_CHGHDRS;
	judge();
	says("m#3X-Sallyport..|m#2X-Sallyport..|m#1X-Sallyport..|a|");
	found(DO_BLOCK);
	judge();
	says("y554 5.7.1 Refused: malware Test (" ID ").|");
}

static void
refusals(void **state)
{
	(void)state;
	found(DO_BLOCK);
	judge();
	says("y554 5.7.1 Refused: malware Test (" ID ").|");
	assert_string_equal(said.result, "refused");
	assert_string_equal(
	    said.reply, "554 5.7.1 Refused: malware Test (" ID ")");
	found(DO_TEMPFAIL);
	judge();
	says("y451 4.7.1 Later (" ID ").|");
	assert_string_equal(said.result, "deferred");
	found(DO_DISCARD);
	judge();
	says("d|");
	assert_string_equal(said.result, "discarded");
	found(DO_STRIP); /* nobody can yet */
	judge();
	says("y554 5.7.1 Refused: malware Test (" ID ").|");
}

static void
quarantine_where_it_is_allowed(void **state)
{
	(void)state;
	v.add_headers = false;
	found(DO_QUARANTINE);
	judge();
	says("qmalware Test (" ID ").|a|");
	assert_string_equal(said.result, "quarantined");
	agreed.actions = ALL & ~MILTER_ACT_QUARANTINE;
	judge();
	says("y554 5.7.1 Refused: malware Test (" ID ").|");
	assert_string_equal(said.result, "refused");
}

/* smfi_setreply(3): a lone % would be a format to Sendmail. */
static void
a_percent_sign_is_doubled(void **state)
{
	(void)state;
	found(DO_BLOCK);
	v.reject_text = "554 5.7.1 100% bad: {reason}";
	(void)snprintf(
	    decision.because.what, sizeof(decision.because.what), "a%%sb");
	judge();
	says("y554 5.7.1 100%% bad: malware a%%sb.|");
	assert_string_equal(said.reply, "554 5.7.1 100% bad: malware a%sb");
}

static void
several_lines(void **state)
{
	(void)state;
	milter_put_text(&out, "550-5.7.1 One\r\n550 5.7.1 two\r\n");
	says("y550-5.7.1 One\r\n550 5.7.1 two.|");
}

/* As much as there can be has room. */
static void
the_longest_verdict(void **state)
{
	(void)state;
	v.marks = MAIL_CUTS_MAX;
	memset(report.engines, 'e', sizeof(report.engines) - 1);
	found(DO_TAG);
	memset(decision.because.what, '%', sizeof(decision.because.what) - 1);
	judge();
	found(DO_BLOCK);
	memset(decision.because.what, '%', sizeof(decision.because.what) - 1);
	judge();
	assert_true(out.len < MILTER_VERDICT_MAX);
}

static void
what_was_agreed_upon(void **state)
{
	static const char wanted[] = "\0\0\0\x0dO\0\0\0\6\0\0\0\x31\0\x10\0\0";

	(void)state;
	milter_put_agreed(&out, &agreed);
	assert_int_equal(out.len, sizeof(wanted) - 1);
	assert_memory_equal(buf_at(&out), wanted, out.len);
	agreed.ours = true;
	buf_clear(&out);
	milter_put_agreed(&out, &agreed);
	assert_memory_equal(
	    buf_at(&out) + 17, "\0\0\0\0i\0\0\0\0\1{tls_version} {cipher}", 32);
	assert_true(out.len <= MILTER_REPLY_MAX);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_clean_mail_is_marked),
	    TEST(foreign_marks_go),
	    TEST(refusals),
	    TEST(quarantine_where_it_is_allowed),
	    TEST(a_percent_sign_is_doubled),
	    TEST(several_lines),
	    TEST(the_longest_verdict),
	    TEST(what_was_agreed_upon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
