#ifndef HTTP2_STREAM_H
#define HTTP2_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "protocols/http/http2_text.h"
#include "protocols/http/http_chunk.h"

struct http2;
struct io;

/*
 * http2_stream: one stream of HTTP/2 as an io that speaks HTTP/1.1: what has
 * come becomes text for the io, what the io says becomes fields and data.  The
 * frames are http2.c's; nothing in here knows of them.
 */

/* Of a head that we have written ourselves. */
#define HTTP2_HEAD_MAX (160 * 1024)

enum http2_out {
	HTTP2_OUT_HEAD, /* the io has not put a whole one */
	HTTP2_OUT_BODY,
	HTTP2_OUT_DONE
};

#define HTTP2_STREAM_MAGIC 0x47790031u
struct http2_stream {
	uint32_t magic;
	struct http2 *h; /* NULL: the connection has gone */
	int32_t id;      /* -1: not asked yet */
	bool open;       /* the library knows the id */
	struct io *io;   /* NULL: it has gone */
	LIST_ENTRY(http2_stream) link;
	bool server;            /* requests come in */
	enum http_method asked; /* of the request */
	size_t limit;           /* of a head that comes in */

	/* in: what the io reads */
	struct http2_read *read; /* a head that comes in */
	bool headed;             /* that of the message was there */
	struct buf text, data;
	bool chunked;          /* data is given in chunks */
	bool ended, end_given; /* the peer has sent all; and that is said */
	bool reset;            /* by the peer */
	int lost;              /* errno */

	/* out: what the io says */
	enum http2_out out;
	struct buf raw; /* taken from the io, and not used */
	bool io_ended;  /* nothing follows raw */
	struct http_framing framing;
	uint64_t left;
	struct http_chunks chunks;
	bool waits; /* the frames wait for it */
};

/* head_max: of one that comes in; window: the most data that comes and is not
 * read. */
struct http2_stream *http2_stream_open(
    struct http2 *h, bool server, size_t head_max, size_t window);

/* io and id MUST be gone. */
void http2_stream_free(struct http2_stream **sp);

/* ---- in ---- */

/* A field of the head that comes in. */
void http2_stream_field(
    struct http2_stream *s, struct slice name, struct slice value);

/* The head is whole; ended: and so is the message.  NULL, or a word: it is
 * malformed.  *interim_r: another head follows. */
const char *http2_stream_head(
    struct http2_stream *s, bool ended, bool *interim_r);

/* False: more than the window. */
bool http2_stream_data(struct http2_stream *s, const void *at, size_t len);

/* For the io: text, at most room bytes.  *used_r: so much data is in it. */
size_t http2_stream_read(
    struct http2_stream *s, char *to, size_t room, size_t *used_r, bool *end_r);

/* ---- out ---- */

enum http2_head_is {
	HTTP2_HEAD_MORE,    /* it is not whole */
	HTTP2_HEAD_INTERIM, /* a 1xx; ask again */
	HTTP2_HEAD_DONE,    /* the body follows, see http2_stream_body() */
	HTTP2_HEAD_BARE,    /* there is none */
	HTTP2_HEAD_BAD
};

/* The head that the io puts: as fields, which f is cleared for. */
enum http2_head_is http2_stream_take(
    struct http2_stream *s, struct http2_fields *f);

/* What follows of the body, at most room bytes; 0 without *end_r: none yet.
 * -1: it does not come to its end. */
ssize_t http2_stream_body(
    struct http2_stream *s, char *to, size_t room, bool *end_r);

#endif
