/*
 * smtp_hops: the connections to the next hops of a place: how many there are to
 * each, who waits for one, which are idle, and which next hop is down.
 *
 * A connection counts from the dial to its end, idle ones included.  Those who
 * wait are served in the order they came.
 */

#include "protocols/smtp/smtp_hops_own.h"
#include "protocols/smtp/smtp_maildir.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/loop.h"
#include "proxy/pool.h"
#include "proxy/session.h"

static void try_next(struct smtp_want *w);

static struct dialer *
dialer(const struct peer *p)
{
	return worker_dialer(p->hops->worker);
}

/* ---- those who wait ---- */

static void
enqueue(struct peer *p, struct smtp_want *w)
{
	struct smtp_hops *hops = p->hops;

	w->queued = true;
	w->until_ms = clock_ms() + p->conf.connect_timeout;
	w->next = NULL;
	*p->last = w;
	p->last = &w->next;
	p->waiting++;
	if (hops->due_ms != 0 && hops->due_ms <= w->until_ms)
		return;
	hops->due_ms = w->until_ms;
	timer_set(hops->timer, p->conf.connect_timeout);
}

static void
unqueue(struct peer *p, struct smtp_want *w)
{
	struct smtp_want **link = &p->first;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	if (p->last == &w->next)
		p->last = link;
	p->waiting--;
	w->queued = false;
}

/* Something has become free: whoever waits first. */
static void
serve(struct peer *p)
{
	struct smtp_want *w;

	while ((w = p->first) != NULL) {
		/* Those whose RSET is on its way will do for some. */
		if (pool_count(p->hops->pool, p->key) == 0 &&
		    (p->used >= p->most || p->resting_n >= p->waiting))
			return;
		unqueue(p, w);
		try_next(w);
	}
}

void
hops_waited(void *arg)
{
	struct smtp_hops *hops = arg;
	int64_t now = clock_ms(), due = 0;
	struct smtp_want *w;

	IS(hops, HOPS_MAGIC);
	hops->due_ms = 0;
	for (size_t i = 0; i < hops->n; i++) {
		struct peer *p = hops->peers[i];

		while ((w = p->first) != NULL && w->until_ms <= now) {
			unqueue(p, w);
			w->got(w->arg, GOT_BUSY, NULL, p->next.text);
		}
		if (w != NULL && (due == 0 || w->until_ms < due))
			due = w->until_ms;
	}
	if (due == 0 || (hops->due_ms != 0 && hops->due_ms <= due))
		return;
	hops->due_ms = due;
	timer_set(hops->timer, due - now);
}

/* ---- connections that nobody uses ---- */

void
hops_closed(struct peer *p, struct smtp_hop *h)
{
	MUST(p->used > 0);
	smtp_hop_free(&h);
	p->used--;
	serve(p);
}

static void
pool_drops(void *tag)
{
	struct smtp_hop *h = tag;

	hops_closed(h->peer, h);
}

void
hops_shelve(struct peer *p, struct smtp_hop *h)
{
	struct io *io;

	io = smtp_hop_unplug(h);
	pool_put(p->hops->pool, p->key, &io, h, pool_drops);
	serve(p);
}

static void
rest_told(void *arg, struct smtp_hop *h, enum smtp_hop_event what)
{
	struct peer *p = arg;
	struct smtp_hop **link = &p->resting;

	if (what == HOP_DRAINED)
		return;
	while (*link != h)
		link = &(*link)->next;
	*link = h->next;
	p->resting_n--;
	if (what == HOP_SAID && h->reply.code == 250)
		hops_shelve(p, h);
	else
		hops_closed(p, h);
}

void
smtp_hops_give(struct smtp_hop **hp, bool good)
{
	struct smtp_hop *h = *hp;
	struct peer *p;

	*hp = NULL;
	if (h == NULL)
		return;
	p = h->peer;
	if (!good || h->tainted || h->bound || h->mails >= SMTP_HOP_MAILS ||
	    !smtp_hop_quiet(h)) {
		hops_closed(p, h);
		return;
	}
	/* One packet and one wake-up less, for the hop as for us. */
	if (h->caps.pipelining && h->ended) {
		h->unreset = true;
		hops_shelve(p, h);
		return;
	}
	h->next = p->resting;
	p->resting = h;
	p->resting_n++;
	smtp_hop_owner(h, rest_told, p);
	smtp_hop_ask(h, "RSET\r\n");
	smtp_hop_wait(h, SMTP_RSET_MS, "SMTP_RSET_MS");
}

static struct smtp_hop *
take_idle(struct peer *p, smtp_hop_told *told, void *arg)
{
	struct smtp_hop *h;
	void *tag;
	struct io *io = pool_take(p->hops->pool, p->key, &tag);

	if (io == NULL)
		return NULL;
	h = tag;
	smtp_hop_plug(h, io, told, arg);
	return h;
}

/* ---- who is down ---- */

struct smtp_hop *
hops_dial(struct peer *p, smtp_hop_told *told, void *arg)
{
	struct smtp_hop *h;

	/* While this one finds out, others pass it over. */
	if (p->down_until_ms != 0)
		p->down_until_ms = clock_ms() + p->retry;
	p->used++;
	h = smtp_hop_dial(dialer(p), &p->conf, told, arg);
	h->peer = p;
	return h;
}

void
hops_reached(struct peer *p, const struct smtp_hop *h)
{
	if (p->down_until_ms != 0)
		log_info(0, "smtp next hop is back next_hop=%s", p->next.text);
	p->down_until_ms = 0;
	p->caps = h->caps;
	log_debug(0, "smtp next_hop=%s pipelining=%d 8bitmime=%d size=%ju",
	    p->next.text, p->caps.pipelining, p->caps.eightbit,
	    (uintmax_t)p->caps.size);
}

void
hops_not_reached(struct peer *p, const char *why)
{
	p->down_until_ms = clock_ms() + p->retry;
	log_warn(0, "smtp next hop not reached next_hop=%s reason=%s",
	    p->next.text, log_quote(why));
}

/* The first one that has not failed and is not known to be down; else the
 * first that has not failed.  False: there is none. */
static bool
choose(const struct route *r, struct smtp_want *w)
{
	int64_t now = clock_ms();

	if (w->fresh)
		return true; /* the one it was */
	for (w->at = 0; w->at < r->n; w->at++) {
		struct peer *p = w->hops->peers[r->first + w->at];

		if ((w->tried >> w->at & 1) == 0 && p->down_until_ms <= now)
			return true;
	}
	for (w->at = 0; w->at < r->n; w->at++) {
		if ((w->tried >> w->at & 1) == 0)
			return true;
	}
	return false;
}

/* ---- getting one ---- */

static void
failed(struct smtp_want *w, const char *why)
{
	(void)snprintf(w->why, sizeof(w->why), "%.190s", why);
	w->tried |= UINT32_C(1) << w->at;
	w->fresh = false;
}

static void
dial_told(void *arg, struct smtp_hop *h, enum smtp_hop_event what)
{
	struct smtp_want *w = arg;
	struct peer *p = h->peer;

	if (what == HOP_DRAINED)
		return;
	w->hop = NULL;
	if (what == HOP_READY) {
		hops_reached(p, h);
		w->got(w->arg, GOT_HOP, h, "");
		return;
	}
	hops_not_reached(p, h->why);
	failed(w, h->why);
	hops_closed(p, h);
	try_next(w);
}

/* From the pool.  False: there is none. */
static bool
try_idle(struct peer *p, struct smtp_want *w)
{
	struct smtp_hop *h = take_idle(p, dial_told, w);

	if (h == NULL)
		return false;
	if (!w->fresh) {
		w->got(w->arg, GOT_HOP, h, "");
		return true;
	}
	/* A fresh one is wanted, and there may be no room for both. */
	smtp_hop_free(&h);
	p->used--;
	return false;
}

/* It has got one, or will. */
static void
try_connection(struct peer *p, struct smtp_want *w)
{
	if ((!w->fresh || p->used >= p->most) && try_idle(p, w))
		return;
	/* One whose RSET is on its way comes sooner than a new one. */
	if (p->used >= p->most || (!w->fresh && p->resting_n > p->waiting))
		enqueue(p, w);
	else
		w->hop = hops_dial(p, dial_told, w);
}

static bool
try_maildir(struct peer *p, struct smtp_want *w)
{
	struct err e;

	if (smtp_maildir_make(p->next.host, &e) == 0) {
		p->down_until_ms = 0;
		w->got(w->arg, GOT_MAILDIR, NULL, "");
		return true;
	}
	p->down_until_ms = clock_ms() + p->retry;
	log_error(0, "smtp next hop of no use next_hop=%s reason=%s",
	    p->next.text, e.text);
	failed(w, e.text);
	return false;
}

static void
try_next(struct smtp_want *w)
{
	const struct route *r = &w->hops->routes[w->route];

	while (choose(r, w)) {
		struct peer *p = w->hops->peers[r->first + w->at];

		w->index = p->index;
		if (p->next.kind != NEXT_MAILDIR) {
			try_connection(p, w);
			return; /* and w may be gone */
		}
		if (try_maildir(p, w))
			return;
	}
	w->got(w->arg, GOT_NONE, NULL, w->why);
}

void
smtp_hops_get(struct smtp_hops *hops, struct smtp_want *w, unsigned route,
    enum smtp_which which, smtp_got *got, void *arg)
{
	IS(hops, HOPS_MAGIC);
	MUST(!w->queued && w->hop == NULL && route < hops->routes_n);
	MUST(which != HOP_ANOTHER || w->hops == hops);
	w->hops = hops;
	w->route = route;
	w->fresh = which == HOP_FRESH;
	if (which == HOP_ANY)
		w->tried = 0;
	if (which == HOP_ANOTHER)
		w->tried |= UINT32_C(1) << w->at;
	w->got = got;
	w->arg = arg;
	try_next(w);
}

void
smtp_hops_cancel(struct smtp_want *w)
{
	struct smtp_hop *h = w->hop;

	if (w->queued)
		unqueue(w->hops->peers[w->index], w);
	w->hop = NULL;
	if (h != NULL)
		hops_closed(h->peer, h);
}
