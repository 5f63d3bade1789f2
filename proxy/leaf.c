/*
 * leaf: the leaves of one place: those that are there, and those that are
 * asked for.
 */
#include "proxy/leaf.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/lru.h"
#include "proxy/base/mem.h"
#include "proxy/leaf_own.h"
#include "proxy/session.h"
#include "proxy/tls_leaf.h"

#define LEAST_KEPT 16 /* in each net worker */

/* ---- asking ---- */

static bool
read_names(struct leaf_names *ns, const char *const *names, size_t n)
{
	memset(ns, 0, sizeof(*ns));
	for (size_t i = 0; i < n; i++) {
		if (!leaf_names_add(ns, slice_of(names[i])))
			return false;
	}
	return n > 0;
}

struct tls *
leaf_ready(struct leaves *l, const char *const *names, size_t n)
{
	struct leaf_names ns;
	char key[LEAF_KEY_MAX];
	size_t len;

	IS(l, LEAVES_MAGIC);
	if (!read_names(&ns, names, n))
		return NULL;
	len = leaf_names_key(&ns, key);
	return lru_find(l->kept, key, len, clock_ms());
}

static void
on_failed(void *arg)
{
	struct leaf_ask *a = arg;
	leaf_done *done = a->done;
	void *done_arg = a->arg;
	const char *why = a->why;

	free(a);
	done(done_arg, NULL, why);
}

/* Why it cannot be asked for; NULL: it can. */
static const char *
reason_not_to(const struct leaves *l, bool named)
{
	if (!named)
		return "not a host name";
	if (!l->enabled)
		return "inspection is off";
	if (l->link->waiting_n >= LEAF_WAITING_MAX)
		return "limit LEAF_WAITING_MAX";
	return NULL;
}

/* Joins those who want the same. */
static void
join(struct leaves *l, struct leaf_ask *a, const struct leaf_names *names)
{
	char key[LEAF_KEY_MAX];
	size_t len = leaf_names_key(names, key);
	struct leaf_want *w = leaf_want_find(l, key, len);

	if (w == NULL)
		w = leaf_want_new(l, names);
	a->next = w->asks;
	a->link = &w->asks;
	if (a->next != NULL)
		a->next->link = &a->next;
	w->asks = a;
	leaf_link_send(l->link);
}

struct leaf_ask *
leaf_ask(struct leaves *l, const char *const *names, size_t n, leaf_done *done,
    void *arg)
{
	struct leaf_ask *a = xcalloc(1, sizeof(*a));
	struct leaf_names ns;

	IS(l, LEAVES_MAGIC);
	a->done = done;
	a->arg = arg;
	job_init(&a->fails, on_failed, a);
	a->why = reason_not_to(l, read_names(&ns, names, n));
	if (a->why == NULL)
		join(l, a, &ns);
	else {
		leaf_count(a->why);
		loop_next(l->link->loop, &a->fails);
	}
	return a;
}

void
leaf_cancel(struct leaf_ask **ap)
{
	struct leaf_ask *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	/* What it wanted is made all the same, for the next who asks. */
	if (a->link != NULL)
		*a->link = a->next;
	if (a->next != NULL)
		a->next->link = a->link;
	job_cancel(&a->fails);
	free(a);
}

/* ---- those of a place ---- */

static void
drop_tls(void *value)
{
	struct tls *t = value;

	tls_drop(&t);
}

/* Its part of leaf_cache. */
static size_t
most_kept(const struct place *p)
{
	size_t all =
	    (size_t)conf_int(p->conf, NULL, OPT_TLS_INSPECTION_LEAF_CACHE);
	size_t each = all / worker_count(p->worker);

	return each < LEAST_KEPT ? LEAST_KEPT : each;
}

struct tls *
leaf_keep(struct leaf_want *w, const struct leaf_reply *r)
{
	struct leaves *l = w->leaves;
	struct tls *tls = tls_leaf(
	    l->base, l->listener, (struct slice){w->key, w->key_len}, r);

	if (tls != NULL)
		lru_put(l->kept, w->key, w->key_len, tls,
		    clock_ms() + (int64_t)r->good_s * 1000);
	return tls;
}

struct leaves *
leaves_open(const struct place *place)
{
	struct leaves *l = xcalloc(1, sizeof(*l));

	MUST(place->worker != NULL && place->tls_kit != NULL);
	l->magic = LEAVES_MAGIC;
	l->link = worker_leaf_link(place->worker);
	l->listener = place->name;
	l->base = tls_leaf_base(
	    place->conf, place->listener, place->tls_kit->tickets);
	l->enabled =
	    conf_int(place->conf, NULL, OPT_TLS_INSPECTION_ENABLED) != 0;
	l->kept = lru_open(most_kept(place), drop_tls);
	return l;
}

void
leaves_free(struct leaves **lp)
{
	struct leaves *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	IS(l, LEAVES_MAGIC);
	leaf_link_forget(l->link, l);
	lru_free(&l->kept);
	tls_drop(&l->base);
	l->magic = 0;
	free(l);
}
