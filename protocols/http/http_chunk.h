#ifndef HTTP_CHUNK_H
#define HTTP_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#include "protocols/http/http_bad.h"
#include "proxy/base/buf.h"
#include "proxy/base/slice.h"

/* http_chunk: the chunked coding (RFC 9112 7.1), both ways.  Pure. */
#define HTTP_CHUNK_DIGITS_MAX 16
#define HTTP_CHUNK_EXTENSION_MAX 256          /* bytes of one chunk's */
#define HTTP_CHUNK_EXTENSIONS_MAX (16 * 1024) /* of all of a body */
#define HTTP_TRAILER_LINE_MAX 4096
#define HTTP_TRAILERS_MAX (16 * 1024)
#define HTTP_TRAILER_FIELDS_MAX 64

enum http_chunk_is {
	HTTP_CHUNK_MORE, /* *in is used up */
	HTTP_CHUNK_DATA, /* *data_r is a piece of the body, inside *in */
	HTTP_CHUNK_DONE, /* the body is over; *in begins behind it */
	HTTP_CHUNK_BAD   /* c->bad says why; it stays so */
};

struct http_chunks {
	enum http_bad bad;
	int state;         /* private, and so is all that follows */
	unsigned digits;   /* of the size */
	uint64_t left;     /* of this chunk */
	uint64_t size;     /* of the body so far; not private */
	size_t extension;  /* bytes of this chunk's extension */
	size_t extensions; /* of all of them */
	size_t trailers;   /* bytes of all trailers */
	unsigned fields;   /* how many */
	size_t line_len;   /* of the trailer in line */
	struct buf *keep;  /* may be NULL */
	struct buf line;
};

/*
 * keep: where trailers go, as field lines with CRLF, those that may stand
 * there (RFC 9110 6.5.1); NULL: nowhere.  It stays the caller's.
 */
void http_chunk_init(struct http_chunks *c, struct buf *keep);

/* Gives back the memory; it may be initialised again. */
void http_chunk_free(struct http_chunks *c);

/*
 * Takes from the front of *in.  Sizes are 1 to 16 hexadecimal digits, at most
 * 2^63-1 together; no blanks around them, CRLF at every end.  Extensions are
 * passed over.  A trailer that would be framing, or Host, is malformed.
 */
enum http_chunk_is http_chunk(
    struct http_chunks *c, struct slice *in, struct slice *data_r);

/* A whole chunk of data, which is not empty.  0 or -1 EFBIG. */
int http_chunk_put(struct buf *to, struct slice data);

/*
 * The same in three parts, for a body that does not go through memory: the
 * size line, len bytes of data, CRLF.  Returns the length of the line.
 */
#define HTTP_CHUNK_HEAD_MAX 19
size_t http_chunk_head(char to[HTTP_CHUNK_HEAD_MAX], uint64_t len);

/* The end, with trailers (field lines with CRLF; may be empty). */
int http_chunk_end(struct buf *to, struct slice trailers);

#endif
