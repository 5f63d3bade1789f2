/*
 * t_dial_names: names with several addresses (RFC 8305).  They lie in a file
 * that this process alone sees as /etc/hosts; where that cannot be done, the
 * tests are skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/dial.h"
#include "proxy/io.h"
#include "proxy/loop.h"

static const char hosts[] = "::1 two.example\n"
			    "127.0.0.1 two.example\n"
			    "::1 many.example\n"
			    "127.0.0.2 many.example\n"
			    "127.0.0.3 many.example\n"
			    "2001:db8::1 many.example\n";

static bool have_hosts;

struct test {
	struct loop *loop;
	struct dialer *dialer;
	struct timer *guard;
	struct dial *dial;
	struct io *io;
	char why[128], asked[512];
};

static void
too_late(void *arg)
{
	(void)arg;
	fail_msg("nothing was told in time");
}

static void
done(void *arg, struct io *io, const char *why)
{
	struct test *t = arg;

	t->dial = NULL;
	t->io = io;
	(void)snprintf(t->why, sizeof(t->why), "%s", why == NULL ? "" : why);
	loop_stop(t->loop);
}

static void
begin(struct test *t)
{
	if (!have_hosts)
		skip();
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

/* Returns how long it took. */
static int64_t
dial(struct test *t, const char *host, uint16_t port, dial_allowed *allowed)
{
	int64_t began = clock_ms();

	io_free(&t->io);
	t->dial =
	    dial_start_where(t->dialer, host, port, 20000, allowed, t, done, t);
	timer_set(t->guard, 30000);
	loop_run(t->loop);
	timer_stop(t->guard);
	return clock_ms() - began;
}

/* -1: somebody has that port. */
static int
door(const char *host, uint16_t *port, int backlog)
{
	struct addr a;
	int fd;

	assert_int_equal(addr_number(host, *port, &a), 0);
	fd = socket(a.ss.ss_family, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	if (bind(fd, (struct sockaddr *)&a.ss, a.len) < 0) {
		assert_int_equal(errno, EADDRINUSE);
		close(fd);
		return -1;
	}
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a.ss, &a.len), 0);
	*port = addr_port(&a);
	return fd;
}

/* One of each family, on a port that nobody has in either. */
struct doors {
	uint16_t port;
	int six, four;
};

static void
open_doors(struct doors *d, int backlog6, int backlog4)
{
	for (int i = 0; i < 100; i++) {
		d->port = 0;
		d->six = door("::1", &d->port, backlog6);
		assert_true(d->six >= 0);
		d->four = door("127.0.0.1", &d->port, backlog4);
		if (d->four >= 0)
			return;
		close(d->six);
	}
	fail_msg("no port is free in both families");
}

static void
close_doors(struct doors *d)
{
	close(d->six);
	close(d->four);
}

/* Connections until one is not answered any more. */
static void
fill(const char *host, uint16_t port, int fds[8])
{
	struct addr a;

	assert_int_equal(addr_number(host, port, &a), 0);
	for (int i = 0; i < 8; i++) {
		fds[i] = socket(a.ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fds[i], (struct sockaddr *)&a.ss, a.len);
	}
}

/* The preferred one is silent: the other one gets its turn, and wins. */
static void
silent_one(void **state)
{
	struct doors d;
	char text[ADDR_TEXT];
	struct test t;
	int fds[8];
	int64_t ms;

	(void)state;
	begin(&t);
	open_doors(&d, 0, 5);
	fill("::1", d.port, fds);
	ms = dial(&t, "two.example", d.port, NULL);
	assert_non_null(t.io);
	assert_string_equal(addr_host(io_peer(t.io), text), "127.0.0.1");
	assert_true(ms >= 249);  /* RFC 8305 5 */
	assert_true(ms < 10000); /* and not half of all the time there is */
	end(&t);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	close_doors(&d);
}

/* The one that answers first is the one that is kept, and the only one. */
static void
preferred_one(void **state)
{
	struct doors d;
	char text[ADDR_TEXT];
	struct test t;

	(void)state;
	begin(&t);
	open_doors(&d, 5, 5);
	(void)dial(&t, "two.example", d.port, NULL);
	assert_non_null(t.io);
	assert_string_equal(addr_host(io_peer(t.io), text), "::1");
	assert_int_equal(fcntl(d.four, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(accept(d.four, NULL, NULL), -1);
	end(&t);
	close_doors(&d);
}

static void
refusing_one(void **state)
{
	struct doors d;
	struct test t;

	(void)state;
	begin(&t);
	open_doors(&d, -1, 5);
	(void)dial(&t, "two.example", d.port, NULL);
	assert_non_null(t.io);
	end(&t);
	close_doors(&d);
	/* and when both refuse, that is said */
	begin(&t);
	open_doors(&d, -1, -1);
	(void)dial(&t, "two.example", d.port, NULL);
	assert_null(t.io);
	assert_string_equal(t.why, "connection refused");
	end(&t);
	close_doors(&d);
}

static bool
nobody(const void *arg, const struct addr *a)
{
	struct test *t = *(struct test *const *)&arg;
	size_t len = strlen(t->asked);
	char text[ADDR_TEXT];

	(void)snprintf(
	    t->asked + len, sizeof(t->asked) - len, "%s ", addr_host(a, text));
	return false;
}

static bool
not_v6(const void *arg, const struct addr *a)
{
	(void)arg;
	return a->ss.ss_family != AF_INET6;
}

/* Families in turns; each is asked about, and none is knocked at. */
static void
turns(void **state)
{
	struct test t;

	(void)state;
	begin(&t);
	(void)dial(&t, "many.example", 1, nobody);
	assert_null(t.io);
	assert_string_equal(t.why, DIAL_NOT_ALLOWED);
	assert_string_equal(t.asked, "::1 127.0.0.2 2001:db8::1 127.0.0.3 ");
	end(&t);
}

/* What is not allowed costs no time, and does not hide what is. */
static void
forbidden_one(void **state)
{
	struct doors d;
	char text[ADDR_TEXT];
	struct test t;

	(void)state;
	begin(&t);
	open_doors(&d, 5, 5);
	(void)dial(&t, "two.example", d.port, not_v6);
	assert_non_null(t.io);
	assert_string_equal(addr_host(io_peer(t.io), text), "127.0.0.1");
	end(&t);
	close_doors(&d);
}

/* Ours alone: the rest of the machine keeps its own. */
static bool
put_hosts(void)
{
	char path[] = "/tmp/t_dial_names.XXXXXX";
	int fd = mkstemp(path);
	bool good = fd >= 0 &&
	    write(fd, hosts, sizeof(hosts) - 1) == (ssize_t)sizeof(hosts) - 1 &&
	    fchmod(fd, 0644) == 0 && unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount(path, "/etc/hosts", NULL, MS_BIND, NULL) == 0;

	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	return good;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(silent_one),
	    cmocka_unit_test(preferred_one),
	    cmocka_unit_test(refusing_one),
	    cmocka_unit_test(turns),
	    cmocka_unit_test(forbidden_one),
	};

	have_hosts = put_hosts();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
