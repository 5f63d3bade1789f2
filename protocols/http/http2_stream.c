/*
 * http2_stream: one stream of HTTP/2 as an io that speaks HTTP/1.1.
 */
#include "protocols/http/http2_stream.h"

#include <stdlib.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/io_wire.h"

/* What is taken of an io at once while its head is looked for. */
#define TAKE 4096

/* Bytes around a chunk: its size, two line ends. */
#define CHUNK_AROUND (HTTP_CHUNK_HEAD_MAX + 2)

/* The last chunk. */
static const char last_chunk[] = {'0', '\r', '\n', '\r', '\n'};

_Static_assert(IO_WIRE_ROOM > CHUNK_AROUND + sizeof(last_chunk),
    "what an io reads has room for a chunk");

struct http2_stream *
http2_stream_open(struct http2 *h, bool server, size_t head_max, size_t window)
{
	struct http2_stream *s = xcalloc(1, sizeof(*s));

	s->magic = HTTP2_STREAM_MAGIC;
	s->h = h;
	s->id = -1;
	s->server = server;
	s->limit = head_max;
	buf_init(&s->text, 2 * HTTP2_HEAD_MAX + head_max);
	buf_init(&s->data, window);
	buf_init(&s->raw, HTTP2_HEAD_MAX + 2 * TAKE);
	http_chunk_init(&s->chunks, NULL);
	return s;
}

static void
drop_read(struct http2_stream *s)
{
	if (s->read == NULL)
		return;
	http2_read_free(s->read);
	free(s->read);
	s->read = NULL;
}

void
http2_stream_free(struct http2_stream **sp)
{
	struct http2_stream *s = *sp;

	*sp = NULL;
	IS(s, HTTP2_STREAM_MAGIC);
	MUST(s->io == NULL && !s->open);
	drop_read(s);
	buf_free(&s->text);
	buf_free(&s->data);
	buf_free(&s->raw);
	http_chunk_free(&s->chunks);
	s->magic = 0;
	free(s);
}

/* ---- in ---- */

void
http2_stream_field(
    struct http2_stream *s, struct slice name, struct slice value)
{
	if (s->headed) /* trailers: nobody asks for them */
		return;
	if (s->read == NULL) {
		s->read = xcalloc(1, sizeof(*s->read));
		http2_read_init(s->read, s->server, s->limit);
	}
	http2_read_field(s->read, name, value);
}

const char *
http2_stream_head(struct http2_stream *s, bool ended, bool *interim_r)
{
	bool bare = !s->server && s->asked == HTTP_HEAD;
	const char *bad;

	*interim_r = false;
	s->ended = ended;
	if (s->headed) /* trailers: they end it */
		return ended ? NULL : "trailers";
	if (s->read == NULL)
		return "pseudo_header";
	bad = http2_read_text(s->read, &s->text, ended, bare, &s->chunked);
	if (bad == NULL && s->server)
		s->asked = http2_read_method(s->read);
	else if (bad == NULL)
		*interim_r = http2_read_status(s->read) < 200;
	s->headed = !*interim_r;
	drop_read(s);
	return bad == NULL && *interim_r && ended ? "interim" : bad;
}

bool
http2_stream_data(struct http2_stream *s, const void *at, size_t len)
{
	return s->headed && buf_put(&s->data, at, len) == 0;
}

static size_t
take(struct buf *from, char *to, size_t room)
{
	size_t n = from->len < room ? from->len : room;

	memcpy(to, buf_at(from), n);
	buf_drop(from, n);
	if (from->len == 0)
		buf_free(from);
	return n;
}

/* One chunk of what there is; its data may be more than one piece of it. */
static size_t
put_chunk(struct http2_stream *s, char *to, size_t room, size_t *used_r)
{
	size_t n = s->data.len, head;

	if (n > room - CHUNK_AROUND)
		n = room - CHUNK_AROUND;
	head = http_chunk_head(to, n);
	*used_r = take(&s->data, to + head, n);
	to[head + n] = '\r';
	to[head + n + 1] = '\n';
	return head + n + 2;
}

static size_t
put_end(struct http2_stream *s, char *to, bool *end_r)
{
	size_t n = sizeof(last_chunk);

	if (!s->ended || !s->headed)
		return 0;
	if (!s->chunked || s->end_given) {
		*end_r = true;
		return 0;
	}
	s->end_given = true;
	memcpy(to, last_chunk, n);
	return n;
}

size_t
http2_stream_read(
    struct http2_stream *s, char *to, size_t room, size_t *used_r, bool *end_r)
{
	*used_r = 0;
	MUST(room >= IO_WIRE_ROOM);
	if (s->text.len > 0)
		return take(&s->text, to, room);
	if (s->data.len == 0)
		return put_end(s, to, end_r);
	if (s->chunked)
		return put_chunk(s, to, room, used_r);
	*used_r = take(&s->data, to, room);
	return *used_r;
}

/* ---- out: the head ---- */

/* Up to room bytes more behind what is raw.  False: there are none. */
static bool
fill(struct http2_stream *s, size_t room)
{
	char *to = s->io == NULL ? NULL : buf_room(&s->raw, room);
	ssize_t n;

	if (to == NULL)
		return false;
	n = io_wire_take(s->io, to, room, &s->io_ended);
	if (n > 0)
		buf_grew(&s->raw, (size_t)n);
	return n > 0;
}

/* The head is in one piece but for a mistake of ours: it is read anew from its
 * begin when more has come. */
static enum http_head_is
read_request(struct http2_stream *s, struct http2_fields *f, size_t *size_r)
{
	static struct http_request_head head;
	enum http_head_is is;

	http_request_head_init(&head);
	is = http_request_head(
	    &head, (struct slice){buf_at(&s->raw), s->raw.len}, HTTP2_HEAD_MAX);
	if (is != HTTP_HEAD_DONE)
		return is;
	http2_put_request(f, &head, "https");
	s->asked = head.method;
	s->framing = head.head.framing;
	*size_r = head.head.size;
	return is;
}

static enum http_head_is
read_response(struct http2_stream *s, struct http2_fields *f, size_t *size_r,
    bool *interim_r)
{
	static struct http_response_head head;
	enum http_head_is is;

	http_response_head_init(&head, s->asked);
	is = http_response_head(
	    &head, (struct slice){buf_at(&s->raw), s->raw.len}, HTTP2_HEAD_MAX);
	if (is != HTTP_HEAD_DONE)
		return is;
	http2_put_response(f, &head);
	s->framing = head.head.framing;
	*interim_r = head.status < 200;
	*size_r = head.head.size;
	return is;
}

enum http2_head_is
http2_stream_take(struct http2_stream *s, struct http2_fields *f)
{
	enum http_head_is is = HTTP_HEAD_MORE;
	bool interim = false;
	size_t size = 0;

	while (is == HTTP_HEAD_MORE && (s->raw.len > 0 || fill(s, TAKE))) {
		http2_fields_free(f);
		is = s->server ? read_response(s, f, &size, &interim)
			       : read_request(s, f, &size);
		if (is == HTTP_HEAD_MORE && !fill(s, TAKE))
			return HTTP2_HEAD_MORE;
	}
	if (is == HTTP_HEAD_MORE)
		return HTTP2_HEAD_MORE;
	if (is == HTTP_HEAD_BAD || s->framing.is == HTTP_BODY_TUNNEL)
		return HTTP2_HEAD_BAD;
	buf_drop(&s->raw, size);
	if (interim)
		return HTTP2_HEAD_INTERIM;
	s->left = s->framing.length;
	s->out = HTTP2_OUT_BODY;
	if (s->framing.is != HTTP_BODY_NONE &&
	    (s->framing.is != HTTP_BODY_LENGTH || s->left > 0))
		return HTTP2_HEAD_DONE;
	s->out = HTTP2_OUT_DONE;
	return HTTP2_HEAD_BARE;
}

/* ---- out: the body ---- */

/* Bytes as they come.  -1: a content cannot be read. */
static ssize_t
take_plain(struct http2_stream *s, char *to, size_t room)
{
	if (s->raw.len > 0)
		return (ssize_t)take(&s->raw, to, room);
	if (s->io == NULL)
		return 0;
	return io_wire_take(s->io, to, room, &s->io_ended);
}

static ssize_t
take_length(struct http2_stream *s, char *to, size_t room, bool *end_r)
{
	ssize_t n = take_plain(s, to, s->left < room ? (size_t)s->left : room);

	if (n > 0)
		s->left -= (uint64_t)n;
	*end_r = s->left == 0;
	return n;
}

/* Never more raw than room, so that a piece of data always has it. */
static ssize_t
take_chunk(struct http2_stream *s, char *to, size_t room, bool *end_r)
{
	struct slice in, data;
	enum http_chunk_is is;
	size_t before;

	for (;;) {
		if (s->raw.len == 0 && !fill(s, room < TAKE ? room : TAKE))
			return 0;
		in = (struct slice){
		    buf_at(&s->raw), s->raw.len < room ? s->raw.len : room};
		before = in.len;
		is = http_chunk(&s->chunks, &in, &data);
		if (is == HTTP_CHUNK_DATA)
			memcpy(to, data.at, data.len);
		buf_drop(&s->raw, before - in.len);
		*end_r = is == HTTP_CHUNK_DONE;
		if (is == HTTP_CHUNK_DATA)
			return (ssize_t)data.len;
		if (is != HTTP_CHUNK_MORE)
			return is == HTTP_CHUNK_DONE ? 0 : -1;
	}
}

static ssize_t
take_body(struct http2_stream *s, char *to, size_t room, bool *end_r)
{
	ssize_t n;

	switch (s->framing.is) {
	case HTTP_BODY_LENGTH:
		return take_length(s, to, room, end_r);
	case HTTP_BODY_CHUNKED:
		return take_chunk(s, to, room, end_r);
	default: /* HTTP_BODY_CLOSE */
		n = take_plain(s, to, room);
		*end_r = n >= 0 && s->raw.len == 0 && s->io_ended;
		return n;
	}
}

ssize_t
http2_stream_body(struct http2_stream *s, char *to, size_t room, bool *end_r)
{
	ssize_t n;

	*end_r = false;
	n = take_body(s, to, room, end_r);
	if (*end_r)
		s->out = HTTP2_OUT_DONE;
	else if (n == 0 && s->io_ended)
		return -1;
	return n;
}
