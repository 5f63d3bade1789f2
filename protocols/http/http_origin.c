/*
 * http_origin: the connection to an origin: how it is come by, and when it may
 * be used again.  Its answer is read in http_origin_read.c; what is in that is
 * for http_deliver.c.
 */
#include <stdlib.h>

#include "protocols/http/http2.h"
#include "protocols/http/http2_links.h"
#include "protocols/http/http_origin_own.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/dial.h"
#include "proxy/io_wire.h"
#include "proxy/pool.h"
#include "proxy/stats.h"

static void io_says(void *arg, struct io *io, enum io_event what);
static bool begins_anew(struct http_origin *o);

/* ---- telling ---- */

static void
destroy(struct http_origin *o)
{
	dial_cancel(&o->dial);
	http_ftp_free(&o->ftp);
	io_free(&o->io);
	http_chunk_free(&o->chunks);
	buf_free(&o->bytes);
	o->magic = 0;
	free(o);
}

bool
http_origin_tell(struct http_origin *o, enum http_origin_event what)
{
	bool nested = o->telling;

	o->telling = true;
	o->told(o->arg, o, what);
	o->telling = nested;
	if (!o->dead || nested)
		return !o->dead;
	destroy(o);
	return false;
}

bool
http_origin_lost(struct http_origin *o, enum http_cause cause, const char *why)
{
	if (o->is == ORIGIN_LOST)
		return false;
	/* it may be the rest of what was said to the one before */
	if (cause == HTTP_CAUSE_MALFORMED && o->asked_before && begins_anew(o))
		return false;
	o->is = ORIGIN_LOST;
	o->cause = cause;
	copy_text(o->why, sizeof(o->why), why);
	io_free(&o->io);
	(void)http_origin_tell(o, HTTP_ORIGIN_LOST);
	return false;
}

/* ---- coming by one ---- */

/* What shows that it is not late.  Of a head only its end does: it could come
 * byte by byte for ever. */
static uint64_t
moves(const struct http_origin *o)
{
	uint64_t out = io_bytes_out(o->io);

	return o->is == ORIGIN_ASKED ? out : out + io_bytes_in(o->io);
}

void
http_origin_wait(struct http_origin *o)
{
	o->moved = moves(o);
	io_deadline(o->io, o->conf->idle_timeout, "idle_timeout");
}

static void
await(struct http_origin *o)
{
	o->is = ORIGIN_ASKED;
	o->reusable = false; /* what was sent before was no request */
	http_response_head_init(&o->head, o->asked);
	buf_clear(&o->bytes);
	io_owner(o->io, io_says, o);
	io_resume(o->io);
	http_origin_wait(o);
}

static void
opened(struct http_origin *o)
{
	await(o);
	(void)http_origin_tell(o, HTTP_ORIGIN_OPEN);
}

/* ---- TLS ---- */

/* By HTTP/2, if the server likes that, too. */
static bool
may_h2(const struct http_origin *o)
{
	return o->conf->links != NULL && o->name[0] != '\0' && !o->only_1;
}

static void
secure(struct http_origin *o)
{
	unsigned how = IO_TLS_VERIFY | IO_TLS_AGAIN;

	MUST(o->conf->tls != NULL);
	if (may_h2(o))
		how |= IO_TLS_H2;
	o->is = ORIGIN_SECURES;
	io_owner(o->io, io_says, o);
	io_deadline(o->io, o->conf->connect_timeout, "connect_timeout");
	io_start_tls(o->io, o->conf->tls, o->name, how);
}

static void
secured(struct http_origin *o)
{
	if (io_tls_speaks_h2(o->io))
		o->io = http2_links_add(o->conf->links, o->pool_key, &o->io);
	opened(o);
}

static void
not_secured(struct http_origin *o)
{
	enum http_cause cause =
	    io_tls_distrusts(o->io) ? HTTP_CAUSE_CERTIFICATE : HTTP_CAUSE_TLS;
	char why[sizeof(o->why)];

	copy_text(why, sizeof(why), io_trouble(o->io));
	(void)http_origin_lost(o, cause, why);
}

/* ---- dialling ---- */

/* There is a connection to the server itself. */
static void
next_step(struct http_origin *o)
{
	if (o->name[0] != '\0' && !io_secured(o->io))
		secure(o);
	else
		opened(o);
}

/* Its answer may be here already. */
static void
awaited(struct http_origin *o)
{
	(void)addr_text(io_peer(o->io), o->address);
	await(o);
	o->reusable = true;
	if (io_input(o->io).len > 0)
		io_again(o->io);
}

/* There is a connection, dialled or from the pool. */
static void
connected(struct http_origin *o)
{
	(void)addr_text(io_peer(o->io), o->address);
	if (!deny_may_use(o->conf->doors, io_peer(o->io), io_local(o->io)))
		(void)http_origin_lost(
		    o, HTTP_CAUSE_DENIED, "deny_destinations");
	else if (o->through && !o->reused) {
		io_owner(o->io, io_says, o);
		http_parent_ask(o);
	} else {
		next_step(o);
	}
}

static enum http_cause
cause_of(const char *why)
{
	if (strcmp(why, "no such host") == 0 || strncmp(why, "name ", 5) == 0)
		return HTTP_CAUSE_DNS;
	if (strcmp(why, "timed out") == 0)
		return HTTP_CAUSE_TIMEOUT;
	return HTTP_CAUSE_REFUSED;
}

static void
dialled(void *arg, struct io *io, const char *why)
{
	struct http_origin *o = arg;
	char text[sizeof(o->why)];

	IS(o, HTTP_ORIGIN_MAGIC);
	o->dial = NULL;
	o->io = io;
	if (io != NULL) {
		connected(o);
		return;
	}
	if (strcmp(why, DIAL_NOT_ALLOWED) == 0) {
		(void)http_origin_lost(
		    o, HTTP_CAUSE_DENIED, "deny_destinations");
		return;
	}
	(void)snprintf(text, sizeof(text), "%s: %s",
	    o->conf->parent != NULL ? "parent_proxy" : "connect", why);
	(void)http_origin_lost(o, cause_of(why), text);
}

static void
dial(struct http_origin *o)
{
	const struct http_parent *p = o->conf->parent;

	o->is = ORIGIN_DIALS;
	o->reused = false;
	o->proven = false;
	o->piped = 0;
	o->address[0] = '\0';
	o->dial = dial_start_where(o->conf->dialer,
	    p != NULL ? p->host.name : o->host,
	    p != NULL ? p->host.port : o->port, o->conf->connect_timeout,
	    deny_may_dial, o->conf->doors, dialled, o);
}

/* What makes two connections the same: who is at their end, and how. */
static void
name_it(struct http_origin *o, const struct http_host *host)
{
	const struct http_host *end =
	    o->absolute ? &o->conf->parent->host : host;

	(void)snprintf(o->key, sizeof(o->key),
	    end->is == HTTP_HOST_V6 ? "[%s]:%u" : "%s:%u", end->name,
	    end->port);
	(void)snprintf(o->pool_key, sizeof(o->pool_key), "%s%s%s", o->key,
	    o->name[0] == '\0' ? "" : " ", o->name);
}

static struct http_origin *
open_it(const struct http_origin_conf *conf, const struct http_host *host,
    const char *name, enum http_method asked, bool fresh,
    http_origin_told *told, void *arg)
{
	struct http_origin *o = xcalloc(1, sizeof(*o));
	void *tag = NULL;

	o->magic = HTTP_ORIGIN_MAGIC;
	o->conf = conf;
	o->asked = asked;
	o->told = told;
	o->arg = arg;
	o->port = host->port;
	copy_text(o->host, sizeof(o->host), host->name);
	copy_text(o->name, sizeof(o->name), name);
	o->through =
	    conf->parent != NULL && (asked == HTTP_CONNECT || *name != '\0');
	o->absolute = conf->parent != NULL && !o->through;
	name_it(o, host);
	buf_init(&o->bytes, conf->max_header);
	if (!fresh)
		o->io = pool_take(conf->pool, o->pool_key, &tag);
	o->reused = o->io != NULL;
	o->proven = tag != NULL;
	return o;
}

struct http_origin *
http_origin_open(const struct http_origin_conf *conf,
    const struct http_host *host, enum http_method asked, bool fresh,
    http_origin_told *told, void *arg)
{
	return open_it(conf, host, "", asked, fresh, told, arg);
}

struct http_origin *
http_origin_open_tls(const struct http_origin_conf *conf,
    const struct http_host *host, const char *name, enum http_method asked,
    bool fresh, http_origin_told *told, void *arg)
{
	MUST(conf->tls != NULL && *name != '\0');
	return open_it(conf, host, name, asked, fresh, told, arg);
}

void
http_origin_through(struct http_origin *o)
{
	IS(o, HTTP_ORIGIN_MAGIC);
	MUST(!o->reused);
	if (!o->absolute)
		return;
	o->absolute = false;
	o->through = true;
	o->bound = true; /* its name in the pool would be the parent's */
}

void
http_origin_start(struct http_origin *o)
{
	if (o->ftp != NULL) /* it has begun by itself */
		return;
	if (o->asked_before) {
		awaited(o);
		return;
	}
	if (!o->reused && may_h2(o))
		o->io = http2_links_ask(o->conf->links, o->pool_key);
	o->reused = o->io != NULL;
	if (o->reused)
		connected(o);
	else
		dial(o);
}

/* An old connection that has ended before it said a word: once more, anew
 * (RFC 9110 9.2.2: only what may be sent twice comes here by one; RFC 9113
 * 8.7: or what nobody has looked at).  Of one that was sent ahead a part of a
 * head may be no word to it. */
static bool
begins_anew(struct http_origin *o)
{
	int error = io_error(o->io);
	bool unseen = io_is_wire(o->io) && !o->again &&
	    (error == HTTP2_UNSEEN || error == HTTP2_WANTS_1);
	bool spoke = o->spoke && (!o->asked_before || o->interims > 0);

	if (spoke || o->is != ORIGIN_ASKED ||
	    (!unseen && (!o->reused || o->once)))
		return false;
	o->again = true;
	o->spoke = false;
	o->only_1 = o->only_1 || error == HTTP2_WANTS_1;
	log_debug(0, "http origin=%s reused connection had ended", o->key);
	io_free(&o->io);
	dial(o);
	return true;
}

/* ---- what the connection says ---- */

static void
ended(struct http_origin *o)
{
	if (o->is == ORIGIN_BODY &&
	    o->head.head.framing.is == HTTP_BODY_CLOSE && !io_truncated(o->io))
		(void)http_origin_whole(o);
	else if (o->is != ORIGIN_DONE && !begins_anew(o))
		(void)http_origin_lost(o, HTTP_CAUSE_BROKEN,
		    o->is == ORIGIN_BODY ? "ended inside the body"
					 : "ended without an answer");
}

static void
gone(struct http_origin *o)
{
	int error = io_error(o->io);
	const char *words = http2_error_words(error);
	char why[sizeof(o->why)];

	if (o->is == ORIGIN_DONE) {
		io_free(&o->io);
		return;
	}
	if (o->is == ORIGIN_SECURES) {
		not_secured(o);
		return;
	}
	if (begins_anew(o))
		return;
	/* o->io goes before its words are needed no more */
	copy_text(why, sizeof(why), io_trouble(o->io));
	if (why[0] == '\0' && words != NULL)
		copy_text(why, sizeof(why), words);
	if (why[0] == '\0')
		copy_text(why, sizeof(why),
		    error == 0 ? "connection closed" : strerror(error));
	(void)http_origin_lost(o,
	    error == HTTP2_MALFORMED ? HTTP_CAUSE_MALFORMED : HTTP_CAUSE_BROKEN,
	    why);
}

/* A body that moves in either direction is not late. */
static void
late(struct http_origin *o)
{
	if (o->is == ORIGIN_DONE)
		return;
	if (o->is < ORIGIN_ASKED || moves(o) == o->moved)
		(void)stats_limit(o->conf->counted, io_deadline_word(o->io));
	if (o->is == ORIGIN_PARENT)
		(void)http_origin_lost(o, HTTP_CAUSE_TIMEOUT,
		    "parent_proxy: connect_timeout exceeded");
	else if (o->is == ORIGIN_SECURES)
		(void)http_origin_lost(o, HTTP_CAUSE_TIMEOUT,
		    "TLS handshake: connect_timeout exceeded");
	else if (moves(o) != o->moved)
		http_origin_wait(o);
	else
		(void)http_origin_lost(
		    o, HTTP_CAUSE_TIMEOUT, "idle_timeout exceeded");
}

static void
take(struct http_origin *o)
{
	if (o->is != ORIGIN_PARENT)
		while (http_origin_take(o))
			;
	else if (io_input(o->io).len > 0 && http_parent_take(o) == PARENT_YES)
		next_step(o);
}

static void
io_says(void *arg, struct io *io, enum io_event what)
{
	struct http_origin *o = arg;

	(void)io;
	IS(o, HTTP_ORIGIN_MAGIC);
	if (o->is == ORIGIN_LOST)
		return;
	switch (what) {
	case IO_INPUT:
		take(o);
		break;
	case IO_ENDED:
		ended(o);
		break;
	case IO_GONE:
		gone(o);
		break;
	case IO_LATE:
		late(o);
		break;
	case IO_DRAINED:
		o->reusable = true;
		break;
	case IO_SECURED:
		secured(o);
		break;
	}
}

/* ---- the end ---- */

/* It can have a next request. */
static bool
goes_on(const struct http_origin *o)
{
	return o->is == ORIGIN_DONE && o->io != NULL && o->reusable &&
	    !o->bound && o->head.head.goes_on && !io_is_wire(o->io);
}

/* A mark in the pool: see http_origin.proven. */
static void *
proof(const struct http_origin *o)
{
	static char mark;

	return o->head.head.minor == 1 ? &mark : NULL;
}

void
http_origin_lend(
    struct http_origin *o, struct io **iop, unsigned piped, bool asked)
{
	IS(o, HTTP_ORIGIN_MAGIC);
	MUST(o->io == NULL && o->dial == NULL && *iop != NULL);
	o->io = *iop;
	*iop = NULL;
	io_owner(o->io, NULL, NULL);
	io_deadline(o->io, 0, NULL);
	o->reused = o->proven = true;
	o->once = false; /* only what may be sent twice comes here */
	o->piped = piped;
	o->asked_before = asked;
	stats_word(STAT_DIALS, DIAL_REUSED);
}

bool
http_origin_may_pipeline(const struct http_origin *o)
{
	IS(o, HTTP_ORIGIN_MAGIC);
	return o->proven && o->is == ORIGIN_ASKED && o->reusable && !o->spoke &&
	    !o->bound && io_input(o->io).len == 0;
}

struct io *
http_origin_keep(struct http_origin *o)
{
	struct io *io = o->io;

	IS(o, HTTP_ORIGIN_MAGIC);
	if (!goes_on(o) || proof(o) == NULL)
		return NULL;
	o->io = NULL;
	return io;
}

void
http_origin_pause(struct http_origin *o, bool pause)
{
	IS(o, HTTP_ORIGIN_MAGIC);
	if (o->ftp != NULL)
		http_ftp_pause(o->ftp, pause);
	if (o->io == NULL)
		return;
	if (pause)
		io_pause(o->io);
	else
		io_resume(o->io);
}

struct io *
http_origin_unplug(struct http_origin *o)
{
	struct io *io = o->io;

	IS(o, HTTP_ORIGIN_MAGIC);
	MUST(io != NULL);
	o->io = NULL;
	o->is = ORIGIN_DONE;
	io_owner(io, NULL, NULL);
	io_deadline(io, 0, NULL);
	return io;
}

void
http_origin_free(struct http_origin **op)
{
	struct http_origin *o = *op;

	*op = NULL;
	if (o == NULL)
		return;
	IS(o, HTTP_ORIGIN_MAGIC);
	/* on one with several requests a late answer would be another's */
	if (goes_on(o) && o->piped == 0)
		pool_put(o->conf->pool, o->pool_key, &o->io, proof(o), NULL);
	if (!o->telling) {
		destroy(o);
		return;
	}
	o->is = ORIGIN_LOST;
	o->dead = true;
	dial_cancel(&o->dial);
	http_ftp_free(&o->ftp);
	io_free(&o->io);
}
