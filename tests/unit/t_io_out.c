/*
 * t_io_out: the output of a connection, and how it is left.
 */
#include "tests/unit/io_side.h"

/* ---- output ---- */

static void
test_puts_go_together(void **state)
{
	struct side s;
	char line[2000];

	(void)state;
	open_pair(&s);
	io_puts(s.io, "250-one\r\n");
	io_printf(s.io, "250 %s\r\n", "two");
	turn(&s, 0);
	hears(&s, "250-one\r\n250 two\r\n");
	assert_string_equal(s.told, "D");
	memset(line, 'y', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	io_printf(s.io, "%s!", line);
	drink_all(&s, sizeof(line), false);
	assert_int_equal(io_bytes_out(s.io), 18 + sizeof(line));
	close_side(&s);
}

static void
test_full_and_drained(void **state)
{
	static char block[16 * 1024];
	struct side s;
	uint64_t put = 0;

	(void)state;
	open_pair(&s);
	while (!io_full(s.io) && put < 4 * 1024 * 1024) {
		io_put(s.io, block, sizeof(block));
		put += sizeof(block);
		io_flush(s.io);
	}
	assert_true(io_full(s.io));
	turn(&s, 20);
	assert_true(io_full(s.io)); /* nobody reads */
	assert_string_equal(s.told, "");
	drink_all(&s, put, false);
	turn(&s, 5);
	assert_string_equal(s.told, "D");
	assert_false(io_full(s.io));
	close_side(&s);
}

static void
no_log(enum log_level level, uint64_t id, const char *text)
{
	(void)level;
	(void)id;
	(void)text;
}

static void
test_too_much_is_the_end(void **state)
{
	static char block[16 * 1024];
	struct side s;

	(void)state;
	open_pair(&s);
	log_to(no_log);
	for (int i = 0; i < 65; i++)
		io_put(s.io, block, sizeof(block));
	run_until(&s, 'G');
	log_to(NULL);
	assert_string_equal(s.told, "G");
	assert_int_equal(io_error(s.io), ENOBUFS);
	close_side(&s);
}

static void
feed(void (*open_one)(struct side *s), bool in_file)
{
	size_t len = 3 * 1024 * 1024 + 17;
	char *bytes = pattern(len);
	struct content *c = in_file ? content_in_file(bytes, len)
				    : content_in_memory(bytes, len);
	struct side s;

	open_one(&s);
	io_puts(s.io, "before");
	io_feed(s.io, c, 5, len);
	io_puts(s.io, "between");
	io_feed(s.io, c, 0, 5);
	io_feed(s.io, c, 7, 7);
	io_puts(s.io, "behind");
	assert_false(io_full(s.io));
	drink_all(&s, 6 + len - 5 + 7 + 5 + 6, true);
	turn(&s, 5);
	assert_string_equal(s.told, "D");
	assert_memory_equal(s.kept, "before", 6);
	assert_memory_equal(s.kept + 6, bytes + 5, len - 5);
	assert_memory_equal(s.kept + 6 + len - 5, "between", 7);
	assert_memory_equal(s.kept + len + 8, bytes, 5);
	assert_memory_equal(s.kept + len + 13, "behind", 6);
	close_side(&s);
	content_free(&c);
	free(bytes);
}

static void
test_feed_memory(void **state)
{
	(void)state;
	feed(open_pair, false);
	feed(open_tcp, false);
}

static void
test_feed_file(void **state)
{
	(void)state;
	feed(open_pair, true);
	feed(open_tcp, true);
}

static void
test_unfeed(void **state)
{
	char *bytes = pattern(100000);
	struct content *c = content_in_memory(bytes, 100000);
	struct side s;

	(void)state;
	open_pair(&s);
	io_puts(s.io, "kept");
	io_feed(s.io, c, 0, 100000);
	io_put(s.io, bytes, 70000); /* behind it: goes, too */
	assert_true(io_full(s.io));
	io_unfeed(s.io);
	assert_false(io_full(s.io));
	content_free(&c);
	free(bytes);
	io_puts(s.io, " too");
	run_until(&s, 'D');
	hears(&s, "kept too");
	close_side(&s);
}

/* ---- leaving ---- */

static void
test_finish_sends_all(void **state)
{
	size_t len = 1024 * 1024;
	struct side s;
	char *bytes = pattern(len);

	(void)state;
	open_tcp(&s);
	/* unread input would turn our close into a reset */
	say(&s, "more of a mail nobody wants\r\n");
	for (size_t i = 0; i < len; i += 65536)
		io_put(s.io, bytes + i, 65535);
	io_puts(s.io, "221 bye\r\n");
	io_finish(&s.io, 3000);
	assert_int_equal(io_finishing(s.loop), 1);
	say(&s, "and more\r\n");
	drink_all(&s, 16 * 65535 + 9, true);
	assert_memory_equal(s.kept + 16 * 65535, "221 bye\r\n", 9);
	hears(&s, "");
	say(&s, "and more\r\n");
	turn(&s, 20);
	for (size_t i = 0; i < 8; i++) { /* more than an io ever keeps */
		assert_int_equal(write(s.peer, bytes, 30000), 30000);
		turn(&s, 2);
	}
	assert_int_equal(io_finishing(s.loop), 1); /* lingers */
	assert_int_equal(close(s.peer), 0);
	s.peer = -1;
	turn(&s, 20);
	assert_int_equal(io_finishing(s.loop), 0);
	free(bytes);
	close_side(&s);
}

static void
test_finish_does_not_linger_for_ever(void **state)
{
	int64_t began = clock_ms();
	struct side s;

	(void)state;
	open_tcp(&s);
	io_puts(s.io, "221 bye\r\n");
	io_finish(&s.io, 30);
	while (io_finishing(s.loop) > 0)
		turn(&s, 5);
	assert_true(clock_ms() - began >= 29);
	hears(&s, "221 bye\r\n");
	hears(&s, "");
	/* and not at all */
	close_side(&s);
	open_tcp(&s);
	io_puts(s.io, "x");
	io_finish(&s.io, 0);
	assert_int_equal(io_finishing(s.loop), 0);
	hears(&s, "x");
	hears(&s, "");
	close_side(&s);
}

static void
test_loop_free_closes_the_finishing(void **state)
{
	struct side s;

	(void)state;
	open_tcp(&s);
	io_finish(&s.io, 10000);
	close_side(&s);
}

static void
test_free_in_callback(void **state)
{
	for (const char *at = "IDEGL"; *at != '\0'; at++) {
		struct side s;

		(void)state;
		open_tcp(&s);
		s.free_at = *at;
		io_puts(s.io, "x");
		io_deadline(s.io, 40, "test");
		if (*at != 'L')
			say(&s, "hello");
		if (*at == 'E')
			assert_int_equal(shutdown(s.peer, SHUT_WR), 0);
		if (*at == 'G')
			reset_peer(&s);
		turn(&s, 80);
		assert_null(s.io);
		assert_int_equal(s.told[strlen(s.told) - 1], *at);
		close_side(&s);
	}
}

static void
finish_at_input(void *arg, struct io *io, enum io_event what)
{
	struct side *s = arg;

	assert_int_equal(what, IO_INPUT);
	io_puts(io, "bye");
	io_finish(&s->io, 1000);
}

static void
test_finish_in_callback(void **state)
{
	struct side s;

	(void)state;
	open_pair(&s);
	io_owner(s.io, finish_at_input, &s);
	say(&s, "hello");
	turn(&s, 20);
	assert_null(s.io);
	hears(&s, "bye");
	hears(&s, "");
	close_side(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_puts_go_together),
	    cmocka_unit_test(test_full_and_drained),
	    cmocka_unit_test(test_too_much_is_the_end),
	    cmocka_unit_test(test_feed_memory),
	    cmocka_unit_test(test_feed_file),
	    cmocka_unit_test(test_unfeed),
	    cmocka_unit_test(test_finish_sends_all),
	    cmocka_unit_test(test_finish_does_not_linger_for_ever),
	    cmocka_unit_test(test_loop_free_closes_the_finishing),
	    cmocka_unit_test(test_free_in_callback),
	    cmocka_unit_test(test_finish_in_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
