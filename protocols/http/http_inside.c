/*
 * http_inside: requests inside the TLS of a CONNECT.  They are those of a
 * server, not of a proxy: the origin is the one that the connection was made
 * to, and no request can name another.
 */
#include "protocols/http/http.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/mem.h"
#include "proxy/pool.h"

/* A connection that has waited for longer may be about to be closed by the
 * other side: not for a request that can be sent only once. */
#define READY_MS 2000

struct http_inside *
http_inside(const struct session *s)
{
	const struct http *p = s->state;

	return p->inside != NULL && p->inside->secured ? p->inside : NULL;
}

void
http_inside_name(struct http_req *q)
{
	const struct http_inside *in = http_inside(q->s);

	if (in == NULL)
		return;
	if (q->head.target.scheme == HTTP_SCHEME_NONE)
		q->scheme = HTTP_SCHEME_HTTPS;
	if (q->host.is == HTTP_HOST_NONE) /* HTTP/1.0 */
		q->host = in->name;
}

void
http_inside_facts(const struct session *s, struct exchange *x)
{
	const struct http_inside *in = http_inside(s);

	if (in == NULL)
		return;
	if (in->user[0] != '\0')
		(void)facts_set(&x->facts, FIELD_USER, in->user);
	if (in->name.is == HTTP_HOST_NAME)
		(void)facts_set(&x->facts, FIELD_SNI, in->name.name);
	if (in->mismatch)
		(void)facts_set(&x->facts, FIELD_TLS_NOTE, "sni_mismatch");
}

/* The server that the client has connected to, by either of its names. */
static bool
is_the_server(const struct http_inside *in, const struct http_host *h)
{
	return http_host_same(h, &in->name, 443) ||
	    http_host_same(h, &in->host, 443);
}

bool
http_inside_refuses(struct http_req *q)
{
	const struct http_inside *in = http_inside(q->s);

	if (in == NULL)
		return false;
	if (q->head.method == HTTP_CONNECT) {
		http_page(q, HTTP_CAUSE_METHOD, "refused", "connect_inside");
		return true;
	}
	/* RFC 9110 7.4 */
	if (q->scheme != HTTP_SCHEME_HTTPS || !is_the_server(in, &q->host)) {
		http_page(q, HTTP_CAUSE_MISDIRECTED, "refused", "host");
		return true;
	}
	if (!in->lost)
		return false;
	copy_text(q->hop, sizeof(q->hop), in->hop);
	q->close = true; /* the next connection looks again */
	http_streams_end(q->s);
	http_page(q, in->cause, "deferred", in->why);
	return true;
}

struct http_origin *
http_inside_open(struct http_req *q, bool fresh)
{
	struct http_inside *in = http_inside(q->s);
	bool young = in->ready != NULL && clock_ms() - in->ready_ms < READY_MS;
	struct http_origin *o;

	if (in->ready != NULL) { /* from there it is taken at once */
		io_owner(in->ready, NULL, NULL);
		pool_put(q->own->pool, in->key, &in->ready, NULL, NULL);
	}
	o = http_origin_open_tls(&q->own->origin, &in->host, in->name.name,
	    q->head.method, fresh && !young, http_origin_says, q);
	o->once = fresh;
	o->only_1 = q->upgrade; /* RFC 8441 is not spoken here */
	return o;
}
