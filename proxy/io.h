#ifndef PROXY_IO_H
#define PROXY_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/slice.h"
#include "scan/content.h"

struct io;
struct loop;
struct tls;

/*
 * One connection: buffered bytes in both directions, with a deadline.  io.c
 * owns the buffers (64 KB reads into one that all connections of the loop
 * share; an idle io holds none) and TLS; the rest sees bytes.
 *
 * What is put is sent at the end of this turn of the loop, in as few writes as
 * can be; TCP_NODELAY is on.
 */
enum io_event {
	IO_INPUT,   /* there are bytes that were not there before */
	IO_DRAINED, /* all that was put and fed has been given to the kernel */
	IO_ENDED,   /* the peer sends no more (half-close); it may still read */
	IO_GONE,    /* reset, hang-up or write error: nothing will be sent */
	IO_LATE,    /* the deadline passed; see io_deadline() */
	IO_SECURED  /* TLS begins here: see io_start_tls() */
};

/*
 * The owner is told.  It may io_free() the io in there.  After IO_GONE only
 * io_free() makes sense.
 */
typedef void io_told(void *arg, struct io *io, enum io_event what);

/* Takes a connected, non-blocking socket.  peer may be NULL (a socket pair). */
struct io *io_open(struct loop *l, int *fdp, const struct addr *peer);
void io_owner(struct io *io, io_told *told, void *arg);

/* Calls once, from in io_free(), when the socket is closed. */
void io_when_closed(struct io *io, void (*called)(void *arg), void *arg);

/* Closes at once, what is not sent is lost; NULL is fine. */
void io_free(struct io **iop);

/*
 * Sends what was put, then closes, without an owner: lingers at most ms
 * milliseconds.  Takes io over.
 */
void io_finish(struct io **iop, int64_t ms);

/* How many io_finish() has taken over and not closed yet. */
unsigned io_finishing(const struct loop *l);

/* ---- input ---- */

/* The bytes that wait; valid until the owner returns or eats. */
struct slice io_input(const struct io *io);
void io_eat(struct io *io, size_t n);

enum line {
	LINE_OK,   /* a line was taken; its CRLF is gone */
	LINE_NONE, /* no full line yet */
	LINE_LONG, /* longer than limit: eaten up to its end, if that came */
	LINE_BARE  /* ended by LF alone, or holds a CR or NUL; taken */
};

/*
 * Takes one line of at most limit bytes, CRLF not counted.  *line_r points
 * into the input and is valid until the owner returns or asks for more.  What
 * comes later of a line that was LINE_LONG is eaten without a word.  limit is
 * at most IO_LINE_MAX.
 */
#define IO_LINE_MAX (64 * 1024 - 2)
enum line io_line(struct io *io, size_t limit, struct slice *line_r);

/* Does a whole line wait? */
bool io_has_line(const struct io *io);

/* Forgets all that waits (RFC 3207 4.2). */
void io_discard(struct io *io);

/* Stops and restarts reading: this is how a slow side slows the other.  A
 * paused io still notices that its peer is gone.  It is told neither IO_INPUT
 * (what io_again() asked for waits for io_resume()) nor IO_ENDED. */
void io_pause(struct io *io);
void io_resume(struct io *io);

/* Has the owner told IO_INPUT again in a later turn, if bytes wait. */
void io_again(struct io *io);

bool io_ended(const struct io *io); /* the peer has sent all, and it is eaten */

/* ---- output ---- */

#define IO_OUT_MAX (64 * 1024)

void io_put(struct io *io, const void *bytes, size_t len);
void io_puts(struct io *io, const char *text);
void io_printf(struct io *io, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Sends bytes from..to-1 of a sealed content as the socket takes them, behind
 * what was put and before what is put next.  The content stays the caller's
 * and must live until IO_DRAINED, io_unfeed() or io_free().  Several may queue.
 */
void io_feed(
    struct io *io, const struct content *c, uint64_t from, uint64_t to);
void io_unfeed(struct io *io); /* forgets all that is fed and put behind it */

/* More is put than should be (contents do not count): put no more before
 * IO_DRAINED.  An io that holds 1 MB of what was put is ended: IO_GONE. */
bool io_full(const struct io *io);

/* Sends what is queued or held now instead of at the end of the turn. */
void io_flush(struct io *io);

/* What is put goes out with what is put next, or at the end: one packet
 * instead of two.  For replies to a client that has asked for more already. */
void io_hold(struct io *io);

/* Acknowledges what has come now, not with the next answer: for a peer that
 * says small things one after another and waits for none (RFC 1122 4.2.3.2). */
void io_acknowledge(struct io *io);

/* Half-close behind what is queued. */
void io_end(struct io *io);

/* RST: the peer cannot take what it got for whole. */
void io_reset(struct io **iop);

/* As long as that is set, whatever ends the connection is a reset: io_free(),
 * io_finish(), the end of this process.  For a body that only the end of the
 * connection ends. */
void io_fragile(struct io *io, bool on);

/* ---- TLS ---- */

#define IO_TLS_VERIFY 1u    /* a client: the peer proves that it is name */
#define IO_TLS_KEEP 2u      /* what waits in the input is TLS already */
#define IO_TLS_NO_TICKET 4u /* a server: no session for a next time */
#define IO_TLS_AGAIN 8u     /* a client: sessions of that server go on */
#define IO_TLS_H2 16u       /* a client: HTTP/2 is offered, too */

/*
 * Turns the connection to TLS behind what was put; t is the side we are on.
 * What waits in the input is forgotten, or with IO_TLS_KEEP belongs to the
 * handshake.  The owner is told IO_SECURED or IO_GONE, or IO_LATE when its
 * deadline passes; what it puts before IO_SECURED is not sent.  From then on
 * all is as before.  name: whom a client wants to meet; NULL: nobody.
 */
void io_start_tls(struct io *io, struct tls *t, const char *name, unsigned how);

/* Right behind io_start_tls(), a client: goes on with the session of from,
 * which is secured and with the same server. */
void io_resume_tls(struct io *io, const struct io *from);

bool io_secured(const struct io *io); /* IO_SECURED was told */

/* "1.3"; the cipher's name in RFCs; both "" without TLS, and both static.  Was
 * it a session from before? */
const char *io_tls_version(const struct io *io);
const char *io_tls_cipher(const struct io *io);
bool io_tls_resumed(const struct io *io);

/* HTTP/2 is what both sides mean to speak (RFC 7301). */
bool io_tls_speaks_h2(const struct io *io);

/* Behind IO_ENDED: the end of TLS was not said, so somebody may have cut the
 * rest off.  False without TLS. */
bool io_truncated(const struct io *io);

/* Behind IO_GONE: the peer could not prove who it is; the alert it has sent
 * (RFC 8446 6); 0 none. */
bool io_tls_distrusts(const struct io *io);
int io_tls_alert(const struct io *io);

/* What was wrong with TLS, for a log; "" nothing. */
const char *io_trouble(const struct io *io);

/* ---- time, names, counts ---- */

/* IO_LATE ms from now, whatever moves; replaces the one before.  0: none.
 * what is a word for logs ("command_timeout") and must be static. */
void io_deadline(struct io *io, int64_t ms, const char *what);
const char *io_deadline_word(const struct io *io);

const struct addr *io_peer(const struct io *io);
const struct addr *io_local(const struct io *io);
uint64_t io_bytes_in(const struct io *io);
uint64_t io_bytes_out(const struct io *io);

/* The peer is a client, and of this protocol (as in stats.h), not a server: so
 * its bytes are counted. */
void io_client(struct io *io, unsigned protocol);
int io_error(const struct io *io); /* errno behind IO_GONE */

#endif
