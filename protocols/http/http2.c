/*
 * http2: one connection that speaks HTTP/2: frames to streams and back.  The
 * library is never called from inside its own calls but to submit, and owners
 * of streams are never told from there.
 */
#include "protocols/http/http2.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#include "protocols/http/http2_stream.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/io_wire.h"
#include "proxy/loop.h"
#include "proxy/stats.h"

/* So many are free at once, and so many a second for good. */
struct allowance {
	int64_t left, at_ms;
};

#define HTTP2_MAGIC 0x47790030u
struct http2 {
	uint32_t magic;
	bool server;
	bool going; /* no new streams */
	bool ended; /* the peer sends no more */
	bool told;  /* that it is over */
	struct loop *loop;
	struct io *io;
	size_t head_max;
	uint64_t id;
	const struct http2_calls *calls;
	void *arg;
	nghttp2_session *ng;
	LIST_HEAD(, http2_stream) streams;
	unsigned n;
	struct job pump;
	size_t fields; /* bytes of the head that comes in */
	struct allowance resets, frames;
	char why[96];
};

static void
give_up(struct http2 *h, const char *why, uint32_t code)
{
	if (h->why[0] != '\0')
		return;
	copy_text(h->why, sizeof(h->why), why);
	log_info(h->id, "http2 connection ends reason=%s", log_quote(why));
	(void)nghttp2_session_terminate_session(h->ng, code);
}

static void
passed_limit(struct http2 *h, const char *limit)
{
	if (h->why[0] == '\0') {
		(void)stats_limit(0, limit);
		log_warn(h->id, "http2 limit=%s exceeded", limit);
	}
	give_up(h, limit, NGHTTP2_ENHANCE_YOUR_CALM);
}

static bool
takes(struct allowance *a, int64_t most, int64_t a_second)
{
	int64_t now = clock_ms(), more = (now - a->at_ms) * a_second / 1000;

	if (more > 0) {
		a->left = a->left + more < most ? a->left + more : most;
		a->at_ms = now;
	}
	return a->left-- > 0;
}

static void
count_reset(struct http2 *h)
{
	if (!takes(&h->resets, HTTP2_RESETS, HTTP2_RESETS_A_SECOND))
		passed_limit(h, "h2_resets");
}

static void
count_frame(struct http2 *h)
{
	if (!takes(&h->frames, HTTP2_FRAMES, HTTP2_FRAMES_A_SECOND))
		passed_limit(h, "h2_frames");
}

/* ---- streams ---- */

static void
pump_later(struct http2 *h)
{
	loop_later(h->loop, &h->pump);
}

/* Neither its io nor the library knows it any more. */
static void
drop_idle(struct http2_stream *s)
{
	struct http2 *h = s->h;

	if (s->io != NULL || s->open)
		return;
	if (h != NULL) {
		LIST_REMOVE(s, link);
		if (--h->n == 0 && !h->told)
			h->calls->busy(h->arg, false);
		pump_later(h);
	}
	http2_stream_free(&s);
}

static void
reset_stream(struct http2_stream *s, uint32_t code)
{
	if (s->h == NULL || !s->open)
		return;
	(void)nghttp2_submit_rst_stream(
	    s->h->ng, NGHTTP2_FLAG_NONE, s->id, code);
	pump_later(s->h);
}

/* Bytes that came were read: the peer may send as many more. */
static void
was_read(struct http2_stream *s, size_t n)
{
	if (n == 0 || s->h == NULL)
		return;
	if (s->open)
		(void)nghttp2_session_consume(s->h->ng, s->id, n);
	else
		(void)nghttp2_session_consume_connection(s->h->ng, n);
	pump_later(s->h);
}

static void
tell(struct http2_stream *s)
{
	if (s->io != NULL)
		io_wire_ready(s->io);
}

/* ---- what the io of a stream asks for ---- */

static size_t
wire_read(void *arg, char *to, size_t room, bool *end_r)
{
	struct http2_stream *s = arg;
	size_t used, n;

	IS(s, HTTP2_STREAM_MAGIC);
	n = http2_stream_read(s, to, room, &used, end_r);
	was_read(s, used);
	return n;
}

/* What has come whole is read to its end. */
static int
wire_lost(void *arg)
{
	const struct http2_stream *s = arg;

	return s->lost;
}

static ssize_t
on_want_body(nghttp2_session *ng, int32_t id, uint8_t *to, size_t room,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct http2_stream *s = source->ptr;
	bool end;
	ssize_t n;

	(void)ng;
	(void)id;
	(void)arg;
	IS(s, HTTP2_STREAM_MAGIC);
	n = http2_stream_body(s, (char *)to, room, &end);
	if (n < 0)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (end)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	s->waits = n == 0 && !end;
	return s->waits ? NGHTTP2_ERR_DEFERRED : n;
}

static size_t
to_nv(const struct http2_fields *f, nghttp2_nv nv[HTTP2_FIELDS_MAX])
{
	for (unsigned i = 0; i < f->n; i++) {
		struct slice name = http2_at(f, f->at[i].name);
		struct slice value = http2_at(f, f->at[i].value);

		nv[i] = (nghttp2_nv){
		    .name = (uint8_t *)(uintptr_t)name.at,
		    .namelen = name.len,
		    .value = (uint8_t *)(uintptr_t)value.at,
		    .valuelen = value.len,
		};
	}
	return f->n;
}

static int
submit(
    struct http2_stream *s, const struct http2_fields *f, enum http2_head_is is)
{
	nghttp2_data_provider body = {{.ptr = s}, on_want_body};
	const nghttp2_data_provider *bp = is == HTTP2_HEAD_DONE ? &body : NULL;
	nghttp2_nv nv[HTTP2_FIELDS_MAX];
	size_t n = to_nv(f, nv);
	int32_t id;

	if (is == HTTP2_HEAD_INTERIM)
		return nghttp2_submit_headers(
		    s->h->ng, NGHTTP2_FLAG_NONE, s->id, NULL, nv, n, NULL);
	if (s->server)
		return nghttp2_submit_response(s->h->ng, s->id, nv, n, bp);
	id = nghttp2_submit_request(s->h->ng, NULL, nv, n, bp, s);
	s->id = id;
	s->open = id > 0;
	return id > 0 ? 0 : -1;
}

/* A head is there.  False: none is. */
static bool
say_head(struct http2_stream *s)
{
	struct http2_fields f;
	enum http2_head_is is;
	bool well = true;

	http2_fields_init(&f);
	is = http2_stream_take(s, &f);
	if (is == HTTP2_HEAD_BAD || (is == HTTP2_HEAD_MORE && s->io_ended))
		reset_stream(s, NGHTTP2_INTERNAL_ERROR);
	else if (is != HTTP2_HEAD_MORE)
		well = submit(s, &f, is) == 0;
	http2_fields_free(&f);
	if (!well) {
		s->lost = HTTP2_UNSEEN;
		tell(s);
	}
	return is == HTTP2_HEAD_INTERIM;
}

static void
wire_wants(void *arg)
{
	struct http2_stream *s = arg;

	IS(s, HTTP2_STREAM_MAGIC);
	if (s->h == NULL || s->lost != 0 || (s->server && !s->open))
		return;
	if (s->out == HTTP2_OUT_HEAD) {
		while (say_head(s))
			;
	} else if (s->waits) {
		s->waits = false;
		(void)nghttp2_session_resume_data(s->h->ng, s->id);
	}
	pump_later(s->h);
}

/* What an io leaves behind that has closed in order: it goes out, and whether
 * that is all is seen then. */
static void
say_rest(struct http2_stream *s)
{
	s->io_ended = true;
	if (s->out == HTTP2_OUT_HEAD)
		reset_stream(s, NGHTTP2_INTERNAL_ERROR);
	if (!s->waits || s->h == NULL || !s->open)
		return;
	s->waits = false;
	(void)nghttp2_session_resume_data(s->h->ng, s->id);
	pump_later(s->h);
}

/* What was not read of it will not be. */
static void
wire_closed(void *arg, bool reset)
{
	struct http2_stream *s = arg;

	IS(s, HTTP2_STREAM_MAGIC);
	s->io = NULL;
	was_read(s, s->data.len);
	buf_free(&s->data);
	if (!s->server && (!s->ended || s->out != HTTP2_OUT_DONE))
		reset_stream(s, NGHTTP2_CANCEL);
	else if (reset)
		reset_stream(s, NGHTTP2_INTERNAL_ERROR);
	else if (s->server)
		say_rest(s);
	drop_idle(s);
}

static const struct io_wire wire = {
    .read = wire_read,
    .lost = wire_lost,
    .wants = wire_wants,
    .closed = wire_closed,
};

static struct http2_stream *
open_stream(struct http2 *h)
{
	struct http2_stream *s =
	    http2_stream_open(h, h->server, h->head_max, HTTP2_WINDOW);

	LIST_INSERT_HEAD(&h->streams, s, link);
	if (h->n++ == 0)
		h->calls->busy(h->arg, true);
	return s;
}

/* ---- what the library says ---- */

static struct http2_stream *
stream_of(nghttp2_session *ng, int32_t id)
{
	return nghttp2_session_get_stream_user_data(ng, id);
}

/* Its owner learns of it when the head is whole. */
static int
on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct http2 *h = arg;
	struct http2_stream *s;

	h->fields = 0;
	if (!h->server || frame->hd.type != NGHTTP2_HEADERS ||
	    frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	if (h->going || h->n >= HTTP2_STREAMS_MAX) {
		(void)stats_limit(0, "h2_streams");
		log_info(h->id, "http2 limit=h2_streams exceeded");
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	s = open_stream(h);
	s->id = frame->hd.stream_id;
	s->open = true;
	MUST(nghttp2_session_set_stream_user_data(ng, s->id, s) == 0);
	return 0;
}

static int
on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
    void *arg)
{
	struct http2 *h = arg;
	struct http2_stream *s = stream_of(ng, frame->hd.stream_id);

	(void)flags;
	/* RFC 9113 6.5.2: what a field counts */
	h->fields += name_len + value_len + 32;
	if (h->fields > HTTP2_HEADERS_TIMES * h->head_max) {
		passed_limit(h, "h2_header_list");
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	if (s != NULL && s->lost == 0)
		http2_stream_field(s,
		    (struct slice){(const char *)name, name_len},
		    (struct slice){(const char *)value, value_len});
	return 0;
}

static void
malformed(struct http2_stream *s, const char *why)
{
	log_info(s->h->id, "http2 malformed %s reason=%s",
	    s->server ? "request" : "answer", why);
	s->lost = HTTP2_MALFORMED;
	reset_stream(s, NGHTTP2_PROTOCOL_ERROR);
	tell(s);
}

/* A head is whole, and with a flag the message, too. */
static void
took_head(struct http2_stream *s, bool ended)
{
	struct http2 *h = s->h;
	bool begins = s->server && !s->headed, interim;
	const char *bad = http2_stream_head(s, ended, &interim);
	struct io *io;

	if (bad != NULL) {
		malformed(s, bad);
		return;
	}
	if (begins)
		s->io = io_open_wire(h->loop, &wire, s, h->io);
	tell(s);
	io = s->io;
	if (begins)
		h->calls->opened(h->arg, &io);
}

/* What does a frame bring? */
static bool
is_idle(const nghttp2_frame *frame)
{
	bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		return false;
	case NGHTTP2_DATA:
		return frame->hd.length == frame->data.padlen && !ends;
	case NGHTTP2_WINDOW_UPDATE:
	case NGHTTP2_RST_STREAM: /* counted apart */
		return false;
	default:
		return true;
	}
}

static int
on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct http2 *h = arg;
	struct http2_stream *s = stream_of(ng, frame->hd.stream_id);
	bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

	if (is_idle(frame))
		count_frame(h);
	if (frame->hd.type == NGHTTP2_RST_STREAM)
		count_reset(h);
	if (frame->hd.type == NGHTTP2_GOAWAY)
		h->going = true;
	if (frame->hd.type == NGHTTP2_RST_STREAM && s != NULL)
		s->reset = true;
	if (s == NULL || s->lost != 0)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS) {
		took_head(s, ends);
	} else if (frame->hd.type == NGHTTP2_DATA && ends) {
		s->ended = true;
		tell(s);
	}
	return 0;
}

static int
on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *at,
    size_t len, void *arg)
{
	struct http2_stream *s = stream_of(ng, id);

	(void)flags;
	(void)arg;
	if (s == NULL || s->io == NULL || s->lost != 0) {
		(void)nghttp2_session_consume(ng, id, len);
		return 0;
	}
	if (!http2_stream_data(s, at, len))
		malformed(s, "data");
	else
		tell(s);
	return 0;
}

/* Who has reset it that way? */
static int
error_of(const struct http2_stream *s, uint32_t code)
{
	if (code == NGHTTP2_NO_ERROR)
		return s->ended ? 0 : ECONNRESET;
	if (code == NGHTTP2_REFUSED_STREAM)
		return HTTP2_UNSEEN;
	if (!s->reset)
		return code == NGHTTP2_PROTOCOL_ERROR ? HTTP2_MALFORMED
						      : ECONNRESET;
	return code == NGHTTP2_HTTP_1_1_REQUIRED ? HTTP2_WANTS_1 : ECONNRESET;
}

static int
on_stream_close(nghttp2_session *ng, int32_t id, uint32_t code, void *arg)
{
	struct http2_stream *s = stream_of(ng, id);

	(void)arg;
	if (s == NULL)
		return 0;
	s->open = false;
	if (s->lost == 0)
		s->lost = error_of(s, code);
	tell(s);
	drop_idle(s);
	return 0;
}

/* What it has found wrong itself, and has refused. */
static int
on_invalid(
    nghttp2_session *ng, const nghttp2_frame *frame, int error, void *arg)
{
	struct http2 *h = arg;
	struct http2_stream *s = stream_of(ng, frame->hd.stream_id);

	log_info(h->id, "http2 malformed frame=%u reason=%s", frame->hd.type,
	    log_quote(nghttp2_strerror(error)));
	if (s != NULL)
		s->lost = HTTP2_MALFORMED;
	return 0;
}

/* A request that nobody reads any more: its answer was whole (RFC 9113 8.1). */
static int
on_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct http2 *h = arg;
	struct http2_stream *s = stream_of(ng, frame->hd.stream_id);
	bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
	    (frame->hd.type == NGHTTP2_DATA ||
		frame->hd.type == NGHTTP2_HEADERS);

	if (frame->hd.type == NGHTTP2_RST_STREAM &&
	    frame->rst_stream.error_code != NGHTTP2_NO_ERROR && h->server)
		count_reset(h);
	if (s != NULL && s->server && ends && !s->ended)
		reset_stream(s, NGHTTP2_NO_ERROR);
	return 0;
}

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

	if (n < 0) {
		give_up(h, nghttp2_strerror((int)n), NGHTTP2_PROTOCOL_ERROR);
		n = (ssize_t)in.len;
	}
	io_eat(h->io, (size_t)n);
}

void
http2_says(struct http2 *h, enum io_event what)
{
	IS(h, HTTP2_MAGIC);
	if (what == IO_INPUT)
		take_input(h);
	if (what == IO_ENDED)
		h->ended = h->going = true;
	pump_later(h);
}

/* ---- life ---- */

static nghttp2_session_callbacks *
all_callbacks(void)
{
	static nghttp2_session_callbacks *c;

	if (c != NULL)
		return c;
	MUST(nghttp2_session_callbacks_new(&c) == 0);
	nghttp2_session_callbacks_set_on_begin_headers_callback(
	    c, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(
	    c, on_stream_close);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
	    c, on_invalid);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, on_sent);
	return c;
}

static nghttp2_session *
open_session(struct http2 *h)
{
	nghttp2_session *ng;
	nghttp2_option *o;

	MUST(nghttp2_option_new(&o) == 0);
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_max_continuations(o, HTTP2_CONTINUATIONS);
	/* ours come first, and say so */
	nghttp2_option_set_stream_reset_rate_limit(
	    o, 2 * HTTP2_RESETS, 2 * HTTP2_RESETS_A_SECOND);
	MUST(
	    (h->server ? nghttp2_session_server_new2(&ng, all_callbacks(), h, o)
		       : nghttp2_session_client_new2(
			     &ng, all_callbacks(), h, o)) == 0);
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
	pump_later(h);
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
		drop_idle(s);
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
	s = open_stream(h);
	s->io = io_open_wire(h->loop, &wire, s, h->io);
	return s->io;
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
	pump_later(h);
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
