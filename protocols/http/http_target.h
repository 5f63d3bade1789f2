#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/http/http_bad.h"
#include "proxy/base/buf.h"
#include "proxy/base/slice.h"

/*
 * http_target: the request target (RFC 9112 3.2) and hosts (RFC 3986 3.2.2),
 * read one way only.  Pure.
 */
#define HTTP_HOST_MAX 253 /* RFC 1035 2.3.4, without the dot of the root */

/* Bytes inside another text that may move: an offset and a length. */
struct http_span {
	uint32_t at, len;
};

enum http_host_is {
	HTTP_HOST_NONE,
	HTTP_HOST_NAME,
	HTTP_HOST_V4,
	HTTP_HOST_V6
};

struct http_host {
	enum http_host_is is;
	uint16_t port; /* 0: none was given */
	/* Canonical: lower case, no dot of the root, no brackets; IPv6 as
	 * RFC 5952 writes it. */
	char name[HTTP_HOST_MAX + 1];
};

/*
 * "host", "host:port", "[v6]:port".  Names are letters, digits, "-", "_" and
 * ".": no escapes, no bytes above ASCII (IDNA comes as xn--).  What some
 * readers take for an IPv4 address is one only as four plain decimal numbers:
 * "0x7f.1", "127.1", "0177.0.0.1", "2130706433" are refused, and so are zone
 * ids and IPvFuture.  NONE, AUTHORITY or USERINFO (an "@").
 */
enum http_bad http_host(struct slice text, struct http_host *h_r);

/* As an authority: "[::1]:8080"; without the port when it is 0 or usual. */
int http_host_put(struct buf *to, const struct http_host *h, uint16_t usual);

/* The same host; ports are compared with usual in the place of 0. */
bool http_host_same(
    const struct http_host *a, const struct http_host *b, uint16_t usual);

enum http_scheme {
	HTTP_SCHEME_NONE, /* not absolute-form */
	HTTP_SCHEME_HTTP,
	HTTP_SCHEME_HTTPS,
	HTTP_SCHEME_FTP
};

const char *http_scheme_word(enum http_scheme scheme); /* "" http https ftp */
uint16_t http_scheme_port(enum http_scheme scheme);    /* NONE: that of http */

enum http_form {
	HTTP_FORM_ORIGIN,    /* /path?query */
	HTTP_FORM_ABSOLUTE,  /* http://host/path?query */
	HTTP_FORM_AUTHORITY, /* host:port, of CONNECT */
	HTTP_FORM_ASTERISK   /* *, of OPTIONS */
};

struct http_target {
	enum http_form form;
	enum http_scheme scheme;
	struct http_host host; /* NONE in origin-form and asterisk-form */
	/*
	 * Offsets from where the target begins.  path begins with "/" or is
	 * empty (http://host and http://host?query); query is behind its "?".
	 * user is what stands before "@" of an ftp URL, not decoded.
	 */
	struct http_span user, path, query;
	bool has_query; /* an empty query is not none */
};

/*
 * Takes apart a target.  connect: it must be authority-form with a port;
 * else it must not be.  Printable ASCII only, no "#", no "\", no '"', "<" or
 * ">".  A user name is refused but in ftp URLs.  NONE, TARGET, SCHEME,
 * AUTHORITY, USERINFO or FORM.
 */
enum http_bad http_target(
    struct slice text, bool connect, struct http_target *t_r);

/*
 * The path as policies should see it: escapes of unreserved bytes decoded,
 * other escapes in upper case, a "%" that begins none as %25, dot segments
 * removed (RFC 3986 6.2.2); "/" when empty; the query with the same escapes.
 * Appends; 0 or -1 EFBIG.
 */
int http_path_put(struct buf *to, struct slice path);
int http_query_put(struct buf *to, struct slice query);

/*
 * The URL as policies and events see it, without user name: scheme and host
 * in lower case, no usual port, path and query as above.  text is the target,
 * t what it was read to; origin-form needs scheme and host from elsewhere:
 * they are used where t has none.  CONNECT gives "host:port".
 */
int http_url_put(struct buf *to, struct slice text, const struct http_target *t,
    enum http_scheme scheme, const struct http_host *host);

#endif
