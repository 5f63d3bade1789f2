/*
 * http_streams: a client that speaks HTTP/2 inside TLS: each of its streams is
 * a session of its own, with one request, and knows nothing of the others.
 */
#include "protocols/http/http.h"
#include "protocols/http/http2.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/stats.h"

/* The first request, then one more, or that those that are there move. */
static void
set_deadline(struct session *s)
{
	const struct http_own *o = http_own(s);
	struct http *p = s->state;

	p->sent = io_bytes_out(s->client);
	if (p->asked)
		io_deadline(s->client, o->idle_timeout, "idle_timeout");
	else
		io_deadline(s->client, o->request_timeout, "request_timeout");
}

static void
opened(void *arg, struct io **iop)
{
	struct session *s = arg;
	struct http *p = s->state, *guest;
	struct session *of = session_open_stream(s, iop);

	p->asked = true;
	guest = of->state;
	guest->inside = p->inside;
	guest->guest = true;
}

static void
busy(void *arg, bool is)
{
	(void)is;
	set_deadline(arg);
}

static void
over(void *arg)
{
	struct session *s = arg;

	IS(s, SESSION_MAGIC);
	http_enter(s, HTTP_IN_OVER);
	http_go_on(s);
}

void
http_streams_begin(struct session *s)
{
	static const struct http2_calls calls = {opened, busy, over};
	struct http *p = s->state;

	p->h2 = http2_open(true, worker_loop(s->place->worker), s->client,
	    http_own(s)->max_header, s->id, &calls, s);
	http_enter(s, HTTP_IN_STREAMS);
	set_deadline(s);
	http2_says(p->h2, IO_INPUT); /* it may have come along */
}

/* None is asked for, or the client reads nothing of what it has asked for.
 * What it waits for has times of its own. */
static void
late(struct session *s)
{
	struct http *p = s->state;
	bool stuck = io_full(s->client) && io_bytes_out(s->client) == p->sent;
	const char *word = io_deadline_word(s->client);

	if (!stuck && http2_streams(p->h2) > 0) {
		set_deadline(s);
		return;
	}
	log_info(s->id, "http2 limit=%s exceeded", word);
	(void)stats_limit(s->place->counted, word);
	if (stuck || p->half_closed) {
		http_enter(s, HTTP_IN_OVER);
		return;
	}
	http2_goodbye(p->h2);
	p->half_closed = true; /* it has so long to take that */
	set_deadline(s);
}

void
http_streams_client(struct session *s, enum io_event what)
{
	struct http *p = s->state;

	if (what == IO_LATE)
		late(s);
	else
		http2_says(p->h2, what);
	http_go_on(s);
}

void
http_streams_end(struct session *s)
{
	struct http *p = s->state;

	if (!p->guest)
		return;
	p = p->inside->s->state;
	if (p->h2 != NULL)
		http2_goodbye(p->h2);
}
