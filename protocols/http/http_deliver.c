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

void
http_request_hop(struct http_req *q, const struct http_origin *o)
{
	copy_text(q->hop, sizeof(q->hop), o->key);
	copy_text(q->hop_address, sizeof(q->hop_address), o->address);
	q->hop_tls_version = io_tls_version(o->io);
	q->hop_tls_cipher = io_tls_cipher(o->io);
	q->hop_tls_resumed = io_tls_resumed(o->io);
}

bool
http_request_put(struct http_req *q, struct http_origin *o)
{
	char accept[HTTP_ACCEPT_MAX];
	struct http_write_request w = {
	    .via = q->s->place->gateway,
	    .host = &q->host,
	    .scheme = q->scheme,
	    .absolute = o->absolute,
	    .upgrade = q->upgrade ? "websocket" : NULL,
	    .accept_encoding = http_accept_encoding(&q->head.head, accept),
	    .drop = dropped(q),
	};
	struct buf b;
	int rc;

	if (http_max_forwards(&q->head.head, &w.max_forwards) == 1 &&
	    q->head.method == HTTP_OPTIONS) {
		w.has_max_forwards = true;
		w.max_forwards--;
	}
	if (o->absolute && o->conf->parent->authorization != NULL)
		w.more = slice_of(o->conf->parent->authorization);
	w.body.is = HTTP_BODY_NONE;
	if (q->head.head.framing.is != HTTP_BODY_NONE) {
		w.body.is = HTTP_BODY_LENGTH;
		w.body.length = q->has_body ? content_size(q->x->content) : 0;
	}
	buf_init(&b, HEAD_OUT_MAX);
	rc = http_write_request(&b, &q->head, &w);
	if (rc == 0)
		io_put(o->io, buf_at(&b), b.len);
	buf_free(&b);
	return rc == 0;
}

static void
ask(struct http_req *q)
{
	struct http_origin *o = q->o;

	http_request_hop(q, o);
	if (q->head.method == HTTP_CONNECT)
		http_tunnel_begin(q);
	else if (!http_request_put(q, o))
		http_page(q, HTTP_CAUSE_HEADER, "refused", "long_head");
	else if (q->has_body)
		io_feed(o->io, q->x->content, 0, content_size(q->x->content));
	else
		o->reusable = true;
}

/* ---- the answer's head to the client ---- */

static void
name_status(struct http_req *q)
{
	struct slice reason = http_at(&q->answer.head, q->answer.reason);

	if (reason.len == 0)
		reason = slice_of(http_status_text(q->answer.status));
	(void)snprintf(q->status, sizeof(q->status), "%u%s%.*s",
	    q->answer.status, reason.len == 0 ? "" : " ",
	    (int)(reason.len < 48 ? reason.len : 48), reason.at);
}

/* How old it is, if it was kept (RFC 9111 5.1). */
static void
add_age(const struct http_req *q, struct buf *b, struct http_write_response *w)
{
	if (!q->from_keep ||
	    http_value_named(&q->answer.head, "Age").at != NULL)
		return;
	buf_printf(b, "Age: %ju\r\n%.*s", (uintmax_t)q->age_s, (int)w->more.len,
	    w->more.len == 0 ? "" : w->more.at);
	w->more = (struct slice){buf_at(b), b->len};
}

/* RFC 9110 6.6.1: who passes on an answer without one says when it came. */
static void
add_date(const struct http_req *q, struct buf *b, struct http_write_response *w)
{
	if (http_has(&q->answer.head, HTTP_FIELD_DATE))
		return;
	if (w->more.at != buf_at(b) && w->more.len > 0)
		buf_put(b, w->more.at, w->more.len);
	http_date_put(b, q->from_keep ? q->age_s : 0);
	w->more = (struct slice){buf_at(b), b->len};
}

void
http_answer_head(struct http_req *q, struct http_write_response *w)
{
	struct buf b, more;

	w->via = q->s->place->gateway;
	w->close = q->close;
	if (q->own->block_quic)
		w->drop |= HTTP_FIELD_BIT(ALT_SVC);
	/* RFC 9110 14.4: no part was asked for, but there are clients that
	 * take it for one, whatever the status */
	if (q->own->ranges != RANGES_PASS)
		w->drop |= HTTP_FIELD_BIT(CONTENT_RANGE);
	buf_init(&b, HEAD_OUT_MAX);
	buf_init(&more, HEAD_OUT_MAX);
	add_age(q, &more, w);
	add_date(q, &more, w);
	MUST(http_write_response(&b, &q->answer, w) == 0);
	io_put(q->s->client, buf_at(&b), b.len);
	buf_free(&b);
	buf_free(&more);
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
	http_answer_head(q, &w);
	http_enter(q->s, HTTP_IN_ANSWER);
}

/* ---- the verdict ---- */

/* Bytes have left: the client must not take them for the whole. */
static void
cut_off(struct http_req *q, const char *result, const char *reason)
{
	struct session *s = q->s;
	struct http *p = s->state;

	http_request_end(&p->req, result, reason);
	http_enter(s, HTTP_IN_OVER);
	session_reset(s);
}

/*
 * What answers an upload may be another thing the next time; and an origin that
 * gives two answers to one request would speak for others here: see
 * http_pipe.h.
 */
static void
remember_url(struct http_req *q)
{
	const struct decision *d = &q->x->decision;
	const char *url = facts_get(&q->x->facts, FIELD_URL, 0);

	if (url != NULL && !q->has_body && !q->lent &&
	    d->because.kind == FOUND_MALWARE && d->because.what[0] != '\0' &&
	    d->action != DO_PASS && d->action != DO_TAG)
		http_urls_add(q->own->urls, url, d->because.what);
}

static void
decided(void *arg, struct exchange *x)
{
	struct http_req *q = arg;
	struct session *s = q->s;

	IS(q, HTTP_REQ_MAGIC);
	if (q->flow != NULL)
		http_flow_stop(q->flow);
	remember_url(q);
	http_kept_judged(
	    q, x->decision.action == DO_PASS || x->decision.action == DO_TAG);
	if (x->decision.action == DO_PASS || x->decision.action == DO_TAG)
		http_answer_put(q);
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
	http_kept_failed(q);
	q->malformed = cause == HTTP_CAUSE_MALFORMED;
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

/* More bytes than may be scanned are said to come, or have come. */
static bool
too_large(struct http_req *q, uint64_t size)
{
	if (!exchange_too_large(q->x, size))
		return false;
	http_origin_free(&q->o);
	http_kept_failed(q);
	if (q->head_sent)
		cut_off(q, "refused", "policy");
	else
		http_page_decision(q, q->x);
	return true;
}

/* By a rule or a list to which its head says enough: none of it is taken. */
static bool
refused_by_head(struct http_req *q)
{
	if (!exchange_refused(q->x))
		return false;
	http_origin_free(&q->o);
	http_kept_failed(q);
	http_page_decision(q, q->x);
	return true;
}

static void
open_content(struct http_req *q)
{
	const struct http_framing *f = &q->answer.head.framing;
	const char *name;

	second_exchange(q);
	if (refused_by_head(q))
		return;
	name = facts_get(&q->x->facts, FIELD_NAME, 0);
	exchange_content(q->x, CONTENT_BODY, name == NULL ? "" : name,
	    q->own->max_response_body);
	if (!http_declare(q->x->content, &q->answer.head)) {
		fail(q, HTTP_CAUSE_MALFORMED, "refused", "content_encoding");
		return;
	}
	if (f->is == HTTP_BODY_LENGTH && too_large(q, f->length))
		return;
	q->encoded = http_has(&q->answer.head, HTTP_FIELD_CONTENT_ENCODING);
	q->flow = http_flow_open(q);
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

	http_kept_failed(q); /* nobody waits for its end */
	if (!http_stream_may(q)) {
		fail(q, HTTP_CAUSE_BLOCKED, "refused", "event_stream");
		return;
	}
	second_exchange(q);
	if (refused_by_head(q))
		return;
	http_answer_head(q, &w);
	http_stream_begin(q);
}

static void
take_head(struct http_req *q)
{
	const struct http_framing *f;

	keep_head(q);
	http_kept_head(q);
	f = &q->answer.head.framing;
	if (f->is == HTTP_BODY_TUNNEL) {
		if (q->upgrade && q->answer.status == 101)
			http_tunnel_begin(q);
		else
			fail(q, HTTP_CAUSE_MALFORMED, "refused", "status");
		return;
	}
	/* RFC 9110 15.3.7: nobody has asked for a part */
	if (q->answer.status == 206 && q->own->ranges != RANGES_PASS) {
		fail(q, HTTP_CAUSE_MALFORMED, "refused", "unasked_part");
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

/* False, with errno. */
static bool
keep_data(struct http_req *q, struct slice data)
{
	struct content *c = q->x->content;

	if (content_write(c, data.at, data.len) == 0)
		return true;
	return errno == ENOSPC && q->own->keep != NULL &&
	    http_keep_shed(q->own->keep) &&
	    content_write(c, data.at, data.len) == 0;
}

static void
take_data(struct http_req *q, struct slice data)
{
	if (keep_data(q, data)) {
		if (!too_large(q, content_size(q->x->content)) &&
		    q->flow != NULL)
			http_flow_came(q->flow);
		return;
	}
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

static void
judge(struct http_req *q)
{
	http_enter(q->s, HTTP_IN_SCAN);
	if (exchange_submit(q->x, q->own->scan_deadline, decided, q) < 0)
		fail(q, HTTP_CAUSE_BUSY, "deferred", "spool");
}

void
http_answer_here(struct http_req *q)
{
	const struct http_head *h = &q->answer.head;

	name_status(q);
	http_facts(q, q->x, "download", h);
	q->encoded = http_has(h, HTTP_FIELD_CONTENT_ENCODING);
	judge(q);
}

/* The answer is whole. */
static void
take_end(struct http_req *q)
{
	const struct http_framing *f = &q->answer.head.framing;

	http_pipe_keep(q);
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
	judge(q);
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

void
http_trickle(struct http_req *q)
{
	IS(q, HTTP_REQ_MAGIC);
	if (q->flow != NULL)
		http_flow_tick(q->flow);
	io_deadline(q->s->client, TRICKLE_MS, "trickle");
}
