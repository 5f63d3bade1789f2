/*
 * t_pool: idle connections: which one comes back, and which do not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "proxy/io.h"
#include "proxy/loop.h"
#include "proxy/pool.h"
#include "tests/unit/turn.h"

static int freed;

static void
free_tag(void *tag)
{
	assert_non_null(tag);
	freed++;
}

/* Puts a new connection in; returns its other end. */
static int
put(struct loop *l, struct pool *p, const char *key, const char *tag)
{
	int fds[2];
	struct io *io;

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	io = io_open(l, &fds[0], NULL);
	pool_put(p, key, &io, (void *)(uintptr_t)tag, free_tag);
	assert_null(io);
	return fds[1];
}

static void
hears(int fd, const char *want)
{
	char got[32];
	ssize_t n = read(fd, got, sizeof(got) - 1);

	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, want);
}

static void
test_newest_of_its_key(void **state)
{
	struct loop *l = loop_open();
	struct pool *p = pool_open(5, 10000, "QUIT\r\n");
	void *tag = NULL;
	struct io *io;
	int a = put(l, p, "k", "a"), b = put(l, p, "k", "b");
	int c = put(l, p, "other", "c");

	(void)state;
	freed = 0;
	assert_null(pool_take(p, "none", &tag));
	assert_int_equal(pool_count(p, "k"), 2);
	io = pool_take(p, "k", &tag);
	assert_string_equal(tag, "b");
	io_puts(io, "RSET");
	turn_loop(l, 5);
	hears(b, "RSET");
	io_free(&io);
	io = pool_take(p, "k", &tag);
	assert_string_equal(tag, "a");
	io_free(&io);
	assert_null(pool_take(p, "k", &tag));
	assert_int_equal(freed, 0);
	pool_free(&p);
	assert_int_equal(freed, 1);
	turn_loop(l, 5);
	hears(c, "QUIT\r\n");
	loop_free(&l);
	close(a);
	close(b);
	close(c);
}

static void
test_dropped_when_it_speaks_or_goes(void **state)
{
	struct loop *l = loop_open();
	struct pool *p = pool_open(5, 10000, "QUIT\r\n");
	void *tag;
	int a = put(l, p, "k", "a"), b = put(l, p, "k", "b");
	int c = put(l, p, "k", "c");

	(void)state;
	freed = 0;
	turn_loop(l, 5);
	assert_int_equal(pool_count(p, "k"), 3);
	assert_int_equal(write(b, "421 bye\r\n", 9), 9);
	close(c);
	assert_int_equal(shutdown(a, SHUT_WR), 0);
	turn_loop(l, 10);
	assert_int_equal(freed, 3);
	assert_null(pool_take(p, "k", &tag));
	pool_free(&p);
	loop_free(&l);
	close(a);
	close(b);
}

static void
test_limits(void **state)
{
	struct loop *l = loop_open();
	struct pool *p = pool_open(2, 40, "QUIT\r\n");
	void *tag = NULL;
	struct io *io;
	int a = put(l, p, "k", "a"), b = put(l, p, "k", "b");
	int c = put(l, p, "k", "c");

	(void)state;
	freed = 0;
	assert_int_equal(pool_count(p, "k"), 2);
	io = pool_take(p, "k", &tag);
	assert_string_equal(tag, "c");
	assert_int_equal(pool_count(p, "k"), 1); /* the oldest went */
	turn_loop(l, 60); /* b has waited too long; c is ours and has not */
	assert_int_equal(pool_count(p, "k"), 0);
	hears(a, "QUIT\r\n");
	hears(b, "QUIT\r\n");
	assert_int_equal(read(c, &freed, 1), -1);
	io_free(&io);
	pool_free(&p);
	loop_free(&l);
	close(a);
	close(b);
	close(c);
}

/* The oldest of all goes, whoever's it is; what was taken makes room. */
static void
test_a_cap_on_all(void **state)
{
	struct loop *l = loop_open();
	struct pool *p = pool_open(2, 10000, "QUIT\r\n");
	void *tag = NULL;
	struct io *io;
	int a, b, c, d;

	(void)state;
	pool_cap(p, 3);
	a = put(l, p, "k", "a");
	b = put(l, p, "m", "b");
	c = put(l, p, "n", "c");
	io = pool_take(p, "n", &tag);
	d = put(l, p, "o", "d");
	assert_int_equal(pool_count(p, "k"), 1);
	pool_put(p, "n", &io, tag, free_tag);
	assert_int_equal(pool_count(p, "k"), 0);
	assert_int_equal(pool_count(p, "m"), 1);
	assert_int_equal(pool_count(p, "n"), 1);
	turn_loop(l, 5);
	hears(a, "QUIT\r\n");
	close(b); /* one that went by itself makes room, too */
	turn_loop(l, 10);
	b = put(l, p, "k", "b");
	assert_int_equal(pool_count(p, "o"), 1);
	pool_free(&p);
	loop_free(&l);
	close(a);
	close(b);
	close(c);
	close(d);
}

/* One with bytes that nobody has read is not fit for another use. */
static void
test_unread_is_not_kept(void **state)
{
	struct loop *l = loop_open();
	struct pool *p = pool_open(2, 1000, NULL);
	int fds[2];
	struct io *io;

	(void)state;
	freed = 0;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	io = io_open(l, &fds[0], NULL);
	assert_int_equal(write(fds[1], "250 more\r\n", 10), 10);
	turn_loop(l, 5);
	assert_int_equal(io_input(io).len, 10);
	pool_put(p, "k", &io, &freed, free_tag);
	assert_int_equal(pool_count(p, "k"), 0);
	assert_int_equal(freed, 1);
	pool_free(&p);
	loop_free(&l);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_newest_of_its_key),
	    cmocka_unit_test(test_dropped_when_it_speaks_or_goes),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_a_cap_on_all),
	    cmocka_unit_test(test_unread_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
