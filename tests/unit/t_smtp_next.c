/*
 * t_smtp_next: next hops as the configuration names them, one by one and from
 * a list that blanks have parted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "protocols/smtp/smtp_next.h"

static void
fits(const char *text, enum smtp_next_kind kind, const char *host,
    uint16_t port, const char *whole)
{
	struct smtp_next n;
	struct err e = {""};

	if (smtp_next(text, &n, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	assert_int_equal(n.kind, kind);
	assert_string_equal(n.host, host);
	assert_int_equal(n.port, port);
	assert_string_equal(n.text, whole);
}

static void
bad(const char *text, const char *why)
{
	struct smtp_next n;
	struct err e = {""};

	assert_int_equal(smtp_next(text, &n, &e), -1);
	if (strstr(e.text, why) == NULL)
		fail_msg("%s: %s", text, e.text);
}

static void
test_smtp(void **state)
{
	(void)state;
	fits("smtp:127.0.0.1:25", NEXT_SMTP, "127.0.0.1", 25,
	    "smtp:127.0.0.1:25");
	fits("SMTP:mx.example.org:2525", NEXT_SMTP, "mx.example.org", 2525,
	    "smtp:mx.example.org:2525");
	fits("host:1", NEXT_SMTP, "host", 1, "smtp:host:1");
	fits("smtp:[2001:db8::1]:25", NEXT_SMTP, "2001:db8::1", 25,
	    "smtp:[2001:db8::1]:25");
	bad("smtp:127.0.0.1", "not a next hop");
	bad("smtp:127.0.0.1:0", "not a next hop");
	bad("smtp:127.0.0.1:65536", "not a next hop");
	bad("smtp:::1:25", "not a next hop");
	bad("smtp::25", "not a next hop");
	bad("smtp:unix:/run/x", "not a next hop");
	bad("smpt:host:25", "not a next hop");
	bad("-bs", "not a next hop");
	bad("/usr/sbin/sendmail", "not a next hop");
}

static void
test_lmtp(void **state)
{
	char path[200] = "lmtp:unix:/";

	(void)state;
	fits("lmtp:127.0.0.1:24", NEXT_LMTP, "127.0.0.1", 24,
	    "lmtp:127.0.0.1:24");
	fits("lmtp:[::1]:24", NEXT_LMTP, "::1", 24, "lmtp:[::1]:24");
	fits("lmtp:unix:/run/dovecot/lmtp", NEXT_LMTP, "unix:/run/dovecot/lmtp",
	    0, "lmtp:unix:/run/dovecot/lmtp");
	bad("lmtp:", "lmtp: needs");
	bad("lmtp:host", "lmtp: needs");
	bad("lmtp:unix:run/lmtp", "must begin with /");
	memset(path + 11, 'x', 150);
	bad(path, "longer than");
}

static void
test_pipe_and_maildir(void **state)
{
	(void)state;
	fits("pipe:/usr/sbin/sendmail -bs", NEXT_PIPE,
	    "pipe:/usr/sbin/sendmail -bs", 0, "pipe:/usr/sbin/sendmail -bs");
	fits("pipe:/bin/x  a   b ", NEXT_PIPE, "pipe:/bin/x a b", 0,
	    "pipe:/bin/x a b");
	fits("maildir:/var/mail/", NEXT_MAILDIR, "/var/mail", 0,
	    "maildir:/var/mail");
	bad("pipe:sendmail -bs", "pipe: needs");
	bad("pipe:", "pipe: needs");
	bad("maildir:mail", "maildir: needs");
}

/* How many entries the first one takes, and what it is. */
static void
takes(const char *const *list, size_t n, size_t want, const char *whole)
{
	struct smtp_next next;
	struct err e = {""};

	assert_int_equal(smtp_next_take(list, n, &next, &e), want);
	if (want > 0)
		assert_string_equal(next.text, whole);
}

static void
test_lists(void **state)
{
	static const char *const sendmail[] = {"pipe:/usr/sbin/sendmail", "-bs",
	    "-C", "/etc/mail/x.cf", "smtp:127.0.0.1:25", "-x"};
	static const char *const typo[] = {"pipe:/bin/x", "smpt:host:25"};
	static const char *const plain[] = {"smtp:127.0.0.1:25", "-bs"};
	static const char *const quoted[] = {"pipe:/bin/x a b", "host:25"};
	char word[300] = "-";
	const char *longer[] = {"pipe:/bin/x", word, word};

	(void)state;
	takes(sendmail, 6, 4, "pipe:/usr/sbin/sendmail -bs -C /etc/mail/x.cf");
	takes(sendmail, 1, 1, "pipe:/usr/sbin/sendmail");
	takes(sendmail + 4, 2, 1, "smtp:127.0.0.1:25");
	takes(sendmail + 5, 1, 0, "");
	takes(typo, 2, 1, "pipe:/bin/x");
	takes(typo + 1, 1, 0, "");
	takes(plain, 2, 1, "smtp:127.0.0.1:25");
	takes(quoted, 2, 1, "pipe:/bin/x a b");
	memset(word, '-', sizeof(word) - 1);
	takes(longer, 3, 0, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_smtp),
	    cmocka_unit_test(test_lmtp),
	    cmocka_unit_test(test_pipe_and_maildir),
	    cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
