/*
 * http_keep: the list of what is kept for ranges: its bounds, its time.  Who
 * leads, waits and is served is in http_kept.c.
 */
#include "protocols/http/http_keep.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/stats.h"
#include "scan/content.h"

static bool
is_here(const struct http_kept *e)
{
	return e->leader == NULL;
}

/* Is it of those that count? */
static bool
stays(const struct http_kept *e)
{
	return is_here(e) && e->until_ms != 0;
}

/* ---- time ---- */

static void
expire(void *arg)
{
	struct http_keep *k = arg;
	struct http_kept *e, *next;
	int64_t now = clock_ms(), first = INT64_MAX;

	for (e = TAILQ_FIRST(&k->list); e != NULL; e = next) {
		next = TAILQ_NEXT(e, link);
		if (!stays(e))
			continue;
		if (e->until_ms <= now)
			http_keep_drop(k, e);
		else if (e->until_ms < first)
			first = e->until_ms;
	}
	if (first != INT64_MAX)
		timer_set(k->expiry, first - now);
}

/* ---- life ---- */

struct http_keep *
http_keep_open(struct loop *l, int64_t ms, uint64_t max, loop_called *wake)
{
	struct http_keep *k = xcalloc(1, sizeof(*k));

	k->loop = l;
	k->ms = ms;
	k->max = max;
	k->expiry = timer_open(l, expire, k);
	TAILQ_INIT(&k->list);
	TAILQ_INIT(&k->woken);
	job_init(&k->wake, wake, k);
	return k;
}

void
http_keep_free(struct http_keep **kp)
{
	struct http_keep *k = *kp;

	*kp = NULL;
	if (k == NULL)
		return;
	MUST(TAILQ_EMPTY(&k->woken));
	while (!TAILQ_EMPTY(&k->list))
		http_keep_drop(k, TAILQ_FIRST(&k->list));
	timer_free(&k->expiry);
	job_cancel(&k->wake);
	free(k);
}

struct http_kept *
http_keep_find(struct http_keep *k, const unsigned char key[DIGEST_SIZE])
{
	struct http_kept *e;

	TAILQ_FOREACH(e, &k->list, link)
	{
		if (memcmp(e->key, key, DIGEST_SIZE) == 0)
			break;
	}
	if (e == NULL || !stays(e) || e->until_ms > clock_ms())
		return e;
	http_keep_drop(k, e);
	return NULL;
}

struct http_kept *
http_keep_add(struct http_keep *k, const unsigned char key[DIGEST_SIZE],
    struct http_req *leader)
{
	struct http_kept *e = xcalloc(1, sizeof(*e));

	memcpy(e->key, key, DIGEST_SIZE);
	e->leader = leader;
	TAILQ_INIT(&e->waiting);
	TAILQ_INSERT_TAIL(&k->list, e, link);
	k->n++;
	return e;
}

void
http_keep_drop(struct http_keep *k, struct http_kept *e)
{
	MUST(TAILQ_EMPTY(&e->waiting));
	if (stays(e))
		k->size -= content_size(e->content);
	TAILQ_REMOVE(&k->list, e, link);
	k->n--;
	content_free(&e->content);
	buf_free(&e->bytes);
	free(e);
}

/* ---- room ---- */

static struct http_kept *
oldest(struct http_keep *k)
{
	struct http_kept *e;

	TAILQ_FOREACH(e, &k->list, link)
	{
		if (stays(e))
			return e;
	}
	return NULL;
}

static bool
make_room(struct http_keep *k, uint64_t size)
{
	struct http_kept *e;

	if (size > k->max) {
		log_info(0, "limit range_keep_size reached bytes=%ju",
		    (uintmax_t)size);
		(void)stats_limit(0, "range_keep_size");
		return false;
	}
	while (k->size > k->max - size || k->n > HTTP_KEPT_MAX) {
		e = oldest(k);
		if (e == NULL)
			return false;
		http_keep_drop(k, e);
	}
	return true;
}

void
http_keep_fill(struct http_keep *k, struct http_kept *e, struct content *c,
    const unsigned char sum[DIGEST_SIZE], bool stays_on)
{
	uint64_t size = content_size(c);

	e->content = content_share(c);
	memcpy(e->sum, sum, DIGEST_SIZE);
	e->leader = NULL;
	e->came_ms = clock_ms();
	if (stays_on && e->later && make_room(k, size)) {
		e->until_ms = e->came_ms + e->ms;
		k->size += size;
		expire(k);
	}
	loop_later(k->loop, &k->wake);
}

bool
http_keep_shed(struct http_keep *k)
{
	struct http_kept *e;
	bool some = false;

	while ((e = oldest(k)) != NULL) {
		http_keep_drop(k, e);
		some = true;
	}
	if (some)
		log_info(0,
		    "http what was kept for ranges gives way: the "
		    "spool is full");
	return some;
}

void
http_keep_sweep(struct http_keep *k)
{
	struct http_kept *e, *next;

	for (e = TAILQ_FIRST(&k->list); e != NULL; e = next) {
		next = TAILQ_NEXT(e, link);
		if (is_here(e) && !stays(e))
			http_keep_drop(k, e);
	}
}
