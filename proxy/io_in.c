/*
 * io_in: the input of a connection.  A read goes into a buffer that all
 * connections of the loop share; only what the owner leaves there is copied to
 * one of its own, which goes as soon as it is empty.
 */
#include <errno.h>
#include <poll.h>

#include "proxy/base/check.h"
#include "proxy/io_own.h"
#include "proxy/stats.h"

bool
io_tell_gone(struct io *io, int error)
{
	if (io->gone)
		return true;
	io->gone = true;
	io->error = error;
	if (io->wire == NULL)
		MUST(event_del(&io->ev) == 0);
	io_drop_out(io, &io->out);
	return io_tell(io, IO_GONE);
}

static bool
can_read(const struct io *io)
{
	size_t full = io->wire == NULL ? IO_IN_MAX : IO_IN_MAX - IO_WIRE_ROOM;

	return io->readable && !io->paused && !io->eof && !io->gone &&
	    io->in.len < full && !io_pour_waits(io);
}

/* What the owner left in the buffer that others need, too. */
static void
keep_rest(struct io *io)
{
	if (io->view == NULL)
		return;
	if (io->view_len > 0)
		MUST(buf_put(&io->in, io->view, io->view_len) == 0);
	io->view = NULL;
	io->view_len = 0;
}

bool
io_tell_input(struct io *io)
{
	if (io->sink != NULL)
		io_pour_input(io);
	else if (!io_tell(io, IO_INPUT))
		return false;
	keep_rest(io);
	return true;
}

bool
io_read_end(struct io *io)
{
	io->readable = false;
	io->eof = true;
	if (io->broken != 0)
		return true;
	if (io->sink != NULL)
		io_pour_input(io); /* the end */
	return io_tell(io, IO_ENDED);
}

static bool
read_error(struct io *io, int error)
{
	if (error == EINTR)
		return true;
	io->readable = false;
	if (error == EAGAIN || error == EWOULDBLOCK)
		return true;
	return io_tell_gone(io, io->broken != 0 ? io->broken : error);
}

void
io_count_in(const struct io *io, size_t n)
{
	if (io->wire != NULL)
		return; /* whoever carries it has counted them */
	if (io->client != 0)
		stats_addn(STAT_CLIENT_IN, io->client, n);
	else
		stats_addn(STAT_SERVER_IN, 0, n);
}

bool
io_took(struct io *io, size_t n)
{
	char *scratch = io->loop->scratch;

	io->bytes_in += n;
	io_count_in(io, n);
	if (io->finishing)
		return true;
	if (io->in.len > 0) {
		MUST(buf_put(&io->in, scratch, n) == 0);
	} else {
		io->view = scratch;
		io->view_len = n;
	}
	return io_tell_input(io);
}

/* One read.  False: the owner has freed the io. */
static bool
read_once(struct io *io)
{
	size_t room = IO_IN_MAX - io->in.len;
	ssize_t n;

	if (io->wire != NULL)
		return io_wire_read(io);
	if (io->secure == SECURE_YES)
		return io_tls_read(io);
	if (io->sink != NULL && io_pour_spliced(io))
		return true;
	n = recv(io->fd, io->loop->scratch, room, 0);
	if (n < 0)
		return read_error(io, errno);
	if (n == 0)
		return io_read_end(io);
	/* a read ends where an urgent byte stands, too: tcp(7) */
	if ((size_t)n < room && !io->hung && !io->urgent) {
		io->readable = false;
		io->unsure = true;
	}
	return io_took(io, (size_t)n);
}

/* Of one that is not read from: is there still a peer? */
static bool
look_gone(struct io *io)
{
	struct pollfd p = {.fd = io->fd};
	int error = 0;
	socklen_t len = sizeof(error);

	if (io->wire != NULL)
		return io_wire_look(io);
	if (poll(&p, 1, 0) <= 0 || (p.revents & (POLLERR | POLLHUP)) == 0)
		return true;
	if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	/* both sides have ended, as they should */
	if (error == 0 && io->end_sent)
		return true;
	return io_tell_gone(io, error != 0 ? error : EPIPE);
}

/*
 * A short read has taken all there was, but a reset that came with it has no
 * edge of its own, and libevent does not tell it from readiness.  What was
 * sent meanwhile would have met it, and what is about to be sent will.
 */
static bool
read_on(struct io *io, uint64_t bytes_out)
{
	bool unsure =
	    io->unsure && io->bytes_out == bytes_out && io->out == NULL;

	io->unsure = false;
	if (!unsure)
		return true;
	io->readable = true;
	return !can_read(io) || read_once(io);
}

bool
io_read_turn(struct io *io)
{
	uint64_t bytes_out = io->bytes_out;

	if (io_is_securing(io)) {
		if (!io_secure_turn(io))
			return false;
		if (io_is_securing(io) || io->gone)
			return true;
	}
	for (int i = 0; i < 2 && can_read(io); i++) {
		if (!read_once(io))
			return false;
	}
	if (!read_on(io, bytes_out))
		return false;
	if (io->gone)
		return true;
	if (can_read(io)) {
		loop_next(io->loop, &io->in_job);
		return true;
	}
	if (io->broken != 0)
		return io_tell_gone(io, io->broken);
	if (io->finishing && io->eof && io->out == NULL)
		return true; /* settle() frees it */
	/* libevent does not tell an error from readiness: look for oneself */
	if (io->readable || io->eof || io->paused || io->wire != NULL)
		return look_gone(io);
	return true;
}

/* ---- input, for the owner ---- */

struct slice
io_input(const struct io *io)
{
	IS(io, IO_MAGIC);
	if (io->view != NULL)
		return (struct slice){io->view, io->view_len};
	if (io->in.len == 0)
		return (struct slice){"", 0};
	return (struct slice){buf_at(&io->in), io->in.len};
}

static void
drop_input(struct io *io, size_t n)
{
	if (io->view != NULL) {
		MUST(n <= io->view_len);
		io->view += n;
		io->view_len -= n;
		return;
	}
	if (n == 0)
		return;
	buf_drop(&io->in, n);
	/* frees it, or goes on reading; not now: a line may point into it */
	loop_later(io->loop, io->readable ? &io->in_job : &io->out_job);
}

void
io_eat(struct io *io, size_t n)
{
	IS(io, IO_MAGIC);
	drop_input(io, n);
	io->line.scanned -= n < io->line.scanned ? n : io->line.scanned;
}

enum line
io_line(struct io *io, size_t limit, struct slice *line_r)
{
	enum line what;
	size_t n;

	MUST(limit <= IO_LINE_MAX);
	what = line_take(&io->line, io_input(io), limit, &n, line_r);
	drop_input(io, n);
	return what;
}

bool
io_has_line(const struct io *io)
{
	struct slice in = io_input(io);

	return memchr(in.at, '\n', in.len) != NULL;
}

void
io_discard(struct io *io)
{
	io_eat(io, io_input(io).len);
	io->line = (struct line_state){0};
}

void
io_pause(struct io *io)
{
	IS(io, IO_MAGIC);
	io->paused = true;
}

void
io_resume(struct io *io)
{
	IS(io, IO_MAGIC);
	if (!io->paused)
		return;
	io->paused = false;
	if (io->again)
		loop_next(io->loop, &io->in_job);
	else if (io->readable)
		loop_later(io->loop, &io->in_job);
}

void
io_again(struct io *io)
{
	IS(io, IO_MAGIC);
	io->again = true;
	if (!io->paused)
		loop_next(io->loop, &io->in_job);
}

bool
io_ended(const struct io *io)
{
	return io->eof && io_input(io).len == 0;
}
