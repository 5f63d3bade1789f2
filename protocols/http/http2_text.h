#ifndef HTTP2_TEXT_H
#define HTTP2_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/http/http_head.h"
#include "proxy/base/buf.h"

/*
 * http2_text: heads of HTTP/2 (RFC 9113 8.3) to those of HTTP/1.1 and back, so
 * that one strict reader judges both.  What could mean another thing as text
 * (a line end, a blank in a path) does not get there.  Pure.
 */

/* ---- fields to text ---- */

enum http2_pseudo {
	HTTP2_METHOD,
	HTTP2_SCHEME,
	HTTP2_AUTHORITY,
	HTTP2_PATH,
	HTTP2_STATUS,
	HTTP2_PSEUDO_N
};

struct http2_read {
	bool request;
	bool regular;    /* a field that is no pseudo-header was there */
	bool has_length; /* Content-Length was there */
	bool over;       /* more than limit came; the rest is not kept */
	unsigned given;  /* bits of enum http2_pseudo */
	struct buf pseudo[HTTP2_PSEUDO_N];
	struct buf host;   /* of the field Host */
	struct buf cookie; /* its crumbs, joined (RFC 9113 8.2.3) */
	struct buf fields; /* lines */
	size_t limit;
	const char *bad; /* a word for logs; NULL: nothing is wrong */
};

/* limit: bytes of the text, as for http_request_head(). */
void http2_read_init(struct http2_read *r, bool request, size_t limit);
void http2_read_free(struct http2_read *r);

/* One field, in the order they come. */
void http2_read_field(
    struct http2_read *r, struct slice name, struct slice value);

/*
 * All fields are there: the head as text.  ended: no body follows; bare: none
 * can (an answer to HEAD).  *chunked_r: the body is to be given in chunks.
 * NULL, or a word: it is malformed, and to is as it was.  Of one that was too
 * long the text is longer than limit and has no end.
 */
const char *http2_read_text(struct http2_read *r, struct buf *to, bool ended,
    bool bare, bool *chunked_r);

/* Its method, once it was read. */
enum http_method http2_read_method(const struct http2_read *r);

/* 100 to 199 and the like; 0: not a status. */
unsigned http2_read_status(const struct http2_read *r);

/* ---- text to fields ---- */

#define HTTP2_FIELDS_MAX (HTTP_FIELDS_MAX + 4)

struct http2_fields {
	struct buf bytes;
	unsigned n;
	struct {
		struct http_span name, value;
	} at[HTTP2_FIELDS_MAX];
};

void http2_fields_init(struct http2_fields *f);
void http2_fields_free(struct http2_fields *f);

/* Heads that were read; what is of the connection is left out. */
void http2_put_request(struct http2_fields *f,
    const struct http_request_head *r, const char *scheme);
void http2_put_response(
    struct http2_fields *f, const struct http_response_head *r);

static inline struct slice
http2_at(const struct http2_fields *f, struct http_span s)
{
	return (struct slice){buf_at(&f->bytes) + s.at, s.len};
}

#endif
