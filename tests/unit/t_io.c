/*
 * t_io: one connection, over socket pairs and over TCP on loopback, with a
 * peer that is a plain socket: input, ends, time.
 */
#include "tests/unit/io_side.h"

/* ---- input ---- */

static void
test_lines_by_bytes(void **state)
{
	static const char text[] =
	    "EHLO a\r\n\r\n0123456789abcdefg\r\nb\nQ\r\n";
	struct side s;
	struct slice line;

	(void)state;
	open_pair(&s);
	for (const char *p = text; *p != '\0'; p++) {
		assert_int_equal(write(s.peer, p, 1), 1);
		run_until(&s, 'I');
	}
	assert_int_equal(io_line(s.io, 16, &line), LINE_OK);
	assert_true(slice_is(line, "EHLO a"));
	assert_int_equal(io_line(s.io, 16, &line), LINE_OK);
	assert_int_equal(line.len, 0);
	assert_int_equal(io_line(s.io, 16, &line), LINE_LONG);
	assert_int_equal(io_line(s.io, 16, &line), LINE_BARE);
	assert_true(slice_is(line, "b"));
	assert_int_equal(io_line(s.io, 16, &line), LINE_OK);
	assert_true(slice_is(line, "Q"));
	assert_int_equal(io_line(s.io, 16, &line), LINE_NONE);
	assert_int_equal(io_bytes_in(s.io), sizeof(text) - 1);
	close_side(&s);
}

static void
test_rest_is_kept(void **state)
{
	struct side s;
	struct slice line;

	(void)state;
	open_pair(&s);
	say(&s, "one\r\ntwo\r\nthr");
	run_until(&s, 'I');
	assert_int_equal(io_line(s.io, 100, &line), LINE_OK);
	assert_true(slice_is(line, "one"));
	say(&s, "ee\r\n");
	run_until(&s, 'I');
	assert_int_equal(io_line(s.io, 100, &line), LINE_OK);
	assert_true(slice_is(line, "two"));
	assert_int_equal(io_line(s.io, 100, &line), LINE_OK);
	assert_true(slice_is(line, "three"));
	assert_int_equal(io_input(s.io).len, 0);
	close_side(&s);
}

static void
test_shared_scratch(void **state)
{
	struct side a, b;
	int fds[2];

	(void)state;
	open_pair(&a);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	b = (struct side){.peer = fds[1], .loop = a.loop, .guard = a.guard};
	b.io = io_open(a.loop, &fds[0], NULL);
	io_owner(b.io, told, &b);
	say(&a, "aaaa");
	say(&b, "bbbb");
	turn(&a, 20);
	assert_true(slice_is(io_input(a.io), "aaaa"));
	assert_true(slice_is(io_input(b.io), "bbbb"));
	io_free(&b.io);
	assert_int_equal(close(b.peer), 0);
	close_side(&a);
}

static void
test_full_input_rests(void **state)
{
	char block[1000];
	struct side s;
	uint64_t written = 0;

	(void)state;
	memset(block, 'x', sizeof(block));
	open_pair(&s);
	say(&s, "first");
	run_until(&s, 'I');
	written = 5;
	for (int i = 0; i < 1000; i++) {
		ssize_t n = write(s.peer, block, sizeof(block));

		written += n > 0 ? (uint64_t)n : 0;
		if (n < 0)
			turn(&s, 1);
	}
	turn(&s, 20);
	assert_int_equal(io_input(s.io).len, 64 * 1024);
	assert_true(written > 64 * 1024);
	s.take = true;
	io_again(s.io);
	turn(&s, 50);
	assert_int_equal(io_bytes_in(s.io), written);
	assert_int_equal(io_input(s.io).len, 0);
	close_side(&s);
}

static void
test_pause_and_resume(void **state)
{
	struct side s;

	(void)state;
	open_pair(&s);
	s.take = true;
	io_pause(s.io);
	say(&s, "hello");
	turn(&s, 20);
	assert_string_equal(s.told, "");
	assert_int_equal(io_bytes_in(s.io), 0);
	io_resume(s.io);
	run_until(&s, 'I');
	assert_string_equal(s.taken, "hello");
	close_side(&s);
}

static void
test_again(void **state)
{
	struct side s;

	(void)state;
	open_pair(&s);
	say(&s, "x");
	run_until(&s, 'I');
	io_again(s.io);
	assert_string_equal(s.told, "I");
	run_until(&s, 'I');
	assert_string_equal(s.told, "II");
	/* a paused one is told when it is resumed */
	io_pause(s.io);
	io_again(s.io);
	turn(&s, 10);
	assert_string_equal(s.told, "II");
	io_resume(s.io);
	run_until(&s, 'I');
	assert_string_equal(s.told, "III");
	/* also when it was asked for before the pause */
	io_again(s.io);
	io_pause(s.io);
	turn(&s, 10);
	assert_string_equal(s.told, "III");
	io_resume(s.io);
	run_until(&s, 'I');
	/* nothing waits: nothing is told */
	io_discard(s.io);
	io_again(s.io);
	turn(&s, 10);
	assert_string_equal(s.told, "IIII");
	close_side(&s);
}

/* ---- ends ---- */

static void
test_half_close(void **state)
{
	struct side s;

	(void)state;
	open_tcp(&s);
	s.take = true;
	say(&s, "last");
	assert_int_equal(shutdown(s.peer, SHUT_WR), 0);
	run_until(&s, 'E');
	turn(&s, 10);
	assert_string_equal(s.told, "IE");
	assert_string_equal(s.taken, "last");
	assert_true(io_ended(s.io));
	io_puts(s.io, "answer");
	io_end(s.io);
	run_until(&s, 'D');
	hears(&s, "answer");
	hears(&s, ""); /* the end */
	turn(&s, 10);
	assert_string_equal(s.told, "IED");
	close_side(&s);
}

static void
test_half_close_while_paused(void **state)
{
	struct side s;

	(void)state;
	open_tcp(&s);
	s.take = true;
	io_pause(s.io);
	say(&s, "last");
	assert_int_equal(shutdown(s.peer, SHUT_WR), 0);
	turn(&s, 20);
	assert_string_equal(s.told, "");
	io_resume(s.io);
	run_until(&s, 'E');
	assert_string_equal(s.told, "IE");
	close_side(&s);
}

static void
test_reset_is_noticed(void **state)
{
	for (int paused = 0; paused < 2; paused++) {
		struct side s;

		(void)state;
		open_tcp(&s);
		turn(&s, 5);
		if (paused)
			io_pause(s.io);
		reset_peer(&s);
		run_until(&s, 'G');
		assert_string_equal(s.told, "G");
		assert_int_equal(io_error(s.io), ECONNRESET);
		close_side(&s);
	}
}

static void
test_reset_after_half_close(void **state)
{
	struct side s;

	(void)state;
	open_tcp(&s);
	assert_int_equal(shutdown(s.peer, SHUT_WR), 0);
	run_until(&s, 'E');
	reset_peer(&s);
	run_until(&s, 'G');
	assert_string_equal(s.told, "EG");
	close_side(&s);
}

static void
test_hang_up_on_unix_socket(void **state)
{
	struct side s;

	(void)state;
	open_pair(&s);
	io_pause(s.io);
	assert_int_equal(close(s.peer), 0);
	s.peer = -1;
	run_until(&s, 'G');
	assert_string_equal(s.told, "G");
	close_side(&s);
}

/* Its last words come before IO_GONE, though our write failed first. */
static void
test_last_words(void **state)
{
	size_t len = 32 * 1024 * 1024;
	char *much = xcalloc(len, 1);
	struct content *c = content_in_memory(much, len);
	struct side s;

	(void)state;
	open_tcp(&s);
	s.take = true;
	io_feed(s.io, c, 0, len);
	turn(&s, 20);
	assert_true(io_bytes_out(s.io) < len);
	say(&s, "552 too much\r\n");
	reset_peer(&s);
	run_until(&s, 'G');
	assert_string_equal(s.told, "IG");
	assert_string_equal(s.taken, "552 too much\r\n");
	close_side(&s);
	content_free(&c);
	free(much);
}

static void
test_reset_ours(void **state)
{
	char c;
	struct side s;

	(void)state;
	open_tcp(&s);
	io_reset(&s.io);
	assert_null(s.io);
	assert_int_equal(read(s.peer, &c, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	close_side(&s);
}

/* ---- time and names ---- */

static void
test_deadline(void **state)
{
	struct side s;
	int64_t t0 = clock_ms();

	(void)state;
	open_pair(&s);
	assert_string_equal(io_deadline_word(s.io), "");
	io_deadline(s.io, 30, "first");
	io_deadline(s.io, 90, "second"); /* later: replaces it */
	run_until(&s, 'L');
	assert_true(clock_ms() - t0 >= 89);
	assert_string_equal(io_deadline_word(s.io), "second");
	turn(&s, 60);
	assert_string_equal(s.told, "L");
	t0 = clock_ms();
	io_deadline(s.io, 10000, "far");
	io_deadline(s.io, 20, "near");
	run_until(&s, 'L');
	assert_true(clock_ms() - t0 < 9000);
	io_deadline(s.io, 20, "none");
	io_deadline(s.io, 0, NULL);
	turn(&s, 50);
	assert_string_equal(s.told, "LL");
	close_side(&s);
}

static void
test_names(void **state)
{
	char text[ADDR_TEXT];
	struct side s;

	(void)state;
	open_tcp(&s);
	assert_string_equal(addr_host(io_peer(s.io), text), "127.0.0.1");
	assert_string_equal(addr_host(io_local(s.io), text), "127.0.0.1");
	assert_int_not_equal(
	    addr_port(io_local(s.io)), addr_port(io_peer(s.io)));
	close_side(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines_by_bytes),
	    cmocka_unit_test(test_rest_is_kept),
	    cmocka_unit_test(test_shared_scratch),
	    cmocka_unit_test(test_full_input_rests),
	    cmocka_unit_test(test_pause_and_resume),
	    cmocka_unit_test(test_again),
	    cmocka_unit_test(test_half_close),
	    cmocka_unit_test(test_half_close_while_paused),
	    cmocka_unit_test(test_reset_is_noticed),
	    cmocka_unit_test(test_reset_after_half_close),
	    cmocka_unit_test(test_hang_up_on_unix_socket),
	    cmocka_unit_test(test_last_words),
	    cmocka_unit_test(test_reset_ours),
	    cmocka_unit_test(test_deadline),
	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
