/*
 * http_deliver: an answer, from the origin to the client: its body goes into a
 * content and to the gate, and only what has passed there goes out, framed
 * anew.  What goes wrong on the way becomes a page, or, when bytes have left
 * already, an answer that is seen to be incomplete.
 */
#include <errno.h>
#include <stdlib.h>

#include "protocols/http/http.h"
#include "protocols/http/http_list.h"
#include "protocols/http/http_write.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

#define HEAD_OUT_MAX (160 * 1024)

/* How often a client that waits gets its bytes. */
#define TRICKLE_MS 1000

/* ---- asking ---- */

/* What is left out of the request, besides what ends at this hop. */
static uint64_t
dropped(const struct http_req *q)
{
	uint64_t drop = HTTP_FIELD_BIT(EXPECT);

	if (q->own->ranges != RANGES_PASS)
		drop |= HTTP_FIELD_BIT(RANGE) | HTTP_FIELD_BIT(IF_RANGE);
	return drop;
}

static void
ask(struct http_req *q)
{
	struct http_origin *o = q->o;
	char accept[HTTP_ACCEPT_MAX];
	struct http_write_request w = {
	    .via = q->s->place->gateway,
	    .host = &q->host,
	    .scheme = q->scheme,
	    .upgrade = q->upgrade ? "websocket" : NULL,
	    .accept_encoding = http_accept_encoding(&q->head.head, accept),
	    .drop = dropped(q),
	};
	struct buf b;

	copy_text(q->hop_address, sizeof(q->hop_address), o->address);
	if (q->head.method == HTTP_CONNECT) {
		http_tunnel_begin(q);
		return;
	}
	if (http_max_forwards(&q->head.head, &w.max_forwards) == 1 &&
	    q->head.method == HTTP_OPTIONS) {
		w.has_max_forwards = true;
		w.max_forwards--;
	}
	w.body.is = HTTP_BODY_NONE;
	if (q->head.head.framing.is != HTTP_BODY_NONE) {
		w.body.is = HTTP_BODY_LENGTH;
		w.body.length = q->has_body ? content_size(q->x->content) : 0;
	}
	buf_init(&b, HEAD_OUT_MAX);
	if (http_write_request(&b, &q->head, &w) < 0) {
		buf_free(&b);
		http_page(q, HTTP_CAUSE_REQUEST, "refused", "long_head");
		return;
	}
	io_put(o->io, buf_at(&b), b.len);
	buf_free(&b);
	if (q->has_body)
		io_feed(o->io, q->x->content, 0, content_size(q->x->content));
	else
		o->reusable = true;
}

/* ---- the answer's head to the client ---- */

static void
name_status(struct http_req *q)
{
	struct slice reason = http_at(&q->answer.head, q->answer.reason);

	(void)snprintf(q->status, sizeof(q->status), "%u %.*s",
	    q->answer.status, (int)(reason.len < 48 ? reason.len : 48),
	    reason.at);
}

static void
put_head(struct http_req *q, struct http_write_response *w)
{
	struct buf b;

	w->via = q->s->place->gateway;
	w->close = q->close;
	if (q->own->block_quic)
		w->drop |= HTTP_FIELD_BIT(ALT_SVC);
	buf_init(&b, HEAD_OUT_MAX);
	MUST(http_write_response(&b, &q->answer, w) == 0);
	io_put(q->s->client, buf_at(&b), b.len);
	buf_free(&b);
	q->head_sent = true;
}

/* It has no body: HEAD, 204, 304. */
static void
answer_bare(struct http_req *q)
{
	struct http_write_response w = {.body = {HTTP_BODY_NONE, 0}};
	struct slice length =
	    http_value(&q->answer.head, HTTP_FIELD_CONTENT_LENGTH);

	if (length.at != NULL && http_number(length, &w.length_of) == 0)
		w.has_length_of = true;
	if (q->answer.head.framing.is == HTTP_BODY_LENGTH)
		w.body = q->answer.head.framing;
	q->result = "delivered";
	q->delivery_ms = clock_ms();
	put_head(q, &w);
	http_enter(q->s, HTTP_IN_ANSWER);
}

/* ---- parts of the whole ---- */

/* What of the answer's list is to be sent; WHOLE: all of it. */
static enum http_range_is
which_ranges(const struct http_req *q, struct http_range *list, unsigned *n_r)
{
	const struct http_head *h = &q->answer.head;
	struct slice condition = http_value(&q->head.head, HTTP_FIELD_IF_RANGE);

	if (!q->cut || q->answer.status != 200)
		return HTTP_RANGE_WHOLE;
	if (condition.at != NULL &&
	    !http_if_range(condition, http_value(h, HTTP_FIELD_ETAG),
		http_value(h, HTTP_FIELD_LAST_MODIFIED),
		http_value(h, HTTP_FIELD_DATE)))
		return HTTP_RANGE_WHOLE;
	return http_ranges_of(
	    &q->ranges, content_size(q->x->content), list, n_r);
}

static void
put_range_head(struct http_req *q, const struct http_range *r, uint64_t len)
{
	struct http_write_response w = {.body = {HTTP_BODY_LENGTH, len}};
	struct buf more;

	w.status = r == NULL ? 416 : 206;
	w.drop = HTTP_FIELD_BIT(CONTENT_RANGE);
	buf_init(&more, 256);
	buf_puts(&more, "Content-Range: ");
	(void)http_content_range_put(&more, r, content_size(q->x->content));
	buf_puts(&more, "\r\n");
	w.more = (struct slice){buf_at(&more), more.len};
	(void)snprintf(q->status, sizeof(q->status), "%u %s", w.status,
	    http_status_text(w.status));
	put_head(q, &w);
	buf_free(&more);
}

/* Several: each with a head of its own (RFC 9110 15.3.7.2). */
static void
put_parts(struct http_req *q, const struct http_range *list, unsigned n)
{
	uint64_t size = content_size(q->x->content);
	struct slice type =
	    http_value(&q->answer.head, HTTP_FIELD_CONTENT_TYPE);
	const char *boundary = q->x->id; /* nobody knew it before */
	struct http_write_response w = {
	    .status = 206, .drop = HTTP_FIELD_BIT(CONTENT_TYPE)};
	struct buf b;

	w.body.is = HTTP_BODY_LENGTH;
	w.body.length = http_parts_size(boundary, type, list, n, size);
	buf_init(&b, HEAD_OUT_MAX);
	buf_printf(&b, "Content-Type: multipart/byteranges; boundary=%s\r\n",
	    boundary);
	w.more = (struct slice){buf_at(&b), b.len};
	copy_text(q->status, sizeof(q->status), "206 Partial Content");
	put_head(q, &w);
	for (unsigned i = 0; i < n; i++) {
		buf_clear(&b);
		(void)http_part_put(&b, boundary, type, &list[i], size);
		io_put(q->s->client, buf_at(&b), b.len);
		io_feed(q->s->client, q->x->content, list[i].first,
		    list[i].last + 1);
	}
	buf_clear(&b);
	(void)http_parts_end(&b, boundary);
	io_put(q->s->client, buf_at(&b), b.len);
	buf_free(&b);
}

/* ---- what has passed goes out ---- */

static void
put_whole(struct http_req *q)
{
	uint64_t size = content_size(q->x->content);
	struct http_write_response w = {.body = {HTTP_BODY_LENGTH, size}};
	char line[HTTP_CHUNK_HEAD_MAX];
	struct io *io = q->s->client;

	if (!q->head_sent)
		put_head(q, &w);
	if (!q->chunked) {
		io_feed(io, q->x->content, q->sent, size);
		return;
	}
	if (size > q->sent) {
		io_put(io, line, http_chunk_head(line, size - q->sent));
		io_feed(io, q->x->content, q->sent, size);
		io_puts(io, "\r\n");
	}
	io_puts(io, "0\r\n\r\n");
}

static void
deliver(struct http_req *q)
{
	struct http_range list[HTTP_RANGES_MAX];
	enum http_range_is is;
	unsigned n = 0;

	is = which_ranges(q, list, &n);
	q->result = "delivered";
	q->delivery_ms = clock_ms();
	if (is == HTTP_RANGE_NONE)
		put_range_head(q, NULL, 0);
	else if (is == HTTP_RANGE_SOME && n > 1)
		put_parts(q, list, n);
	else if (is == HTTP_RANGE_SOME) {
		put_range_head(q, list, list->last - list->first + 1);
		io_feed(
		    q->s->client, q->x->content, list->first, list->last + 1);
	} else {
		put_whole(q);
	}
	http_enter(q->s, HTTP_IN_ANSWER);
}

/* Bytes have left: the client must not take them for the whole. */
static void
cut_off(struct http_req *q, const char *result, const char *reason)
{
	struct session *s = q->s;
	struct http *p = s->state;

	http_request_end(&p->req, result, reason);
	http_enter(s, HTTP_IN_OVER);
}

/* What answers an upload may be another thing the next time. */
static void
remember_url(struct http_req *q)
{
	const struct decision *d = &q->x->decision;
	const char *url = facts_get(&q->x->facts, FIELD_URL, 0);

	if (url != NULL && !q->has_body && d->because.kind == FOUND_MALWARE &&
	    d->because.what[0] != '\0' && d->action != DO_PASS &&
	    d->action != DO_TAG)
		http_urls_add(q->own->urls, url, d->because.what);
}

static void
decided(void *arg, struct exchange *x)
{
	struct http_req *q = arg;
	struct session *s = q->s;

	IS(q, HTTP_REQ_MAGIC);
	remember_url(q);
	if (x->decision.action == DO_PASS || x->decision.action == DO_TAG)
		deliver(q);
	else if (q->head_sent)
		cut_off(q, "refused", "policy");
	else
		http_page_decision(q, x);
	http_go_on(s);
}

/* ---- the body comes ---- */

static void
fail(struct http_req *q, enum http_cause cause, const char *result,
    const char *reason)
{
	http_origin_free(&q->o);
	if (q->head_sent)
		cut_off(q, result, reason);
	else
		http_page(q, cause, result, reason);
}

/* The answer has a content of its own, and so an exchange. */
static void
second_exchange(struct http_req *q)
{
	if (q->has_body) {
		q->up = q->x;
		q->x = exchange_open(q->s);
	}
	http_facts(q, q->x, "download", &q->answer.head);
}

static void
open_content(struct http_req *q)
{
	const char *name;

	second_exchange(q);
	name = facts_get(&q->x->facts, FIELD_NAME, 0);
	exchange_content(q->x, CONTENT_BODY, name == NULL ? "" : name,
	    q->own->max_response_body);
	if (!http_declare(q->x->content, &q->answer.head))
		fail(q, HTTP_CAUSE_MALFORMED, "refused", "content_encoding");
	q->encoded = http_has(&q->answer.head, HTTP_FIELD_CONTENT_ENCODING);
}

/* NTLM and Negotiate say who is at the other end of a connection, not of a
 * request: such a one is nobody else's (RFC 4559 6). */
static bool
binds(struct slice value)
{
	return (value.len >= 4 && strncasecmp(value.at, "NTLM", 4) == 0) ||
	    (value.len >= 9 && strncasecmp(value.at, "Negotiate", 9) == 0);
}

static bool
is_bound(const struct http_head *h, enum http_field_id id)
{
	for (unsigned i = 0; i < h->n; i++) {
		if (h->fields[i].id == id &&
		    binds(http_at(h, h->fields[i].value)))
			return true;
	}
	return false;
}

/* A copy: the connection may be another request's when it is delivered. */
static void
keep_head(struct http_req *q)
{
	const struct http_origin *o = q->o;

	q->answer = o->head;
	MUST(buf_put(&q->answer_bytes, buf_at(&o->bytes), o->head.head.size) ==
	    0);
	http_head_move(&q->answer.head, buf_at(&q->answer_bytes));
	name_status(q);
	if (is_bound(&q->answer.head, HTTP_FIELD_WWW_AUTHENTICATE) ||
	    is_bound(&q->head.head, HTTP_FIELD_AUTHORIZATION))
		q->o->bound = true;
}

static void
begin_stream(struct http_req *q)
{
	struct http_write_response w = {.body = {HTTP_BODY_CHUNKED, 0}};

	if (!q->own->event_stream) {
		fail(q, HTTP_CAUSE_BLOCKED, "refused", "event_stream");
		return;
	}
	if (q->has_body) {
		q->up = q->x;
		q->x = exchange_open(q->s);
	}
	http_facts(q, q->x, "download", &q->answer.head);
	put_head(q, &w);
	http_stream_begin(q);
}

static void
take_head(struct http_req *q)
{
	const struct http_framing *f;

	keep_head(q);
	f = &q->answer.head.framing;
	if (f->is == HTTP_BODY_TUNNEL) {
		if (q->upgrade && q->answer.status == 101)
			http_tunnel_begin(q);
		else
			fail(q, HTTP_CAUSE_MALFORMED, "refused", "status");
		return;
	}
	/* its body is behind; what was sent of ours is none of its business */
	if (f->is == HTTP_BODY_NONE ||
	    (f->is == HTTP_BODY_LENGTH && f->length == 0))
		return;
	if (f->is == HTTP_BODY_LENGTH &&
	    f->length > q->own->max_response_body) {
		fail(q, HTTP_CAUSE_LIMIT, "refused", "max_response_body");
		return;
	}
	if (http_stream_is(q))
		begin_stream(q);
	else
		open_content(q);
}

static void
take_data(struct http_req *q, struct slice data)
{
	if (content_write(q->x->content, data.at, data.len) == 0)
		return;
	if (errno == EFBIG) {
		fail(q, HTTP_CAUSE_LIMIT, "refused", "max_response_body");
		return;
	}
	log_error(q->s->id,
	    "spool_dir full or broken (spool_max_size, spool_min_free) "
	    "error=%s",
	    strerror(errno));
	fail(q, HTTP_CAUSE_BUSY, "deferred", "spool");
}

/* The answer is whole. */
static void
take_end(struct http_req *q)
{
	const struct http_framing *f = &q->answer.head.framing;

	http_origin_free(&q->o);
	if (q->stream != NULL) {
		http_stream_end(q->stream);
		return;
	}
	if (f->is == HTTP_BODY_NONE ||
	    (f->is == HTTP_BODY_LENGTH && f->length == 0)) {
		answer_bare(q);
		return;
	}
	http_enter(q->s, HTTP_IN_SCAN);
	if (exchange_submit(q->x, q->own->scan_deadline, decided, q) < 0)
		fail(q, HTTP_CAUSE_BUSY, "deferred", "spool");
}

static void
pass_interim(struct http_req *q, const struct http_origin *o)
{
	struct http_write_response w = {.via = q->s->place->gateway};
	struct buf b;

	/* a 100 is for us; HTTP/1.0 knows none of them (RFC 9110 15.2) */
	if (o->head.status == 100 || q->head.head.minor == 0)
		return;
	buf_init(&b, HEAD_OUT_MAX);
	if (http_write_response(&b, &o->head, &w) == 0)
		io_put(q->s->client, buf_at(&b), b.len);
	buf_free(&b);
}

void
http_origin_says(void *arg, struct http_origin *o, enum http_origin_event what)
{
	struct http_req *q = arg;
	struct session *s = q->s;

	IS(q, HTTP_REQ_MAGIC);
	switch (what) {
	case HTTP_ORIGIN_OPEN:
		ask(q);
		break;
	case HTTP_ORIGIN_INTERIM:
		pass_interim(q, o);
		break;
	case HTTP_ORIGIN_HEAD:
		take_head(q);
		break;
	case HTTP_ORIGIN_DATA:
		if (q->stream != NULL)
			http_stream_data(q->stream, o->data);
		else
			take_data(q, o->data);
		break;
	case HTTP_ORIGIN_END:
		take_end(q);
		break;
	case HTTP_ORIGIN_LOST:
		copy_text(q->hop_address, sizeof(q->hop_address), o->address);
		fail(q, o->cause, "deferred", o->why);
		break;
	}
	http_go_on(s);
}

/* ---- a client that waits ---- */

static bool
may_trickle(const struct http_req *q)
{
	const struct http_framing *f = &q->answer.head.framing;
	uint64_t size;

	if (q->x->content == NULL || q->answer_bytes.len == 0 || q->encoded ||
	    q->cut || q->answer.status != 200 || io_full(q->s->client))
		return false;
	if (f->is != HTTP_BODY_LENGTH && q->head.head.minor == 0)
		return false; /* its end could not be seen */
	size = content_size(q->x->content);
	/* the last `hold` bytes stay here, whatever happens */
	return size > q->own->hold && size - q->own->hold > q->sent;
}

static void
trickle_head(struct http_req *q)
{
	struct http_write_response w = {.body = q->answer.head.framing};

	if (w.body.is != HTTP_BODY_LENGTH) {
		w.body.is = HTTP_BODY_CHUNKED;
		q->chunked = true;
	}
	put_head(q, &w);
}

static void
trickle_some(struct http_req *q)
{
	uint64_t most = content_size(q->x->content) - q->own->hold - q->sent;
	size_t want = q->own->trickle_rate;
	char line[HTTP_CHUNK_HEAD_MAX];
	char *bytes;
	ssize_t n;

	if (want > most)
		want = (size_t)most;
	bytes = xcalloc(want, 1);
	n = content_read(q->x->content, bytes, want, q->sent);
	if (n > 0) {
		if (q->chunked)
			io_put(q->s->client, line,
			    http_chunk_head(line, (uint64_t)n));
		io_put(q->s->client, bytes, (size_t)n);
		if (q->chunked)
			io_puts(q->s->client, "\r\n");
		q->sent += (uint64_t)n;
	}
	free(bytes);
}

void
http_trickle(struct http_req *q)
{
	IS(q, HTTP_REQ_MAGIC);
	if (may_trickle(q)) {
		if (!q->head_sent)
			trickle_head(q);
		trickle_some(q);
	}
	io_deadline(q->s->client, TRICKLE_MS, "trickle");
}
