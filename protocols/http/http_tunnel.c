/*
 * http_tunnel: bytes that go both ways as they are, behind a CONNECT or a 101:
 * not inspected, only counted.  io_pour() moves them; what is here looks at the
 * first ones, and says when it is over.
 */
#include "protocols/http/http.h"

#include <stdlib.h>

#include "protocols/http/http_write.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/mem.h"
#include "proxy/io_peer.h"
#include "proxy/io_pour.h"

#define HEAD_OUT_MAX (160 * 1024)

#define HTTP_TUNNEL_MAGIC 0x47790013u
struct http_tunnel {
	uint32_t magic;
	struct session *s;
	struct io *there; /* the server; NULL: it has gone */
	bool client_ended;
	bool sniffs;    /* the client's first bytes are not looked at yet */
	uint64_t moved; /* bytes of all ways when last looked at */
};

static struct http_tunnel *
tunnel_of(struct session *s)
{
	struct http *p = s->state;

	IS(p->tun, HTTP_TUNNEL_MAGIC);
	return p->tun;
}

void
http_tunnel_free(struct http_tunnel **tp)
{
	struct http_tunnel *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	IS(t, HTTP_TUNNEL_MAGIC);
	/* what was taken from the client is still sent */
	if (t->there != NULL)
		io_finish(&t->there, 2000);
	t->magic = 0;
	free(t);
}

/* Over, and why. */
static void
end(struct session *s, const char *result, const char *reason)
{
	struct http *p = s->state;

	http_tunnel_free(&p->tun);
	http_request_end(&p->req, result, reason);
	http_enter(s, HTTP_IN_OVER);
	http_go_on(s);
}

/* What was to be a tunnel is looked into, or refused. */
static void
turn(struct http_req *q, enum tls_hello_is is, const struct tls_hello *h)
{
	if (is == TLS_HELLO_OK)
		http_inspect_begin(q, h);
	else
		http_connect_end(q->s, "refused",
		    is == TLS_HELLO_NOT ? "not_tls" : "client_hello");
}

/* Says what the client's first bytes are; they wait until that is known.
 * False: not yet, or it is no tunnel any more. */
static bool
sniff(struct session *s)
{
	struct http_tunnel *t = tunnel_of(s);
	struct http_req *q = ((struct http *)s->state)->req;
	struct slice in = io_input(s->client);
	struct tls_hello h;
	enum tls_hello_is is;
	bool refused;

	if (!t->sniffs)
		return true;
	is = tls_hello(in, &h);
	if (is == TLS_HELLO_MORE && !t->client_ended)
		return false;
	t->sniffs = false;
	if (in.len > 0)
		http_connect_note(q, is, &h);
	refused = is == TLS_HELLO_OK && http_connect_refused(q, &h);
	if (!refused &&
	    (q->look == LOOK_NEVER || http_connect_may_bypass(q, is, &h))) {
		io_pour(s->client, t->there);
		return true;
	}
	http_tunnel_free(&((struct http *)s->state)->tun);
	if (!refused)
		turn(q, is, &h);
	http_go_on(s);
	return false;
}

static void
end_if_over(struct session *s)
{
	if (io_poured(s->client) && io_poured(tunnel_of(s)->there))
		end(s, "delivered", "tunnel");
}

static void
late(struct session *s)
{
	struct http_tunnel *t = tunnel_of(s);
	/* who is slow takes long over what was said to him at once */
	uint64_t moved = io_bytes_in(s->client) + io_bytes_taken(s->client) +
	    io_bytes_taken(t->there);

	if (moved == t->moved) {
		end(s, "aborted", "idle_timeout");
		return;
	}
	t->moved = moved;
	io_deadline(s->client, http_own(s)->idle_timeout, "idle_timeout");
}

void
http_tunnel_client(struct session *s, enum io_event what)
{
	if (what == IO_LATE) {
		late(s);
		return;
	}
	if (what == IO_ENDED)
		tunnel_of(s)->client_ended = true;
	if (sniff(s))
		end_if_over(s);
}

static void
there_says(void *arg, struct io *io, enum io_event what)
{
	struct http_tunnel *t = arg;

	(void)io;
	IS(t, HTTP_TUNNEL_MAGIC);
	if (what == IO_GONE)
		end(t->s, "delivered", "tunnel");
	else
		end_if_over(t->s);
}

/* The client hears that it goes on from here. */
static void
say_begins(struct http_req *q)
{
	struct http_write_response w = {.via = q->s->place->gateway,
	    .body = {HTTP_BODY_TUNNEL, 0},
	    .upgrade = "websocket"};
	struct buf b;

	if (q->head.method == HTTP_CONNECT) {
		http_connect_say(q);
		return;
	}
	buf_init(&b, HEAD_OUT_MAX);
	MUST(http_write_response(&b, &q->answer, &w) == 0);
	io_put(q->s->client, buf_at(&b), b.len);
	buf_free(&b);
}

void
http_tunnel_begin(struct http_req *q)
{
	struct session *s = q->s;
	struct http *p = s->state;
	struct http_tunnel *t = xcalloc(1, sizeof(*t));

	t->magic = HTTP_TUNNEL_MAGIC;
	t->s = s;
	t->there = http_origin_unplug(q->o);
	http_origin_free(&q->o);
	io_owner(t->there, there_says, t);
	p->tun = t;
	t->sniffs = q->head.method == HTTP_CONNECT && !q->turned;
	q->delivery_ms = clock_ms();
	t->client_ended = p->half_closed;
	say_begins(q);
	http_enter(s, HTTP_IN_TUNNEL);
	/* both may have said something already */
	io_pour(t->there, s->client);
	if (t->sniffs)
		io_again(s->client);
	else
		io_pour(s->client, t->there);
}
