/*
 * http_flow: what of a large answer leaves before its verdict.  A beginning of
 * it (of `hold` bytes, then twice, four times as many) is scanned while the
 * rest still comes; of one that has passed, `hold-tail` gives the client all
 * but the last `tail` bytes, and `trickle` a few bytes a second.  A beginning
 * that does not pass ends the flow and decides nothing: the whole does that.
 */
#include "protocols/http/http_flow.h"

#include <errno.h>
#include <stdlib.h>

#include "protocols/http/http.h"
#include "protocols/http/http_write.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

#define HTTP_FLOW_MAGIC 0x47790016u
struct http_flow {
	uint32_t magic;
	struct http_req *q;
	uint64_t next;          /* so long is the next beginning */
	struct content *asked;  /* one at the gate */
	struct ticket *ticket;  /* its */
	struct content *passed; /* the longest that has passed */
	struct content *fed;    /* what the client is being fed from */
	bool ended;             /* no more of them */
};

/* ---- life ---- */

static bool
may_flow(const struct http_req *q)
{
	const struct http_framing *f = &q->answer.head.framing;

	if (q->own->delivery == DELIVERY_HOLD || q->encoded || q->cut ||
	    q->answer.status != 200)
		return false;
	return f->is != HTTP_BODY_LENGTH || f->length > q->own->hold;
}

struct http_flow *
http_flow_open(struct http_req *q)
{
	struct http_flow *f;

	if (!may_flow(q))
		return NULL;
	f = xcalloc(1, sizeof(*f));
	f->magic = HTTP_FLOW_MAGIC;
	f->q = q;
	f->next = q->own->hold > 0 ? q->own->hold : 1;
	return f;
}

void
http_flow_stop(struct http_flow *f)
{
	IS(f, HTTP_FLOW_MAGIC);
	f->ended = true;
	gate_cancel(&f->ticket);
	content_free(&f->asked);
	content_free(&f->passed);
}

void
http_flow_free(struct http_flow **fp)
{
	struct http_flow *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	http_flow_stop(f);
	content_free(&f->fed);
	f->magic = 0;
	free(f);
}

/* ---- to the client ---- */

/* Behind it the client has to be able to see that something is missing: a
 * length, chunks, or a reset where it is the end that ends it. */
static void
put_head(struct http_req *q)
{
	struct http_write_response w = {.body = q->answer.head.framing};

	if (q->head_sent)
		return;
	if (w.body.is != HTTP_BODY_LENGTH) {
		q->chunked = q->head.head.minor > 0;
		q->close = q->close || !q->chunked;
		w.body.is = q->chunked ? HTTP_BODY_CHUNKED : HTTP_BODY_CLOSE;
	}
	if (w.body.is == HTTP_BODY_CLOSE)
		io_fragile(q->s->client, true);
	http_answer_head(q, &w);
}

/* How many bytes more may leave: all before `held` bytes of the end of what
 * has passed. */
static uint64_t
may_leave(const struct http_flow *f, uint64_t held)
{
	uint64_t size = f->passed == NULL ? 0 : content_size(f->passed);

	if (size <= held || size - held <= f->q->sent)
		return 0;
	return size - held - f->q->sent;
}

/* From the beginning that has passed; it stays until the client has it. */
static void
feed(struct http_flow *f)
{
	struct http_req *q = f->q;
	struct io *io = q->s->client;
	uint64_t n = may_leave(f, q->own->tail);
	char line[HTTP_CHUNK_HEAD_MAX];

	if (f->fed != NULL || n == 0)
		return;
	put_head(q);
	if (q->chunked)
		io_put(io, line, http_chunk_head(line, n));
	io_feed(io, f->passed, q->sent, q->sent + n);
	if (q->chunked)
		io_puts(io, "\r\n");
	q->sent += n;
	f->fed = f->passed;
	f->passed = NULL;
}

/* What the client has not been given stays here to `hold` bytes, too. */
static uint64_t
may_trickle(const struct http_flow *f)
{
	const struct http_req *q = f->q;
	uint64_t most = may_leave(f, 0);
	uint64_t size = content_size(q->x->content);
	uint64_t held = q->own->hold;

	if (size <= held || size - held <= q->sent || io_full(q->s->client))
		return 0;
	if (most > size - held - q->sent)
		most = size - held - q->sent;
	return most < q->own->trickle_rate ? most : q->own->trickle_rate;
}

static void
trickle(struct http_flow *f)
{
	struct http_req *q = f->q;
	size_t want = (size_t)may_trickle(f);
	char line[HTTP_CHUNK_HEAD_MAX];
	char *bytes;
	ssize_t n;

	if (want == 0)
		return;
	put_head(q);
	bytes = xcalloc(want, 1);
	n = content_read(f->passed, bytes, want, q->sent);
	if (n > 0 && q->chunked)
		io_put(q->s->client, line, http_chunk_head(line, (uint64_t)n));
	if (n > 0) {
		io_put(q->s->client, bytes, (size_t)n);
		q->sent += (uint64_t)n;
	}
	if (n > 0 && q->chunked)
		io_puts(q->s->client, "\r\n");
	free(bytes);
}

static void
let_go(struct http_flow *f)
{
	if (f->q->own->delivery == DELIVERY_TRICKLE)
		trickle(f);
	else
		feed(f);
}

/* ---- a beginning is looked at ---- */

static void judged(void *arg, const struct gate_result *result);

/* One that is cut off is malformed by that: the whole is asked about it. */
static bool
passes(struct http_flow *f, const struct report *report)
{
	const struct http_req *q = f->q;
	struct report *r = xcalloc(1, sizeof(*r));
	struct decision d;
	bool ok;

	report_copy(r, report);
	report_forget(r, FOUND_MALFORMED);
	policy_decide(
	    q->s->place->policies, q->s->place->policy, &q->x->facts, r, &d);
	ok = d.action == DO_PASS || d.action == DO_TAG;
	if (!ok)
		log_info(q->s->id,
		    "http flow ends id=%s scanned=%ju verdict=%s what=%s",
		    q->x->id, (uintmax_t)content_size(f->asked), d.verdict,
		    log_quote(d.because.what));
	free(r);
	return ok;
}

/* The next beginning goes to the gate, if it is there and not all there is. */
static void
look(struct http_flow *f)
{
	struct http_req *q = f->q;

	/* once the whole is here its own scan is under way */
	if (f->ended || f->ticket != NULL || q->x->content == NULL ||
	    q->o == NULL || content_size(q->x->content) <= f->next)
		return;
	f->asked = content_prefix(q->x->content, f->next);
	if (f->asked == NULL) {
		log_warn(q->s->id, "http flow ends id=%s error=%s", q->x->id,
		    strerror(errno));
		f->ended = true;
		return;
	}
	f->ticket = gate_submit(worker_gate(q->s->place->worker), f->asked,
	    NULL, q->own->scan_deadline, judged, f);
}

static void
judged(void *arg, const struct gate_result *result)
{
	struct http_flow *f = arg;

	IS(f, HTTP_FLOW_MAGIC);
	f->ticket = NULL;
	if (!passes(f, result->report)) {
		f->ended = true;
		content_free(&f->asked);
		return;
	}
	log_debug(f->q->s->id, "http flow id=%s scanned=%ju", f->q->x->id,
	    (uintmax_t)f->next);
	content_free(&f->passed);
	f->passed = f->asked;
	f->asked = NULL;
	f->next *= 2;
	let_go(f);
	http_flow_came(f);
}

/* ---- what happens ---- */

void
http_flow_came(struct http_flow *f)
{
	IS(f, HTTP_FLOW_MAGIC);
	if (f->q->own->delivery == DELIVERY_TAIL)
		look(f);
}

void
http_flow_drained(struct http_flow *f)
{
	IS(f, HTTP_FLOW_MAGIC);
	content_free(&f->fed);
	if (f->q->own->delivery == DELIVERY_TAIL)
		feed(f);
}

void
http_flow_tick(struct http_flow *f)
{
	IS(f, HTTP_FLOW_MAGIC);
	if (f->q->own->delivery != DELIVERY_TRICKLE || f->ended)
		return;
	if (may_leave(f, 0) < f->q->own->trickle_rate)
		look(f);
	trickle(f);
}
