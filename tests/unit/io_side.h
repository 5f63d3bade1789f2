#ifndef UNIT_IO_SIDE_H
#define UNIT_IO_SIDE_H

/*
 * io_side: an io and the plain socket at its other end, for t_io*.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/io.h"
#include "proxy/loop.h"
#include "scan/content.h"
#include "tests/unit/turn.h"

#define GUARD_MS 60000 /* what does not come in that does not come */

/* Both ends, and what the io's owner was told, a letter each. */
struct side {
	struct loop *loop;
	struct io *io;
	int peer;
	char told[64];
	char taken[256]; /* what `take` ate */
	bool take;       /* eat all input */
	char free_at;    /* free the io at this letter */
	char stop_at;    /* stop the loop at this letter */
	struct timer *guard;
	struct watch *watch; /* of peer */
	uint64_t drunk;      /* bytes the peer has read */
	char *kept;          /* ... and where they are, if wanted */
	size_t kept_size;
	uint64_t drink_until;
};

static inline void
on_guard(void *arg)
{
	(void)arg;
	fail_msg("the loop did not stop in time");
}

/* Turns the loop for so long. */
static inline void
turn(struct side *s, int64_t ms)
{
	turn_loop(s->loop, ms);
}

static inline void
run_until(struct side *s, char letter)
{
	s->stop_at = letter;
	timer_set(s->guard, GUARD_MS);
	loop_run(s->loop);
	timer_stop(s->guard);
	s->stop_at = 0;
}

static inline void
take_input(struct side *s)
{
	struct slice in = io_input(s->io);
	size_t have = strlen(s->taken);
	size_t n = in.len < sizeof(s->taken) - 1 - have
	    ? in.len
	    : sizeof(s->taken) - 1 - have;

	memcpy(s->taken + have, in.at, n);
	io_eat(s->io, in.len);
}

static inline void
told(void *arg, struct io *io, enum io_event what)
{
	struct side *s = arg;
	char letter = "IDEGLS"[what];
	size_t n = strlen(s->told);

	assert_ptr_equal(io, s->io);
	if (n < sizeof(s->told) - 1)
		s->told[n] = letter;
	if (s->take && what == IO_INPUT)
		take_input(s);
	if (letter == s->stop_at)
		loop_stop(s->loop);
	if (letter == s->free_at)
		io_free(&s->io);
}

static inline void
open_in(struct side *s, struct loop *l, int fd, int peer, const struct addr *a)
{
	*s = (struct side){.loop = l, .peer = peer};
	s->guard = timer_open(s->loop, on_guard, s);
	s->io = io_open(s->loop, &fd, a);
	assert_int_equal(fd, -1);
	io_owner(s->io, told, s);
}

static inline void
open_over(struct side *s, int fd, int peer, const struct addr *a)
{
	open_in(s, loop_open(), fd, peer, a);
}

static inline void
open_pair(struct side *s)
{
	int fds[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	open_over(s, fds[0], fds[1], NULL);
}

static inline void
open_tcp_in(struct side *s, struct loop *loop)
{
	struct addr a;
	int l = socket(AF_INET, SOCK_STREAM, 0);
	int peer = socket(AF_INET, SOCK_STREAM, 0);
	int fd;

	assert_int_equal(addr_number("127.0.0.1", 0, &a), 0);
	assert_int_equal(bind(l, (struct sockaddr *)&a.ss, a.len), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&a.ss, &a.len), 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&a.ss, a.len), 0);
	a.len = sizeof(a.ss);
	fd = accept4(l, (struct sockaddr *)&a.ss, &a.len, SOCK_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(close(l), 0);
	assert_int_equal(fcntl(peer, F_SETFL, O_NONBLOCK), 0);
	open_in(s, loop, fd, peer, &a);
}

static inline void
open_tcp(struct side *s)
{
	open_tcp_in(s, loop_open());
}

static inline void
close_side(struct side *s)
{
	io_free(&s->io);
	watch_free(&s->watch);
	timer_free(&s->guard);
	if (s->peer >= 0)
		assert_int_equal(close(s->peer), 0);
	loop_free(&s->loop);
	free(s->kept);
}

static inline void
say(struct side *s, const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(write(s->peer, text, len), len);
}

/* The peer reads, from the loop. */
static inline void
drink(void *arg)
{
	static char bytes[65536];
	struct side *s = arg;
	ssize_t n = read(s->peer, bytes, sizeof(bytes));

	assert_true(n >= 0);
	if (s->kept != NULL) {
		assert_true(s->drunk + (uint64_t)n <= s->kept_size);
		memcpy(s->kept + s->drunk, bytes, (size_t)n);
	}
	s->drunk += (uint64_t)n;
	if (s->drunk >= s->drink_until || n == 0) {
		watch_free(&s->watch);
		loop_stop(s->loop);
	}
}

static inline void
drink_all(struct side *s, uint64_t until, bool keep)
{
	s->drink_until = until;
	if (keep) {
		s->kept_size = until + 65536;
		s->kept = xcalloc(s->kept_size, 1);
	}
	s->watch = loop_watch(s->loop, s->peer, drink, s);
	timer_set(s->guard, GUARD_MS);
	loop_run(s->loop);
	timer_stop(s->guard);
	assert_int_equal(s->drunk, until);
}

/* The peer finds exactly this in its socket. */
static inline void
hears(struct side *s, const char *want)
{
	char got[256];
	ssize_t n = read(s->peer, got, sizeof(got) - 1);

	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, want);
}

static inline struct content *
content_in_memory(const char *bytes, size_t len)
{
	struct spool *sp = spool_over(bytes, len);

	return content_over(&sp, CONTENT_FILE, "memory");
}

static inline char *
pattern(size_t len)
{
	char *p = xcalloc(len, 1);

	for (size_t i = 0; i < len; i++)
		p[i] = (char)(i * 31 + i / 251);
	return p;
}

static inline struct content *
content_in_file(const char *bytes, size_t len)
{
	static struct spool_house house = {.dir = "/tmp", .disk_max = 1 << 30};
	struct content *c = content_open(&house, CONTENT_FILE, "file", len);

	assert_int_equal(content_write(c, bytes, len), 0);
	assert_int_equal(content_seal(c), 0);
	assert_null(content_memory(c));
	return c;
}

static inline void
reset_peer(struct side *s)
{
	struct linger l = {.l_onoff = 1};

	assert_int_equal(
	    setsockopt(s->peer, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	assert_int_equal(close(s->peer), 0);
	s->peer = -1;
}

#endif
