/*
 * http_stream: an answer that never ends, of events: it flows in windows, each
 * scanned before it goes out, with the end of the one before in front of it.
 */
#include "protocols/http/http.h"

#include <stdlib.h>

#include "protocols/http/http_write.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

#define EVENT_STREAM "text/event-stream"

/* Past this reading rests; one read more may come. */
#define WINDOW ((size_t)64 * 1024)
#define WINDOW_MAX (4 * WINDOW)

/* What is looked at again with the next window: a signature may lie across. */
#define OVERLAP 4096

#define HTTP_STREAM_MAGIC 0x47790015u
struct http_stream {
	uint32_t magic;
	struct http_req *q;
	struct buf window; /* has come */
	struct buf flight; /* is at the gate */
	struct content *c; /* the same behind the overlap */
	struct ticket *ticket;
	char overlap[OVERLAP];
	size_t overlap_len;
	bool ended; /* nothing more comes */
};

void
http_stream_free(struct http_stream **sp)
{
	struct http_stream *st = *sp;

	*sp = NULL;
	if (st == NULL)
		return;
	IS(st, HTTP_STREAM_MAGIC);
	gate_cancel(&st->ticket);
	content_free(&st->c);
	buf_free(&st->window);
	buf_free(&st->flight);
	st->magic = 0;
	free(st);
}

/* The client has asked for it by that name. */
static bool
is_events(const struct http_req *q)
{
	char type[HTTP_TYPE_MAX];

	return strcmp(http_media_type(&q->answer.head, type), EVENT_STREAM) ==
	    0 &&
	    http_accepts(&q->head.head, EVENT_STREAM);
}

/* Radio: sound or pictures, and nobody says how much. */
static bool
is_media(const struct http_req *q)
{
	char type[HTTP_TYPE_MAX];

	(void)http_media_type(&q->answer.head, type);
	return (strncmp(type, "audio/", 6) == 0 ||
		   strncmp(type, "video/", 6) == 0) &&
	    q->answer.head.framing.is != HTTP_BODY_LENGTH;
}

/* A download is not one, nor what has to be decoded as a whole. */
bool
http_stream_is(const struct http_req *q)
{
	const struct http_head *h = &q->answer.head;

	if (q->answer.status != 200 || q->head.head.minor != 1 ||
	    http_has(h, HTTP_FIELD_CONTENT_DISPOSITION) ||
	    http_has(h, HTTP_FIELD_CONTENT_ENCODING))
		return false;
	return is_events(q) || (q->own->media_stream && !q->cut && is_media(q));
}

bool
http_stream_may(const struct http_req *q)
{
	return q->own->event_stream || !is_events(q);
}

void
http_stream_begin(struct http_req *q)
{
	struct http_stream *st = xcalloc(1, sizeof(*st));

	st->magic = HTTP_STREAM_MAGIC;
	st->q = q;
	buf_init(&st->window, WINDOW_MAX);
	buf_init(&st->flight, WINDOW_MAX);
	q->stream = st;
	q->chunked = true;
}

/* The last bytes that were looked at. */
static void
keep_overlap(struct http_stream *st)
{
	uint64_t size = content_size(st->c);
	size_t n = size < OVERLAP ? (size_t)size : OVERLAP;

	st->overlap_len = 0;
	if (content_read(st->c, st->overlap, n, size - n) == (ssize_t)n)
		st->overlap_len = n;
}

static void
put_window(struct http_stream *st)
{
	struct io *io = st->q->s->client;
	char line[HTTP_CHUNK_HEAD_MAX];

	io_put(io, line, http_chunk_head(line, st->flight.len));
	io_put(io, buf_at(&st->flight), st->flight.len);
	io_puts(io, "\r\n");
	keep_overlap(st);
	content_free(&st->c);
	buf_clear(&st->flight);
}

static void judged(void *arg, const struct gate_result *result);

/* It ends here, and the client sees that it is not whole. */
static void
cut_off(struct http_stream *st, const char *result, const char *reason)
{
	struct session *s = st->q->s;
	struct http *p = s->state;

	http_request_end(&p->req, result, reason);
	http_enter(s, HTTP_IN_OVER);
	session_reset(s);
}

/* What has come goes to the gate; or it was the last. */
static void
next(struct http_stream *st)
{
	struct http_req *q = st->q;
	struct worker *w = q->s->place->worker;
	struct buf empty = st->flight;

	if (st->ticket != NULL)
		return;
	if (st->window.len == 0) {
		if (!st->ended)
			return;
		io_puts(q->s->client, "0\r\n\r\n");
		q->result = "delivered";
		http_enter(q->s, HTTP_IN_ANSWER);
		return;
	}
	st->flight = st->window;
	st->window = empty;
	st->c = content_open(
	    worker_spool(w), CONTENT_BODY, "", WINDOW_MAX + OVERLAP);
	if (content_write(st->c, st->overlap, st->overlap_len) < 0 ||
	    content_write(st->c, buf_at(&st->flight), st->flight.len) < 0 ||
	    content_seal(st->c) < 0) {
		cut_off(st, "deferred", "spool");
		return;
	}
	st->ticket = gate_submit(
	    worker_gate(w), st->c, NULL, q->own->scan_deadline, judged, st);
}

/* Reads on, if there is room on both sides. */
void
http_stream_drained(struct http_stream *st)
{
	struct http_req *q = st->q;

	IS(st, HTTP_STREAM_MAGIC);
	if (q->o != NULL)
		http_origin_pause(
		    q->o, st->window.len >= WINDOW || io_full(q->s->client));
}

static void
judged(void *arg, const struct gate_result *result)
{
	struct http_stream *st = arg;
	struct http_req *q = st->q;
	struct session *s = q->s;
	struct decision d;

	IS(st, HTTP_STREAM_MAGIC);
	st->ticket = NULL;
	policy_decide(s->place->policies, s->place->policy, &q->x->facts,
	    result->report, &d);
	if (d.action == DO_PASS || d.action == DO_TAG) {
		put_window(st);
		http_stream_drained(st);
		next(st);
	} else {
		log_warn(s->id, "http event stream id=%s verdict=%s what=%s",
		    q->x->id, d.verdict, log_quote(d.because.what));
		(void)snprintf(q->status, sizeof(q->status), "%s: %s",
		    d.verdict, d.because.what);
		cut_off(st, "refused", "policy");
	}
	http_go_on(s);
}

void
http_stream_data(struct http_stream *st, struct slice data)
{
	IS(st, HTTP_STREAM_MAGIC);
	if (buf_put(&st->window, data.at, data.len) < 0) {
		cut_off(st, "aborted", "window");
		return;
	}
	http_stream_drained(st);
	next(st);
}

void
http_stream_end(struct http_stream *st)
{
	IS(st, HTTP_STREAM_MAGIC);
	st->ended = true;
	next(st);
}
