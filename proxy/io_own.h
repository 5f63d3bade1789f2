#ifndef PROXY_IO_OWN_H
#define PROXY_IO_OWN_H

#include <sys/uio.h>

#include "proxy/base/buf.h"
#include "proxy/io.h"
#include "proxy/io_line.h"
#include "proxy/io_wire.h"
#include "proxy/loop_own.h"
#include "proxy/tls.h"

/*
 * What is in an io, for io.c (life, time) and the other io_*.c alone.
 */
#define IO_MAGIC 0x10c0de01u

/* What the owner has not eaten; when it is full, reading rests by itself. */
#define IO_IN_MAX (64 * 1024)

/* More than this put and not sent is a mistake of ours: the owner did not
 * look at io_full(). */
#define IO_OUT_HARD (1024 * 1024)

/* In one turn of the loop, so that one fast peer does not keep the others
 * waiting. */
#define IO_SEND_TURN (256 * 1024)

/* How far TLS is. */
enum io_secure {
	SECURE_NO,
	SECURE_WAITS, /* for what is still to be sent in the clear */
	SECURE_HANDS, /* shaking them */
	SECURE_YES
};

/* Memory, a range of a content, or a pipe: one link in the chain of output. */
struct piece {
	struct piece *next;
	struct buf bytes;
	struct io_pipe *pipe;
	const struct content *content; /* neither: bytes */
	uint64_t from, to;
};

/* Who carries an io that has no socket, and what is true of that. */
struct wire {
	const struct io_wire *calls;
	void *arg;
	const char *version, *cipher; /* of TLS; static */
	bool secured, resumed;
};

struct io {
	uint32_t magic;
	int fd; /* -1: a wire */
	struct wire *wire;
	struct loop *loop;
	struct event ev; /* by edges, for as long as the io lives */
	struct event *timer;
	io_told *told; /* NULL: nobody */
	void *arg;

	/* how it stands */
	bool readable : 1, writable : 1; /* as far as we know */
	bool unsure : 1; /* the last read was short: a reset may have come along
			  */
	bool hung : 1;   /* RDHUP was seen: a read will find the end */
	bool eof : 1;    /* a read has found it */
	bool paused : 1;
	bool again : 1;    /* the owner wants IO_INPUT once more */
	bool gone : 1;     /* IO_GONE is told */
	bool hold : 1;     /* what is queued waits for more */
	bool ending : 1;   /* half-close behind what is queued ... */
	bool end_sent : 1; /* ... done */
	bool owed : 1;     /* IO_DRAINED */
	bool finishing : 1;
	bool urgent : 1;  /* io_urgent_inline() */
	bool fragile : 1; /* io_fragile() */
	bool bulk : 1;    /* io_pour(): the last read was a large one */
	bool dead : 1;    /* io_free() while the owner was being told */
	unsigned busy;    /* the owner is being told */
	int error;
	int broken; /* errno of a write: gone, once all input is read */

	/* input: in scratch while the owner is told, else in here */
	const char *view;
	size_t view_len;
	struct buf in;
	struct line_state line;

	/* output */
	struct piece *out, **out_end;
	size_t out_bytes; /* without contents */

	/* what comes in goes out there; what goes out comes from there */
	struct io *sink, *source;

	/* TLS */
	enum io_secure secure;
	struct tls_link *tls;
	size_t stuck;   /* so many bytes of the first piece are in a record
			 * that is half sent */
	bool truncated; /* the end was not said */

	struct job in_job, out_job;
	int64_t due_ms, armed_ms; /* deadline; when the timer goes off */
	const char *due_word;
	uint64_t bytes_in, bytes_out;
	unsigned client; /* io_client() */
	struct addr peer;
	struct addr *local; /* once asked for */
	void (*closed)(void *arg);
	void *closed_arg;
	struct io *fin_next, **fin_link;
};

/* io.c: one without a socket yet. */
struct io *io_alloc(struct loop *l);

/* Tells the owner.  False: it has freed the io. */
bool io_tell(struct io *io, enum io_event what);

/* io_in.c: tells that there is input; False: the owner has freed the io. */
bool io_tell_input(struct io *io);

/* io_in.c: reads what is fair in one turn, and tells.  False: likewise. */
bool io_read_turn(struct io *io);

/* io_in.c: IO_GONE.  False: likewise. */
bool io_tell_gone(struct io *io, int error);

/* io_in.c: what was read into the loop's scratch.  False: likewise. */
bool io_took(struct io *io, size_t n);

/* io_in.c: the peer sends no more.  False: likewise. */
bool io_read_end(struct io *io);

/* io_in.c: so much came from the peer. */
void io_count_in(const struct io *io, size_t n);

/* io_out.c: sends what can be sent; sets broken when it cannot. */
void io_send(struct io *io);

/* io_out.c: as io_put(); takes the pipe over, and what is in it. */
void io_put_pipe(struct io *io, struct io_pipe **pp);

/* io_out.c: forgets the links of the chain from *link on. */
void io_drop_out(struct io *io, struct piece **link);

/* io_out.c: n bytes at the front of the chain are done with. */
void io_consume(struct io *io, uint64_t n);

static inline bool
io_is_securing(const struct io *io)
{
	return io->secure == SECURE_WAITS || io->secure == SECURE_HANDS;
}

/* There is something left to say. */
static inline bool
io_wants_out(const struct io *io)
{
	return io->out != NULL || (io->ending && !io->end_sent);
}

/* io_out.c: so much went to the peer. */
void io_count_out(const struct io *io, size_t n);

/* io_tls.c: goes on with the handshake.  False: the owner has freed the io. */
bool io_secure_turn(struct io *io);

/* io_tls.c: one read; one turn of sending; the end of what we send (False: not
 * yet). */
bool io_tls_read(struct io *io);
void io_tls_send(struct io *io);
bool io_tls_end(struct io *io);

/* io_pour.c, of one that has a sink: its input goes there; so much of a read
 * (False: none) by a pipe; the sink has to be drained first. */
void io_pour_input(struct io *io);
bool io_pour_spliced(struct io *io);
bool io_pour_waits(const struct io *io);

/* io_pour.c, of any: it is drained; it is left out from here on. */
void io_pour_on(struct io *to);
void io_pour_stop(struct io *io);

/* io_wire.c: the same without a socket; is the peer still there; it closes. */
bool io_wire_read(struct io *io);
void io_wire_send(struct io *io);
bool io_wire_look(struct io *io);
void io_wire_close(struct io *io, bool reset);

#endif
