/*
 * http_turned: TLS that the packet filter has turned to us.  Its client knows
 * of no proxy and has said no CONNECT; what it would have said is known all the
 * same: the address it was going to, and the name in its ClientHello.  So it is
 * one from here on, whom nobody answers in the clear.
 */
#include "protocols/http/http.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/io_original.h"

#define RECORD_HANDSHAKE 0x16 /* RFC 8446 5.1; no method begins so */

bool
http_turned_may(const struct session *s)
{
	enum http_mode mode = http_own(s)->where.mode;

	return (mode == MODE_REDIRECT || mode == MODE_TPROXY) &&
	    !io_secured(s->client);
}

/* What a client that knew of us would have asked for.  False: it was going
 * nowhere (a Unix socket). */
static bool
ask_for(struct session *s)
{
	struct addr a;
	char target[ADDR_TEXT], text[3 * ADDR_TEXT];
	struct http_host host;
	struct http_req *q;

	io_original(s->client, &a);
	if (http_host(slice_of(addr_text(&a, target)), &host) != HTTP_BAD_NONE)
		return false;
	(void)snprintf(text, sizeof(text),
	    "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target);
	q = http_request_mean(s, text);
	q->turned = true;
	http_enter(s, HTTP_IN_PEEK);
	return true;
}

bool
http_turned_look(struct session *s)
{
	struct slice in = io_input(s->client);

	if (in.len == 0)
		return false;
	if (in.at[0] != RECORD_HANDSHAKE || !ask_for(s))
		http_enter(s, HTTP_IN_IDLE);
	return true;
}

/* Its name is what counts, as that in Host does: for the log and the policy,
 * and to be proved by whoever is there. */
static bool
take_name(struct http_req *q, const char *sni)
{
	struct http_host named;
	char target[HTTP_KEY_MAX];

	if (http_host(slice_of(sni), &named) != HTTP_BAD_NONE)
		return false;
	named.port = q->to.port;
	q->host = named;
	(void)snprintf(target, sizeof(target), "%s:%u", sni, named.port);
	(void)facts_set(&q->x->facts, FIELD_HOST, sni);
	(void)facts_set(&q->x->facts, FIELD_URL, target);
	return true;
}

void
http_turned_name(struct http_req *q, enum tls_hello_is *is, struct tls_hello *h)
{
	MUST(q->turned);
	if (*is != TLS_HELLO_OK || h->sni[0] == '\0' || take_name(q, h->sni))
		return;
	*is = TLS_HELLO_BAD;
	h->bad = "sni_name";
}

bool
http_turned_refused(struct http_req *q)
{
	if (!exchange_refused(q->x))
		return false;
	http_connect_end(q->s, "refused", "policy");
	return true;
}

/*
 * A name that is on a list opens no way to another server: who is let through
 * by it goes to where the name leads, as behind a CONNECT.
 */
void
http_turned_tunnel(struct http_req *q)
{
	if (q->own->inspects)
		q->to = q->host;
	http_request_go(q);
}
