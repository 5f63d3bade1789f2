/*
 * http_body: takes a request's body into a content, brings it to the gate, and
 * does what the policy has decided.  The origin has seen nothing by then.
 */
#include <errno.h>

#include "protocols/http/http.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"

static void
refuse(struct http_req *q, enum http_cause cause, const char *reason)
{
	q->close = true;
	http_page(q, cause, "refused", reason);
}

static bool
too_large(const struct http_req *q)
{
	const struct http_framing *f = &q->head.head.framing;

	return f->is == HTTP_BODY_LENGTH &&
	    f->length > q->own->max_request_body;
}

/* More bytes than may be scanned are said to come, or have come. */
static bool
is_refused(struct http_req *q, uint64_t size)
{
	if (!exchange_too_large(q->x, size))
		return false;
	q->close = true;
	http_page_decision(q, q->x);
	return true;
}

void
http_body_begin(struct http_req *q)
{
	struct session *s = q->s;
	const char *name = facts_get(&q->x->facts, FIELD_NAME, 0);

	if (too_large(q)) {
		refuse(q, HTTP_CAUSE_UPLOAD, "max_request_body");
		return;
	}
	exchange_content(q->x, CONTENT_BODY, name == NULL ? "" : name,
	    q->own->max_request_body);
	if (!http_declare(q->x->content, &q->head.head)) {
		refuse(q, HTTP_CAUSE_REQUEST, "content_type");
		return;
	}
	if (q->head.head.framing.is == HTTP_BODY_LENGTH &&
	    is_refused(q, q->head.head.framing.length))
		return;
	q->has_body = true;
	q->left = q->head.head.framing.length;
	http_chunk_init(&q->chunks, NULL);
	/* RFC 9110 10.1.1: it waits for that, unless it has not waited */
	if (http_expect(&q->head.head) == HTTP_EXPECT_CONTINUE &&
	    io_input(s->client).len == 0)
		io_puts(s->client, "HTTP/1.1 100 Continue\r\n\r\n");
	http_enter(s, HTTP_IN_BODY);
}

static void
decided(void *arg, struct exchange *x)
{
	struct http_req *q = arg;
	struct session *s = q->s;

	IS(q, HTTP_REQ_MAGIC);
	if (x->decision.action == DO_PASS || x->decision.action == DO_TAG)
		http_request_go(q);
	else
		http_page_decision(q, x);
	http_go_on(s);
}

static void
no_room(struct http_req *q)
{
	log_error(q->s->id,
	    "spool_dir full or broken (spool_max_size, spool_min_free) "
	    "error=%s",
	    strerror(errno));
	q->close = true;
	http_page(q, HTTP_CAUSE_BUSY, "deferred", "spool");
}

static void
whole(struct http_req *q)
{
	q->unread = false;
	http_enter(q->s, HTTP_IN_JUDGE);
	if (exchange_submit(q->x, q->own->scan_deadline, decided, q) < 0)
		no_room(q);
}

/* False: it is refused. */
static bool
keep(struct http_req *q, struct slice bytes)
{
	if (content_write(q->x->content, bytes.at, bytes.len) == 0)
		return !is_refused(q, content_size(q->x->content));
	if (errno == EFBIG)
		refuse(q, HTTP_CAUSE_UPLOAD, "max_request_body");
	else
		no_room(q);
	return false;
}

static bool
take_length(struct http_req *q, struct slice in)
{
	if (in.len > q->left)
		in.len = (size_t)q->left;
	if (!keep(q, in))
		return true;
	io_eat(q->s->client, in.len);
	q->left -= in.len;
	if (q->left == 0)
		whole(q);
	return true;
}

static bool
take_chunks(struct http_req *q, struct slice in)
{
	struct slice rest = in, data;
	enum http_chunk_is is;

	while ((is = http_chunk(&q->chunks, &rest, &data)) == HTTP_CHUNK_DATA) {
		if (!keep(q, data))
			return true;
	}
	io_eat(q->s->client, in.len - rest.len);
	if (is == HTTP_CHUNK_BAD)
		refuse(q, HTTP_CAUSE_REQUEST, http_bad_word(q->chunks.bad));
	else if (is == HTTP_CHUNK_DONE)
		whole(q);
	return true;
}

bool
http_body_take(struct session *s)
{
	struct http_req *q = ((struct http *)s->state)->req;
	struct slice in = io_input(s->client);

	if (in.len == 0)
		return false;
	if (q->head.head.framing.is == HTTP_BODY_CHUNKED)
		return take_chunks(q, in);
	return take_length(q, in);
}
