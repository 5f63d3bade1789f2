/*
 * io_pipe: the pipes of a loop.  They are the user's, too: each worker takes
 * so many at most, and when the kernel gives no more it is left alone for a
 * while.
 */
#include "proxy/io_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/loop_own.h"
#include "proxy/stats.h"

/* In use at once in one loop: so much hangs in the kernel at most, times
 * IO_PIPE_SIZE, where sinks are slow. */
#define IO_PIPES_MAX 64
#define SPARE_MAX 4
#define REST_MS 60000

static void
close_pipe(struct loop *l, struct io_pipe *p)
{
	(void)close(p->in);
	(void)close(p->out);
	free(p);
	l->pipes_n--;
}

static void
none_left(struct loop *l, unsigned client, const char *limit, const char *error)
{
	uint64_t total = stats_limit(client, limit);

	l->pipes_rest_ms = clock_ms() + REST_MS;
	log_warn(0,
	    "io limit=%s total=%ju used=%u error=%s: tunnels are copied", limit,
	    (uintmax_t)total, l->pipes_n, error);
}

/* A pipe of less is not worth its two calls: then rather none. */
static bool
open_ends(int ends[2])
{
	int error;

	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
		return false;
	if (fcntl(ends[1], F_SETPIPE_SZ, IO_PIPE_SIZE) >= IO_PIPE_SIZE)
		return true;
	error = errno;
	(void)close(ends[0]);
	(void)close(ends[1]);
	errno = error;
	return false;
}

static struct io_pipe *
open_pipe(struct loop *l, unsigned client)
{
	struct io_pipe *p;
	int ends[2];

	if (clock_ms() < l->pipes_rest_ms)
		return NULL;
	if (l->pipes_n >= IO_PIPES_MAX) {
		none_left(l, client, "IO_PIPES_MAX", "all in use");
		return NULL;
	}
	if (!open_ends(ends)) {
		/* ENFILE is file-max or pipe-user-pages-hard, EPERM that or
		 * -soft or pipe-max-size: the kernel does not say which */
		none_left(l, client, errno == EMFILE ? "nofile" : "pipes",
		    strerror(errno));
		return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	p->out = ends[0];
	p->in = ends[1];
	l->pipes_n++;
	return p;
}

struct io_pipe *
io_pipe_take(struct loop *l, unsigned client)
{
	struct io_pipe *p = l->pipes;

	if (p == NULL)
		return open_pipe(l, client);
	l->pipes = p->next;
	l->pipes_spare--;
	p->next = NULL;
	return p;
}

void
io_pipe_give(struct loop *l, struct io_pipe **pp)
{
	struct io_pipe *p = *pp;

	*pp = NULL;
	if (p->len > 0 || l->pipes_spare >= SPARE_MAX) {
		close_pipe(l, p);
		return;
	}
	p->next = l->pipes;
	l->pipes = p;
	l->pipes_spare++;
}

void
io_pipes_close(struct loop *l)
{
	struct io_pipe *p;

	while ((p = l->pipes) != NULL) {
		l->pipes = p->next;
		close_pipe(l, p);
	}
}
