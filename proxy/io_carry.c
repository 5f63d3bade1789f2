/*
 * io_carry: one connection inside of another, so that TLS can begin in there
 * once more: a browser speaks TLS to its proxy, says CONNECT, and TLS again.
 * The inner one is an end of a pair of sockets; what comes out at the other
 * end goes on as it is.
 */
#include "proxy/io_carry.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/io_own.h"
#include "proxy/io_pour.h"

/* The peer has so long to take the last words and to close. */
#define LINGER_MS 2000

#define CARRY_MAGIC 0x10c0de05u
struct carry {
	uint32_t magic;
	struct io *below;  /* the connection itself; NULL: it has gone */
	struct io *end;    /* the near end of the pair; likewise */
	struct io *inside; /* the far one, somebody's */
};

/* ---- ends ---- */

/* The peer is gone, and so the one inside. */
static void
lost(struct carry *c, int error)
{
	struct io *inside = c->inside;

	io_free(&c->below);
	io_free(&c->end);
	if (!inside->gone)
		(void)io_tell_gone(inside, error);
}

static void
below_says(void *arg, struct io *io, enum io_event what)
{
	struct carry *c = arg;

	IS(c, CARRY_MAGIC);
	if (what == IO_GONE)
		lost(c, io_error(io));
}

/* What was said inside and is in the pair still. */
static void
take_rest(struct carry *c)
{
	struct slice in = io_input(c->end);
	char bytes[16 * 1024];
	ssize_t n;

	if (in.len > 0)
		io_put(c->below, in.at, in.len);
	while ((n = read(c->end->fd, bytes, sizeof(bytes))) > 0)
		io_put(c->below, bytes, (size_t)n);
}

static void
inside_closed(void *arg)
{
	struct carry *c = arg;

	IS(c, CARRY_MAGIC);
	if (c->below != NULL && c->inside->fragile) {
		io_reset(&c->below);
	} else if (c->below != NULL) {
		take_rest(c);
		io_fragile(c->below, false);
		io_finish(&c->below, LINGER_MS);
	}
	io_free(&c->end);
	c->magic = 0;
	free(c);
}

/* ---- life ---- */

static struct io *
open_inside(struct io *below, int *fdp)
{
	struct io *io = io_open(below->loop, fdp, &below->peer);

	io->local = xcalloc(1, sizeof(*io->local));
	*io->local = *io_local(below);
	io->bytes_in = below->bytes_in - io_input(below).len;
	io->bytes_out = below->bytes_out;
	return io;
}

struct io *
io_carry(struct io **belowp)
{
	struct io *below = *belowp;
	struct carry *c;
	int pair[2];

	IS(below, IO_MAGIC);
	MUST(below->wire == NULL && below->closed == NULL);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		pair) < 0)
		return NULL;
	*belowp = NULL;
	c = xcalloc(1, sizeof(*c));
	c->magic = CARRY_MAGIC;
	c->below = below;
	c->inside = open_inside(below, &pair[0]);
	c->end = io_open(below->loop, &pair[1], NULL);
	io_when_closed(c->inside, inside_closed, c);
	/* that the end is gone says the one inside: inside_closed() */
	io_owner(below, below_says, c);
	io_deadline(below, 0, NULL);
	io_fragile(below, true); /* whatever is begun in there */
	io_pour(below, c->end);
	io_pour(c->end, below);
	return c->inside;
}
