#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/http/http_auth.h"
#include "protocols/http/http_bypass.h"
#include "protocols/http/http_ca.h"
#include "protocols/http/http_chunk.h"
#include "protocols/http/http_field.h"
#include "protocols/http/http_flow.h"
#include "protocols/http/http_head.h"
#include "protocols/http/http_inspect.h"
#include "protocols/http/http_keep.h"
#include "protocols/http/http_kept.h"
#include "protocols/http/http_origin.h"
#include "protocols/http/http_page.h"
#include "protocols/http/http_pipe.h"
#include "protocols/http/http_range.h"
#include "protocols/http/http_urls.h"
#include "protocols/http/http_where.h"
#include "proxy/session.h"

/*
 * http.h: what the files of this folder share about a session.  The parsers
 * have headers of their own and know nothing of this one.
 */

/* ---- a place: what prepare() made of the options (http_own.c) ---- */

enum http_ranges_are { RANGES_FULL, RANGES_DENY, RANGES_PASS };
enum http_delivery { DELIVERY_HOLD, DELIVERY_TRICKLE, DELIVERY_TAIL };

#define HTTP_OWN_MAGIC 0x47790010u
struct http_own {
	uint32_t magic;
	int64_t request_timeout, connect_timeout, idle_timeout;
	int64_t scan_deadline, trickle_after;
	size_t max_header, trickle_rate;
	unsigned pipeline; /* requests under way on one connection */
	uint64_t max_request_body, max_response_body, hold, tail;
	enum http_delivery delivery;
	bool websocket, event_stream, media_stream, block_quic;
	enum http_ranges_are ranges;
	const char *contact, *onboarding_host; /* in the configuration */
	uint16_t *connect_ports;
	size_t connect_ports_n;
	struct deny doors;      /* what may not be connected to */
	struct slice page;      /* block_page; {NULL, 0}: the built-in one */
	struct pool *pool;      /* idle connections to origins */
	struct http_urls *urls; /* that had a virus */
	struct http_keep *keep; /* fetched for ranges; NULL: nothing is */
	struct http_origin_conf origin;
	struct http_where where;
	struct http_auth *auth; /* NULL: nobody is asked who he is */
	struct fetcher *fetcher;
	struct http2_links *links;  /* HTTP/2 to origins; NULL: none */
	bool inspects;              /* [tls-inspection] enabled */
	bool http2;                 /* [tls-inspection] http2 */
	struct tls *origin_tls;     /* our side towards https */
	struct http_bypass *bypass; /* whose TLS is not looked into */
	struct leaves *leaves;
	char *page_text;
	struct http_ca ca; /* all zero: there is none */
};

int http_prepare(struct place *place, void **own_r, struct err *e);
void http_forget(void *own);

/* May CONNECT reach that port? */
bool http_may_connect(const struct http_own *o, uint16_t port);

/* ---- a session ---- */

/* clang-format off */
/*      state	word		what it means */
#define HTTP_STATES(X) \
	X(IDLE,		"idle",		"between two requests") \
	X(FIRST,	"first",	"it may be TLS that was turned to us") \
	X(HEAD,		"head",		"a request's head comes in") \
	X(PEEK,		"peek",		"behind CONNECT a ClientHello comes in") \
	X(BODY,		"body",		"its body comes in") \
	X(AUTH,		"auth",		"its password is looked at") \
	X(JUDGE,	"judge",	"that body is at the gate") \
	X(FETCH,	"fetch",	"the origin's turn") \
	X(SCAN,		"scan",		"the answer's body is at the gate") \
	X(ANSWER,	"answer",	"the answer goes out") \
	X(CERT,		"cert",		"the origin's TLS, and a certificate") \
	X(HANDS,	"hands",	"the client's TLS") \
	X(STREAMS,	"streams",	"HTTP/2: its streams are sessions") \
	X(TUNNEL,	"tunnel",	"bytes go both ways") \
	X(OVER,		"over",		"the session ends with this call")

enum http_state {
#define X(state, word, text) HTTP_IN_##state,
	HTTP_STATES(X)
#undef X
};
/* clang-format on */

struct http {
	enum http_state state;
	bool going;           /* http_go_on() is up the stack */
	bool half_closed;     /* the client sends no more; it may still read */
	uint64_t sent;        /* io_bytes_out() when it was last looked at */
	uint64_t taken;       /* io_bytes_in() then */
	struct http_req *req; /* from its first byte to its outcome */
	struct http_pipe *pipe;  /* those sent ahead; NULL: none ever were */
	struct http_tunnel *tun; /* in TUNNEL */
	/* from a ClientHello on; see http_inside() */
	struct http_inside *inside;
	bool guest;       /* inside is that of the connection of its stream */
	struct http2 *h2; /* in STREAMS ... */
	bool asked;       /* ... a request has come */
};

/* The only writer of state. */
void http_enter(struct session *s, enum http_state next);

/* Does what can be done now.  The last thing in every call from outside; s
 * may be gone behind it. */
void http_go_on(struct session *s);

struct http_own *http_own(const struct session *s);

/* ---- a request (http_request.c) ---- */

#define HTTP_REQ_MAGIC 0x47790011u
struct http_req {
	uint32_t magic;
	struct session *s;
	struct http_own *own;
	struct exchange *x;  /* of the body that is under way, or of all */
	struct exchange *up; /* of the request's body, once x is the answer's */
	uint64_t in_before, out_before; /* the client's counts */

	struct buf bytes; /* of its head */
	struct http_request_head head;
	struct http_host host; /* of the origin, port given */
	struct http_host to;   /* where it is connected to */
	enum http_scheme scheme;
	struct http_chunks chunks;
	uint64_t left; /* of a body by length */
	bool has_body; /* it went through the gate */
	bool unread;   /* the client may be sending a body nobody takes */
	bool upgrade;  /* to WebSocket, and that is allowed */
	bool close;    /* the connection ends with the answer */
	bool cut;      /* the answer is to be a part: ranges */
	struct password_ask *asking; /* NULL: nothing is */
	char *asked_as;              /* the user of it */
	struct http_range_set ranges;
	struct http_kept *kept;      /* what it leads or waits for; NULL */
	TAILQ_ENTRY(http_req) waits; /* for that, or to go on: */
	bool woken;
	bool alone;     /* it asks for itself, whatever others fetch */
	bool from_keep; /* its answer was kept ... */
	uint64_t age_s; /* ... so long */

	struct http_origin *o;       /* NULL: not needed, or given back */
	TAILQ_ENTRY(http_req) ahead; /* before its turn */
	unsigned ahead_on; /* the connection it was sent on then; 0: none */
	bool lent;         /* its answer comes from there */
	char hop[HTTP_KEY_MAX]; /* "host:port"; "" none */
	char hop_address[ADDR_TEXT];
	const char *hop_tls_version, *hop_tls_cipher;
	bool hop_tls_resumed;
	enum http_look look; /* of a CONNECT */
	bool turned; /* nobody has said that CONNECT: see http_turned.c */

	/* the answer */
	struct buf answer_bytes; /* of its head, when o has gone */
	struct http_response_head answer;
	char status[192];           /* "200 OK", for the event */
	struct http_stream *stream; /* it flows in windows; NULL */
	struct http_flow *flow; /* some of it leaves before its verdict; NULL */
	bool encoded;           /* it has content codings */
	bool head_sent;
	bool chunked;  /* that is how its body goes out */
	uint64_t sent; /* bytes of its body that left before the verdict */
	int64_t delivery_ms;
	bool malformed; /* a head or a body; the page and the event say why */
	const char *result; /* for the event, once the answer is under way */
	char reason[32];
};

/* Takes what there is of a request's head.  False: nothing can be done. */
bool http_request_take(struct session *s);

/* One of which nothing is known yet; the session does not have it. */
struct http_req *http_request_open(struct session *s);

/* Its head, which was read in the client's input, is taken out of there. */
void http_request_eat(struct http_req *q);

/* What that says of it: where it goes, and the facts. */
void http_request_learn(struct http_req *q);

/* A request that nobody has written: its head is text, which is one. */
struct http_req *http_request_mean(struct session *s, const char *text);

/* Who asks may: on with it. */
void http_request_admitted(struct http_req *q);

/* How it ended, for the event; frees it. */
void http_request_end(
    struct http_req **qp, const char *result, const char *reason);

/* What is put has left: its outcome, and on to the next one. */
void http_request_answered(struct session *s);

/* Says all that is known about the content of x. */
void http_facts(struct http_req *q, struct exchange *x, const char *flow,
    const struct http_head *of);

/* It goes to the origin: connect or reuse. */
void http_request_go(struct http_req *q);

/* ---- http_declare.c ---- */

/* Says of a content what the head declares: codings, and the type of a form.
 * False: more than can be kept. */
bool http_declare(struct content *c, const struct http_head *h);

/* ---- http_body.c: the request's body ---- */

/* The head is whole and says that a body follows. */
void http_body_begin(struct http_req *q);

/* Takes what has come.  False: nothing can be done now. */
bool http_body_take(struct session *s);

/* ---- http_deliver.c: the answer ---- */

/* Whom it is sent to, for the event. */
void http_request_hop(struct http_req *q, const struct http_origin *o);

/* Writes the request's head to o.  False: it is too long to be sent. */
bool http_request_put(struct http_req *q, struct http_origin *o);

void http_origin_says(
    void *arg, struct http_origin *o, enum http_origin_event what);

/* q->answer and its content are here already: to the gate. */
void http_answer_here(struct http_req *q);

/* The answer's head goes out, with what w says beside that. */
struct http_write_response;
void http_answer_head(struct http_req *q, struct http_write_response *w);

/* The client waits: a few bytes, if the setting and the body allow it. */
void http_trickle(struct http_req *q);

/* ---- http_put.c ---- */

/* It has passed: all that has not left yet, or what was asked for of it. */
void http_answer_put(struct http_req *q);

/* ---- http_stream.c: event streams ---- */

/* Is the answer one that may flow? */
bool http_stream_is(const struct http_req *q);

/* And is that allowed? */
bool http_stream_may(const struct http_req *q);

void http_stream_begin(struct http_req *q); /* q->stream; the head is out */
void http_stream_free(struct http_stream **sp);

/* A piece of it; its end.  The request may be over behind either. */
void http_stream_data(struct http_stream *st, struct slice data);
void http_stream_end(struct http_stream *st);

/* The client has taken all it was given. */
void http_stream_drained(struct http_stream *st);

/* ---- http_pages.c ---- */

/* A page instead of what was asked for, and the end of the request.  reason:
 * words for the page and the log; may be NULL. */
void http_page(struct http_req *q, enum http_cause cause, const char *result,
    const char *reason);

/* What the policy has said about x, in a page. */
void http_page_decision(struct http_req *q, const struct exchange *x);

/* An answer of our own with a body that is no page; behind its type may
 * stand more fields, CRLF between them. */
void http_plain(struct http_req *q, unsigned status, const char *type,
    struct slice body, const char *reason);

/* The line of Date (RFC 9110 6.6.1): so many seconds ago. */
void http_date_put(struct buf *to, uint64_t age_s);

/* OPTIONS of the gateway itself, and the end of the request. */
void http_options(struct http_req *q);

/* ---- http_self.c: what the gateway itself answers ---- */

/* Is it for us? */
bool http_is_self(const struct http_req *q);

/* True: it was for us, and is answered. */
bool http_self(struct http_req *q);

/* ---- http_streams.c ---- */

/* The client speaks HTTP/2 from here on. */
void http_streams_begin(struct session *s);
void http_streams_client(struct session *s, enum io_event what);

/* The connection that s is a stream of, if it is one, gets no new ones. */
void http_streams_end(struct session *s);

/* ---- http_tunnel.c ---- */

/* CONNECT, or a 101: from here on what comes is passed on as it is. */
void http_tunnel_begin(struct http_req *q);
void http_tunnel_client(struct session *s, enum io_event what);
void http_tunnel_free(struct http_tunnel **tp);

#endif
