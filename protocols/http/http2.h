#ifndef HTTP2_H
#define HTTP2_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/slice.h"
#include "proxy/io.h"

struct loop;

/*
 * http2: one connection that speaks HTTP/2 (RFC 9113), on either side.  Each
 * stream of it is an io that speaks HTTP/1.1 (http2_stream.h): who serves or
 * asks by it sees no difference.  http2.c, http2_carry.c and http2_hear.c are
 * the files that speak nghttp2.
 */

/* Limits; each is named in the log when it ends a connection or a stream. */
#define HTTP2_STREAMS_MAX 100       /* h2_streams: of one connection */
#define HTTP2_WINDOW (256 * 1024)   /* bytes of a stream that wait */
#define HTTP2_WINDOW_ALL (16 << 20) /* of all of a connection */
#define HTTP2_RESETS 400            /* h2_resets: at once ... */
#define HTTP2_RESETS_A_SECOND 40    /* ... and for good */
#define HTTP2_FRAMES 2000           /* h2_frames: that carry nothing */
#define HTTP2_FRAMES_A_SECOND 200
#define HTTP2_HEADERS_TIMES 16 /* h2_header_list: max_header so often */
#define HTTP2_CONTINUATIONS 8  /* h2_continuations: of one head */

/* errno of a stream that is lost, besides ECONNRESET */
#define HTTP2_UNSEEN ESTALE      /* the peer has not looked at it */
#define HTTP2_WANTS_1 EPROTOTYPE /* it wants HTTP/1.1 for that */
#define HTTP2_MALFORMED EBADMSG  /* what it said was no HTTP */

struct http2_calls {
	/* A server: a request comes by *iop, which is to be taken. */
	void (*opened)(void *arg, struct io **iop);

	/* The last stream has gone, or the first one has come. */
	void (*busy)(void *arg, bool busy);

	/* Nothing more can be done with it: http2_free() it.  From the loop. */
	void (*over)(void *arg);
};

struct http2;

/*
 * io is secured and stays the owner's, who passes on what it is told of it and
 * frees it behind http2_free().  head_max: bytes of a head that comes in.  id:
 * for logs.
 */
struct http2 *http2_open(bool server, struct loop *l, struct io *io,
    size_t head_max, uint64_t id, const struct http2_calls *calls, void *arg);

/* All streams are gone, at once; their owners are told from in here. */
void http2_free(struct http2 **hp);

/* IO_INPUT, IO_DRAINED or IO_ENDED of io. */
void http2_says(struct http2 *h, enum io_event what);

/* So many streams are in use: a head that is not whole is none yet. */
unsigned http2_streams(const struct http2 *h);

/* A client: may one more be asked for?  And by this; nothing is sent before
 * something is put. */
bool http2_may_ask(const struct http2 *h);
struct io *http2_ask(struct http2 *h);

/* No new ones; it is over when the last has gone (RFC 9113 6.8). */
void http2_goodbye(struct http2 *h);

/* Words for an error of those above; NULL: it is none of them. */
const char *http2_error_words(int error);

/* Why it is over; "": as it should be. */
const char *http2_why(const struct http2 *h);

#endif
