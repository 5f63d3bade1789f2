/*
 * io_tls: a connection under TLS: the handshake, and what reading and sending
 * are then.  The socket is still watched by edges: each call goes on until TLS
 * says what it waits for.
 */
#include <errno.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/io_own.h"
#include "proxy/stats.h"

/* What goes out next, side by side, so that a record is not a line; nothing
 * stays in it from one call to the next. */
#define STAGE (64 * 1024)
static char stage[STAGE];

/* ---- the handshake ---- */

void
io_start_tls(struct io *io, struct tls *t, const char *name, unsigned how)
{
	struct slice early = {NULL, 0};

	IS(io, IO_MAGIC);
	MUST(io->secure == SECURE_NO);
	if (io->gone)
		return;
	if ((how & IO_TLS_KEEP) != 0)
		early = io_input(io);
	io->tls =
	    tls_link_open(t, io->fd, name, (how & IO_TLS_VERIFY) != 0, early);
	if ((how & IO_TLS_NO_TICKET) != 0)
		tls_link_no_ticket(io->tls);
	if ((how & IO_TLS_AGAIN) != 0)
		tls_link_again(io->tls, io_peer(io));
	if ((how & IO_TLS_H2) != 0)
		tls_link_offer_h2(io->tls);
	/* RFC 3207 4.2: what came before TLS was not said by this peer. */
	io_discard(io);
	io->hold = false;
	io->secure = SECURE_WAITS;
	loop_later(io->loop, &io->out_job);
}

void
io_resume_tls(struct io *io, const struct io *from)
{
	IS(io, IO_MAGIC);
	if (io_is_securing(io) && io_secured(from))
		tls_link_resume(io->tls, from->tls);
}

static void
count_hands(const struct io *io, enum stats_hands how)
{
	stats_word(io->client != 0 ? STAT_TLS_CLIENT : STAT_TLS_SERVER, how);
}

static bool
shaken(struct io *io)
{
	io->secure = SECURE_YES;
	count_hands(io, tls_link_resumed(io->tls) ? HANDS_RESUMED : HANDS_FULL);
	io->readable = true; /* more may have come along */
	return io_tell(io, IO_SECURED);
}

bool
io_secure_turn(struct io *io)
{
	if (io->gone)
		return true;
	if (io->broken != 0)
		return io_tell_gone(io, io->broken);
	if (io->secure == SECURE_WAITS && io->out != NULL)
		return true;
	io->secure = SECURE_HANDS;
	switch (tls_link_hands(io->tls)) {
	case TLS_OK:
		return shaken(io);
	case TLS_WANT_READ:
		io->readable = false;
		return true;
	case TLS_WANT_WRITE:
		io->writable = false;
		return true;
	default:
		count_hands(io, HANDS_FAILED);
		return io_tell_gone(io, tls_link_error(io->tls));
	}
}

/* ---- reading ---- */

/* Nothing was read, and this is why. */
static bool
nothing_read(struct io *io, enum tls_is is)
{
	switch (is) {
	case TLS_WANT_WRITE:
		io->writable = false;
		io->readable = false;
		return true;
	case TLS_CUT:
		io->truncated = true;
		return io_read_end(io);
	case TLS_BYE:
		return io_read_end(io);
	case TLS_BROKEN:
		io->readable = false;
		return io_tell_gone(
		    io, io->broken != 0 ? io->broken : tls_link_error(io->tls));
	default:
		io->readable = false;
		return true;
	}
}

bool
io_tls_read(struct io *io)
{
	size_t room = IO_IN_MAX - io->in.len, have = 0, n;
	enum tls_is is = TLS_OK;

	while (have < room) {
		is = tls_link_read(
		    io->tls, io->loop->scratch + have, room - have, &n);
		if (is != TLS_OK)
			break;
		have += n;
	}
	if (have == 0)
		return nothing_read(io, is);
	/* an end is said again the next time */
	if (is == TLS_WANT_READ)
		io->readable = false;
	return io_took(io, have);
}

/* ---- sending ---- */

/* Copies what comes next to the stage.  How much, or -1 with errno. */
static ssize_t
gather(const struct io *io)
{
	const struct piece *p = io->out;
	size_t most = io->stuck > 0 ? io->stuck : STAGE, have = 0;

	for (; p != NULL && have < most; p = p->next) {
		uint64_t all =
		    p->content == NULL ? p->bytes.len : p->to - p->from;
		size_t n = all < most - have ? (size_t)all : most - have;
		ssize_t got = (ssize_t)n;

		if (p->content == NULL)
			memcpy(stage + have, buf_at(&p->bytes), n);
		else
			got =
			    content_read(p->content, stage + have, n, p->from);
		if (got == 0) { /* shorter than when it was sealed */
			errno = EIO;
			got = -1;
		}
		if (got < 0)
			return have > 0 ? (ssize_t)have : -1;
		have += (size_t)got;
		if ((size_t)got < n)
			break;
	}
	return (ssize_t)have;
}

/* These bytes are in a record that the socket has not taken whole: they are
 * offered again, whatever becomes of the content they are from. */
static void
hold_back(struct io *io, const char *bytes, size_t len)
{
	struct piece *p;

	if (io->stuck > 0)
		return;
	io_consume(io, len);
	p = xcalloc(1, sizeof(*p));
	buf_init(&p->bytes, IO_OUT_HARD);
	MUST(buf_put(&p->bytes, bytes, len) == 0);
	p->next = io->out;
	if (io->out == NULL)
		io->out_end = &p->next;
	io->out = p;
	io->out_bytes += len;
	io->stuck = len;
}

/* One record.  How many bytes went, 0 when none can now. */
static size_t
send_record(struct io *io, const char *bytes, size_t len)
{
	size_t n;

	switch (tls_link_write(io->tls, bytes, len, &n)) {
	case TLS_OK:
		io->stuck = 0;
		io_consume(io, n);
		io->bytes_out += n;
		io_count_out(io, n);
		return n;
	case TLS_WANT_WRITE:
		io->writable = false;
		hold_back(io, bytes, len);
		return 0;
	case TLS_WANT_READ: /* no TLS that we speak does that */
		io->writable = false;
		return 0;
	default:
		io->broken = tls_link_error(io->tls);
		return 0;
	}
}

/* What is on the stage.  False: it did not all go. */
static bool
send_stage(struct io *io, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t left = len - at;
		size_t n = send_record(
		    io, stage + at, left < TLS_PIECE ? left : TLS_PIECE);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

void
io_tls_send(struct io *io)
{
	size_t done = 0;

	while (io->out != NULL && io->writable && io->broken == 0 &&
	    done < IO_SEND_TURN) {
		ssize_t n = gather(io);

		if (n < 0) {
			io->broken = errno;
			return;
		}
		if (!send_stage(io, (size_t)n))
			return;
		done += (size_t)n;
	}
}

bool
io_tls_end(struct io *io)
{
	if (!io->writable)
		return false;
	if (tls_link_bye(io->tls) != TLS_WANT_WRITE)
		return true;
	io->writable = false;
	return false;
}

/* ---- for the owner ---- */

bool
io_secured(const struct io *io)
{
	IS(io, IO_MAGIC);
	return io->wire != NULL ? io->wire->secured : io->secure == SECURE_YES;
}

const char *
io_tls_version(const struct io *io)
{
	if (io->wire != NULL)
		return io->wire->version;
	return io_secured(io) ? tls_link_version(io->tls) : "";
}

const char *
io_tls_cipher(const struct io *io)
{
	if (io->wire != NULL)
		return io->wire->cipher;
	return io_secured(io) ? tls_link_cipher(io->tls) : "";
}

bool
io_tls_resumed(const struct io *io)
{
	if (io->wire != NULL)
		return io->wire->resumed;
	return io_secured(io) && tls_link_resumed(io->tls);
}

bool
io_tls_speaks_h2(const struct io *io)
{
	return io->wire == NULL && io_secured(io) &&
	    tls_link_speaks_h2(io->tls);
}

bool
io_truncated(const struct io *io)
{
	IS(io, IO_MAGIC);
	return io->truncated;
}

bool
io_tls_distrusts(const struct io *io)
{
	IS(io, IO_MAGIC);
	return io->tls != NULL && tls_link_distrusts(io->tls);
}

int
io_tls_alert(const struct io *io)
{
	IS(io, IO_MAGIC);
	return io->tls == NULL ? 0 : tls_link_alert(io->tls);
}

const char *
io_trouble(const struct io *io)
{
	IS(io, IO_MAGIC);
	return io->tls == NULL ? "" : tls_link_trouble(io->tls);
}
