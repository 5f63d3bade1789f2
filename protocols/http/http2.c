/*
 * http2: one connection that speaks HTTP/2, from its preface to its end: bytes
 * to the library and back.
 */
#include "protocols/http/http2_own.h"

#include <stdlib.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

/* ---- bytes ---- */

/* Nothing is left to be said or heard. */
static bool
is_over(const struct http2 *h)
{
	const struct http2_stream *s;

	LIST_FOREACH(s, &h->streams, link)
	{
		if (s->headed || !s->server)
			break;
	}
	if (s == NULL && (h->going || h->ended))
		return true;
	return nghttp2_session_want_read(h->ng) == 0 &&
	    nghttp2_session_want_write(h->ng) == 0;
}

static void
pump(void *arg)
{
	struct http2 *h = arg;
	const uint8_t *at;
	ssize_t n = 0;

	IS(h, HTTP2_MAGIC);
	while (
	    !io_full(h->io) && (n = nghttp2_session_mem_send(h->ng, &at)) > 0)
		io_put(h->io, at, (size_t)n);
	if (n < 0)
		copy_text(h->why, sizeof(h->why), nghttp2_strerror((int)n));
	if (h->told || (n >= 0 && !is_over(h)))
		return;
	h->told = true;
	h->calls->over(h->arg);
}

static void
take_input(struct http2 *h)
{
	struct slice in = io_input(h->io);
	ssize_t n =
	    nghttp2_session_mem_recv(h->ng, (const uint8_t *)in.at, in.len);

	if (n == NGHTTP2_ERR_FLOODED)
		http2_passed_limit(h, "h2_frames");
	else if (n == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS)
		http2_passed_limit(h, "h2_continuations");
	else if (n < 0)
		http2_give_up(
		    h, nghttp2_strerror((int)n), NGHTTP2_PROTOCOL_ERROR);
	if (n < 0)
		n = (ssize_t)in.len;
	io_eat(h->io, (size_t)n);
}

/* The peer sends no more: what it has not said whole never will be. */
static void
cut_short(struct http2 *h)
{
	struct http2_stream *s;

	h->ended = h->going = true;
	LIST_FOREACH(s, &h->streams, link)
	{
		if (s->ended || s->lost != 0)
			continue;
		s->lost = ECONNRESET;
		http2_reset(s, NGHTTP2_CANCEL);
		http2_tell(s);
	}
}

void
http2_says(struct http2 *h, enum io_event what)
{
	IS(h, HTTP2_MAGIC);
	if (what == IO_INPUT)
		take_input(h);
	if (what == IO_ENDED)
		cut_short(h);
	http2_pump_later(h);
}

/* ---- life ---- */

static nghttp2_session *
open_session(struct http2 *h)
{
	nghttp2_session *ng;
	nghttp2_option *o;

	MUST(nghttp2_option_new(&o) == 0);
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_max_continuations(o, HTTP2_CONTINUATIONS);
	nghttp2_option_set_max_outbound_ack(o, 4 * HTTP2_FRAMES);
	/* ours come first, and say so */
	nghttp2_option_set_stream_reset_rate_limit(
	    o, 2 * HTTP2_RESETS, 2 * HTTP2_RESETS_A_SECOND);
	MUST((h->server
		     ? nghttp2_session_server_new2(&ng, http2_callbacks(), h, o)
		     : nghttp2_session_client_new2(
			   &ng, http2_callbacks(), h, o)) == 0);
	nghttp2_option_del(o);
	return ng;
}

static void
introduce(struct http2 *h)
{
	const nghttp2_settings_entry says[] = {
	    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP2_STREAMS_MAX},
	    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_WINDOW},
	    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)h->head_max},
	    {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
	};
	size_t n = sizeof(says) / sizeof(says[0]);

	/* a server does not speak of push (RFC 9113 6.5.2) */
	MUST(nghttp2_submit_settings(
		 h->ng, NGHTTP2_FLAG_NONE, says, h->server ? n - 1 : n) == 0);
	MUST(nghttp2_session_set_local_window_size(
		 h->ng, NGHTTP2_FLAG_NONE, 0, HTTP2_WINDOW_ALL) == 0);
}

struct http2 *
http2_open(bool server, struct loop *l, struct io *io, size_t head_max,
    uint64_t id, const struct http2_calls *calls, void *arg)
{
	struct http2 *h = xcalloc(1, sizeof(*h));

	h->magic = HTTP2_MAGIC;
	h->server = server;
	h->loop = l;
	h->io = io;
	h->head_max = head_max;
	h->id = id;
	h->calls = calls;
	h->arg = arg;
	h->resets = (struct allowance){HTTP2_RESETS, clock_ms()};
	h->frames = (struct allowance){HTTP2_FRAMES, clock_ms()};
	LIST_INIT(&h->streams);
	job_init(&h->pump, pump, h);
	h->ng = open_session(h);
	introduce(h);
	http2_pump_later(h);
	return h;
}

/* From its io's owner's side it is the end of a connection. */
static void
lose(struct http2_stream *s)
{
	struct io *io = s->io;

	LIST_REMOVE(s, link);
	s->h = NULL;
	s->open = false;
	if (s->lost == 0 && !s->ended)
		s->lost = ECONNRESET;
	if (io == NULL)
		http2_drop_idle(s);
	else if (s->server || s->lost != 0 || s->out != HTTP2_OUT_DONE)
		io_wire_cut(io, s->lost == 0 ? ECONNRESET : s->lost);
}

void
http2_free(struct http2 **hp)
{
	struct http2 *h = *hp;

	*hp = NULL;
	if (h == NULL)
		return;
	IS(h, HTTP2_MAGIC);
	h->told = true;
	job_cancel(&h->pump);
	while (!LIST_EMPTY(&h->streams))
		lose(LIST_FIRST(&h->streams));
	nghttp2_session_del(h->ng);
	job_cancel(&h->pump);
	h->magic = 0;
	free(h);
}

/* ---- for its owner ---- */

unsigned
http2_streams(const struct http2 *h)
{
	const struct http2_stream *s;
	unsigned n = 0;

	LIST_FOREACH(s, &h->streams, link)
	{
		if (s->io != NULL)
			n++;
	}
	return n;
}

bool
http2_may_ask(const struct http2 *h)
{
	uint32_t most = nghttp2_session_get_remote_settings(
	    h->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	IS(h, HTTP2_MAGIC);
	return !h->server && !h->going && !h->told && h->why[0] == '\0' &&
	    h->n < HTTP2_STREAMS_MAX && h->n < most &&
	    nghttp2_session_check_request_allowed(h->ng) != 0;
}

struct io *
http2_ask(struct http2 *h)
{
	struct http2_stream *s;

	MUST(http2_may_ask(h));
	s = http2_open_stream(h);
	return http2_open_io(s);
}

void
http2_goodbye(struct http2 *h)
{
	IS(h, HTTP2_MAGIC);
	if (h->going)
		return;
	h->going = true;
	(void)nghttp2_submit_goaway(h->ng, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(h->ng), NGHTTP2_NO_ERROR,
	    NULL, 0);
	http2_pump_later(h);
}

const char *
http2_error_words(int error)
{
	switch (error) {
	case HTTP2_UNSEEN:
		return "HTTP/2: the stream was refused";
	case HTTP2_WANTS_1:
		return "HTTP/2: HTTP/1.1 is required";
	case HTTP2_MALFORMED:
		return "HTTP/2: protocol error";
	default:
		return NULL;
	}
}

const char *
http2_why(const struct http2 *h)
{
	return h->why;
}
