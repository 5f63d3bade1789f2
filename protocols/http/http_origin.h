#ifndef HTTP_ORIGIN_H
#define HTTP_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "protocols/http/http_chunk.h"
#include "protocols/http/http_head.h"
#include "protocols/http/http_page.h"
#include "proxy/base/addr.h"
#include "proxy/base/buf.h"
#include "proxy/deny.h"

struct dialer;
struct http2_links;
struct http_ftp;
struct io;
struct pool;
struct tls;

/*
 * http_origin: a connection to an origin server for one request: dialled, or
 * one that an earlier request has left.  It reads the answer; what is sent is
 * its owner's.
 */

/* ---- one connection ---- */

#define HTTP_KEY_MAX (HTTP_HOST_MAX + 16)

/* Another proxy, behind which the web is. */
struct http_parent {
	struct http_host host;
	char *authorization; /* a field line for it; NULL: none */
};

struct http_origin_conf {
	struct dialer *dialer;
	struct pool *pool;
	const struct deny *doors;         /* of what is connected to */
	const struct http_parent *parent; /* NULL: origins themselves are */
	struct tls *tls; /* our side towards https; NULL: there is none */
	struct http2_links *links; /* those that speak HTTP/2; NULL: none do */
	int64_t connect_timeout, idle_timeout;
	size_t max_header;
	unsigned counted; /* our protocol, for stats.h */
};

enum http_origin_event {
	HTTP_ORIGIN_OPEN,    /* ask: put the request; may come a second time */
	HTTP_ORIGIN_INTERIM, /* o->head is a 1xx, and more follows */
	HTTP_ORIGIN_HEAD,    /* o->head is the answer's */
	HTTP_ORIGIN_DATA,    /* o->data: bytes of its body */
	HTTP_ORIGIN_END,     /* the answer is whole */
	HTTP_ORIGIN_LOST     /* o->cause and o->why; nothing follows */
};

struct http_origin;
typedef void http_origin_told(
    void *arg, struct http_origin *o, enum http_origin_event what);

enum http_origin_is {
	ORIGIN_DIALS,
	ORIGIN_PARENT,  /* has been asked for a tunnel */
	ORIGIN_SECURES, /* TLS */
	ORIGIN_ASKED,   /* an answer's head is awaited */
	ORIGIN_BODY,
	ORIGIN_DONE,
	ORIGIN_LOST
};

#define HTTP_ORIGIN_MAGIC 0x47790012u
struct http_origin {
	uint32_t magic;
	enum http_origin_is is;
	const struct http_origin_conf *conf;
	char host[HTTP_HOST_MAX + 1];
	uint16_t port;
	char key[HTTP_KEY_MAX];       /* "host:port" */
	char name[HTTP_HOST_MAX + 1]; /* who it proves to be by TLS; "" none */
	char pool_key[HTTP_KEY_MAX + HTTP_HOST_MAX + 2];
	char address[ADDR_TEXT]; /* what it is connected to; "" */
	struct io *io;           /* NULL: not connected */
	struct dial *dial;
	struct http_ftp *ftp; /* it speaks FTP; NULL: HTTP */
	bool reused;          /* from the pool, or lent */
	bool proven; /* it has answered before, by HTTP/1.1, and goes on */
	bool asked_before; /* lent, with its request on it */
	unsigned piped;    /* its owner's number for it, until it is dialled */
	bool once;         /* its request may not be sent twice */
	bool spoke;        /* something of an answer has come */
	bool reusable;     /* its owner has sent all of the request */
	bool bound;        /* to who has asked: for this request only */
	bool absolute;     /* it is a proxy: it is asked for whole URLs */
	bool through;      /* the parent makes us a tunnel to host and port */
	bool only_1;       /* not by HTTP/2 */
	bool again;        /* it has been begun anew */
	unsigned interims;
	uint64_t moved; /* bytes both ways when last looked at */

	enum http_method asked;
	struct buf bytes; /* of the head */
	struct http_response_head head;
	struct slice data;
	struct http_chunks chunks;
	uint64_t left;

	enum http_cause cause;
	char why[160];

	http_origin_told *told;
	void *arg;
	bool telling, dead;
};

/*
 * fresh: not one that was used before (a request that may not be sent twice).
 * conf outlives it.  Nothing is told from in here.
 */
struct http_origin *http_origin_open(const struct http_origin_conf *conf,
    const struct http_host *host, enum http_method asked, bool fresh,
    http_origin_told *told, void *arg);

/* The same by TLS: the server at host proves that it is name.  conf->tls MUST
 * be there. */
struct http_origin *http_origin_open_tls(const struct http_origin_conf *conf,
    const struct http_host *host, const char *name, enum http_method asked,
    bool fresh, http_origin_told *told, void *arg);

/* Right behind http_origin_open() with fresh: what comes is no request that a
 * parent understands. */
void http_origin_through(struct http_origin *o);

/* Once behind http_origin_open(): one from the pool is told to be open. */
void http_origin_start(struct http_origin *o);

/*
 * Right behind http_origin_open() with fresh: io, which http_origin_keep() has
 * given, is its connection, and piped its number.  asked: the request is on it
 * already, and HTTP_ORIGIN_OPEN is not told.
 */
void http_origin_lend(
    struct http_origin *o, struct io **iop, unsigned piped, bool asked);

/* Can a request be sent behind the one that it was asked?  Only before
 * anything has come: what is here already can be no answer to it. */
bool http_origin_may_pipeline(const struct http_origin *o);

/* Behind HTTP_ORIGIN_END: takes the connection out for a next request, with
 * what waits in it; NULL: it cannot have one. */
struct io *http_origin_keep(struct http_origin *o);

/* Stops and restarts reading the answer. */
void http_origin_pause(struct http_origin *o, bool pause);

/* Takes the connection out, for a tunnel; what waits in it stays there. */
struct io *http_origin_unplug(struct http_origin *o);

/* It goes to the pool, if it can be used again, else it is closed.  May be
 * called while it tells. */
void http_origin_free(struct http_origin **op);

#endif
