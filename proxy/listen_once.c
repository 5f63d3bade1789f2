/*
 * listen_once: one port, one connection, one host it may come from.
 */
#include "proxy/listen_once.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/io.h"
#include "proxy/loop.h"

#define LISTEN_ONCE_MAGIC 0x115700ceu
#define BACKLOG 8

/* Strangers that are turned away in one turn of the loop. */
#define ACCEPT_TURN 8

struct listen_once {
	uint32_t magic;
	struct loop *loop;
	int fd;
	struct watch *watch;
	struct timer *timer;
	struct addr at, from;
	listen_once_done *done;
	void *arg;
};

static void
free_one(struct listen_once *lo)
{
	watch_free(&lo->watch);
	timer_free(&lo->timer);
	if (lo->fd >= 0)
		(void)close(lo->fd);
	lo->magic = 0;
	free(lo);
}

static void
tell(struct listen_once *lo, struct io *io, const char *why)
{
	listen_once_done *done = lo->done;
	void *arg = lo->arg;

	free_one(lo);
	done(arg, io, why);
}

static void
on_time(void *arg)
{
	tell(arg, NULL, "nobody connected in time");
}

static bool
same_host(const struct addr *a, const struct addr *b)
{
	unsigned char one[16], other[16];

	addr_key(a, one);
	addr_key(b, other);
	return memcmp(one, other, sizeof(one)) == 0;
}

static void
stranger(const struct listen_once *lo, int fd, const struct addr *peer)
{
	char who[ADDR_TEXT], at[ADDR_TEXT], wanted[ADDR_TEXT];

	log_warn(0, "data connection refused peer=%s at=%s wanted=%s",
	    addr_text(peer, who), addr_text(&lo->at, at),
	    addr_host(&lo->from, wanted));
	(void)close(fd);
}

static void
on_client(void *arg)
{
	struct listen_once *lo = arg;

	for (int i = 0; i < ACCEPT_TURN; i++) {
		struct addr peer = {.len = sizeof(peer.ss)};
		int fd = accept4(lo->fd, (struct sockaddr *)&peer.ss, &peer.len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		addr_unmap(&peer);
		if (!same_host(&peer, &lo->from)) {
			stranger(lo, fd, &peer);
			continue;
		}
		tell(lo, io_open(lo->loop, &fd, &peer), NULL);
		return;
	}
}

/* 0, or -1 with errno. */
static int
try_port(struct listen_once *lo, uint16_t port)
{
	struct addr *a = &lo->at;
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, on = 1;

	addr_set_port(a, port);
	lo->fd = socket(a->ss.ss_family, type, 0);
	if (lo->fd < 0)
		return -1;
	/* a port that was used a moment ago is free; one that somebody
	 * listens on is not */
	(void)setsockopt(lo->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(lo->fd, (const struct sockaddr *)&a->ss, a->len) == 0 &&
	    listen(lo->fd, BACKLOG) == 0)
		return 0;
	on = errno;
	(void)close(lo->fd);
	lo->fd = -1;
	errno = on;
	return -1;
}

/* From anywhere in the range: what comes next is not to be guessed. */
static int
try_ports(struct listen_once *lo, uint16_t least, uint16_t most)
{
	unsigned n = (unsigned)most - least + 1, start = 0;

	if (getrandom(&start, sizeof(start), GRND_NONBLOCK) < 0)
		start = 0;
	for (unsigned i = 0; i < n; i++) {
		if (try_port(lo, (uint16_t)(least + (start + i) % n)) == 0)
			return 0;
		if (errno != EADDRINUSE)
			return -1;
	}
	return -1;
}

/* The kernel's choice. */
static void
learn_port(struct listen_once *lo)
{
	lo->at.len = sizeof(lo->at.ss);
	MUST(getsockname(lo->fd, (struct sockaddr *)&lo->at.ss, &lo->at.len) ==
	    0);
}

struct listen_once *
listen_once_open(struct loop *l, const struct listen_once_want *want,
    listen_once_done *done, void *arg, struct err *e)
{
	struct listen_once *lo = xcalloc(1, sizeof(*lo));

	MUST(want->least <= want->most);
	lo->magic = LISTEN_ONCE_MAGIC;
	lo->loop = l;
	lo->at = *want->local;
	lo->from = *want->from;
	lo->done = done;
	lo->arg = arg;
	if (try_ports(lo, want->least, want->most) < 0) {
		(void)err_set(e, "no port to listen on: %s", strerror(errno));
		free(lo);
		return NULL;
	}
	if (want->most == 0)
		learn_port(lo);
	lo->timer = timer_open(l, on_time, lo);
	timer_set(lo->timer, want->timeout_ms);
	lo->watch = loop_watch(l, lo->fd, on_client, lo);
	return lo;
}

const struct addr *
listen_once_at(const struct listen_once *lo)
{
	IS(lo, LISTEN_ONCE_MAGIC);
	return &lo->at;
}

void
listen_once_wait(struct listen_once *lo, int64_t ms)
{
	IS(lo, LISTEN_ONCE_MAGIC);
	timer_set(lo->timer, ms);
}

void
listen_once_cancel(struct listen_once **lp)
{
	struct listen_once *lo = *lp;

	*lp = NULL;
	if (lo == NULL)
		return;
	IS(lo, LISTEN_ONCE_MAGIC);
	free_one(lo);
}
