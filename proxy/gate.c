/*
 * gate: the one door from a session to delivery.  It keeps what waits for a
 * scan worker, asks the verdict cache first, and answers every submission
 * once: with a report, or with a finding that says why there is none.
 */
#include "proxy/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/cache.h"
#include "proxy/hands.h"
#include "proxy/loop.h"
#include "proxy/shared.h"
#include "proxy/stats.h"

#define GATE_MAGIC 0x6a7e6a7eu
#define TICKET_MAGIC 0x71c8e700u
#define VERSION_MAX 255
#define LONGER_MS 5 /* than another: then it comes before that one */

enum where { AT_QUEUE, AT_WORKER, AT_DONE };

struct ticket {
	uint32_t magic;
	struct gate *gate;
	const struct content *content;
	enum where where;
	struct hand *hand;          /* AT_WORKER */
	struct ticket *next, *prev; /* AT_QUEUE, oldest first; AT_DONE */
	struct timer *deadline;
	int64_t began_ms, taken_ms, deadline_ms;
	uint32_t generation; /* AT_WORKER: of the armoury, when it was taken */
	bool keep;           /* its report may go to the cache */
	bool cached;
	struct cache_key key;
	struct report *report; /* AT_DONE */
	gate_done *done;
	void *arg;
};

struct list {
	struct ticket *first, *last;
	uint32_t n;
};

struct gate {
	uint32_t magic;
	struct loop *loop;
	struct shared *shared;
	unsigned self;
	struct cache *cache;
	struct hands *hands;
	struct watch *woken;
	struct list queue, answered;
	struct job answer;
	uint32_t generation;
	char version[VERSION_MAX + 1];
	uint64_t options; /* a hash of what the scan depends on */
	uint64_t max_scan_size, timeout_rate;
	int64_t timeout_ms;
	uint32_t max_queue;
};

static void
list_add(struct list *l, struct ticket *t)
{
	t->next = NULL;
	t->prev = l->last;
	if (l->last != NULL)
		l->last->next = t;
	else
		l->first = t;
	l->last = t;
	l->n++;
}

static void
list_remove(struct list *l, struct ticket *t)
{
	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		l->first = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	else
		l->last = t->prev;
	t->next = t->prev = NULL;
	l->n--;
}

/* Tells all net workers how long our queue is. */
static void
show_queue(struct gate *g)
{
	stats_set(STAT_SCAN_QUEUE, g->queue.n);
	shared_set_queue(g->shared, g->self, g->queue.n,
	    g->queue.first == NULL ? 0 : g->queue.first->began_ms);
}

static void
ticket_free(struct ticket *t)
{
	timer_free(&t->deadline);
	free(t->report);
	t->magic = 0;
	free(t);
}

/* It has its answer, which is given when this turn of the loop ends. */
static void
answer(struct ticket *t, const struct report *r)
{
	struct gate *g = t->gate;

	MUST(t->where != AT_DONE);
	if (t->where == AT_QUEUE) {
		list_remove(&g->queue, t);
		show_queue(g);
	}
	t->where = AT_DONE;
	t->hand = NULL;
	t->report = xrealloc(NULL, 1, sizeof(*r));
	report_copy(t->report, r);
	timer_free(&t->deadline);
	list_add(&g->answered, t);
	loop_later(g->loop, &g->answer);
}

/* There is no report: a finding says why. */
static void
answer_with(struct ticket *t, enum finding_kind kind, const char *why)
{
	struct report r;

	report_init(&r);
	report_add(&r, kind, "gate", content_name(t->content), "%s", why);
	r.unscanned_bytes = content_size(t->content);
	answer(t, &r);
}

/* How long a worker may have it from now on. */
static int64_t
limit_of(const struct ticket *t)
{
	const struct gate *g = t->gate;
	int64_t own = g->timeout_ms +
	    (int64_t)(content_size(t->content) * 1000 / g->timeout_rate);
	int64_t left = t->deadline_ms - clock_ms();

	if (own > left)
		own = left;
	return own < 1 ? 1 : own;
}

/* Who has waited longest; what cannot be handed over ends here: no worker is
 * to blame for that.  NULL: nobody waits. */
static struct ticket *
oldest(struct gate *g)
{
	struct ticket *t;

	while ((t = g->queue.first) != NULL && !hands_can_take(t->content)) {
		log_error(
		    0, "limit descriptor reached error=%s", strerror(errno));
		answer_with(t, FOUND_FAILED, "descriptor");
	}
	return t;
}

/* Gives it to h.  When that was dead it waits on. */
static void
give(struct gate *g, struct ticket *t, struct hand *h)
{
	if (!hand_give(h, t->content, limit_of(t), t))
		return;
	list_remove(&g->queue, t);
	show_queue(g);
	t->where = AT_WORKER;
	t->hand = h;
	t->generation = g->generation;
	t->taken_ms = clock_ms();
	timer_stop(t->deadline); /* limit_of() has it from here */
}

static void
pump(struct gate *g)
{
	struct ticket *t;
	struct hand *h;

	while ((t = oldest(g)) != NULL) {
		h = hands_claim(g->hands);
		if (h == NULL)
			return;
		give(g, t, h);
	}
}

/*
 * A hand is ours and free: who has waited longest gets it, here or in another
 * net worker; to be waked costs that one more than a few milliseconds of
 * waiting are worth.  After it was set idle the others are looked at once more,
 * for one who began to wait in between.
 */
static void
hand_freed(void *arg, struct hand *h)
{
	struct gate *g = arg;
	struct ticket *first = oldest(g);
	unsigned other;

	other = shared_hungriest(g->shared, g->self,
	    first == NULL ? INT64_MAX : first->began_ms - LONGER_MS);
	if (other != 0) {
		hand_release(h, other);
		return;
	}
	if (first != NULL) {
		give(g, first, h);
		return;
	}
	hand_release(h, 0);
	other = shared_hungriest(g->shared, g->self, INT64_MAX);
	if (other != 0)
		shared_wake(g->shared, other);
}

static void
hand_done(void *arg, void *job, const struct report *r, const char *why)
{
	struct gate *g = arg;
	struct ticket *t = job;

	IS(t, TICKET_MAGIC);
	if (r == NULL) {
		answer_with(t, FOUND_FAILED, why);
		return;
	}
	/* What older signatures said is not kept under the new ones' name. */
	if (t->keep && t->generation == g->generation) {
		t->key.version = g->version;
		cache_put(g->cache, &t->key, r);
	}
	answer(t, r);
}

/* scan_deadline is over before a worker was free. */
static void
deadline_passed(void *arg)
{
	struct ticket *t = arg;

	IS(t, TICKET_MAGIC);
	if (t->where == AT_QUEUE)
		answer_with(t, FOUND_FAILED, "queue");
}

static void
woken(void *arg)
{
	struct gate *g = arg;
	uint64_t times;

	if (read(shared_wake_fd(g->shared, g->self), &times, sizeof(times)) < 0)
		return;
	hands_granted(g->hands);
	pump(g);
}

/* Gives the answers that are there; done() may submit and cancel. */
static void
give_answers(void *arg)
{
	struct gate *g = arg;
	struct gate_result result;
	struct ticket *t;

	while ((t = g->answered.first) != NULL) {
		list_remove(&g->answered, t);
		result.report = t->report;
		result.cached = t->cached;
		result.ms_queued = t->taken_ms - t->began_ms;
		result.ms_scanned = clock_ms() - t->taken_ms;
		if (t->taken_ms == 0) {
			result.ms_queued = clock_ms() - t->began_ms;
			result.ms_scanned = 0;
		}
		t->done(t->arg, &result);
		MUST(g->answered.first != t);
		ticket_free(t);
	}
}

struct gate *
gate_open(struct loop *l, struct shared *shared, unsigned self,
    struct cache *cache, const struct conf *conf)
{
	struct gate *g = xcalloc(1, sizeof(*g));

	g->magic = GATE_MAGIC;
	g->loop = l;
	g->shared = shared;
	g->self = self;
	g->cache = cache;
	g->hands = hands_open(l, shared, self, hand_done, hand_freed, g);
	g->woken = loop_watch(l, shared_wake_fd(shared, self), woken, g);
	job_init(&g->answer, give_answers, g);
	gate_conf(g, conf);
	return g;
}

static uint64_t
mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x100000001b3u;
}

void
gate_conf(struct gate *g, const struct conf *conf)
{
	static const enum opt seen[] = {OPT_SCAN_MAX_SCAN_SIZE,
	    OPT_SCAN_MAX_UNPACKED_SIZE, OPT_SCAN_MAX_RATIO, OPT_SCAN_MAX_DEPTH,
	    OPT_SCAN_MAX_MEMBERS};

	g->max_scan_size =
	    (uint64_t)conf_int(conf, NULL, OPT_SCAN_MAX_SCAN_SIZE);
	g->timeout_ms = conf_int(conf, NULL, OPT_SCAN_TIMEOUT);
	g->timeout_rate = (uint64_t)conf_int(conf, NULL, OPT_SCAN_TIMEOUT_RATE);
	if (g->timeout_rate == 0)
		g->timeout_rate = UINT64_MAX;
	g->max_queue = (uint32_t)conf_int(conf, NULL, OPT_SCAN_MAX_QUEUE);
	g->options = 0xcbf29ce484222325u;
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		g->options =
		    mix(g->options, (uint64_t)conf_int(conf, NULL, seen[i]));
}

void
gate_pair(struct gate *g, const struct gate_pair *p, int fd, int pidfd)
{
	hands_add(g->hands, p, fd, pidfd);
	pump(g);
}

void
gate_generation(struct gate *g, uint32_t generation, const char *version)
{
	g->generation = generation;
	copy_text(g->version, sizeof(g->version), version);
	hands_generation(g->hands, generation);
	pump(g);
}

/* The same bytes under other codings or another type are looked at anew. */
static uint64_t
mix_text(uint64_t hash, const char *text)
{
	for (; *text != '\0'; text++)
		hash = mix(hash, (unsigned char)*text);
	return mix(hash, 0x100);
}

/* True when the answer is known without a worker. */
static bool
known(struct ticket *t, const unsigned char *digest)
{
	struct gate *g = t->gate;
	struct report r;

	if (content_size(t->content) > g->max_scan_size) {
		answer_with(t, FOUND_LIMIT, "max_scan_size");
		return true;
	}
	t->keep = digest != NULL && g->version[0] != '\0';
	if (!t->keep)
		return false;
	memcpy(t->key.sha256, digest, sizeof(t->key.sha256));
	t->key.size = content_size(t->content);
	t->key.kind = content_kind(t->content);
	t->key.version = g->version;
	t->key.options = mix_text(g->options, content_codings(t->content));
	t->key.options = mix_text(t->key.options, content_type(t->content));
	if (!cache_get(g->cache, &t->key, &r)) {
		if (g->cache != NULL)
			stats_add(STAT_CACHE_MISSES);
		return false;
	}
	stats_add(STAT_CACHE_HITS);
	t->cached = true;
	answer(t, &r);
	return true;
}

struct ticket *
gate_submit(struct gate *g, const struct content *c,
    const unsigned char *digest, int64_t deadline_ms, gate_done *done,
    void *arg)
{
	struct ticket *t = xcalloc(1, sizeof(*t));

	IS(g, GATE_MAGIC);
	t->magic = TICKET_MAGIC;
	t->gate = g;
	t->content = c;
	t->done = done;
	t->arg = arg;
	t->began_ms = clock_ms();
	t->deadline_ms = t->began_ms + deadline_ms;
	t->where = AT_QUEUE;
	list_add(&g->queue, t);
	if (known(t, digest))
		return t;
	t->deadline = timer_open(g->loop, deadline_passed, t);
	timer_set(t->deadline, deadline_ms);
	show_queue(g);
	pump(g);
	if (t->where == AT_QUEUE && shared_queued(g->shared) > g->max_queue) {
		log_warn(0, "limit max_queue reached queue=%u", g->max_queue);
		answer_with(t, FOUND_FAILED, "max_queue");
	}
	return t;
}

void
gate_cancel(struct ticket **tp)
{
	struct ticket *t = *tp;
	struct gate *g;

	*tp = NULL;
	if (t == NULL)
		return;
	IS(t, TICKET_MAGIC);
	g = t->gate;
	if (t->where == AT_QUEUE) {
		list_remove(&g->queue, t);
		show_queue(g);
	} else if (t->where == AT_WORKER) {
		hand_drop(t->hand);
	} else {
		list_remove(&g->answered, t);
	}
	ticket_free(t);
}

void
gate_free(struct gate **gp)
{
	struct gate *g = *gp;

	*gp = NULL;
	if (g == NULL)
		return;
	MUST(g->queue.first == NULL && g->answered.first == NULL);
	hands_free(&g->hands);
	watch_free(&g->woken);
	job_cancel(&g->answer);
	g->magic = 0;
	free(g);
}
