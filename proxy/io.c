/*
 * io: the life of a connection, what the loop tells it, its deadline.  Input is
 * io_in.c, output io_out.c.
 *
 * The socket is watched by edges, once, for as long as the io lives: so
 * pausing, resuming and waiting for room cost no system call, and what happens
 * to the peer is heard of whether we read or not.  After an edge we read until
 * there is no more, or remember that there may be (readable).
 */
#include "proxy/io.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/mem.h"
#include "proxy/io_own.h"

/* ---- telling the owner ---- */

bool
io_tell(struct io *io, enum io_event what)
{
	if (io->told == NULL)
		return true;
	io->busy++;
	io->told(io->arg, io, what);
	io->busy--;
	if (!io->dead || io->busy > 0)
		return true;
	free(io);
	return false;
}

/* ---- what the loop calls ---- */

/* The last thing after each call: nothing but memory is touched. */
static void
settle(struct io *io)
{
	if (io->finishing && (io->gone || (io->eof && io->out == NULL))) {
		io_free(&io);
		return;
	}
	if (io->in.len == 0 && io->in.mem != NULL)
		buf_free(&io->in);
}

/* After sending.  False: the io is freed. */
static bool
after_send(struct io *io)
{
	if (io->broken != 0 && !io->gone) {
		/* its last words may say why (RFC 5321 3.8: a 421) */
		io->readable = true;
		return io_read_turn(io);
	}
	if (io->out != NULL) {
		if (io->writable && !io->hold)
			loop_next(io->loop, &io->out_job);
		return true;
	}
	if (!io->owed || io->gone)
		return true;
	io->owed = false;
	io_pour_on(io);
	return io_tell(io, IO_DRAINED);
}

static void
do_output(void *arg)
{
	struct io *io = arg;

	if (!io->gone && !io->hold)
		io_send(io);
	if (!after_send(io))
		return;
	if (io_is_securing(io) && !io_read_turn(io))
		return;
	settle(io);
}

static void
do_input(void *arg)
{
	struct io *io = arg;

	if (io->again && !io->paused && !io->gone) {
		io->again = false;
		if (io->in.len > 0 && !io_tell_input(io))
			return;
	}
	if (io_read_turn(io))
		settle(io);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct io *io = arg;

	(void)fd;
	if ((what & EV_CLOSED) != 0)
		io->hung = true;
	if ((what & (EV_READ | EV_CLOSED)) != 0)
		io->readable = true;
	if ((what & EV_WRITE) != 0) {
		io->writable = true;
		/* a read of TLS may have had to write first */
		io->readable = io->readable || io->tls != NULL;
	}
	if (io_wants_out(io) && io->writable && !io->hold) {
		io_send(io);
		if (!after_send(io))
			return;
	}
	/* room alone is no news of the peer; EV_ET is said along with it */
	if (((what & (EV_READ | EV_CLOSED)) != 0 || io->readable) &&
	    !io_read_turn(io))
		return;
	settle(io);
}

static void
arm(struct io *io, int64_t ms)
{
	struct timeval tv;

	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000) * 1000;
	MUST(event_add(io->timer, &tv) == 0);
	io->armed_ms = clock_ms() + ms;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct io *io = arg;
	int64_t left;

	(void)fd;
	(void)what;
	io->armed_ms = 0;
	if (io->due_ms == 0)
		return;
	left = io->due_ms - clock_ms();
	if (left > 0) {
		arm(io, left);
		return;
	}
	io->due_ms = 0;
	if (io->finishing) {
		io_free(&io);
		return;
	}
	if (!io->gone && io_tell(io, IO_LATE))
		settle(io);
}

/* ---- life ---- */

struct io *
io_alloc(struct loop *l)
{
	struct io *io = xcalloc(1, sizeof(*io));

	IS(l, LOOP_MAGIC);
	io->magic = IO_MAGIC;
	io->loop = l;
	io->fd = -1;
	io->out_end = &io->out;
	buf_init(&io->in, IO_IN_MAX);
	job_init(&io->in_job, do_input, io);
	job_init(&io->out_job, do_output, io);
	return io;
}

struct io *
io_open(struct loop *l, int *fdp, const struct addr *peer)
{
	struct io *io = io_alloc(l);
	short what = EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST;
	int on = 1;

	io->fd = *fdp;
	*fdp = -1;
	io->writable = true;
	if (peer != NULL) {
		io->peer = *peer;
		if (peer->ss.ss_family != AF_UNIX)
			(void)setsockopt(
			    io->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	MUST(event_assign(&io->ev, l->base, io->fd, what, on_event, io) == 0);
	MUST(event_add(&io->ev, NULL) == 0);
	return io;
}

void
io_owner(struct io *io, io_told *told, void *arg)
{
	IS(io, IO_MAGIC);
	io->told = told;
	io->arg = arg;
}

void
io_when_closed(struct io *io, void (*called)(void *arg), void *arg)
{
	IS(io, IO_MAGIC);
	io->closed = called;
	io->closed_arg = arg;
}

static void
leave_finishing(struct io *io)
{
	if (io->fin_link == NULL)
		return;
	*io->fin_link = io->fin_next;
	if (io->fin_next != NULL)
		io->fin_next->fin_link = io->fin_link;
	io->loop->finishing_n--;
}

static void
close_socket(struct io *io)
{
	MUST(event_del(&io->ev) == 0);
	tls_link_free(&io->tls);
	(void)close(io->fd); /* sockets: nothing to learn from it */
}

void
io_free(struct io **iop)
{
	struct io *io = *iop;

	*iop = NULL;
	if (io == NULL)
		return;
	IS(io, IO_MAGIC);
	io_pour_stop(io);
	if (io->timer != NULL)
		event_free(io->timer);
	if (io->wire != NULL)
		io_wire_close(io, io->fragile);
	else
		close_socket(io);
	if (io->closed != NULL)
		io->closed(io->closed_arg);
	job_cancel(&io->in_job);
	job_cancel(&io->out_job);
	io_drop_out(io, &io->out);
	buf_free(&io->in);
	free(io->local);
	leave_finishing(io);
	io->magic = 0;
	io->dead = true;
	if (io->busy == 0)
		free(io);
}

void
io_finish(struct io **iop, int64_t ms)
{
	struct io *io = *iop;
	struct loop *l;

	*iop = NULL;
	if (io == NULL)
		return;
	IS(io, IO_MAGIC);
	io_pour_stop(io);
	io_owner(io, NULL, NULL);
	io->paused = false;
	io->hold = false;
	io->ending = true;
	if (ms <= 0 && !io->gone && !io->fragile)
		io_send(io);
	if (io->gone || io->fragile || ms <= 0 || io_is_securing(io)) {
		io_free(&io);
		return;
	}
	io_discard(io);
	io->finishing = true;
	l = io->loop;
	io->fin_next = l->finishing;
	io->fin_link = &l->finishing;
	if (io->fin_next != NULL)
		io->fin_next->fin_link = &io->fin_next;
	l->finishing = io;
	l->finishing_n++;
	io_deadline(io, ms, "finish");
	loop_later(l, &io->out_job);
	loop_later(l, &io->in_job);
}

unsigned
io_finishing(const struct loop *l)
{
	return l->finishing_n;
}

void
io_finish_now(struct loop *l)
{
	/* one may leave another to finish: see io_carry.c */
	struct io *io;

	while ((io = l->finishing) != NULL) {
		l->finishing = io->fin_next;
		if (io->fin_next != NULL)
			io->fin_next->fin_link = &l->finishing;
		io->fin_link = NULL;
		l->finishing_n--;
		io_free(&io);
	}
}

/* A close() of it is an RST, and the kernel's at our death is one, too. */
void
io_fragile(struct io *io, bool on)
{
	struct linger rst = {.l_onoff = on ? 1 : 0, .l_linger = 0};

	IS(io, IO_MAGIC);
	if (io->fragile == on)
		return;
	io->fragile = on;
	if (io->wire == NULL)
		(void)setsockopt(
		    io->fd, SOL_SOCKET, SO_LINGER, &rst, sizeof(rst));
}

void
io_reset(struct io **iop)
{
	if (*iop != NULL)
		io_fragile(*iop, true);
	io_free(iop);
}

/* ---- time, names, counts ---- */

void
io_deadline(struct io *io, int64_t ms, const char *what)
{
	IS(io, IO_MAGIC);
	io->due_word = what;
	io->due_ms = 0;
	if (ms <= 0)
		return;
	io->due_ms = clock_ms() + ms;
	/* A deadline moves on with every command: a timer that goes off too
	 * early and is set anew then costs less than one set each time. */
	if (io->armed_ms != 0 && io->armed_ms <= io->due_ms)
		return;
	if (io->timer == NULL)
		io->timer = event_new(io->loop->base, -1, 0, on_timer, io);
	MUST(io->timer != NULL);
	arm(io, ms);
}

const char *
io_deadline_word(const struct io *io)
{
	return io->due_word == NULL ? "" : io->due_word;
}

const struct addr *
io_peer(const struct io *io)
{
	IS(io, IO_MAGIC);
	return &io->peer;
}

const struct addr *
io_local(const struct io *io)
{
	struct io *own = (struct io *)(uintptr_t)io; /* it is remembered */
	struct addr *a;

	IS(io, IO_MAGIC);
	if (io->local != NULL)
		return io->local;
	a = xcalloc(1, sizeof(*a));
	a->len = sizeof(a->ss);
	if (getsockname(io->fd, (struct sockaddr *)&a->ss, &a->len) < 0)
		a->len = 0;
	own->local = a;
	return a;
}

uint64_t
io_bytes_in(const struct io *io)
{
	return io->bytes_in;
}

uint64_t
io_bytes_out(const struct io *io)
{
	return io->bytes_out;
}

void
io_client(struct io *io, unsigned protocol)
{
	IS(io, IO_MAGIC);
	io->client = protocol;
}

int
io_error(const struct io *io)
{
	return io->error;
}
