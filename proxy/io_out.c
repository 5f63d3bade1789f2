/*
 * io_out: the output of a connection: a chain of what was put and what was fed,
 * in order, sent in as few system calls as can be.  Bytes of contents are never
 * copied here: out of memory they go by sendmsg, out of files by sendfile, out
 * of pipes by splice; TLS has its own way in io_tls.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/io_own.h"
#include "proxy/io_pipe.h"
#include "proxy/stats.h"

#define IOV_MAX_OURS 16

/* ---- the chain ---- */

static struct piece *
add_piece(struct io *io)
{
	struct piece *p = xcalloc(1, sizeof(*p));

	buf_init(&p->bytes, IO_OUT_HARD);
	*io->out_end = p;
	io->out_end = &p->next;
	return p;
}

/* The one that what is put next goes to. */
static struct piece *
last_bytes(struct io *io)
{
	if (io->out != NULL) {
		struct piece *p = (struct piece *)(void *)((char *)io->out_end -
		    offsetof(struct piece, next));

		if (p->content == NULL && p->pipe == NULL)
			return p;
	}
	return add_piece(io);
}

static void
drop_piece(struct io *io, struct piece *p)
{
	io->out_bytes -= p->bytes.len;
	buf_free(&p->bytes);
	if (p->pipe != NULL)
		io_pipe_give(io->loop, &p->pipe);
	free(p);
}

void
io_drop_out(struct io *io, struct piece **link)
{
	struct piece *p = *link;

	if (link == &io->out)
		io->stuck = 0;
	*link = NULL;
	io->out_end = link;
	while (p != NULL) {
		struct piece *next = p->next;

		drop_piece(io, p);
		p = next;
	}
}

/* False: there is nobody to send to any more. */
static bool
may_put(struct io *io, size_t len)
{
	IS(io, IO_MAGIC);
	if (io->gone || io->broken != 0 || io_is_securing(io))
		return false;
	MUST(!io->ending);
	io->hold = false;
	io->owed = true;
	loop_later(io->loop, &io->out_job);
	if (len <= IO_OUT_HARD && io->out_bytes <= IO_OUT_HARD - len)
		return true;
	(void)stats_limit(io->client, "IO_OUT_HARD");
	log_error(0, "io output limit=%d queued=%zu more=%zu", IO_OUT_HARD,
	    io->out_bytes, len);
	io->broken = ENOBUFS;
	return false;
}

void
io_put(struct io *io, const void *bytes, size_t len)
{
	if (len == 0 || !may_put(io, len))
		return;
	MUST(buf_put(&last_bytes(io)->bytes, bytes, len) == 0);
	io->out_bytes += len;
}

void
io_put_pipe(struct io *io, struct io_pipe **pp)
{
	MUST(may_put(io, 0));
	add_piece(io)->pipe = *pp;
	*pp = NULL;
}

void
io_puts(struct io *io, const char *text)
{
	io_put(io, text, strlen(text));
}

void
io_printf(struct io *io, const char *fmt, ...)
{
	char small[1024];
	char *large = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	MUST(n >= 0);
	if ((size_t)n < sizeof(small)) {
		io_put(io, small, (size_t)n);
		return;
	}
	large = xcalloc((size_t)n + 1, 1);
	va_start(ap, fmt);
	(void)vsnprintf(large, (size_t)n + 1, fmt, ap);
	va_end(ap);
	io_put(io, large, (size_t)n);
	free(large);
}

void
io_feed(struct io *io, const struct content *c, uint64_t from, uint64_t to)
{
	struct piece *p;

	MUST(from <= to && to <= content_size(c));
	if (!may_put(io, 0) || from == to)
		return;
	p = add_piece(io);
	p->content = c;
	p->from = from;
	p->to = to;
}

void
io_unfeed(struct io *io)
{
	struct piece **link = &io->out;

	IS(io, IO_MAGIC);
	while (*link != NULL && (*link)->content == NULL)
		link = &(*link)->next;
	if (*link != NULL)
		io_drop_out(io, link);
}

bool
io_full(const struct io *io)
{
	return io->out_bytes >= IO_OUT_MAX;
}

void
io_hold(struct io *io)
{
	IS(io, IO_MAGIC);
	io->hold = true;
}

void
io_end(struct io *io)
{
	IS(io, IO_MAGIC);
	io->hold = false;
	io->ending = true;
	loop_later(io->loop, &io->out_job);
}

void
io_flush(struct io *io)
{
	IS(io, IO_MAGIC);
	if (io->gone)
		return;
	io->hold = false;
	io_send(io);
	loop_later(io->loop, &io->out_job); /* tells what there is to tell */
}

/* ---- sending ---- */

static bool
in_memory(const struct piece *p)
{
	return p->pipe == NULL &&
	    (p->content == NULL || content_memory(p->content) != NULL);
}

static struct iovec
piece_iov(const struct piece *p)
{
	const char *at;

	if (p->content == NULL)
		return (struct iovec){buf_at(&p->bytes), p->bytes.len};
	at = content_memory(p->content);
	return (struct iovec){
	    (void *)(uintptr_t)(at + p->from), (size_t)(p->to - p->from)};
}

static ssize_t
send_memory(struct io *io)
{
	struct iovec iov[IOV_MAX_OURS];
	struct msghdr m = {.msg_iov = iov};
	const struct piece *p = io->out;
	int flags = MSG_NOSIGNAL;

	for (; p != NULL && in_memory(p); p = p->next) {
		if (m.msg_iovlen == IOV_MAX_OURS)
			break;
		iov[m.msg_iovlen++] = piece_iov(p);
	}
	/* the end, as shutdown() says it, has room in the last packet */
	if (p != NULL || io->ending)
		flags |= MSG_MORE;
	return sendmsg(io->fd, &m, flags);
}

static ssize_t
send_file(struct io *io)
{
	struct piece *p = io->out;
	uint64_t left = p->to - p->from;
	off_t at = (off_t)p->from;
	ssize_t n;

	MUST(content_file(p->content) >= 0);
	n = sendfile(io->fd, content_file(p->content), &at,
	    left < IO_SEND_TURN ? (size_t)left : IO_SEND_TURN);
	if (n == 0) { /* shorter than it was when it was sealed */
		errno = EIO;
		return -1;
	}
	return n;
}

static ssize_t
send_pipe(struct io *io)
{
	const struct piece *p = io->out;
	ssize_t n = splice(p->pipe->out, NULL, io->fd, NULL, p->pipe->len,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK |
		(p->next != NULL ? SPLICE_F_MORE : 0));

	if (n == 0) { /* it holds less than it should */
		errno = EIO;
		return -1;
	}
	if (n > 0)
		stats_addn(STAT_SPLICED, 0, (uint64_t)n);
	return n;
}

static ssize_t
send_next(struct io *io)
{
	if (io->out->pipe != NULL)
		return send_pipe(io);
	return in_memory(io->out) ? send_memory(io) : send_file(io);
}

static uint64_t
piece_size(const struct piece *p)
{
	if (p->pipe != NULL)
		return p->pipe->len;
	return p->content == NULL ? p->bytes.len : p->to - p->from;
}

void
io_consume(struct io *io, uint64_t n)
{
	while (n > 0) {
		struct piece *p = io->out;
		uint64_t have, take;

		MUST(p != NULL);
		have = piece_size(p);
		take = n < have ? n : have;
		n -= take;
		if (p->pipe != NULL) {
			p->pipe->len -= (size_t)take;
		} else if (p->content != NULL) {
			p->from += take;
		} else {
			buf_drop(&p->bytes, (size_t)take);
			io->out_bytes -= (size_t)take;
		}
		if (take < have)
			return;
		io->out = p->next;
		if (io->out == NULL)
			io->out_end = &io->out;
		drop_piece(io, p);
	}
}

static void
send_error(struct io *io, int error)
{
	if (error == EINTR)
		return;
	if (error == EAGAIN || error == EWOULDBLOCK) {
		io->writable = false;
		return;
	}
	io->broken = error;
}

void
io_count_out(const struct io *io, size_t n)
{
	if (io->client != 0)
		stats_addn(STAT_CLIENT_OUT, io->client, n);
	else
		stats_addn(STAT_SERVER_OUT, 0, n);
}

static void
send_clear(struct io *io)
{
	uint64_t done = 0;

	while (io->out != NULL && io->writable && io->broken == 0 &&
	    done < IO_SEND_TURN) {
		ssize_t n = send_next(io);

		if (n < 0) {
			send_error(io, errno);
			continue;
		}
		io_consume(io, (uint64_t)n);
		io->bytes_out += (uint64_t)n;
		io_count_out(io, (size_t)n);
		done += (uint64_t)n;
	}
}

void
io_send(struct io *io)
{
	if (io->wire != NULL) {
		io_wire_send(io);
		return;
	}
	if (io->secure == SECURE_YES)
		io_tls_send(io);
	else
		send_clear(io);
	if (io->broken != 0)
		io_drop_out(io, &io->out);
	if (io->out != NULL || !io->ending || io->end_sent)
		return;
	if (io->secure == SECURE_YES && io->broken == 0 && !io_tls_end(io))
		return;
	io->end_sent = true;
	(void)shutdown(io->fd, SHUT_WR); /* fails where the peer is gone */
}
