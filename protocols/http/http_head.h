#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/http/http_bad.h"
#include "protocols/http/http_target.h"
#include "proxy/base/slice.h"

/*
 * http_head: the head of a request or a response, read strictly (RFC 9110,
 * RFC 9112): what two readers could read in two ways is malformed.  Pure: it
 * keeps offsets into bytes that stay the caller's.
 */
#define HTTP_FIELDS_MAX 128
#define HTTP_METHOD_MAX 32
#define HTTP_START_MAX (16 * 1024)      /* the first line, CRLF not counted */
#define HTTP_FIELD_LINE_MAX (32 * 1024) /* a field, CRLF not counted */
#define HTTP_HEAD_MAX (1024 * 1024)     /* the most a limit may be */

/*
 * Fields that somebody here asks for.  hop: it ends at this hop, whether
 * Connection names it or not (RFC 9110 7.6.1).  times: MANY lines are fine,
 * a second one must be the SAME, or it may be there ONCE.
 */
/* clang-format off */
#define HTTP_FIELDS(X) \
	X(OTHER,		"",			0, MANY) \
	X(ACCEPT,		"Accept",		0, MANY) \
	X(ACCEPT_ENCODING,	"Accept-Encoding",	0, MANY) \
	X(ACCEPT_RANGES,	"Accept-Ranges",	0, MANY) \
	X(ALT_SVC,		"Alt-Svc",		0, MANY) \
	X(AUTHORIZATION,	"Authorization",	0, SAME) \
	X(CACHE_CONTROL,	"Cache-Control",	0, MANY) \
	X(CONNECTION,		"Connection",		1, MANY) \
	X(CONTENT_DISPOSITION,	"Content-Disposition",	0, SAME) \
	X(CONTENT_ENCODING,	"Content-Encoding",	0, MANY) \
	X(CONTENT_LENGTH,	"Content-Length",	0, ONCE) \
	X(CONTENT_LOCATION,	"Content-Location",	0, SAME) \
	X(CONTENT_RANGE,	"Content-Range",	0, ONCE) \
	X(CONTENT_TYPE,		"Content-Type",		0, SAME) \
	X(DATE,			"Date",			0, SAME) \
	X(ETAG,			"ETag",			0, SAME) \
	X(EXPECT,		"Expect",		0, MANY) \
	X(HOST,			"Host",			0, ONCE) \
	X(HTTP2_SETTINGS,	"HTTP2-Settings",	1, MANY) \
	X(IF_MATCH,		"If-Match",		0, MANY) \
	X(IF_MODIFIED_SINCE,	"If-Modified-Since",	0, SAME) \
	X(IF_NONE_MATCH,	"If-None-Match",	0, MANY) \
	X(IF_RANGE,		"If-Range",		0, ONCE) \
	X(IF_UNMODIFIED_SINCE,	"If-Unmodified-Since",	0, SAME) \
	X(KEEP_ALIVE,		"Keep-Alive",		1, MANY) \
	X(LAST_MODIFIED,	"Last-Modified",	0, SAME) \
	X(LOCATION,		"Location",		0, SAME) \
	X(MAX_FORWARDS,		"Max-Forwards",		0, ONCE) \
	X(PROXY_AUTHENTICATE,	"Proxy-Authenticate",	1, MANY) \
	X(PROXY_AUTHENTICATION_INFO, "Proxy-Authentication-Info", 1, MANY) \
	X(PROXY_AUTHORIZATION,	"Proxy-Authorization",	1, ONCE) \
	X(PROXY_CONNECTION,	"Proxy-Connection",	1, MANY) \
	X(PROXY_STATUS,		"Proxy-Status",		0, MANY) \
	X(RANGE,		"Range",		0, ONCE) \
	X(SEC_WEBSOCKET_KEY,	"Sec-WebSocket-Key",	0, ONCE) \
	X(SERVER,		"Server",		0, MANY) \
	X(TE,			"TE",			1, MANY) \
	X(TRAILER,		"Trailer",		1, MANY) \
	X(TRANSFER_ENCODING,	"Transfer-Encoding",	1, ONCE) \
	X(UPGRADE,		"Upgrade",		1, MANY) \
	X(USER_AGENT,		"User-Agent",		0, MANY) \
	X(VIA,			"Via",			0, MANY) \
	X(WWW_AUTHENTICATE,	"WWW-Authenticate",	0, MANY)

enum http_field_id {
#define X(id, name, hop, times) HTTP_FIELD_##id,
	HTTP_FIELDS(X)
#undef X
	HTTP_FIELD_COUNT
};
/* clang-format on */

/* A set of known fields, one bit each. */
#define HTTP_FIELD_BIT(id) (UINT64_C(1) << HTTP_FIELD_##id)

struct http_field {
	struct http_span name;
	struct http_span value; /* the blanks around it are off */
	enum http_field_id id;
};

enum http_body_is {
	HTTP_BODY_NONE,    /* ends with the head */
	HTTP_BODY_LENGTH,  /* so many bytes; may be 0 */
	HTTP_BODY_CHUNKED, /* see http_chunk.h */
	HTTP_BODY_CLOSE,   /* up to the end of the connection; responses only */
	HTTP_BODY_TUNNEL   /* no HTTP follows: 2xx to CONNECT, 101 */
};

/* RFC 9112 6.3. */
struct http_framing {
	enum http_body_is is;
	uint64_t length; /* of HTTP_BODY_LENGTH */
};

enum http_head_is {
	HTTP_HEAD_MORE, /* not whole yet */
	HTTP_HEAD_DONE,
	HTTP_HEAD_BAD /* bad says why; nothing else of it counts */
};

/* What requests and responses have in common. */
struct http_head {
	const char *bytes; /* where it lies now; spans are from here */
	uint32_t size;     /* of the whole head, its empty line included */
	uint32_t seen;     /* private: bytes that need no second look */
	bool begun;        /* private: the first line was read */
	enum http_bad bad;
	uint8_t minor; /* HTTP/1.minor: 0 or 1 */
	/*
	 * The sender means to go on with this connection after this message
	 * (RFC 9112 9.3): an HTTP/1.0 client never does, an HTTP/1.0 origin
	 * by keep-alive.  False, too, for HTTP_BODY_CLOSE and _TUNNEL, and
	 * where an origin announced a body that cannot be there (204).
	 */
	bool goes_on;
	struct http_framing framing;
	uint64_t has; /* HTTP_FIELD_BIT() of what is there */
	unsigned n;
	struct http_field fields[HTTP_FIELDS_MAX];
};

enum http_method {
	HTTP_OTHER,
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_TRACE,
	HTTP_CONNECT
};

struct http_request_head {
	struct http_head head;
	struct http_span word; /* the method as it was written */
	struct http_span text; /* the target */
	enum http_method method;
	struct http_target target;
	/* What Host says; NONE when it is not there (HTTP/1.0).  RFC 9112
	 * 3.2.2: in absolute-form the target's host counts, not this. */
	struct http_host host;
};

struct http_response_head {
	struct http_head head;
	enum http_method asked;  /* of the request that it answers */
	uint16_t status;         /* 100 to 999 */
	struct http_span reason; /* may be empty */
};

void http_request_head_init(struct http_request_head *r);
void http_response_head_init(
    struct http_response_head *r, enum http_method asked);

/*
 * Reads on.  in is everything from the start of the head: call again with the
 * same bytes and more behind them, wherever they lie, while it says MORE.  One
 * empty line in front of a request is passed over (RFC 9112 2.2; it is part of
 * size).  limit: bytes of the head, at most HTTP_HEAD_MAX.  What is wrong is
 * said at once, whatever is still to come, and however it was cut.
 */
enum http_head_is http_request_head(
    struct http_request_head *r, struct slice in, size_t limit);
enum http_head_is http_response_head(
    struct http_response_head *r, struct slice in, size_t limit);

/* The bytes lie elsewhere now (a copy of at least size of them). */
void http_head_move(struct http_head *h, const char *bytes);

/* What a span says. */
static inline struct slice
http_at(const struct http_head *h, struct http_span s)
{
	return (struct slice){h->bytes + s.at, s.len};
}

static inline bool
http_has(const struct http_head *h, enum http_field_id id)
{
	return (h->has >> id & 1) != 0;
}

/* The value of the first field of that kind; {NULL, 0}: none. */
struct slice http_value(const struct http_head *h, enum http_field_id id);

/* The same for a field that is not in the table. */
struct slice http_value_named(const struct http_head *h, const char *name);

/* Which known field a name is; HTTP_FIELD_OTHER: none. */
enum http_field_id http_field_id(struct slice name);

/* How it is written; "" for OTHER. */
const char *http_field_word(enum http_field_id id);
bool http_field_is_hop(enum http_field_id id);

enum http_method http_method_of(struct slice word);

#endif
