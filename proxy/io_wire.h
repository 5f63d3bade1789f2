#ifndef PROXY_IO_WIRE_H
#define PROXY_IO_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/io.h"

/*
 * io_wire: an io without a socket of its own: one of the many streams that a
 * connection carries (HTTP/2).  Who reads and writes it sees no difference;
 * whoever carries it gives and takes the bytes here.
 */
struct io_wire {
	/* What the peer has sent, at most room bytes (never fewer than
	 * IO_WIRE_ROOM): how many.  0: none now, or with *end_r never again. */
	size_t (*read)(void *arg, char *to, size_t room, bool *end_r);

	/* errno of why the peer is gone; 0: it is there. */
	int (*lost)(void *arg);

	/* There is something for io_wire_take().  Not told from in there. */
	void (*wants)(void *arg);

	/* The io goes; once.  reset: the peer must not take what it has got
	 * for whole. */
	void (*closed)(void *arg, bool reset);
};

#define IO_WIRE_ROOM 64

/* below: whose peer, address and TLS it has, too; needed only in here. */
struct io *io_open_wire(struct loop *l, const struct io_wire *calls, void *arg,
    const struct io *below);
bool io_is_wire(const struct io *io);

/* There may be something to read, or the peer is gone: asked for in this turn
 * of the loop, and not from in here. */
void io_wire_ready(struct io *io);

/* The peer is gone, at once: the owner is told from in here.  io may be gone
 * behind it. */
void io_wire_cut(struct io *io, int error);

/*
 * Takes what was put and fed next, at most room bytes: how many.  *end_r: and
 * nothing will follow.  -1 with errno: a content cannot be read.
 */
ssize_t io_wire_take(struct io *io, char *to, size_t room, bool *end_r);

#endif
