/*
 * t_smtp_reply: what a next hop answers: lines, codes, limits, and what of it
 * goes on to a client.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/smtp/smtp_reply.h"

static struct smtp_reply r; /* large */

static enum smtp_reply_is
line(const char *text)
{
	return smtp_reply_line(&r, slice_of(text));
}

static void
goes_on_as(unsigned code, const char *text)
{
	struct buf b;

	buf_init(&b, 16384);
	smtp_reply_put(&r, code, &b);
	assert_string_equal(buf_text(&b), text);
	buf_free(&b);
}

static void
one_line(void **state)
{
	(void)state;
	smtp_reply_init(&r);
	assert_int_equal(line("250 2.0.0 Ok: queued"), REPLY_DONE);
	assert_int_equal(r.code, 250);
	assert_string_equal(r.text, "2.0.0 Ok: queued");
	goes_on_as(250, "250 2.0.0 Ok: queued\r\n");
	smtp_reply_init(&r);
	assert_int_equal(line("354"), REPLY_DONE);
	goes_on_as(354, "354 \r\n");
	smtp_reply_init(&r);
	assert_int_equal(line("250 "), REPLY_DONE);
	assert_string_equal(r.text, "");
}

static void
several_lines(void **state)
{
	(void)state;
	smtp_reply_init(&r);
	assert_int_equal(line("550-5.1.1 No"), REPLY_MORE);
	assert_int_equal(line("550-"), REPLY_MORE);
	assert_int_equal(line("550 5.1.1 such user"), REPLY_DONE);
	assert_int_equal(r.code, 550);
	assert_int_equal(r.lines, 3);
	goes_on_as(550, "550-5.1.1 No\r\n550-\r\n550 5.1.1 such user\r\n");
	goes_on_as(451, "451-5.1.1 No\r\n451-\r\n451 5.1.1 such user\r\n");
}

static void
what_is_no_reply(void **state)
{
	static const char *const bad[] = {"", "25", "abc", "2500 x", "250x",
	    "250_x", "150 x", "650 x", "2 50", " 250 x", "25a x", "000 x"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		smtp_reply_init(&r);
		assert_int_equal(line(bad[i]), REPLY_BAD);
	}
	smtp_reply_init(&r);
	assert_int_equal(line("250-a"), REPLY_MORE);
	assert_int_equal(line("550 b"), REPLY_BAD);
}

static void
only_printable_bytes_go_on(void **state)
{
	(void)state;
	smtp_reply_init(&r);
	assert_int_equal(line("250 a\tb\x1b[2J\xc3\xa9"), REPLY_DONE);
	assert_string_equal(r.text, "a?b?[2J??");
	smtp_reply_init(&r);
	assert_int_equal(
	    smtp_reply_line(&r, (struct slice){"250 a\0b\rc\nd", 11}),
	    REPLY_DONE);
	assert_string_equal(r.text, "a?b?c?d");
}

static void
limits(void **state)
{
	char text[SMTP_REPLY_LINE_MAX + 2];
	struct buf b;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "250 ", 4);
	smtp_reply_init(&r);
	assert_int_equal(
	    smtp_reply_line(&r, (struct slice){text, sizeof(text) - 1}),
	    REPLY_BAD);
	assert_int_equal(
	    smtp_reply_line(&r, (struct slice){text, sizeof(text) - 2}),
	    REPLY_DONE);
	/* RFC 5321 4.5.3.1.5 */
	buf_init(&b, 4096);
	smtp_reply_put(&r, 250, &b);
	assert_int_equal(b.len, 512);
	assert_memory_equal(buf_at(&b) + 510, "\r\n", 2);
	buf_free(&b);
}

static void
endless_replies(void **state)
{
	enum smtp_reply_is is = REPLY_MORE;
	struct buf b;
	unsigned n = 0;

	(void)state;
	smtp_reply_init(&r);
	for (; is == REPLY_MORE; n++)
		is = line("250-and so on and so on");
	assert_int_equal(is, REPLY_BAD);
	assert_int_equal(n, SMTP_REPLY_LINES_MAX + 1);
	/* the shortest lines make the longest reply */
	smtp_reply_init(&r);
	for (n = 1; n < SMTP_REPLY_LINES_MAX; n++)
		assert_int_equal(line("250-"), REPLY_MORE);
	assert_int_equal(line("250 end"), REPLY_DONE);
	assert_true(r.len < SMTP_REPLY_MAX);
	buf_init(&b, 16384);
	smtp_reply_put(&r, 250, &b);
	assert_memory_equal(buf_at(&b) + b.len - 9, "250 end\r\n", 9);
	buf_free(&b);
}

static void
capabilities(void **state)
{
	struct smtp_caps c;

	(void)state;
	smtp_reply_init(&r);
	(void)line("250-PIPELINING is my name");
	(void)line("250-size 1000000");
	(void)line("250-8bitmime");
	(void)line("250-PIPELININGS");
	(void)line("250 ENHANCEDSTATUSCODES");
	smtp_reply_caps(&r, &c);
	assert_true(c.known && c.eightbit && c.has_size);
	assert_false(c.pipelining);
	assert_int_equal(c.size, 1000000);
	smtp_reply_init(&r);
	(void)line("250-hop");
	(void)line("250-PIPELINING");
	(void)line("250 SIZE");
	smtp_reply_caps(&r, &c);
	assert_true(c.pipelining && c.has_size && !c.eightbit);
	assert_int_equal(c.size, 0);
	smtp_reply_init(&r);
	(void)line("250 hop");
	smtp_reply_caps(&r, &c);
	assert_true(c.known && !c.pipelining && !c.has_size && !c.eightbit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_line),
	    cmocka_unit_test(several_lines),
	    cmocka_unit_test(what_is_no_reply),
	    cmocka_unit_test(only_printable_bytes_go_on),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(endless_replies),
	    cmocka_unit_test(capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
