#ifndef HTTP_FIELD_H
#define HTTP_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/http/http_head.h"
#include "proxy/base/buf.h"

/* http_field: what single fields mean to a proxy.  Pure. */

/* ---- what ends at this hop (RFC 9110 7.6.1) ---- */

/* Is it a hop-by-hop field, by its kind or because Connection names it? */
bool http_is_hop(const struct http_head *h, const struct http_field *f);

/*
 * Does Connection name only what it may: "close", "keep-alive" and fields
 * that are hop-by-hop or that nobody here knows?  Heads that were read passed
 * this; for tests and trailers.
 */
bool http_connection_is_good(const struct http_head *h);

/* Does it ask for an upgrade to protocol ("websocket")?  Upgrade names it and
 * Connection names Upgrade. */
bool http_upgrades_to(const struct http_head *h, const char *protocol);

/* ---- Via (RFC 9110 7.6.3) ---- */

/* Is name one of the hops it has passed (case does not count)? */
bool http_via_has(const struct http_head *h, const char *name);

/* The field line with CRLF: what is there, and us behind it. */
int http_via_put(struct buf *to, const struct http_head *h, const char *name);

/* ---- Expect, Max-Forwards ---- */

enum http_expect {
	HTTP_EXPECT_NONE,     /* of HTTP/1.0 it is ignored (RFC 9110 10.1.1) */
	HTTP_EXPECT_CONTINUE, /* 100-continue */
	HTTP_EXPECT_OTHER     /* 417 */
};

enum http_expect http_expect(const struct http_head *h);

/* 1: *n_r is it; 0: not there; -1: not a number. */
int http_max_forwards(const struct http_head *h, uint64_t *n_r);

/* ---- codings (RFC 9110 8.4, 12.5.3) ---- */

enum http_coding {
	HTTP_CODING_GZIP, /* x-gzip, too */
	HTTP_CODING_DEFLATE,
	HTTP_CODING_BR,
	HTTP_CODING_ZSTD,
	HTTP_CODING_OTHER
};

const char *http_coding_word(enum http_coding coding);

#define HTTP_CODINGS_MAX 8

/*
 * The codings of the body in the order they were applied, over several
 * fields; identity is passed over.  Returns how many, or -1: more than
 * HTTP_CODINGS_MAX, or not a list of tokens.
 */
int http_codings(
    const struct http_head *h, enum http_coding list_r[HTTP_CODINGS_MAX]);

/*
 * The value of Accept-Encoding to send: of what the client takes (q above 0)
 * what we read: gzip, x-gzip, br, zstd, identity, with their weights; "*"
 * becomes those that it does not name.  "identity" when nothing is left or
 * the field was not there: an origin is not to choose what we cannot read.
 */
#define HTTP_ACCEPT_MAX 160
const char *http_accept_encoding(
    const struct http_head *h, char to[HTTP_ACCEPT_MAX]);

/* ---- types and names ---- */

/* "type/subtype" of Content-Type in lower case; "" when there is none or it
 * is not one. */
#define HTTP_TYPE_MAX 128
const char *http_media_type(const struct http_head *h, char to[HTTP_TYPE_MAX]);

/* Does Accept name that type, as it stands, without wildcards? */
bool http_accepts(const struct http_head *h, const char *type);

/*
 * The names that somebody may give the file (RFC 6266, RFC 8187), best first:
 * every filename* and filename of Content-Disposition, this with its escapes
 * off, too, as browsers do; name of Content-Type; the last segment of the path
 * (without query).  Different ones only, without directories, controls as "_";
 * of one that is too long the end is kept.  Returns how many.
 */
#define HTTP_NAME_MAX 255
#define HTTP_NAMES_MAX 6
struct http_names {
	unsigned n;
	char list[HTTP_NAMES_MAX][HTTP_NAME_MAX + 1];
};

unsigned http_names(
    const struct http_head *h, struct slice path, struct http_names *n_r);

#endif
