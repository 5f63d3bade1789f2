#ifndef HTTP2_OWN_H
#define HTTP2_OWN_H

#include <nghttp2/nghttp2.h>

#include "protocols/http/http2.h"
#include "protocols/http/http2_stream.h"
#include "proxy/io_wire.h"
#include "proxy/loop.h"

/*
 * What is in a connection of HTTP/2, for http2.c (bytes, life), http2_carry.c
 * (what the ios of streams ask for) and http2_hear.c (what the library says).
 * The library is never called from inside its own calls but to submit, and
 * owners of streams are never told from there.
 */

/* So many are free at once, and so many a second for good. */
struct allowance {
	int64_t left, at_ms;
};

#define HTTP2_MAGIC 0x47790030u
struct http2 {
	uint32_t magic;
	bool server;
	bool going; /* no new streams */
	bool ended; /* the peer sends no more */
	bool told;  /* that it is over */
	struct loop *loop;
	struct io *io;
	size_t head_max;
	uint64_t id;
	const struct http2_calls *calls;
	void *arg;
	nghttp2_session *ng;
	LIST_HEAD(, http2_stream) streams;
	unsigned n;
	struct job pump;
	size_t fields; /* bytes of the head that comes in */
	struct allowance resets, frames;
	char why[96];
};

/* ---- http2_carry.c ---- */

/* What there is to be sent is, when this turn ends. */
void http2_pump_later(struct http2 *h);

/* A stream that neither its io nor the library knows any more goes. */
void http2_drop_idle(struct http2_stream *s);

/* RST_STREAM, if it is still open. */
void http2_reset(struct http2_stream *s, uint32_t code);

/* Its io has something to read, or is to learn that the peer is gone. */
void http2_tell(struct http2_stream *s);

/* One more, without an io. */
struct http2_stream *http2_open_stream(struct http2 *h);

/* And one that was opened has one from here on. */
struct io *http2_open_io(struct http2_stream *s);

/* ---- http2_hear.c ---- */

nghttp2_session_callbacks *http2_callbacks(void);

/* The connection ends with GOAWAY and that code; why: words for the log. */
void http2_give_up(struct http2 *h, const char *why, uint32_t code);

/* The same for a limit. */
void http2_passed_limit(struct http2 *h, const char *limit);

#endif
