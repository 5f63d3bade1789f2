/*
 * t_dial: from names and addresses to connections, on loopback alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/dial.h"
#include "proxy/io.h"
#include "proxy/loop.h"

struct test {
	struct loop *loop;
	struct dialer *dialer;
	struct dial *dial;
	struct timer *guard;
	struct io *io;
	char why[128];
	int told;
	bool inside; /* dial_start() has not returned */
};

static void
too_late(void *arg)
{
	(void)arg;
	fail_msg("nothing was told in time");
}

static void
stop(void *arg)
{
	loop_stop(arg);
}

static void
done(void *arg, struct io *io, const char *why)
{
	struct test *t = arg;

	assert_false(t->inside);
	t->told++;
	t->io = io;
	t->dial = NULL;
	(void)snprintf(t->why, sizeof(t->why), "%s", why == NULL ? "" : why);
	assert_int_equal(io == NULL, why != NULL);
	loop_stop(t->loop);
}

static void
begin(struct test *t)
{
	*t = (struct test){.loop = loop_open()};
	t->dialer = dialer_open(t->loop);
	t->guard = timer_open(t->loop, too_late, t);
}

static void
end(struct test *t)
{
	io_free(&t->io);
	timer_free(&t->guard);
	dialer_free(&t->dialer);
	loop_free(&t->loop);
}

static void
start(struct test *t, const char *host, uint16_t port, int64_t ms)
{
	t->told = 0;
	t->inside = true;
	t->dial = dial_start(t->dialer, host, port, ms, done, t);
	t->inside = false;
}

static void
dial(struct test *t, const char *host, uint16_t port, int64_t ms)
{
	io_free(&t->io);
	start(t, host, port, ms);
	timer_set(t->guard, 8000);
	loop_run(t->loop);
	timer_stop(t->guard);
	assert_int_equal(t->told, 1);
}

/* A socket on a port that nobody else has; listening or not. */
static int
door(const char *host, uint16_t *port, bool open, int backlog)
{
	struct addr a;
	int fd;

	assert_int_equal(addr_number(host, *port, &a), 0);
	fd = socket(a.ss.ss_family, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a.ss, a.len), 0);
	if (open)
		assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a.ss, &a.len), 0);
	*port = addr_port(&a);
	return fd;
}

static void
test_numbers(void **state)
{
	char text[ADDR_TEXT], want[ADDR_TEXT];
	uint16_t port = 0, port6 = 0;
	int l = door("127.0.0.1", &port, true, 5);
	int l6 = door("::1", &port6, true, 5);
	struct test t;

	(void)state;
	begin(&t);
	dial(&t, "127.0.0.1", port, 2000);
	assert_non_null(t.io);
	(void)snprintf(want, sizeof(want), "127.0.0.1:%u", port);
	assert_string_equal(addr_text(io_peer(t.io), text), want);
	dial(&t, "::1", port6, 2000);
	assert_non_null(t.io);
	(void)snprintf(want, sizeof(want), "[::1]:%u", port6);
	assert_string_equal(addr_text(io_peer(t.io), text), want);
	end(&t);
	close(l);
	close(l6);
}

static void
test_refused(void **state)
{
	uint16_t port = 0;
	int l = door("127.0.0.1", &port, false, 0);
	struct test t;

	(void)state;
	begin(&t);
	dial(&t, "127.0.0.1", port, 2000);
	assert_null(t.io);
	assert_string_equal(t.why, "connection refused");
	end(&t);
	close(l);
}

static void
test_unix(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char host[128];
	int l = socket(AF_UNIX, SOCK_STREAM, 0);
	struct test t;

	(void)state;
	(void)snprintf(
	    un.sun_path, sizeof(un.sun_path), "/tmp/t_dial.%d", (int)getpid());
	(void)snprintf(host, sizeof(host), "unix:%s", un.sun_path);
	begin(&t);
	dial(&t, host, 0, 2000);
	assert_string_equal(t.why, "no such socket");
	assert_int_equal(bind(l, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(l, 1), 0);
	dial(&t, host, 0, 2000);
	assert_non_null(t.io);
	close(l);
	dial(&t, host, 0, 2000);
	assert_string_equal(t.why, "connection refused");
	assert_int_equal(unlink(un.sun_path), 0);
	dial(&t, "unix:", 0, 2000);
	assert_string_equal(t.why, "not a socket's path");
	end(&t);
}

/* localhost is in /etc/hosts everywhere; where it has two addresses and only
 * one of them answers, that one is found. */
static void
test_name(void **state)
{
	uint16_t port = 0;
	int l = door("127.0.0.1", &port, true, 5);
	struct test t;

	(void)state;
	begin(&t);
	dial(&t, "localhost", port, 4000);
	assert_non_null(t.io);
	end(&t);
	close(l);
}

static void
test_no_such_name(void **state)
{
	struct test t;

	(void)state;
	begin(&t);
	dial(&t, "a..b", 25, 1500);
	assert_null(t.io);
	assert_string_equal(t.why, "no such host");
	end(&t);
}

/* A listener whose queue is full does not answer: the time runs out. */
static void
test_timed_out(void **state)
{
	uint16_t port = 0;
	int l = door("127.0.0.1", &port, true, 0);
	struct io *kept[8] = {NULL};
	struct test t;
	int64_t t0;

	(void)state;
	begin(&t);
	for (int i = 0; i < 8; i++) {
		start(&t, "127.0.0.1", port, 300);
		t0 = clock_ms();
		timer_set(t.guard, 20000);
		loop_run(t.loop);
		timer_stop(t.guard);
		if (t.io == NULL)
			break;
		kept[i] = t.io;
		t.io = NULL;
	}
	assert_string_equal(t.why, "timed out");
	assert_true(clock_ms() - t0 >= 299);
	assert_true(clock_ms() - t0 < 10000);
	for (int i = 0; i < 8; i++)
		io_free(&kept[i]);
	end(&t);
	close(l);
}

static void
test_cancel(void **state)
{
	static const char *const hosts[] = {
	    "127.0.0.1", "localhost", "a-name.invalid"};
	uint16_t port = 0;
	int l = door("127.0.0.1", &port, true, 5);
	struct test t;

	(void)state;
	begin(&t);
	for (int i = 0; i < 3; i++) {
		struct timer *timer = timer_open(t.loop, stop, t.loop);

		start(&t, hosts[i], port, 1000);
		dial_cancel(&t.dial);
		assert_null(t.dial);
		timer_set(timer, 50);
		loop_run(t.loop);
		assert_int_equal(t.told, 0);
		timer_free(&timer);
	}
	dial_cancel(&t.dial); /* NULL is fine */
	end(&t);
	close(l);
}

static bool
not_v4(const void *arg, const struct addr *a)
{
	unsigned *asked = *(unsigned *const *)arg;

	++*asked;
	return a->ss.ss_family != AF_INET;
}

/* Nobody knocks where it is not allowed: accept() would find him. */
static void
test_not_allowed(void **state)
{
	uint16_t port = 0, port6 = 0;
	int l = door("127.0.0.1", &port, true, 5);
	int l6 = door("::1", &port6, true, 5);
	unsigned asked = 0, *arg = &asked;
	struct test t;

	(void)state;
	begin(&t);
	timer_set(t.guard, 8000);
	t.dial = dial_start_where(
	    t.dialer, "127.0.0.1", port, 2000, not_v4, &arg, done, &t);
	loop_run(t.loop);
	assert_null(t.io);
	assert_string_equal(t.why, DIAL_NOT_ALLOWED);
	assert_int_equal(asked, 1);
	assert_int_equal(fcntl(l, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(accept(l, NULL, NULL), -1);
	t.dial = dial_start_where(
	    t.dialer, "::1", port6, 2000, not_v4, &arg, done, &t);
	loop_run(t.loop);
	assert_non_null(t.io);
	end(&t);
	close(l);
	close(l6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_unix),
	    cmocka_unit_test(test_name),
	    cmocka_unit_test(test_no_such_name),
	    cmocka_unit_test(test_timed_out),
	    cmocka_unit_test(test_cancel),
	    cmocka_unit_test(test_not_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
