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

/* The peer has so long to take the last words and to close. */
#define LINGER_MS 2000

#define CARRY_MAGIC 0x10c0de05u
struct carry {
	uint32_t magic;
	struct io *below;  /* the connection itself; NULL: it has gone */
	struct io *end;    /* the near end of the pair; likewise */
	struct io *inside; /* the far one, somebody's */
	bool below_ended, end_ended;
};

/* ---- bytes ---- */

static void
pump(struct io *from, struct io *to)
{
	struct slice in = io_input(from);

	if (in.len > 0 && !io_full(to)) {
		io_put(to, in.at, in.len);
		io_eat(from, in.len);
	}
	if (io_full(to))
		io_pause(from); /* until IO_DRAINED of to */
	else
		io_resume(from);
}

/* Both ways, and an end behind the last bytes before it. */
static void
move(struct carry *c)
{
	pump(c->below, c->end);
	pump(c->end, c->below);
	if (c->below_ended && io_input(c->below).len == 0)
		io_end(c->end);
	if (c->end_ended && io_input(c->end).len == 0)
		io_end(c->below);
}

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
	if (what == IO_GONE) {
		lost(c, io_error(io));
		return;
	}
	c->below_ended = c->below_ended || what == IO_ENDED;
	move(c);
}

static void
end_says(void *arg, struct io *io, enum io_event what)
{
	struct carry *c = arg;

	(void)io;
	IS(c, CARRY_MAGIC);
	if (what == IO_GONE)
		return; /* the one inside goes: inside_closed() */
	c->end_ended = c->end_ended || what == IO_ENDED;
	move(c);
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
	c->below_ended = io_ended(below);
	io_when_closed(c->inside, inside_closed, c);
	io_owner(c->end, end_says, c);
	io_owner(below, below_says, c);
	io_deadline(below, 0, NULL);
	io_fragile(below, true); /* whatever is begun in there */
	move(c);
	return c->inside;
}
