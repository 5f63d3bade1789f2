/*
 * http_pinned: clients that will not have our certificate: those that break
 * the handshake off and say why, and those that end it, look at what they were
 * shown and go without a word.  So the event of a CONNECT waits for the first
 * word inside.
 */
#include "protocols/http/http.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/mem.h"

/* Who goes later than that has kept a connection and not needed it: browsers
 * do (those of Chromium wait for 10 s and longer). */
#define SILENT_MS 5000

/* RFC 8446 6.2: alerts that speak of our certificate. */
static bool
is_about_us(int alert)
{
	return (alert >= 42 && alert <= 46) || alert == 48;
}

/* ech_required: it meant somebody else than the name in the open. */
static bool
is_about_ech(int alert)
{
	return alert == 121;
}

static const struct addr *
who(const struct http_inside *in)
{
	return io_peer(in->s->client);
}

/* The hosts that this client has called it by. */
static void
refused_us(struct http_inside *in, struct http_req *q)
{
	http_connect_remark(q->x, "certificate_refused");
	http_bypass_learn(q->own->bypass, who(in), q->host.name);
	if (in->mismatch)
		http_bypass_learn(q->own->bypass, who(in), in->name.name);
}

void
http_inspect_gone(struct session *s)
{
	struct http *p = s->state;
	const char *reason = "client_gone";

	if (p->req == NULL || p->inside == NULL || p->inside->secured)
		return;
	if (io_trouble(s->client)[0] != '\0') {
		copy_text(p->req->status, sizeof(p->req->status),
		    io_trouble(s->client));
		reason = "handshake";
	}
	if (is_about_ech(io_tls_alert(s->client)))
		http_connect_remark(p->req->x, "ech");
	if (is_about_us(io_tls_alert(s->client))) {
		refused_us(p->inside, p->req);
		reason = "certificate_refused";
	}
	http_connect_end(s, "aborted", reason);
}

/* ---- behind the handshake ---- */

void
http_pinned_watch(struct http_inside *in)
{
	struct http *p = in->s->state;
	struct io *client = in->s->client;

	in->connect = p->req;
	p->req = NULL;
	in->secured_ms = clock_ms();
	in->in_then = io_bytes_in(client);
	in->out_then = io_bytes_out(client);
	if (io_input(client).len > 0)
		http_pinned_hears(in->s, IO_INPUT);
}

void
http_pinned_end(struct http_inside *in, const char *result, const char *reason)
{
	struct http_req *q = in->connect;

	if (q == NULL)
		return;
	/* what has come since belongs to the requests in there */
	q->in_before += io_bytes_in(in->s->client) - in->in_then;
	q->out_before += io_bytes_out(in->s->client) - in->out_then;
	http_request_end(&in->connect, result, reason);
}

/* It has gone.  An alert says why; who says nothing might have had another
 * reason, so he has to do it again. */
static void
left(struct http_inside *in)
{
	struct http_req *q = in->connect;
	const char *reason = "no_request";

	if (is_about_us(io_tls_alert(in->s->client))) {
		copy_text(
		    q->status, sizeof(q->status), io_trouble(in->s->client));
		refused_us(in, q);
		reason = "certificate_refused";
	} else if (clock_ms() - in->secured_ms < SILENT_MS) {
		http_bypass_doubt(q->own->bypass, who(in), q->host.name);
		if (in->mismatch)
			http_bypass_doubt(
			    q->own->bypass, who(in), in->name.name);
	}
	http_pinned_end(in, "aborted", reason);
}

static void
speaks(struct http_inside *in)
{
	struct http_req *q = in->connect;

	http_bypass_trust(q->own->bypass, who(in), q->host.name);
	if (in->mismatch)
		http_bypass_trust(q->own->bypass, who(in), in->name.name);
	http_pinned_end(in, "delivered", "inspected");
}

void
http_pinned_hears(const struct session *s, enum io_event what)
{
	const struct http *p = s->state;
	struct http_inside *in = p->inside;

	/* a stream of HTTP/2 is none of its own */
	if (in == NULL || in->connect == NULL || in->s != s)
		return;
	if (what == IO_INPUT)
		speaks(in);
	else if (what == IO_ENDED || what == IO_GONE)
		left(in);
}
