#ifndef HTTP_INSPECT_H
#define HTTP_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/http/http_origin.h"
#include "protocols/http/http_page.h"
#include "protocols/http/http_target.h"
#include "proxy/io.h"
#include "proxy/tls_hello.h"

struct exchange;
struct http_own;
struct http_req;
struct leaf_ask;
struct place;
struct session;
struct tls;

/*
 * http_inspect: a CONNECT, and HTTP inside the TLS behind it.  Which of the two
 * it becomes, a tunnel or that, is http_connect.c; how we get inside is
 * http_inspect.c, and what a request in there has to heed http_inside.c.  TLS
 * of clients that know of no proxy comes here by http_turned.c.
 */

/* What becomes of a CONNECT. */
enum http_look {
	LOOK_NEVER,  /* a tunnel, whatever is said in it */
	LOOK_BYPASS, /* a tunnel, if it is TLS with who it says it is with */
	LOOK_INSIDE
};

/* ---- a place ---- */

/* Reads [tls-inspection].  0, or -1 with words. */
int http_inspect_prepare(
    const struct place *place, struct http_own *o, struct err *e);
void http_inspect_forget(struct http_own *o);

/* ---- http_connect.c ---- */

/* A CONNECT that nothing speaks against. */
void http_connect(struct http_req *q);

/* Says that it goes on from here. */
void http_connect_say(struct http_req *q);

/* In PEEK: looks at what has come.  False: it is not whole yet. */
bool http_connect_peek(struct session *s);

/* What the first bytes of the client are, for the event. */
void http_connect_note(
    struct http_req *q, enum tls_hello_is is, const struct tls_hello *h);

/* True: the policy has something against the name in there; all is over. */
bool http_connect_refused(struct http_req *q, const struct tls_hello *h);

/* One word more of the sort. */
void http_connect_remark(struct exchange *x, const char *word);

/* May a tunnel of LOOK_BYPASS be one still? */
bool http_connect_may_bypass(
    const struct http_req *q, enum tls_hello_is is, const struct tls_hello *h);

/* The request and the session end. */
void http_connect_end(
    struct session *s, const char *result, const char *reason);

/* ---- http_turned.c ---- */

/* Can a session begin with TLS that the packet filter has turned to us? */
bool http_turned_may(const struct session *s);

/* In FIRST: does it?  False: nothing has come yet. */
bool http_turned_look(struct session *s);

/* Whom the client means, where it has said so. */
void http_turned_name(
    struct http_req *q, enum tls_hello_is *is, struct tls_hello *h);

/* True: the policy has something against that; all is over. */
bool http_turned_refused(struct http_req *q);

/* It is not looked into. */
void http_turned_tunnel(struct http_req *q);

/* ---- http_inspect.c ---- */

#define HTTP_INSIDE_MAGIC 0x47790021u
struct http_inside {
	uint32_t magic;
	struct session *s;
	struct http_host host; /* where is connected to: that of CONNECT */
	struct http_host name; /* whom the client wants to meet there */
	bool mismatch;         /* that is not whom it has asked us for */
	bool secured;          /* we are inside */
	bool ours;             /* the gateway itself is asked */
	char user[128];        /* who said CONNECT; "" unknown */

	/* before: what is waited for */
	struct http_origin *o;
	struct leaf_ask *ask;
	struct tls *leaf;
	bool leaf_failed;

	/* behind the client's handshake, up to its first word: the CONNECT */
	struct http_req *connect;
	int64_t secured_ms;
	uint64_t in_then, out_then; /* the client's counts then */

	/* the origin: a connection that waits for the first request */
	struct io *ready;
	int64_t ready_ms;
	char hop[HTTP_KEY_MAX];                     /* "host:port" */
	char key[HTTP_KEY_MAX + HTTP_HOST_MAX + 2]; /* in the pool */
	bool lost;                                  /* or why there is none */
	enum http_cause cause;
	char why[160];
};

/* The ClientHello waits in the input. */
void http_inspect_begin(struct http_req *q, const struct tls_hello *h);

/* The client's handshake: it is done; the connection is lost; it is late. */
void http_inspect_secured(struct session *s);
void http_inspect_gone(struct session *s);
void http_inspect_late(struct session *s);

void http_inside_free(struct http_inside **ip);

/* ---- http_pinned.c ---- */

/* The client's handshake is done: will it say anything? */
void http_pinned_watch(struct http_inside *in);

/* Each event of a client, before anything else is made of it. */
void http_pinned_hears(const struct session *s, enum io_event what);

/* The CONNECT's event, if it is not told yet. */
void http_pinned_end(
    struct http_inside *in, const char *result, const char *reason);

/* ---- http_inside.c ---- */

/* Where this session's requests are; NULL: in the clear. */
struct http_inside *http_inside(const struct session *s);

/* A request's scheme and host, where it does not name them itself. */
void http_inside_name(struct http_req *q);

/* What is known of all exchanges in there. */
void http_inside_facts(const struct session *s, struct exchange *x);

/* True: it cannot be asked for in there, and that is answered. */
bool http_inside_refuses(struct http_req *q);

/* The connection to the origin for a request in there. */
struct http_origin *http_inside_open(struct http_req *q, bool fresh);

#endif
