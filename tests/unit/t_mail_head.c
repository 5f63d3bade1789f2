/*
 * t_mail_head: what is found in a mail's header, whatever pieces it comes in:
 * hops, fields of ours that are not ours, subject and id, and where the header
 * is not one.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/mail_head.h"

static struct mail_head
read_pieces(const char *mail, size_t piece)
{
	struct mail_head h;
	size_t len = strlen(mail), n;

	mail_head_init(&h);
	for (size_t at = 0; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		mail_head(&h, mail + at, n);
	}
	mail_head_end(&h);
	return h;
}

static struct mail_head
read_all(const char *mail)
{
	struct mail_head whole = read_pieces(mail, 100000), h;

	for (size_t piece = 1; piece < 8; piece++) {
		h = read_pieces(mail, piece);
		assert_int_equal(h.received, whole.received);
		assert_int_equal(h.cuts, whole.cuts);
		assert_int_equal(h.no_field, whole.no_field);
		assert_memory_equal(h.cut, whole.cut, sizeof(h.cut));
		assert_string_equal(h.subject.text, whole.subject.text);
		assert_string_equal(h.message_id.text, whole.message_id.text);
	}
	return whole;
}

static void
without_cuts(const char *mail, const char *rest)
{
	struct mail_head h = read_all(mail);
	char out[1024];
	size_t len = 0, at = 0;

	for (unsigned i = 0; i < h.cuts; i++) {
		memcpy(out + len, mail + at, h.cut[i].from - at);
		len += h.cut[i].from - at;
		at = h.cut[i].to;
	}
	(void)snprintf(out + len, sizeof(out) - len, "%s", mail + at);
	assert_string_equal(out, rest);
}

static void
hops_are_counted(void **state)
{
	(void)state;
	assert_int_equal(read_all("Received: a\r\n b\r\nreceived: c\r\n"
				  "Received : d\r\nX-Received: e\r\n"
				  "Subject: Received: f\r\n\r\n"
				  "Received: body\r\n")
			     .received,
	    3);
	assert_int_equal(read_all("\r\nReceived: a\r\n").received, 0);
	assert_int_equal(read_all("Received:\r\n").received, 1);
}

static void
fields_of_ours_are_cut(void **state)
{
	(void)state;
	without_cuts("A: 1\r\nX-Sallyport: clean\r\nB: 2\r\n\r\nbody\r\n",
	    "A: 1\r\nB: 2\r\n\r\nbody\r\n");
	without_cuts("X-Sallyport: a\r\n b\r\n\tc\r\nB: 2\r\n\r\nbody\r\n",
	    "B: 2\r\n\r\nbody\r\n");
	without_cuts(
	    "x-SALLYPORT : a\r\nX-Sallyport:b\r\n\r\nbody\r\n", "\r\nbody\r\n");
	without_cuts("X-Sallyport: a\r\n", "");
	without_cuts("X-Sallyport: a", "");
	without_cuts("A: 1\r\nX-Sallyport:\r\n \r\n \r\n\r\nbody\r\n",
	    "A: 1\r\n\r\nbody\r\n");
}

static void
what_is_not_cut(void **state)
{
	static const char *const mails[] = {"A: 1\r\n\r\nX-Sallyport: body\r\n",
	    "\r\nX-Sallyport: body\r\n", "A: 1\r\n X-Sallyport: folded\r\n\r\n",
	    "X-Sallyport-Other: a\r\n\r\n", "X-Sallyports: a\r\n\r\n",
	    "X-Sally: a\r\n\r\n", "XX-Sallyport: a\r\n\r\n",
	    "A: X-Sallyport: a\r\n\r\n", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++)
		without_cuts(mails[i], mails[i]);
}

/* A reader may go on behind a line that is no field: it must not find there
 * what we took away elsewhere. */
static void
junk_does_not_end_the_header(void **state)
{
	(void)state;
	without_cuts("A: 1\r\njunk\r\nX-Sallyport: clean\r\nB: 2\r\n\r\n",
	    "A: 1\r\njunk\r\nB: 2\r\n\r\n");
	without_cuts("A: 1\r\nju nk: 2\r\nX-Sallyport: clean\r\n\r\n",
	    "A: 1\r\nju nk: 2\r\n\r\n");
	without_cuts(
	    "A: 1\r\n: 2\r\nX-Sallyport: clean\r\n\r\n", "A: 1\r\n: 2\r\n\r\n");
}

static void
a_mail_without_a_header(void **state)
{
	(void)state;
	assert_true(read_all("hello\r\nA: 1\r\n").no_field);
	assert_true(read_all(" A: 1\r\n").no_field);
	assert_true(read_all("From a@b Mon\r\nA: 1\r\n").no_field);
	assert_true(read_all(": 1\r\n").no_field);
	assert_true(read_all("hello").no_field);
	assert_true(read_all("caf\xc3\xa9: 1\r\n").no_field);
	assert_int_equal(read_all("hello\r\nX-Sallyport: a\r\n").cuts, 0);
	assert_false(read_all("").no_field);
	assert_false(read_all("\r\nhello\r\n").no_field);
	assert_false(read_all("A: 1\r\nhello\r\n").no_field);
	assert_false(read_all("A : 1\r\n").no_field);
}

static void
subject_and_id(void **state)
{
	struct mail_head h;
	char mail[2048];

	(void)state;
	h = read_all("Subject:  one\r\n two\r\nMessage-ID: <x@y>\r\n"
		     "Subject: other\r\n\r\nSubject: body\r\n");
	assert_string_equal(h.subject.text, "one two");
	assert_int_equal(h.subject.len, 7);
	assert_string_equal(h.message_id.text, "<x@y>");
	(void)snprintf(mail, sizeof(mail), "Subject: %01000d\r\n\r\n", 1);
	assert_int_equal(read_all(mail).subject.len, MAIL_HEAD_VALUE_MAX);
	assert_false(read_all("A: 1\r\n\r\n").subject.seen);
}

static void
too_many_of_ours(void **state)
{
	char mail[4096] = "";
	size_t len = 0;

	(void)state;
	for (unsigned i = 1; i <= MAIL_CUTS_MAX + 8; i++) {
		len += (size_t)snprintf(
		    mail + len, sizeof(mail) - len, "X-Sallyport: %u\r\n", i);
		assert_int_equal(read_all(mail).cuts, i);
	}
}

static void
name_longer_than_all(void **state)
{
	char mail[4096];

	(void)state;
	(void)snprintf(mail, sizeof(mail),
	    "%02000d: 1\r\nReceived: a\r\nX-Sallyport%020d: 1\r\n\r\n", 0, 0);
	assert_int_equal(read_all(mail).received, 1);
	assert_int_equal(read_all(mail).cuts, 0);
	assert_false(read_all(mail).no_field);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hops_are_counted),
	    cmocka_unit_test(fields_of_ours_are_cut),
	    cmocka_unit_test(what_is_not_cut),
	    cmocka_unit_test(junk_does_not_end_the_header),
	    cmocka_unit_test(a_mail_without_a_header),
	    cmocka_unit_test(subject_and_id),
	    cmocka_unit_test(too_many_of_ours),
	    cmocka_unit_test(name_longer_than_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
