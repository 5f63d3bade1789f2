/*
 * http_kept: who fetches what parts are cut from, who waits for it, and how
 * they are answered: each has the bytes judged for himself.
 */
#include "protocols/http/http_kept.h"

#include "protocols/http/http.h"
#include "protocols/http/http_fresh.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

/* Of a request's fields, what may have chosen the answer. */
#define VARY_MAX (256 * 1024)

/* ---- what is the same ---- */

/* The URL, and where that leads: a client that names a host and is sent
 * elsewhere gets nothing in under that name. */
static bool
key_of(struct http_req *q, unsigned char key_r[DIGEST_SIZE])
{
	const char *url = facts_get(&q->x->facts, FIELD_URL, 0);
	const struct http_inside *inside = http_inside(q->s);
	char where[HTTP_HOST_MAX + 16];
	struct digest *d;

	if (url == NULL)
		return false;
	d = digest_open();
	digest_add(d, url, strlen(url) + 1);
	(void)snprintf(where, sizeof(where), "%s:%u", q->to.name, q->to.port);
	if (inside == NULL)
		digest_add(d, where, strlen(where));
	else
		digest_add(d, inside->key, strlen(inside->key));
	digest_end(d, key_r);
	digest_free(&d);
	return true;
}

static bool
vary_of(const struct http_head *answer, const struct http_req *q,
    unsigned char sum_r[DIGEST_SIZE])
{
	struct digest *d;
	struct buf b;
	bool ok;

	buf_init(&b, VARY_MAX);
	ok = http_vary_put(&b, answer, &q->head.head) == 0;
	d = digest_open();
	digest_add(d, buf_at(&b), b.len);
	digest_end(d, sum_r);
	digest_free(&d);
	buf_free(&b);
	return ok;
}

/* Would the origin have given q the same? */
static bool
fits(const struct http_kept *e, const struct http_req *q)
{
	unsigned char sum[DIGEST_SIZE];

	return vary_of(&e->head.head, q, sum) &&
	    memcmp(sum, e->vary, sizeof(sum)) == 0;
}

/* Does it know of another state of it than the one that is kept? */
static bool
knows_another(const struct http_kept *e, const struct http_req *q)
{
	const struct http_head *h = &e->head.head;
	struct slice condition = http_value(&q->head.head, HTTP_FIELD_IF_RANGE);

	return condition.at != NULL &&
	    !http_if_range(condition, http_value(h, HTTP_FIELD_ETAG),
		http_value(h, HTTP_FIELD_LAST_MODIFIED),
		http_value(h, HTTP_FIELD_DATE));
}

/* ---- who waits ---- */

/* It goes on when this turn of the loop ends. */
static void
wake(struct http_req *w, bool alone)
{
	struct http_keep *k = w->own->keep;

	TAILQ_REMOVE(&w->kept->waiting, w, waits);
	w->kept = NULL;
	w->alone = alone;
	w->woken = true;
	TAILQ_INSERT_TAIL(&k->woken, w, waits);
	loop_later(k->loop, &k->wake);
}

static void
wake_all(struct http_kept *e, bool alone)
{
	while (!TAILQ_EMPTY(&e->waiting))
		wake(TAILQ_FIRST(&e->waiting), alone);
}

/* Nobody waits for what q has come for. */
static void
give_up(struct http_req *q, bool alone)
{
	struct http_kept *e = q->kept;

	if (e == NULL || e->leader != q)
		return;
	wake_all(e, alone);
	q->kept = NULL;
	http_keep_drop(q->own->keep, e);
}

void
http_kept_failed(struct http_req *q)
{
	give_up(q, true);
}

void
http_kept_left(struct http_req *q)
{
	give_up(q, false);
	if (q->kept != NULL)
		TAILQ_REMOVE(&q->kept->waiting, q, waits);
	if (q->woken)
		TAILQ_REMOVE(&q->own->keep->woken, q, waits);
	q->kept = NULL;
	q->woken = false;
}

/* ---- served ---- */

static void
serve(struct http_req *q, struct http_kept *e)
{
	q->answer = e->head;
	MUST(buf_put(&q->answer_bytes, buf_at(&e->bytes), e->bytes.len) == 0);
	http_head_move(&q->answer.head, buf_at(&q->answer_bytes));
	q->from_keep = true;
	q->age_s = (uint64_t)(clock_ms() - e->came_ms) / 1000;
	copy_text(q->reason, sizeof(q->reason), "range_keep");
	exchange_share(q->x, e->content, e->sum);
	http_answer_here(q);
}

bool
http_kept_takes(struct http_req *q)
{
	struct http_keep *k = q->own->keep;
	unsigned char key[DIGEST_SIZE];
	struct http_kept *e;

	if (k == NULL || !q->cut || q->alone ||
	    !http_may_share(&q->head.head) || !key_of(q, key))
		return false;
	e = http_keep_find(k, key);
	if (e != NULL && e->known && !fits(e, q))
		return false;
	if (e != NULL && e->leader == NULL && knows_another(e, q)) {
		http_keep_drop(k, e);
		e = NULL;
	}
	if (e == NULL) {
		q->kept = http_keep_add(k, key, q);
		return false;
	}
	if (e->leader == NULL) {
		serve(q, e);
		return true;
	}
	q->kept = e;
	TAILQ_INSERT_TAIL(&e->waiting, q, waits);
	http_enter(q->s, HTTP_IN_FETCH);
	return true;
}

/* ---- the one who leads ---- */

/* Whom it was chosen for otherwise goes alone. */
static void
sort_out(struct http_kept *e)
{
	struct http_req *w, *next;

	for (w = TAILQ_FIRST(&e->waiting); w != NULL; w = next) {
		next = TAILQ_NEXT(w, waits);
		if (!fits(e, w))
			wake(w, true);
	}
}

static bool
keep_head(struct http_req *q, struct http_kept *e)
{
	const struct http_head *h = &q->answer.head;
	uint64_t seconds;
	enum http_share share = http_share_of(&q->answer, &seconds);

	if (share == HTTP_SHARE_NO || h->framing.is == HTTP_BODY_NONE ||
	    (h->framing.is == HTTP_BODY_LENGTH && h->framing.length == 0) ||
	    !vary_of(h, q, e->vary))
		return false;
	buf_init(&e->bytes, q->own->max_header);
	MUST(buf_put(&e->bytes, h->bytes, h->size) == 0);
	e->head = q->answer;
	http_head_move(&e->head.head, buf_at(&e->bytes));
	e->later = share == HTTP_SHARE_LATER;
	e->ms = q->own->keep->ms;
	if (seconds < (uint64_t)e->ms / 1000)
		e->ms = (int64_t)seconds * 1000;
	e->known = true;
	return true;
}

void
http_kept_head(struct http_req *q)
{
	struct http_kept *e = q->kept;

	if (e == NULL || e->leader != q)
		return;
	if (keep_head(q, e))
		sort_out(e);
	else
		give_up(q, true);
}

void
http_kept_judged(struct http_req *q, bool passed)
{
	struct http_kept *e = q->kept;

	if (e == NULL || e->leader != q)
		return;
	q->kept = NULL;
	wake_all(e, false);
	http_keep_fill(
	    q->own->keep, e, q->x->content, exchange_sum(q->x), passed);
}

void
http_kept_wake(void *keep)
{
	struct http_keep *k = keep;
	struct http_req *w;

	while ((w = TAILQ_FIRST(&k->woken)) != NULL) {
		struct session *s = w->s;

		TAILQ_REMOVE(&k->woken, w, waits);
		w->woken = false;
		if (!http_kept_takes(w))
			http_request_go(w);
		http_go_on(s);
	}
	http_keep_sweep(k);
}
