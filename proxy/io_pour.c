/*
 * io_pour: what one connection says goes on to another.  Copied bytes go the
 * way of all input and output; spliced ones lie in a pipe that is a link in the
 * chain of output as a content is, so order, counts and ends are the chain's.
 */
#include "proxy/io_pour.h"

#include <errno.h>
#include <fcntl.h>

#include "proxy/base/check.h"
#include "proxy/io_own.h"
#include "proxy/io_pipe.h"

/* A read of so much says that there is more where that came from.  Less is
 * cheaper to copy than to find in a pipe. */
#define BULK (16 * 1024)

/* ---- by copying ---- */

void
io_pour_input(struct io *io)
{
	struct slice in = io_input(io);

	if (in.len > 0 && !io_full(io->sink)) {
		io->bulk = in.len >= BULK;
		io_put(io->sink, in.at, in.len);
		io_eat(io, in.len);
	}
	if (io_ended(io))
		io_end(io->sink);
}

/* ---- by a pipe ---- */

static bool
is_plain(const struct io *io)
{
	return io->wire == NULL && io->secure == SECURE_NO && !io->urgent;
}

static bool
by_pipe(const struct io *io)
{
	return io->bulk && is_plain(io) && is_plain(io->sink);
}

/* Not the connection's: it may as well be copied, or read later. */
static bool
is_passing(int error)
{
	return error == EAGAIN || error == EINTR || error == EINVAL ||
	    error == ENOMEM;
}

/* Only when the sink has nothing left to say (io_pour_waits()): the pipe is an
 * empty one then, and few are in use. */
bool
io_pour_spliced(struct io *io)
{
	struct io *to = io->sink;
	struct io_pipe *p;
	ssize_t n;

	if (!by_pipe(io) || io->in.len > 0 || to->gone || to->broken != 0 ||
	    to->ending)
		return false;
	p = io_pipe_take(io->loop, io->client != 0 ? io->client : to->client);
	if (p == NULL)
		return false;
	n = splice(io->fd, NULL, p->in, NULL, IO_PIPE_SIZE,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n <= 0) {
		/* An urgent byte looks like an end from here, and so on: why
		 * there is nothing is recv()'s to say, but for an error of the
		 * socket, which is told once. */
		if (n < 0 && !is_passing(errno))
			io->broken = errno;
		io_pipe_give(io->loop, &p);
		return false;
	}
	p->len = (size_t)n;
	io->bulk = n >= BULK;
	io->bytes_in += (uint64_t)n;
	io_count_in(io, (size_t)n);
	io_put_pipe(to, &p);
	io_flush(to);
	return true;
}

/* ---- the sluice ---- */

bool
io_pour_waits(const struct io *io)
{
	if (io->sink == NULL)
		return false;
	return by_pipe(io) ? io->sink->out != NULL : io_full(io->sink);
}

void
io_pour_on(struct io *to)
{
	struct io *from = to->source;

	if (from == NULL)
		return;
	from->again = from->again || from->in.len > 0;
	if (from->again || from->readable)
		loop_later(from->loop, &from->in_job);
}

void
io_pour_stop(struct io *io)
{
	io_pour_on(io); /* to its owner again */
	if (io->sink != NULL)
		io->sink->source = NULL;
	if (io->source != NULL)
		io->source->sink = NULL;
	io->sink = io->source = NULL;
}

/* ---- for the owner ---- */

void
io_pour(struct io *from, struct io *to)
{
	IS(from, IO_MAGIC);
	IS(to, IO_MAGIC);
	MUST(from->sink == NULL && to->source == NULL && from != to);
	from->sink = to;
	to->source = from;
	io_pour_input(from);
	io_resume(from);
}

bool
io_poured(const struct io *from)
{
	IS(from, IO_MAGIC);
	return from->sink != NULL && io_ended(from) && from->sink->out == NULL;
}
