#ifndef HTTP_PAGE_H
#define HTTP_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/buf.h"
#include "proxy/base/err.h"
#include "proxy/base/slice.h"

/*
 * http_page: the pages a client sees instead of what it wanted.  A template
 * has {{tag}}s; what takes their place is always escaped.  Pure.
 */

/*
 * Why.  The status, the proxy error type of RFC 9209 2.3, a title and a text.
 */
/* clang-format off */
#define HTTP_CAUSES(X) \
	X(BLOCKED, "blocked", 403, "http_request_denied", "Blocked", \
	    "What you asked for was inspected and is not delivered.") \
	X(URL, "url", 403, "http_request_denied", "Address not allowed", \
	    "This address is on a list of what may not be visited.") \
	X(LIMIT, "limit", 403, "http_response_body_size", \
	    "Too large to inspect", \
	    "It passes a limit, so it could not be inspected as a whole.") \
	X(ENCRYPTED, "encrypted", 403, "http_request_denied", "Encrypted", \
	    "It is encrypted, so nobody could look inside.") \
	X(MALFORMED, "malformed", 502, "http_protocol_error", \
	    "Answer not understood", \
	    "The answer of the server can be read in more than one way.") \
	X(REQUEST, "request", 400, "http_request_error", \
	    "Request not understood", \
	    "The request can be read in more than one way.") \
	X(TARGET, "target", 414, "http_request_error", "Address too long", \
	    "The address is longer than any that is passed on from here.") \
	X(HEADER, "header", 431, "http_request_error", "Header too large", \
	    "The request has more in its header than is passed on from " \
	    "here, perhaps too many cookies.") \
	X(UPLOAD, "upload", 413, "http_request_error", "Too large to send", \
	    "What you send is larger than what may be sent from here.") \
	X(FAILED, "failed", 503, "proxy_internal_error", \
	    "Could not be inspected", \
	    "The scanner did not answer in time.  Please try again later.") \
	X(BUSY, "busy", 503, "proxy_internal_error", "Too busy", \
	    "The gateway has too much to do.  Please try again later.") \
	X(DENIED, "denied", 403, "destination_ip_prohibited", \
	    "Destination not allowed", \
	    "This server or port may not be reached from here.") \
	X(METHOD, "method", 405, "http_request_denied", "Method not allowed", \
	    "The gateway does not pass on this kind of request.") \
	X(DNS, "dns", 502, "dns_error", "Server not found", \
	    "The name of the server is not known.") \
	X(REFUSED, "refused", 502, "connection_refused", \
	    "Server not reachable", \
	    "The server does not take connections.") \
	X(BROKEN, "broken", 502, "connection_terminated", \
	    "Server broke off", \
	    "The server ended the connection before its answer was whole.") \
	X(TIMEOUT, "timeout", 504, "connection_timeout", \
	    "Server did not answer", \
	    "The server did not answer in time.") \
	X(CERTIFICATE, "certificate", 502, "tls_certificate_error", \
	    "Certificate not trusted", \
	    "The server could not prove that it is who it says it is.") \
	X(TLS, "tls", 502, "tls_protocol_error", "No secure connection", \
	    "The server does not speak TLS as it has to be spoken today.") \
	X(MISDIRECTED, "misdirected", 421, "http_request_denied", \
	    "Another server's request", \
	    "The connection was made to another server than the one asked " \
	    "for.") \
	X(LOOP, "loop", 508, "proxy_loop_detected", "A loop", \
	    "The request came back to the gateway that had sent it on.") \
	X(AUTH, "auth", 407, "http_request_denied", "Who are you?", \
	    "The gateway asks for a user name and a password.") \
	X(EXPECT, "expect", 417, "http_request_error", \
	    "Expectation not met", \
	    "The request expects what the gateway does not know.") \
	X(NOT_FOUND, "not_found", 404, "http_request_error", "Not found", \
	    "The gateway has no such page.")

enum http_cause {
#define X(cause, word, status, type, title, text) HTTP_CAUSE_##cause,
	HTTP_CAUSES(X)
#undef X
	HTTP_CAUSE_COUNT
};
/* clang-format on */

const char *http_cause_word(enum http_cause cause);
unsigned http_cause_status(enum http_cause cause);
const char *http_cause_type(enum http_cause cause); /* of Proxy-Status */

/* What can stand in a template, {{url}}; NULL is as "". */
/* clang-format off */
#define HTTP_TAGS(X) \
	X(title)	/* the cause's */ \
	X(text)		/* the cause's */ \
	X(cause)	/* its word */ \
	X(status)	/* 403 */ \
	X(reason)	/* the finding, or what the system said */ \
	X(url) \
	X(host) \
	X(client) \
	X(user) \
	X(id)		/* the event's */ \
	X(gateway)	/* its name */ \
	X(contact) \
	X(time)
/* clang-format on */

struct http_tags {
#define X(tag) const char *tag;
	HTTP_TAGS(X)
#undef X
};

/* The most that a template may be, and that one value takes of a page. */
#define HTTP_TEMPLATE_MAX (64 * 1024)
#define HTTP_TAG_VALUE_MAX 2048

/* Are all tags known and closed, and is it of UTF-8?  0 or -1 with words. */
int http_page_check(struct slice tpl, struct err *e);

/* The template that is built in: no scripts, nothing to fetch. */
struct slice http_page_builtin(void);

/*
 * Fills it in: title, text, cause and status from the cause, the rest from
 * tags.  tpl was checked; {NULL, 0}: the built-in one.  0 or -1 EFBIG.
 */
int http_page_put(struct buf *to, struct slice tpl, enum http_cause cause,
    const struct http_tags *tags);

/* One value as it stands in a page: & < > " ' as references, and what is no
 * UTF-8, a control or turns the direction of writing as U+FFFD. */
int http_escape(struct buf *to, struct slice value, size_t max);

/* Is all of it UTF-8, without a NUL? */
bool http_is_utf8(struct slice text);

/*
 * The value of Proxy-Status (RFC 9209): "name"; error=type; details="..."; what
 * cannot stand in its strings becomes "?".  details may be NULL.
 */
int http_proxy_status(struct buf *to, const char *name, enum http_cause cause,
    const char *details);

/*
 * proxy.pac: everything goes to proxy ("host:port"; secured: by TLS), but plain
 * host names and what direct names: hosts, or domains as ".example.org".  proxy
 * and direct hold host bytes only, or it is refused.  0, or -1 EINVAL or EFBIG.
 */
int http_pac_put(struct buf *to, bool secured, const char *proxy,
    const char *const *direct, size_t n);

#endif
