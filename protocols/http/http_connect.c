/*
 * http_connect: what becomes of a CONNECT: a tunnel, or a look inside.  A
 * ClientHello is read before that is decided, for what CONNECT says is not
 * always whom the client means.
 */
#include "protocols/http/http.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

static bool
is_named(const struct http_req *q, const char *name)
{
	return strcmp(q->host.name, name) == 0;
}

/* By the host alone. */
static enum http_look
first_look(const struct http_req *q)
{
	const struct http_own *o = q->own;

	enum policy_connect said = policy_connect(
	    q->s->place->policies, q->s->place->policy, &q->x->facts);

	if (!o->inspects || said == CONNECT_TUNNEL)
		return LOOK_NEVER;
	if (said == CONNECT_INSPECT)
		return LOOK_INSIDE;
	if (http_bypass_has(o->bypass, q->host.name) ||
	    http_bypass_learned(o->bypass, io_peer(q->s->client), q->host.name))
		return LOOK_BYPASS;
	return LOOK_INSIDE;
}

void
http_connect_say(struct http_req *q)
{
	if (q->turned) /* nobody has asked */
		return;
	io_puts(q->s->client, "HTTP/1.1 200 Connection established\r\n\r\n");
	copy_text(q->status, sizeof(q->status), "200 Connection established");
}

void
http_connect(struct http_req *q)
{
	q->look = first_look(q);
	if (q->look != LOOK_INSIDE) {
		http_request_go(q);
		return;
	}
	http_connect_say(q);
	http_enter(q->s, HTTP_IN_PEEK);
}

void
http_connect_end(struct session *s, const char *result, const char *reason)
{
	struct http *p = s->state;

	log_info(s->id, "http connect host=%s result=%s reason=%s",
	    p->req->host.name, result, reason);
	http_request_end(&p->req, result, reason);
	http_enter(s, HTTP_IN_OVER);
}

/* ---- the ClientHello ---- */

void
http_connect_remark(struct exchange *x, const char *word)
{
	const char *old = facts_get(&x->facts, FIELD_TLS_NOTE, 0);
	char words[96];

	(void)snprintf(words, sizeof(words), "%s%s%s", old == NULL ? "" : old,
	    old == NULL ? "" : " ", word);
	(void)facts_set(&x->facts, FIELD_TLS_NOTE, words);
}

static void
note(struct http_req *q, const char *word)
{
	http_connect_remark(q->x, word);
}

void
http_connect_note(
    struct http_req *q, enum tls_hello_is is, const struct tls_hello *h)
{
	if (is != TLS_HELLO_OK) {
		note(q, is == TLS_HELLO_NOT ? "not_tls" : "client_hello");
		return;
	}
	if (h->sni[0] == '\0') {
		note(q, "no_sni");
		return;
	}
	(void)facts_set(&q->x->facts, FIELD_SNI, h->sni);
	if (is_named(q, h->sni))
		return;
	note(q, "sni_mismatch");
	/* browsers pretend to it everywhere; then the name is the true one */
	if (h->ech)
		note(q, "ech");
}

/* The policy has been asked about the host of CONNECT; it has not about whom
 * the client means. */
bool
http_connect_refused(struct http_req *q, const struct tls_hello *h)
{
	char target[TLS_HELLO_NAME + 8];

	if (h->sni[0] == '\0' || is_named(q, h->sni))
		return false;
	(void)snprintf(target, sizeof(target), "%s:%u", h->sni, q->host.port);
	(void)facts_add(&q->x->facts, FIELD_HOST, h->sni);
	(void)facts_add(&q->x->facts, FIELD_URL, target);
	if (!exchange_refused(q->x))
		return false;
	http_connect_end(q->s, "refused", "policy");
	return true;
}

/* Both names have to be on the list: behind one address there are many. */
bool
http_connect_may_bypass(
    const struct http_req *q, enum tls_hello_is is, const struct tls_hello *h)
{
	const struct http_own *o = q->own;

	return is == TLS_HELLO_OK &&
	    (h->sni[0] == '\0' || is_named(q, h->sni) ||
		http_bypass_has(o->bypass, h->sni) ||
		http_bypass_learned(o->bypass, io_peer(q->s->client), h->sni));
}

static void
look_inside(struct http_req *q, enum tls_hello_is is, const struct tls_hello *h)
{
	if (is == TLS_HELLO_NOT)
		http_connect_end(q->s, "refused", "not_tls");
	else if (is == TLS_HELLO_BAD)
		http_connect_end(q->s, "refused", h->bad);
	else if (!http_connect_refused(q, h))
		http_inspect_begin(q, h);
}

/* Only now is it known whom the policy is asked about. */
static void
peeked_turned(struct http_req *q, enum tls_hello_is is, struct tls_hello *h)
{
	http_turned_name(q, &is, h);
	http_connect_note(q, is, h);
	if (http_turned_refused(q))
		return;
	q->look = first_look(q);
	if (q->look == LOOK_NEVER ||
	    (q->look == LOOK_BYPASS && is == TLS_HELLO_OK))
		http_turned_tunnel(q);
	else
		look_inside(q, is, h);
}

bool
http_connect_peek(struct session *s)
{
	struct http_req *q = ((struct http *)s->state)->req;
	struct tls_hello h;
	enum tls_hello_is is = tls_hello(io_input(s->client), &h);

	if (is == TLS_HELLO_MORE)
		return false;
	if (q->turned) {
		peeked_turned(q, is, &h);
		return true;
	}
	http_connect_note(q, is, &h);
	look_inside(q, is, &h);
	return true;
}
