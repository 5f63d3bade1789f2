/*
 * t_ftp_reply: what servers answer, and what of it goes on to clients.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/ftp/ftp_reply.h"

/* Reads lines (apart by \n); what the last of them was. */
static enum ftp_reply_is
lines(struct ftp_reply *r, const char *text)
{
	enum ftp_reply_is is = FTP_REPLY_MORE;

	ftp_reply_init(r);
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		assert_int_equal(is, FTP_REPLY_MORE);
		is = ftp_reply_line(r, (struct slice){text, len});
		text += len + (text[len] == '\n');
	}
	return is;
}

static void
becomes(const char *text, unsigned code, const char *written)
{
	struct ftp_reply r;
	struct buf b;

	assert_int_equal(lines(&r, text), FTP_REPLY_DONE);
	assert_int_equal(r.code, code);
	buf_init(&b, FTP_REPLY_MAX);
	ftp_reply_put(&r, r.code, &b);
	assert_string_equal(buf_text(&b), written);
	buf_free(&b);
	ftp_reply_free(&r);
}

static void
one_line(void **state)
{
	(void)state;
	becomes("220 ready", 220, "220 ready\r\n");
	becomes("220", 220, "220 \r\n");
	becomes("150 gr\xc3\xbc\xc3\x9f", 150, "150 gr\xc3\xbc\xc3\x9f\r\n");
	becomes("550 \x1b[2J\xff", 550, "550 ?[2J?\r\n");
}

static void
several_lines(void **state)
{
	(void)state;
	becomes("211-Features:\n MDTM\n SIZE\n211 End", 211,
	    "211-Features:\r\n MDTM\r\n SIZE\r\n211 End\r\n");
	/* each line with the code, as many servers write them */
	becomes("230-a\n230-b\n230 c", 230, "230-a\r\nb\r\n230 c\r\n");
	/* RFC 959 4.2: another code inside ends nothing */
	becomes("220-a\n221 b\n220 c", 220, "220-a\r\n 221 b\r\n220 c\r\n");
	becomes("220-a\n220-220 b\n220 c", 220, "220-a\r\n 220 b\r\n220 c\r\n");
}

static void
what_is_no_reply(void **state)
{
	static const char *const bad[] = {
	    "hello", "22 x", "620 x", "020 x", "2x0 x", "220x", "220_x"};
	char line[FTP_REPLY_LINE_MAX + 1];
	struct ftp_reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(lines(&r, bad[i]), FTP_REPLY_BAD);
		ftp_reply_free(&r);
	}
	memset(line, 'x', sizeof(line));
	memcpy(line, "220-", 4);
	ftp_reply_init(&r);
	assert_int_equal(ftp_reply_line(&r, (struct slice){line, sizeof(line)}),
	    FTP_REPLY_BAD);
	/* and no reply has more than FTP_REPLY_MAX */
	for (int i = 0; i < FTP_REPLY_MAX / FTP_REPLY_LINE_MAX; i++)
		assert_int_equal(
		    ftp_reply_line(&r, (struct slice){line, sizeof(line) - 1}),
		    FTP_REPLY_MORE);
	assert_int_equal(
	    ftp_reply_line(&r, (struct slice){line, sizeof(line) - 1}),
	    FTP_REPLY_BAD);
	ftp_reply_free(&r);
}

static void
its_lines(void **state)
{
	struct ftp_reply r;

	(void)state;
	assert_int_equal(lines(&r, "211-a\n\n211 c"), FTP_REPLY_DONE);
	assert_true(slice_is(ftp_reply_text(&r, 0), "a"));
	assert_true(slice_is(ftp_reply_text(&r, 1), ""));
	assert_true(slice_is(ftp_reply_text(&r, 2), "c"));
	assert_null(ftp_reply_text(&r, 3).at);
	ftp_reply_clear(&r);
	assert_null(ftp_reply_text(&r, 0).at);
	assert_int_equal(r.code, 0);
	ftp_reply_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_line),
	    cmocka_unit_test(several_lines),
	    cmocka_unit_test(what_is_no_reply),
	    cmocka_unit_test(its_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
