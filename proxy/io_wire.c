/*
 * io_wire: an io that somebody else carries: what io_in.c and io_out.c do with
 * a socket is done with calls.
 */
#include "proxy/io_wire.h"

#include <errno.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/io_own.h"

struct io *
io_open_wire(struct loop *l, const struct io_wire *calls, void *arg,
    const struct io *below)
{
	struct io *io = io_alloc(l);
	struct wire *w = xcalloc(1, sizeof(*w));

	w->calls = calls;
	w->arg = arg;
	w->secured = io_secured(below);
	w->version = io_tls_version(below);
	w->cipher = io_tls_cipher(below);
	w->resumed = io_tls_resumed(below);
	io->wire = w;
	io->peer = *io_peer(below);
	io->local = xcalloc(1, sizeof(*io->local));
	*io->local = *io_local(below);
	return io;
}

bool
io_is_wire(const struct io *io)
{
	IS(io, IO_MAGIC);
	return io->wire != NULL;
}

/* ---- for io_in.c ---- */

bool
io_wire_read(struct io *io)
{
	bool end = false;
	size_t n = io->wire->calls->read(
	    io->wire->arg, io->loop->scratch, IO_IN_MAX - io->in.len, &end);

	if (n > 0)
		return io_took(io, n);
	if (end)
		return io_read_end(io);
	io->readable = false;
	return true;
}

bool
io_wire_look(struct io *io)
{
	int error = io->wire->calls->lost(io->wire->arg);

	return error == 0 || io_tell_gone(io, error);
}

/* ---- for io_out.c ---- */

void
io_wire_send(struct io *io)
{
	if (io_wants_out(io))
		io->wire->calls->wants(io->wire->arg);
}

/* ---- for io.c ---- */

void
io_wire_close(struct io *io, bool reset)
{
	struct wire *w = io->wire;

	io->wire = NULL;
	w->calls->closed(w->arg, reset);
	free(w);
}

/* ---- for whoever carries it ---- */

void
io_wire_ready(struct io *io)
{
	IS(io, IO_MAGIC);
	io->readable = true;
	loop_later(io->loop, &io->in_job);
}

void
io_wire_cut(struct io *io, int error)
{
	IS(io, IO_MAGIC);
	if (io_tell_gone(io, error))
		loop_later(io->loop, &io->in_job); /* finishing: it goes */
}

static ssize_t
take_piece(const struct piece *p, char *to, size_t room)
{
	uint64_t all = p->content == NULL ? p->bytes.len : p->to - p->from;
	size_t n = all < room ? (size_t)all : room;
	ssize_t got;

	if (p->content == NULL) {
		memcpy(to, buf_at(&p->bytes), n);
		return (ssize_t)n;
	}
	got = content_read(p->content, to, n, p->from);
	if (got == 0) { /* shorter than when it was sealed */
		errno = EIO;
		return -1;
	}
	return got;
}

ssize_t
io_wire_take(struct io *io, char *to, size_t room, bool *end_r)
{
	size_t have = 0;

	IS(io, IO_MAGIC);
	while (io->out != NULL && have < room) {
		ssize_t n = take_piece(io->out, to + have, room - have);

		if (n < 0)
			return -1;
		io_consume(io, (uint64_t)n);
		have += (size_t)n;
	}
	io->bytes_out += have;
	if (io->out == NULL) {
		*end_r = io->ending;
		io->end_sent = io->ending;
		loop_later(io->loop, &io->out_job); /* IO_DRAINED */
	}
	return (ssize_t)have;
}
