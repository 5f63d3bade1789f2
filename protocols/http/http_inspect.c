/*
 * http_inspect: the way into the TLS behind a CONNECT.  The origin is connected
 * to and has to prove who it is while the signer makes our certificate; then
 * the client gets that, whether the origin is there or not: what is wrong with
 * it is said in there, on a page.
 */
#include "protocols/http/http_inspect.h"

#include <stdlib.h>

#include "protocols/http/http.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/io_wire.h"
#include "proxy/leaf.h"
#include "proxy/pool.h"
#include "proxy/tls_origin.h"

/* ---- a place ---- */

int
http_inspect_prepare(
    const struct place *place, struct http_own *o, struct err *e)
{
	const struct conf_section *s =
	    conf_next(place->conf, "tls-inspection", NULL);
	const char *const *list;
	size_t n;

	o->inspects = conf_int(place->conf, s, OPT_TLS_INSPECTION_ENABLED) != 0;
	o->http2 = o->inspects &&
	    conf_int(place->conf, s, OPT_TLS_INSPECTION_HTTP2) != 0;
	if (!o->inspects || place->tls_kit == NULL)
		return 0;
	o->origin_tls =
	    tls_origin(place->conf, place->listener, place->tls_kit, e);
	if (o->origin_tls == NULL)
		return -1;
	if (place->worker == NULL)
		return 0;
	n = conf_list(place->conf, s, OPT_TLS_INSPECTION_BYPASS, &list);
	o->bypass = http_bypass_open(
	    list, n, conf_int(place->conf, s, OPT_TLS_INSPECTION_AUTO_BYPASS));
	o->leaves = leaves_open(place);
	return 0;
}

void
http_inspect_forget(struct http_own *o)
{
	leaves_free(&o->leaves);
	http_bypass_free(&o->bypass);
	tls_drop(&o->origin_tls);
}

/* ---- life ---- */

static void
drop_ready(struct http_inside *in)
{
	const struct http_own *o = http_own(in->s);

	if (in->ready == NULL)
		return;
	io_owner(in->ready, NULL, NULL);
	pool_put(o->pool, in->key, &in->ready, NULL, NULL);
}

void
http_inside_free(struct http_inside **ip)
{
	struct http_inside *in = *ip;

	*ip = NULL;
	if (in == NULL)
		return;
	IS(in, HTTP_INSIDE_MAGIC);
	http_pinned_end(in, "delivered", "inspected");
	http_origin_free(&in->o);
	leaf_cancel(&in->ask);
	tls_drop(&in->leaf);
	drop_ready(in);
	in->magic = 0;
	free(in);
}

static struct http_inside *
inside_of(const struct session *s)
{
	const struct http *p = s->state;

	IS(p->inside, HTTP_INSIDE_MAGIC);
	return p->inside;
}

/* ---- both are there ---- */

static void
shake_hands(struct http_inside *in)
{
	struct session *s = in->s;

	io_start_tls(s->client, in->leaf, NULL, IO_TLS_KEEP);
	tls_drop(&in->leaf);
	http_enter(s, HTTP_IN_HANDS);
}

static void
go_on(struct http_inside *in)
{
	if (in->leaf_failed)
		http_connect_end(in->s, "deferred", "leaf");
	else if (in->leaf != NULL && in->o == NULL)
		shake_hands(in);
}

/* ---- our certificate ---- */

static void
leaf_made(void *arg, struct tls *leaf, const char *why)
{
	struct http_inside *in = arg;
	struct session *s = in->s;

	IS(in, HTTP_INSIDE_MAGIC);
	in->ask = NULL;
	in->leaf = leaf;
	if (leaf != NULL)
		tls_hold(leaf);
	else
		log_warn(s->id, "http no leaf for=%s reason=%s", in->name.name,
		    log_quote(why));
	in->leaf_failed = leaf == NULL;
	go_on(in);
	http_go_on(s);
}

static void
ask_leaf(struct http_inside *in)
{
	const char *const names[] = {in->name.name};
	const struct http_own *o = http_own(in->s);

	in->leaf = leaf_ready(o->leaves, names, 1);
	if (in->leaf != NULL)
		tls_hold(in->leaf);
	else
		in->ask = leaf_ask(o->leaves, names, 1, leaf_made, in);
}

/* ---- the origin ---- */

/* It says something nobody asked for, or goes. */
static void
ready_says(void *arg, struct io *io, enum io_event what)
{
	struct http_inside *in = arg;

	(void)io;
	IS(in, HTTP_INSIDE_MAGIC);
	if (what == IO_INPUT || what == IO_ENDED || what == IO_GONE)
		io_free(&in->ready);
}

static void
is_ready(struct http_inside *in)
{
	struct http_req *q = ((struct http *)in->s->state)->req;

	copy_text(q->hop_address, sizeof(q->hop_address), in->o->address);
	in->ready = http_origin_unplug(in->o);
	in->ready_ms = clock_ms();
	q->hop_tls_version = io_tls_version(in->ready);
	q->hop_tls_cipher = io_tls_cipher(in->ready);
	q->hop_tls_resumed = io_tls_resumed(in->ready);
	if (io_is_wire(in->ready)) /* its connection waits by itself */
		io_free(&in->ready);
	else
		io_owner(in->ready, ready_says, in);
}

static void
origin_says(void *arg, struct http_origin *o, enum http_origin_event what)
{
	struct http_inside *in = arg;
	struct session *s = in->s;

	IS(in, HTTP_INSIDE_MAGIC);
	if (what == HTTP_ORIGIN_OPEN) {
		is_ready(in);
	} else {
		in->lost = true;
		in->cause = o->cause;
		copy_text(in->why, sizeof(in->why), o->why);
		log_info(s->id, "http origin host=%s name=%s reason=%s",
		    in->host.name, in->name.name, log_quote(o->why));
	}
	http_origin_free(&in->o);
	go_on(in);
	http_go_on(s);
}

static void
ask_origin(struct http_inside *in, struct http_req *q)
{
	in->o = http_origin_open_tls(&q->own->origin, &in->host, in->name.name,
	    HTTP_GET, false, origin_says, in);
	copy_text(in->key, sizeof(in->key), in->o->pool_key);
	copy_text(in->hop, sizeof(in->hop), in->o->key);
	copy_text(q->hop, sizeof(q->hop), in->hop);
	http_origin_start(in->o); /* it may be there at once */
}

void
http_inspect_begin(struct http_req *q, const struct tls_hello *h)
{
	struct http_inside *in;
	const char *user = facts_get(&q->x->facts, FIELD_USER, 0);
	struct http *p = q->s->state;

	/* the client speaks TLS to us as well: one in another */
	if (io_secured(q->s->client) && session_carry(q->s) < 0) {
		http_connect_end(q->s, "deferred", "sockets");
		return;
	}
	in = xcalloc(1, sizeof(*in));
	in->magic = HTTP_INSIDE_MAGIC;
	in->s = q->s;
	in->host = q->to;
	in->name = q->host;
	if (h->sni[0] != '\0') {
		in->name.is = HTTP_HOST_NAME;
		copy_text(in->name.name, sizeof(in->name.name), h->sni);
	}
	copy_text(in->user, sizeof(in->user), user == NULL ? "" : user);
	in->mismatch = strcmp(in->name.name, q->host.name) != 0;
	in->ours = strcasecmp(q->host.name, q->own->onboarding_host) == 0;
	p->inside = in;
	http_enter(q->s, HTTP_IN_CERT);
	ask_leaf(in);
	if (in->ours)
		go_on(in);
	else
		ask_origin(in, q);
}

/* ---- the client's handshake ---- */

void
http_inspect_secured(struct session *s)
{
	struct http_inside *in = inside_of(s);
	struct http *p = s->state;

	in->secured = true;
	(void)facts_set(
	    &p->req->x->facts, FIELD_TLS_VERSION, io_tls_version(s->client));
	(void)facts_set(
	    &p->req->x->facts, FIELD_TLS_CIPHER, io_tls_cipher(s->client));
	if (in->lost)
		copy_text(p->req->status, sizeof(p->req->status), in->why);
	http_pinned_watch(in);
	if (io_tls_speaks_h2(s->client))
		http_streams_begin(s);
	else
		http_enter(s, HTTP_IN_IDLE);
}

void
http_inspect_late(struct session *s)
{
	http_connect_end(s, "aborted", io_deadline_word(s->client));
}
