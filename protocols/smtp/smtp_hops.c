/*
 * smtp_hops: the next hops of a place: what each said it can do, how many
 * connections there are to each, who waits for one, and which are idle.
 *
 * A connection counts from the dial to its end, idle ones included.  Those who
 * wait are served in the order they came.
 */

#include "protocols/smtp/smtp_hops.h"

#include "protocols/smtp/smtp_hop.h"
#include "protocols/smtp/smtp_maildir.h"
#include "protocols/smtp/smtp_next.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/loop.h"
#include "proxy/pool.h"
#include "proxy/session.h"

#define HOPS_MAGIC 0x570b0002u

struct peer {
	struct smtp_hops *hops;
	struct smtp_next next;
	struct smtp_hop_conf conf;
	struct smtp_caps caps;
	struct smtp_hop *probe; /* asks what it can do */
	int64_t asked_ms;       /* when the last probe began; 0: never */
	unsigned used;          /* connections */
	struct smtp_want *first, **last; /* who wait for one ... */
	unsigned waiting;                /* ... and how many they are */
	struct smtp_hop *resting; /* those whose RSET is not answered yet ... */
	unsigned resting_n;       /* ... and how many they are */
};

struct smtp_hops {
	uint32_t magic;
	struct smtp_hops_conf conf;
	struct pool *pool;
	struct timer *timer; /* for the one who waits longest */
	bool armed;          /* it is set */
	size_t n;
	struct peer peer[];
};

static void try_next(struct smtp_want *w);

static struct dialer *
dialer(const struct peer *p)
{
	return worker_dialer(p->hops->conf.worker);
}

/* ---- those who wait ---- */

static void
enqueue(struct peer *p, struct smtp_want *w)
{
	struct smtp_hops *hops = p->hops;

	w->queued = true;
	w->until_ms = clock_ms() + hops->conf.connect_timeout;
	w->next = NULL;
	*p->last = w;
	p->last = &w->next;
	p->waiting++;
	if (!hops->armed)
		timer_set(hops->timer, hops->conf.connect_timeout);
	hops->armed = true;
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
	struct smtp_hops *hops = p->hops;
	struct smtp_want *w;

	while ((w = p->first) != NULL) {
		/* Those whose RSET is on its way will do for some. */
		if (pool_count(hops->pool, p->next.text) == 0 &&
		    (p->used >= hops->conf.most || p->resting_n >= p->waiting))
			return;
		unqueue(p, w);
		try_next(w);
	}
}

static void
waited_too_long(void *arg)
{
	struct smtp_hops *hops = arg;
	int64_t now = clock_ms(), left = 0;
	struct smtp_want *w;

	IS(hops, HOPS_MAGIC);
	for (size_t i = 0; i < hops->n; i++) {
		struct peer *p = &hops->peer[i];

		while ((w = p->first) != NULL && w->until_ms <= now) {
			unqueue(p, w);
			w->got(w->arg, GOT_BUSY, NULL, p->next.text);
		}
		if (w != NULL && (left == 0 || w->until_ms - now < left))
			left = w->until_ms - now;
	}
	hops->armed = left > 0;
	if (left > 0)
		timer_set(hops->timer, left);
}

/* ---- connections that nobody uses ---- */

static void
closed(struct peer *p, struct smtp_hop *h)
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

	closed(h->peer, h);
}

/* A connection behind EHLO or RSET: to whoever waits, or to the pool. */
static void
shelve(struct peer *p, struct smtp_hop *h)
{
	struct io *io;

	io = smtp_hop_unplug(h);
	pool_put(p->hops->pool, p->next.text, &io, h, pool_drops);
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
		shelve(p, h);
	else
		closed(p, h);
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
	if (!good || h->tainted || h->mails >= SMTP_HOP_MAILS ||
	    !smtp_hop_quiet(h)) {
		closed(p, h);
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
	struct io *io = pool_take(p->hops->pool, p->next.text, &tag);

	if (io == NULL)
		return NULL;
	h = tag;
	smtp_hop_plug(h, io, told, arg);
	return h;
}

/* ---- what a next hop can do ---- */

static void
learn(struct peer *p, const struct smtp_hop *h)
{
	p->caps = h->caps;
	log_debug(0, "smtp next_hop=%s pipelining=%d 8bitmime=%d size=%ju",
	    p->next.text, p->caps.pipelining, p->caps.eightbit,
	    (uintmax_t)p->caps.size);
}

static void
probe_told(void *arg, struct smtp_hop *h, enum smtp_hop_event what)
{
	struct peer *p = arg;

	if (what == HOP_DRAINED)
		return;
	p->probe = NULL;
	if (what == HOP_READY) {
		learn(p, h);
		shelve(p, h);
		return;
	}
	log_info(0, "smtp next hop not reached next_hop=%s reason=%s",
	    p->next.text, log_quote(h->why));
	closed(p, h);
}

void
smtp_hops_learn(struct smtp_hops *hops)
{
	int64_t now = clock_ms();

	IS(hops, HOPS_MAGIC);
	for (size_t i = 0; i < hops->n; i++) {
		struct peer *p = &hops->peer[i];

		if (p->caps.known || p->probe != NULL ||
		    p->used >= hops->conf.most ||
		    (p->asked_ms != 0 && now - p->asked_ms < SMTP_LEARN_MS))
			continue;
		p->asked_ms = now;
		p->used++;
		p->probe = smtp_hop_dial(dialer(p), &p->conf, probe_told, p);
		p->probe->peer = p;
	}
}

bool
smtp_hops_eightbit(const struct smtp_hops *hops)
{
	for (size_t i = 0; i < hops->n; i++) {
		if (!hops->peer[i].caps.eightbit)
			return false;
	}
	return true;
}

uint64_t
smtp_hops_size(const struct smtp_hops *hops)
{
	uint64_t least = 0, size;

	for (size_t i = 0; i < hops->n; i++) {
		size = hops->peer[i].caps.size;
		if (size != 0 && (least == 0 || size < least))
			least = size;
	}
	return least;
}

/* ---- getting one ---- */

static void
dial_told(void *arg, struct smtp_hop *h, enum smtp_hop_event what)
{
	struct smtp_want *w = arg;
	struct peer *p = h->peer;

	if (what == HOP_DRAINED)
		return;
	w->hop = NULL;
	if (what == HOP_READY) {
		learn(p, h);
		w->got(w->arg, GOT_HOP, h, "");
		return;
	}
	log_warn(0, "smtp next hop not reached next_hop=%s reason=%s",
	    p->next.text, log_quote(h->why));
	(void)snprintf(w->why, sizeof(w->why), "%s", h->why);
	w->index++;
	w->fresh = false;
	closed(p, h);
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

/* True: it has got one, or will. */
static bool
try_smtp(struct peer *p, struct smtp_want *w)
{
	if ((!w->fresh || p->used >= p->hops->conf.most) && try_idle(p, w))
		return true;
	/* One whose RSET is on its way comes sooner than a new one. */
	if (p->used >= p->hops->conf.most ||
	    (!w->fresh && p->resting_n > p->waiting)) {
		enqueue(p, w);
		return true;
	}
	p->used++;
	w->hop = smtp_hop_dial(dialer(p), &p->conf, dial_told, w);
	w->hop->peer = p;
	return true;
}

static bool
try_maildir(struct peer *p, struct smtp_want *w)
{
	struct err e;

	if (smtp_maildir_make(p->next.host, &e) == 0) {
		w->got(w->arg, GOT_MAILDIR, NULL, "");
		return true;
	}
	log_error(0, "smtp next hop of no use next_hop=%s reason=%s",
	    p->next.text, e.text);
	(void)snprintf(w->why, sizeof(w->why), "%.190s", e.text);
	return false;
}

static void
try_next(struct smtp_want *w)
{
	for (; w->index < w->hops->n; w->index++) {
		struct peer *p = &w->hops->peer[w->index];

		if (p->next.kind == NEXT_MAILDIR ? try_maildir(p, w)
						 : try_smtp(p, w))
			return; /* and w may be gone */
		w->fresh = false;
	}
	w->got(w->arg, GOT_NONE, NULL, w->why);
}

void
smtp_hops_get(struct smtp_hops *hops, struct smtp_want *w, size_t from,
    bool fresh, smtp_got *got, void *arg)
{
	IS(hops, HOPS_MAGIC);
	MUST(!w->queued && w->hop == NULL);
	w->hops = hops;
	w->index = from;
	w->fresh = fresh;
	w->got = got;
	w->arg = arg;
	try_next(w);
}

void
smtp_hops_cancel(struct smtp_want *w)
{
	struct smtp_hop *h = w->hop;

	if (w->queued)
		unqueue(&w->hops->peer[w->index], w);
	w->hop = NULL;
	if (h != NULL)
		closed(h->peer, h);
}

const struct smtp_next *
smtp_hops_next(const struct smtp_hops *hops, size_t index)
{
	MUST(index < hops->n);
	return &hops->peer[index].next;
}

size_t
smtp_hops_count(const struct smtp_hops *hops)
{
	return hops->n;
}

/* ---- life ---- */

static void
open_peer(struct smtp_hops *hops, struct peer *p)
{
	p->hops = hops;
	p->last = &p->first;
	p->conf.host = p->next.host;
	p->conf.port = p->next.port;
	p->conf.gateway = hops->conf.gateway;
	p->conf.connect_timeout = hops->conf.connect_timeout;
	p->conf.timeout = hops->conf.timeout;
	if (p->next.kind == NEXT_MAILDIR)
		p->caps = (struct smtp_caps){.known = true, .eightbit = true};
}

/* The pool knows a next hop by its text. */
static bool
named_before(const struct smtp_hops *hops, size_t i, struct err *e)
{
	const char *text = hops->peer[i].next.text;

	for (size_t k = 0; k < i; k++) {
		if (strcmp(hops->peer[k].next.text, text) == 0)
			return err_set(e, "named twice: %s", text) < 0;
	}
	return false;
}

int
smtp_hops_open(const struct smtp_hops_conf *conf, const char *const *list,
    size_t n, struct smtp_hops **hops_r, struct err *e)
{
	struct smtp_hops *hops;

	*hops_r = NULL;
	if (n == 0)
		return err_set(e, "names no next hop");
	hops = xcalloc(1, sizeof(*hops) + n * sizeof(hops->peer[0]));
	hops->magic = HOPS_MAGIC;
	hops->conf = *conf;
	hops->n = n;
	for (size_t i = 0; i < n; i++) {
		if (smtp_next(list[i], &hops->peer[i].next, e) < 0 ||
		    named_before(hops, i, e)) {
			free(hops);
			return -1;
		}
		open_peer(hops, &hops->peer[i]);
	}
	if (conf->worker == NULL) {
		free(hops);
		return 0;
	}
	hops->pool = pool_open(conf->most, SMTP_IDLE_MS, "QUIT\r\n");
	hops->timer =
	    timer_open(worker_loop(conf->worker), waited_too_long, hops);
	*hops_r = hops;
	return 0;
}

void
smtp_hops_free(struct smtp_hops **hp)
{
	struct smtp_hops *hops = *hp;
	struct smtp_hop *h;

	*hp = NULL;
	if (hops == NULL)
		return;
	IS(hops, HOPS_MAGIC);
	pool_free(&hops->pool);
	for (size_t i = 0; i < hops->n; i++) {
		struct peer *p = &hops->peer[i];

		smtp_hop_free(&p->probe);
		while ((h = p->resting) != NULL) {
			p->resting = h->next;
			smtp_hop_free(&h);
		}
		MUST(p->first == NULL); /* who waits has a session */
	}
	timer_free(&hops->timer);
	hops->magic = 0;
	free(hops);
}
