/*
 * http_request: one request, from its first byte to its outcome: what it asks
 * for and of whom, what may be refused by its head alone, and that all it
 * holds is given back and told, however it ends.
 */
#include "protocols/http/http.h"

#include <stdlib.h>

#include "protocols/http/http_ftp.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/passwords.h"

#define URL_MAX (64 * 1024)

/* ---- life ---- */

struct http_req *
http_request_open(struct session *s)
{
	struct http_req *q = xcalloc(1, sizeof(*q));

	q->magic = HTTP_REQ_MAGIC;
	q->s = s;
	q->own = http_own(s);
	q->x = exchange_open(s);
	q->in_before = io_bytes_in(s->client) - io_input(s->client).len;
	q->out_before = io_bytes_out(s->client);
	buf_init(&q->bytes, q->own->max_header);
	buf_init(&q->answer_bytes, q->own->max_header);
	http_request_head_init(&q->head);
	return q;
}

struct http_req *
http_request_mean(struct session *s, const char *text)
{
	struct http *p = s->state;
	struct http_req *q = http_request_open(s);
	struct slice in = slice_of(text);

	p->req = q;
	MUST(http_request_head(&q->head, in, q->own->max_header) ==
	    HTTP_HEAD_DONE);
	MUST(buf_put(&q->bytes, in.at, in.len) == 0);
	http_head_move(&q->head.head, buf_at(&q->bytes));
	http_where_find(q);
	http_facts(q, q->x, "download", &q->head.head);
	return q;
}

/* The exchange of the request's body, when the answer has one of its own. */
static void
finish_up(struct http_req *q, const char *result)
{
	struct exchange_end end = {.result = result,
	    .next_hop = q->hop,
	    .hop_address = q->hop_address,
	    .reply = q->status,
	    .bytes_in = io_bytes_in(q->s->client) - q->in_before,
	    .delivery_began_ms = q->delivery_ms};

	exchange_finish(&q->up, &end);
}

void
http_request_end(struct http_req **qp, const char *result, const char *reason)
{
	struct http_req *q = *qp;
	struct exchange_end end = {.result = result, .reason = reason};

	*qp = NULL;
	IS(q, HTTP_REQ_MAGIC);
	password_cancel(&q->asking);
	free(q->asked_as);
	http_kept_left(q);
	http_pipe_left(q);
	http_origin_free(&q->o);
	http_stream_free(&q->stream);
	end.next_hop = q->hop;
	end.hop_address = q->hop_address;
	end.hop_tls_version = q->hop_tls_version;
	end.hop_tls_cipher = q->hop_tls_cipher;
	end.hop_tls_resumed = q->hop_tls_resumed;
	end.reply = q->status;
	end.bytes_out = io_bytes_out(q->s->client) - q->out_before;
	end.delivery_began_ms = q->delivery_ms;
	end.released_before_verdict = q->sent > 0;
	end.malformed = q->malformed;
	if (q->up != NULL)
		finish_up(q, "delivered");
	else
		end.bytes_in = io_bytes_in(q->s->client) - q->in_before;
	http_chunk_free(&q->chunks);
	buf_free(&q->bytes);
	/* What is fed to the client goes with the exchange. */
	if (q->x->content != NULL)
		io_unfeed(q->s->client);
	http_flow_free(&q->flow);
	buf_free(&q->answer_bytes);
	exchange_finish(&q->x, &end);
	q->magic = 0;
	free(q);
}

void
http_request_answered(struct session *s)
{
	struct http *p = s->state;
	struct http_req *q = p->req;
	bool over = q->close;

	io_fragile(s->client, false); /* it has left as a whole */
	http_request_end(&p->req, q->result, q->reason);
	http_enter(s, over ? HTTP_IN_OVER : HTTP_IN_IDLE);
}

/* ---- what is known of it ---- */

/* The best name, and what else somebody may call it. */
static void
set_names(struct exchange *x, const struct http_names *names)
{
	if (names->n > 0)
		(void)facts_set(&x->facts, FIELD_NAME, names->list[0]);
	for (unsigned i = 1; i < names->n; i++)
		(void)facts_add(&x->facts, FIELD_NAME, names->list[i]);
}

static void
set_url(struct http_req *q, struct exchange *x)
{
	const struct http_head *h = &q->head.head;
	struct buf url;

	buf_init(&url, URL_MAX);
	if (http_url_put(&url, http_at(h, q->head.text), &q->head.target,
		q->scheme, &q->host) == 0)
		(void)facts_set(&x->facts, FIELD_URL, buf_text(&url));
	buf_free(&url);
}

/* That of the client. */
static const char *
version_of(const struct http_req *q)
{
	const struct http *p = q->s->state;

	if (p->guest)
		return "2";
	return q->head.head.minor == 0 ? "1.0" : "1.1";
}

void
http_facts(struct http_req *q, struct exchange *x, const char *flow,
    const struct http_head *of)
{
	const struct http_head *h = &q->head.head;
	struct slice text = http_at(h, q->head.text);
	struct slice path = {
	    text.at + q->head.target.path.at, q->head.target.path.len};
	struct http_names *names = xcalloc(1, sizeof(*names));
	char type[HTTP_TYPE_MAX];
	char method[HTTP_METHOD_MAX + 1];

	(void)slice_copy(http_at(h, q->head.word), method, sizeof(method));
	(void)facts_set(&x->facts, FIELD_METHOD, method);
	(void)facts_set(&x->facts, FIELD_HTTP_VERSION, version_of(q));
	(void)facts_set(&x->facts, FIELD_FLOW, flow);
	if (q->host.name[0] != '\0')
		(void)facts_set(&x->facts, FIELD_HOST, q->host.name);
	set_url(q, x);
	(void)http_names(of, path, names);
	set_names(x, names);
	free(names);
	if (q->up != NULL && facts_get(&q->up->facts, FIELD_USER, 0) != NULL)
		(void)facts_set(&x->facts, FIELD_USER,
		    facts_get(&q->up->facts, FIELD_USER, 0));
	(void)http_media_type(of, type);
	if (type[0] != '\0')
		(void)facts_set(&x->facts, FIELD_TYPE, type);
	http_inside_facts(q->s, x);
}

/* ---- where it goes ---- */

/* RFC 9110 9.2.2: such a request does no harm when it comes twice. */
static bool
may_repeat(enum http_method m)
{
	return m == HTTP_GET || m == HTTP_HEAD || m == HTTP_OPTIONS ||
	    m == HTTP_PUT || m == HTTP_DELETE;
}

void
http_request_go(struct http_req *q)
{
	bool fresh = !may_repeat(q->head.method) || q->upgrade;
	bool kept = http_pipe_has(q, !fresh);

	/* nor has it a second one if it was sent ahead, and that was lost */
	fresh = fresh || kept || q->ahead_on != 0;
	q->delivery_ms = clock_ms();
	http_enter(q->s, HTTP_IN_FETCH);
	if (http_inside(q->s) != NULL)
		q->o = http_inside_open(q, fresh);
	else if (q->scheme == HTTP_SCHEME_FTP && q->own->origin.parent == NULL)
		q->o = http_ftp_open(q, http_origin_says, q);
	else
		q->o = http_origin_open(&q->own->origin, &q->to, q->head.method,
		    fresh, http_origin_says, q);
	if (q->upgrade && http_inside(q->s) == NULL)
		http_origin_through(q->o);
	if (kept)
		http_pipe_lend(q);
	else
		http_pipe_rest(q->s);
	copy_text(q->hop, sizeof(q->hop), q->o->key);
	http_origin_start(q->o);
}

/* ---- what its head alone decides ---- */

static void
refuse(struct http_req *q, enum http_cause cause, const char *reason)
{
	http_page(q, cause, "refused", reason);
}

/* RFC 9110 15.5.15, RFC 6585 5: what is just too much has words of its own. */
static enum http_cause
cause_of(enum http_bad bad)
{
	if (bad == HTTP_BAD_LONG_START)
		return HTTP_CAUSE_TARGET;
	if (bad == HTTP_BAD_LONG_FIELD || bad == HTTP_BAD_LONG_HEAD ||
	    bad == HTTP_BAD_MANY_FIELDS)
		return HTTP_CAUSE_HEADER;
	return HTTP_CAUSE_REQUEST;
}

static void
malformed(struct http_req *q, enum http_bad bad)
{
	q->close = true;
	log_info(
	    q->s->id, "http malformed request reason=%s", http_bad_word(bad));
	http_page(q, cause_of(bad), "refused", http_bad_word(bad));
}

/* TRACE and OPTIONS have to be answered where Max-Forwards ends (RFC 9110
 * 7.6.2); TRACE is not passed on at all. */
static bool
ends_here(struct http_req *q)
{
	uint64_t left = 1;
	int is = http_max_forwards(&q->head.head, &left);

	if (q->head.method != HTTP_OPTIONS || is < 0)
		return false;
	if (left > 0 && q->head.target.form != HTTP_FORM_ASTERISK)
		return false;
	http_options(q);
	return true;
}

static bool
refused_by_method(struct http_req *q)
{
	if (q->head.method == HTTP_TRACE) {
		refuse(q, HTTP_CAUSE_METHOD, "TRACE");
		return true;
	}
	if (q->head.method == HTTP_CONNECT &&
	    !http_may_connect(q->own, q->host.port)) {
		refuse(q, HTTP_CAUSE_DENIED, "connect_ports");
		return true;
	}
	if (q->scheme == HTTP_SCHEME_HTTPS && http_inside(q->s) == NULL) {
		refuse(q, HTTP_CAUSE_METHOD, http_scheme_word(q->scheme));
		return true;
	}
	if (q->scheme != HTTP_SCHEME_FTP || http_ftp_refuses(q) == NULL)
		return false;
	refuse(q, HTTP_CAUSE_METHOD, http_ftp_refuses(q));
	return true;
}

/* A virus was there a while ago. */
static bool
refused_by_url(struct http_req *q)
{
	const char *url = facts_get(&q->x->facts, FIELD_URL, 0);

	if (url == NULL || http_urls_find(q->own->urls, url) == NULL)
		return false;
	refuse(q, HTTP_CAUSE_BLOCKED, "infected_url_block");
	return true;
}

/* Whatever it is: it has been here before. */
static bool
is_a_loop(struct http_req *q)
{
	if (!http_via_has(&q->head.head, q->s->place->gateway))
		return false;
	refuse(q, HTTP_CAUSE_LOOP, "via");
	return true;
}

/* By a rule or a list that asks for nothing but what is known by now. */
static bool
refused_by_policy(struct http_req *q)
{
	if (!exchange_refused(q->x))
		return false;
	http_page_decision(q, q->x);
	return true;
}

static bool
refused_by_place(struct http_req *q)
{
	enum http_cause cause;
	const char *why = http_where_refuses(q, &cause);

	if (why != NULL)
		refuse(q, cause, why);
	return why != NULL;
}

/* True: it is answered. */
static bool
refused_by_head(struct http_req *q)
{
	const struct http_head *h = &q->head.head;

	if (http_expect(h) == HTTP_EXPECT_OTHER) {
		refuse(q, HTTP_CAUSE_EXPECT, "expect");
		return true;
	}
	q->upgrade = http_upgrades_to(h, "websocket");
	if (q->upgrade && !q->own->websocket) {
		refuse(q, HTTP_CAUSE_BLOCKED, "websocket");
		return true;
	}
	return refused_by_method(q);
}

/* A part is asked for, and we are to cut it out of the whole. */
static void
look_at_range(struct http_req *q)
{
	q->cut = q->own->ranges == RANGES_FULL && q->head.method == HTTP_GET &&
	    http_ranges(
		http_value(&q->head.head, HTTP_FIELD_RANGE), &q->ranges) == 0;
}

void
http_request_admitted(struct http_req *q)
{
	if (refused_by_place(q) || ends_here(q) || refused_by_head(q) ||
	    refused_by_url(q) || refused_by_policy(q))
		return;
	look_at_range(q);
	if (q->head.method == HTTP_CONNECT)
		http_connect(q);
	else if (q->unread)
		http_body_begin(q);
	else if (!http_kept_takes(q))
		http_request_go(q);
}

void
http_request_learn(struct http_req *q)
{
	const struct http_framing *f = &q->head.head.framing;
	bool body = f->is == HTTP_BODY_CHUNKED ||
	    (f->is == HTTP_BODY_LENGTH && f->length > 0);

	q->close = q->close || !q->head.head.goes_on;
	q->unread = body;
	http_where_find(q);
	http_facts(q, q->x, body ? "upload" : "download", &q->head.head);
}

static void
begin(struct http_req *q)
{
	log_debug(q->s->id, "http request id=%s", q->x->id);
	if (is_a_loop(q) || http_inside_refuses(q) || http_self(q))
		return;
	if (http_auth(q))
		http_request_admitted(q);
}

void
http_request_eat(struct http_req *q)
{
	size_t size = q->head.head.size;

	MUST(buf_put(&q->bytes, io_input(q->s->client).at, size) == 0);
	http_head_move(&q->head.head, buf_at(&q->bytes));
	io_eat(q->s->client, size);
}

/* The first of those that were taken ahead has its turn. */
static bool
take_turn(struct session *s)
{
	struct http *p = s->state;

	p->req = http_pipe_next(s);
	if (p->req == NULL)
		return false;
	http_enter(s, HTTP_IN_HEAD);
	begin(p->req);
	return true;
}

bool
http_request_take(struct session *s)
{
	struct http *p = s->state;
	struct slice in = io_input(s->client);
	struct http_req *q = p->req;
	enum http_head_is is;

	if (q == NULL && take_turn(s))
		return true;
	if (in.len == 0) {
		http_pipe_rest(s);
		return false;
	}
	if (q == NULL) {
		q = p->req = http_request_open(s);
		http_enter(s, HTTP_IN_HEAD);
	}
	is = http_request_head(&q->head, in, q->own->max_header);
	if (is == HTTP_HEAD_MORE)
		return false;
	if (is == HTTP_HEAD_BAD) {
		malformed(q, q->head.head.bad);
		return true;
	}
	http_request_eat(q);
	http_request_learn(q);
	begin(q);
	return true;
}
