/*
 * http: the web as clients ask for it.  A session is a row of requests, one at
 * a time; its states are in http.h.  A request's head is http_request.c, its
 * body http_body.c, the origin's side http_origin.c, the answer http_deliver.c.
 *
 * Whatever happens outside (input, an answer, a verdict) changes something and
 * then calls http_go_on(), which does what has become possible.
 */

#include "protocols/http/http.h"

#include "protocols/http/http2.h"
#include "protocols/http/http_write.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"

#define BODY_RATE 500 /* bytes a second of a request's body, at least */

/* clang-format off */
static const char *const words[] = {
#define X(state, word, text) word,
	HTTP_STATES(X)
#undef X
};
/* clang-format on */

struct http_own *
http_own(const struct session *s)
{
	struct http_own *o = s->place->own;

	IS(o, HTTP_OWN_MAGIC);
	return o;
}

/* How long the client may be silent, or has to wait, in this state. */
static void
set_deadline(struct session *s, enum http_state state)
{
	const struct http_own *o = http_own(s);
	struct http *p = s->state;

	switch (state) {
	case HTTP_IN_IDLE:
	case HTTP_IN_FIRST:
	case HTTP_IN_TUNNEL:
	case HTTP_IN_ANSWER:
		p->sent = io_bytes_out(s->client);
		io_deadline(s->client, o->idle_timeout, "idle_timeout");
		break;
	case HTTP_IN_HANDS:
		io_deadline(
		    s->client, s->place->tls_timeout, "handshake_timeout");
		break;
	case HTTP_IN_HEAD:
	case HTTP_IN_PEEK:
	case HTTP_IN_BODY:
		p->taken = io_bytes_in(s->client);
		io_deadline(s->client, o->request_timeout, "request_timeout");
		break;
	case HTTP_IN_FETCH:
	case HTTP_IN_SCAN:
		if (o->delivery == DELIVERY_TRICKLE)
			io_deadline(
			    s->client, o->trickle_after, "trickle_after");
		else
			io_deadline(s->client, 0, NULL);
		break;
	default:
		io_deadline(s->client, 0, NULL);
		break;
	}
}

static bool
takes_input(enum http_state state)
{
	return state == HTTP_IN_IDLE || state == HTTP_IN_FIRST ||
	    state == HTTP_IN_HEAD || state == HTTP_IN_PEEK ||
	    state == HTTP_IN_BODY || state == HTTP_IN_HANDS ||
	    state == HTTP_IN_TUNNEL || state == HTTP_IN_STREAMS;
}

void
http_enter(struct session *s, enum http_state next)
{
	struct http *p = s->state;
	bool waits = p->state == HTTP_IN_FETCH && next == HTTP_IN_SCAN;

	if (p->state == HTTP_IN_OVER)
		return;
	if (p->state != next)
		log_debug(s->id, "http %s -> %s", words[p->state], words[next]);
	p->state = next;
	/* the client's patience goes on where only our work changes */
	if (!waits)
		set_deadline(s, next);
	if (takes_input(next))
		io_resume(s->client);
	else
		io_pause(s->client); /* that it goes is still noticed */
}

/* One step.  False: nothing can be done now. */
static bool
step(struct session *s)
{
	struct http *p = s->state;

	switch (p->state) {
	case HTTP_IN_IDLE:
	case HTTP_IN_HEAD:
		return http_request_take(s);
	case HTTP_IN_FIRST:
		return http_turned_look(s);
	case HTTP_IN_PEEK:
		return http_connect_peek(s);
	case HTTP_IN_BODY:
		return http_body_take(s);
	case HTTP_IN_FETCH:
		return http_pipe_take(s);
	default:
		return false;
	}
}

/* The client has sent all it will, and it is no request. */
static void
ran_dry(struct session *s)
{
	struct http *p = s->state;

	if (p->req != NULL)
		http_request_end(&p->req, "aborted", "client_gone");
	http_enter(s, HTTP_IN_OVER);
}

void
http_go_on(struct session *s)
{
	struct http *p = s->state;

	IS(s, SESSION_MAGIC);
	if (p->going)
		return;
	p->going = true;
	while (step(s))
		;
	p->going = false;
	if (p->half_closed && p->state <= HTTP_IN_BODY)
		ran_dry(s);
	if ((p->state == HTTP_IN_IDLE || p->state == HTTP_IN_FIRST) &&
	    p->req == NULL && worker_draining(s->place->worker))
		http_enter(s, HTTP_IN_OVER);
	if (p->state == HTTP_IN_OVER)
		session_end(s);
}

static void
open_session(struct session *s)
{
	http_enter(s, http_turned_may(s) ? HTTP_IN_FIRST : HTTP_IN_IDLE);
}

/* RFC 9110 15.5.9; between two requests there is nothing to say. */
static void
too_slow(struct session *s)
{
	struct http *p = s->state;

	if (p->req != NULL) {
		io_puts(s->client,
		    "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n"
		    "Connection: close\r\n\r\n");
		http_request_end(&p->req, "aborted", "request_timeout");
	}
	http_enter(s, HTTP_IN_OVER);
}

/* Of a body so much at least comes in each request_timeout. */
static bool
comes_well(const struct session *s)
{
	const struct http *p = s->state;
	uint64_t ms = (uint64_t)http_own(s)->request_timeout;

	return io_bytes_in(s->client) - p->taken >= ms * BODY_RATE / 1000;
}

static void
late(struct session *s)
{
	struct http *p = s->state;

	switch (p->state) {
	case HTTP_IN_FETCH:
	case HTTP_IN_SCAN:
		http_trickle(p->req);
		break;
	case HTTP_IN_PEEK:
	case HTTP_IN_HANDS:
		http_inspect_late(s);
		break;
	case HTTP_IN_ANSWER:
		/* an answer that still moves is not late */
		if (io_bytes_out(s->client) != p->sent) {
			set_deadline(s, p->state);
			break;
		}
		http_request_end(&p->req, "aborted", "idle_timeout");
		http_enter(s, HTTP_IN_OVER);
		break;
	case HTTP_IN_BODY:
		if (comes_well(s))
			set_deadline(s, p->state);
		else
			too_slow(s);
		break;
	default:
		too_slow(s);
		break;
	}
}

static void
client(struct session *s, enum io_event what)
{
	struct http *p = s->state;

	http_pinned_hears(s, what);
	if (what == IO_GONE) {
		http_inspect_gone(s);
		return; /* close() follows */
	}
	if (p->state == HTTP_IN_TUNNEL) {
		http_tunnel_client(s, what);
		return;
	}
	if (p->state == HTTP_IN_STREAMS) {
		http_streams_client(s, what);
		return;
	}
	if (what == IO_ENDED)
		p->half_closed = true;
	if (what == IO_SECURED)
		http_inspect_secured(s);
	if (what == IO_LATE)
		late(s);
	if (what == IO_DRAINED && p->state == HTTP_IN_ANSWER)
		http_request_answered(s);
	if (what == IO_DRAINED && p->req != NULL && p->req->stream != NULL)
		http_stream_drained(p->req->stream);
	if (what == IO_DRAINED && p->req != NULL && p->req->flow != NULL)
		http_flow_drained(p->req->flow);
	http_go_on(s);
}

static void
renew(struct session *s)
{
	struct http *p = s->state;

	if (p->req != NULL)
		p->req->close = true;
	if (p->h2 != NULL)
		http2_goodbye(p->h2);
	if (p->state == HTTP_IN_IDLE && p->req == NULL &&
	    io_input(s->client).len == 0)
		http_enter(s, HTTP_IN_OVER);
	http_go_on(s);
}

static void
drain(struct session *s)
{
	struct http *p = s->state;

	if (p->req != NULL)
		p->req->close = true;
	if (p->h2 != NULL)
		http2_goodbye(p->h2);
	if (p->state == HTTP_IN_PEEK || p->state == HTTP_IN_HANDS)
		http_connect_end(s, "aborted", "shutdown");
	http_go_on(s);
}

static void
refuse(struct io *io, const char *gateway, enum refusal why)
{
	static const struct {
		unsigned status;
		const char *text;
	} says[] = {
	    [REFUSE_BUSY] = {503, "max_sessions reached"},
	    [REFUSE_CLIENT] = {503, "max_sessions_per_client reached"},
	    [REFUSE_RATE] = {503, "max_sessions_per_minute reached"},
	    [REFUSE_NOT_ALLOWED] = {403, "allow_from does not name you"},
	    [REFUSE_SHUTDOWN] = {503, "shutting down"},
	};
	const char *text = says[why].text;

	io_printf(io,
	    "HTTP/1.1 %u %s\r\nContent-Type: text/plain\r\n"
	    "Content-Length: %zu\r\nCache-Control: no-store\r\n"
	    "Proxy-Status: %s; error=http_request_denied; details=\"%s\"\r\n"
	    "Connection: close\r\n\r\n%s\r\n",
	    says[why].status, http_status_text(says[why].status),
	    strlen(text) + 2, gateway, text, text);
}

static void
close_session(struct session *s)
{
	struct http *p = s->state;
	const char *why = p->req != NULL ? "client_gone" : "connection_closed";

	p->state = HTTP_IN_OVER;
	http_tunnel_free(&p->tun);
	http2_free(&p->h2); /* its streams have inside, too */
	if (!p->guest)
		http_inside_free(&p->inside);
	if (p->req != NULL)
		http_request_end(&p->req, "aborted", "client_gone");
	http_pipe_free(&p->pipe, why);
}

extern const struct protocol http_protocol;
const struct protocol http_protocol = {
    .name = "http",
    .state_size = sizeof(struct http),
    .prepare = http_prepare,
    .forget = http_forget,
    .open = open_session,
    .client = client,
    .drain = drain,
    .renew = renew,
    .refuse = refuse,
    .close = close_session,
};
