#ifndef HTTP_WRITE_H
#define HTTP_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/http/http_head.h"
#include "proxy/base/buf.h"

/*
 * http_write: heads written anew from what was read: HTTP/1.1, fields that
 * end at this hop left out, Via added, Host first and right, framing ours.
 * Pure.  All return 0, or -1 EFBIG when the buf has no room.
 */

/* How the body follows; http_framing of what was read is not used. */
struct http_write_request {
	const char *via;              /* our name */
	const struct http_host *host; /* the origin; always given */
	enum http_scheme scheme;      /* of it: which port is usual */
	bool absolute;                /* for a parent proxy */
	bool close;                   /* Connection: close */
	const char *upgrade;          /* NULL, or what to upgrade to */
	const char *accept_encoding;  /* NULL: none is sent */
	bool has_max_forwards;
	uint64_t max_forwards;    /* already one less */
	struct http_framing body; /* NONE, LENGTH or CHUNKED */
	uint64_t drop;            /* HTTP_FIELD_BIT()s left out, too */
	struct slice more;        /* field lines with CRLF; may be empty */
};

/* CONNECT gives authority-form. */
int http_write_request(struct buf *to, const struct http_request_head *r,
    const struct http_write_request *w);

struct http_write_response {
	const char *via;
	bool close;
	const char *upgrade; /* of a 101 */
	/*
	 * NONE, LENGTH, CHUNKED or CLOSE.  For HEAD and 304 NONE; length_of
	 * then says what Content-Length the origin gave, if it did.
	 */
	struct http_framing body;
	bool has_length_of;
	uint64_t length_of;
	uint16_t status; /* 0: as it came; else without its reason */
	uint64_t drop;
	struct slice more;
};

int http_write_response(struct buf *to, const struct http_response_head *r,
    const struct http_write_response *w);

/* "HTTP/1.1 403 Forbidden\r\n" */
int http_write_status(struct buf *to, unsigned status);
const char *http_status_text(unsigned status);

#endif
