/*
 * http2_carry: the streams of a connection, and what their ios ask for: to
 * read, to say a head, a body, an end.
 */
#include "protocols/http/http2_own.h"
#include "proxy/base/check.h"

/* ---- streams ---- */

void
http2_pump_later(struct http2 *h)
{
	loop_later(h->loop, &h->pump);
}

/* Neither its io nor the library knows it any more. */
void
http2_drop_idle(struct http2_stream *s)
{
	struct http2 *h = s->h;

	if (s->io != NULL || s->open)
		return;
	if (h != NULL) {
		LIST_REMOVE(s, link);
		if (--h->n == 0 && !h->told)
			h->calls->busy(h->arg, false);
		http2_pump_later(h);
	}
	http2_stream_free(&s);
}

void
http2_reset(struct http2_stream *s, uint32_t code)
{
	if (s->h == NULL || !s->open)
		return;
	(void)nghttp2_submit_rst_stream(
	    s->h->ng, NGHTTP2_FLAG_NONE, s->id, code);
	http2_pump_later(s->h);
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
	http2_pump_later(s->h);
}

void
http2_tell(struct http2_stream *s)
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
		http2_reset(s, NGHTTP2_INTERNAL_ERROR);
	else if (is != HTTP2_HEAD_MORE)
		well = submit(s, &f, is) == 0;
	http2_fields_free(&f);
	if (!well) {
		s->lost = HTTP2_UNSEEN;
		http2_tell(s);
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
	http2_pump_later(s->h);
}

/* What an io leaves behind that has closed in order: it goes out, and whether
 * that is all is seen then. */
static void
say_rest(struct http2_stream *s)
{
	s->io_ended = true;
	if (s->out == HTTP2_OUT_HEAD)
		http2_reset(s, NGHTTP2_INTERNAL_ERROR);
	else if (s->out == HTTP2_OUT_DONE && !s->ended)
		http2_reset(s, NGHTTP2_NO_ERROR); /* RFC 9113 8.1 */
	if (!s->waits || s->h == NULL || !s->open)
		return;
	s->waits = false;
	(void)nghttp2_session_resume_data(s->h->ng, s->id);
	http2_pump_later(s->h);
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
		http2_reset(s, NGHTTP2_CANCEL);
	else if (reset)
		http2_reset(s, NGHTTP2_INTERNAL_ERROR);
	else if (s->server)
		say_rest(s);
	http2_drop_idle(s);
}

static const struct io_wire wire = {
    .read = wire_read,
    .lost = wire_lost,
    .wants = wire_wants,
    .closed = wire_closed,
};

struct http2_stream *
http2_open_stream(struct http2 *h)
{
	struct http2_stream *s =
	    http2_stream_open(h, h->server, h->head_max, HTTP2_WINDOW);

	LIST_INSERT_HEAD(&h->streams, s, link);
	if (h->n++ == 0)
		h->calls->busy(h->arg, true);
	return s;
}

struct io *
http2_open_io(struct http2_stream *s)
{
	s->io = io_open_wire(s->h->loop, &wire, s, s->h->io);
	return s->io;
}
