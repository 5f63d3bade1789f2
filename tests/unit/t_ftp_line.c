/*
 * t_ftp_line: command lines, Telnet's commands in them, and how a client names
 * a server: what is taken, what is refused.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/ftp/ftp_dest.h"
#include "protocols/ftp/ftp_line.h"

static void
taken(struct slice line, const char *verb, const char *arg)
{
	char room[FTP_LINE_MAX];
	struct ftp_line l;

	assert_int_equal(ftp_line(line, room, &l), 0);
	assert_string_equal(l.verb, verb);
	assert_true(slice_is(l.arg, arg));
}

static void
verb_and_argument(void **state)
{
	(void)state;
	taken(slice_of("NOOP"), "NOOP", "");
	taken(slice_of("noop "), "NOOP", "");
	taken(slice_of("Pwd"), "PWD", "");
	taken(slice_of("RETR a b"), "RETR", "a b");
	/* blanks may be a name's own */
	taken(slice_of("RETR  a "), "RETR", " a ");
	taken(slice_of("CWD gr\xc3\xbc\xc3\x9f"), "CWD", "gr\xc3\xbc\xc3\x9f");
	taken(slice_of("CWD gr\xfc\xdf"), "CWD", "gr\xfc\xdf");
}

static void
telnet_goes(void **state)
{
	(void)state;
	/* IAC IP IAC DM, as RFC 959 4.1.3 has it */
	taken(slice_of("\xff\xf4\xff\xf2"
		       "ABOR"),
	    "ABOR", "");
	taken(slice_of("\xff\xfb\x01NOOP"), "NOOP", "");
	taken(slice_of("NO\xff\xf1OP"), "NOOP", "");
	taken(slice_of("\xff\xfa\x18x\xff\xf0PWD"), "PWD", "");
}

static void
what_is_no_command(void **state)
{
	static const char *const bad[] = {"", " NOOP", "NO", "NOOPS", "NO-OP",
	    "NOOP\tx", "GET/ HTTP/1.1", "RETR a\rb", "RETR a\nb",
	    "RETR \x1b[2J", "RETR \x7f", "RETR \xff\xff", "RETR \xff",
	    "RETR \xff\xf9\xff", "RETR \xff\xfb", "\xff\xfa\x18PWD", "1234"};
	char room[FTP_LINE_MAX];
	struct ftp_line l;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ftp_line(slice_of(bad[i]), room, &l), -1);
	assert_int_equal(
	    ftp_line((struct slice){"RETR a\0b", 8}, room, &l), -1);
}

static void
the_longest_line(void **state)
{
	char line[FTP_LINE_MAX + 1], room[FTP_LINE_MAX];
	struct slice s = {line, FTP_LINE_MAX};
	struct ftp_line l;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "RETR ", 5);
	assert_int_equal(ftp_line(s, room, &l), 0);
	assert_int_equal((int)l.arg.len, FTP_LINE_MAX - 5);
	s.len++;
	assert_int_equal(ftp_line(s, room, &l), -1);
}

static void
an_abort_among_others(void **state)
{
	(void)state;
	assert_true(ftp_line_has_abort(slice_of("ABOR\r\n")));
	assert_true(ftp_line_has_abort(slice_of("abor\n")));
	assert_true(ftp_line_has_abort(slice_of("NOOP\r\nABOR\r\nPWD")));
	assert_true(ftp_line_has_abort(slice_of("\xff\xf4\xff\xf2"
						"ABOR\r\n")));
	assert_false(ftp_line_has_abort(slice_of("ABOR")));
	assert_false(ftp_line_has_abort(slice_of("NOOP\r\n")));
	assert_false(ftp_line_has_abort(slice_of("CWD ABOR\r\n")));
	assert_false(ftp_line_has_abort(slice_of("")));
}

static void
a_dest(const char *text, const char *host, unsigned port)
{
	struct ftp_dest d;

	assert_int_equal(ftp_dest(slice_of(text), &d), 0);
	assert_string_equal(d.host, host);
	assert_int_equal(d.port, port);
}

static void
how_a_server_is_named(void **state)
{
	static const char *const bad[] = {"", "a b", "a:", "a:0", "a:65536",
	    "a:99999999", "a:1x", "a/b", "[::1", "[]", "[::1]x", "::1", "[a",
	    "a@b", "unix:/x", "pipe:/x", "a\x01", "[::1%lo]"};
	char longest[FTP_HOST_MAX + 2];
	struct ftp_dest d;

	(void)state;
	a_dest("ftp.example.org", "ftp.example.org", 21);
	a_dest("ftp.example.org:2121", "ftp.example.org", 2121);
	a_dest("192.0.2.1 990", "192.0.2.1", 990);
	a_dest("[2001:db8::1]", "2001:db8::1", 21);
	a_dest("[2001:db8::1]:65535", "2001:db8::1", 65535);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ftp_dest(slice_of(bad[i]), &d), -1);
	memset(longest, 'a', sizeof(longest));
	longest[FTP_HOST_MAX] = '\0';
	a_dest(longest, longest, 21);
	longest[FTP_HOST_MAX] = 'a';
	assert_int_equal(
	    ftp_dest((struct slice){longest, sizeof(longest) - 1}, &d), -1);
}

static void
a_user(const char *arg, int rc, const char *user, const char *host)
{
	struct slice u;
	struct ftp_dest d;

	assert_int_equal(ftp_dest_user(slice_of(arg), &u, &d), rc);
	if (rc >= 0)
		assert_true(slice_is(u, user));
	if (rc == 0)
		assert_string_equal(d.host, host);
}

static void
a_user_and_a_server(void **state)
{
	(void)state;
	a_user("bob", 1, "bob", NULL);
	a_user("bob@a", 0, "bob", "a");
	a_user("bob@realm@a:21", 0, "bob@realm", "a");
	a_user("bob@[::1]", 0, "bob", "::1");
	a_user("bob@", -1, NULL, NULL);
	a_user("@a", -1, NULL, NULL);
	a_user("bob@a b", -1, NULL, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verb_and_argument),
	    cmocka_unit_test(telnet_goes),
	    cmocka_unit_test(what_is_no_command),
	    cmocka_unit_test(the_longest_line),
	    cmocka_unit_test(an_abort_among_others),
	    cmocka_unit_test(how_a_server_is_named),
	    cmocka_unit_test(a_user_and_a_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
