/*
 * http2_hear: what the library says of a connection: heads, data and ends of
 * streams, and what of that is too much.
 */
#include "protocols/http/http2_own.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/stats.h"

/* ---- limits ---- */

void
http2_give_up(struct http2 *h, const char *why, uint32_t code)
{
	if (h->why[0] != '\0')
		return;
	copy_text(h->why, sizeof(h->why), why);
	log_info(h->id, "http2 connection ends reason=%s", log_quote(why));
	(void)nghttp2_session_terminate_session(h->ng, code);
}

void
http2_passed_limit(struct http2 *h, const char *limit)
{
	if (h->why[0] == '\0') {
		(void)stats_limit(0, limit);
		log_warn(h->id, "http2 limit=%s exceeded", limit);
	}
	http2_give_up(h, limit, NGHTTP2_ENHANCE_YOUR_CALM);
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
		http2_passed_limit(h, "h2_resets");
}

static void
count_frame(struct http2 *h)
{
	if (!takes(&h->frames, HTTP2_FRAMES, HTTP2_FRAMES_A_SECOND))
		http2_passed_limit(h, "h2_frames");
}

/* ---- what the library says ---- */

static void
too_many(const struct http2 *h)
{
	(void)stats_limit(0, "h2_streams");
	log_info(h->id, "http2 limit=h2_streams exceeded");
}

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
		too_many(h);
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	s = http2_open_stream(h);
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
		http2_passed_limit(h, "h2_header_list");
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
	http2_reset(s, NGHTTP2_PROTOCOL_ERROR);
	http2_tell(s);
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
		(void)http2_open_io(s);
	http2_tell(s);
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
		http2_tell(s);
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
		http2_tell(s);
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
	http2_tell(s);
	http2_drop_idle(s);
	return 0;
}

/* What it has found wrong itself, and has refused. */
static int
on_invalid(
    nghttp2_session *ng, const nghttp2_frame *frame, int error, void *arg)
{
	struct http2 *h = arg;
	struct http2_stream *s = stream_of(ng, frame->hd.stream_id);

	if (error == NGHTTP2_ERR_REFUSED_STREAM)
		too_many(h);
	else
		log_info(h->id, "http2 malformed frame=%u reason=%s",
		    frame->hd.type, log_quote(nghttp2_strerror(error)));
	if (s != NULL)
		s->lost = HTTP2_MALFORMED;
	return 0;
}

/* What the library has ended itself is said in the log; a request whose answer
 * was whole, and that nobody reads any more, ends (RFC 9113 8.1). */
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
	if (frame->hd.type == NGHTTP2_GOAWAY &&
	    frame->goaway.error_code != NGHTTP2_NO_ERROR)
		http2_give_up(h,
		    nghttp2_http2_strerror(frame->goaway.error_code),
		    frame->goaway.error_code);
	if (s != NULL && s->server && ends && !s->ended && s->io == NULL)
		http2_reset(s, NGHTTP2_NO_ERROR);
	return 0;
}

/* ---- all of it ---- */

nghttp2_session_callbacks *
http2_callbacks(void)
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
