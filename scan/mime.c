/*
 * mime: the walk over a mail: its limits, its memory and its order.  How the
 * readings work is in mime_walk.h.
 */
#include "scan/mime.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "scan/decode.h"
#include "scan/mime_walk.h"

#define DEFAULT_PARTS 10000
#define DEFAULT_DEPTH 32
#define DEFAULT_READINGS 20000
#define DEFAULT_GROWTH 8 /* decoded bytes for each byte of the mail ... */
#define DEFAULT_BYTES (1024 * 1024) /* ... and these */
#define WORK_GROWTH 64 /* bytes gone over, for each byte of the mail */
#define WORK_BYTES (32 * 1024 * 1024)

enum mime_class
mime_odd_class(enum mime_odd odd)
{
	static const enum mime_class class[MIME_ODD_COUNT] = {
#define X(odd, class, words) MIME_IS_##class,
	    MIME_ODDS(X)
#undef X
	};

	MUST(odd < MIME_ODD_COUNT);
	return class[odd];
}

const char *
mime_odd_word(enum mime_odd odd)
{
	static const char *const word[MIME_ODD_COUNT] = {
#define X(odd, class, words) words,
	    MIME_ODDS(X)
#undef X
	};

	MUST(odd < MIME_ODD_COUNT);
	return word[odd];
}

void
walk_odd(struct mime_walk *w, enum mime_odd odd)
{
	w->r->plain = false;
	w->r->odd |= 1U << odd;
}

bool
walk_spend(struct mime_walk *w, size_t bytes)
{
	w->work += bytes;
	if (w->work <= w->most_work)
		return true;
	walk_odd(w, MIME_MANY_READINGS);
	return false;
}

/* ---- what was done ------------------------------------------------------ */

static size_t
done_slot(const struct mime_walk *w, const struct done *d)
{
	uint64_t h = (uint64_t)(uintptr_t)d->src;

	h = (h ^ d->a) * 0x9e3779b97f4a7c15U;
	h = (h ^ h >> 29 ^ d->b) * 0xbf58476d1ce4e5b9U;
	h = (h ^ h >> 32 ^ d->tag) * 0x94d049bb133111ebU;
	h ^= h >> 31;
	for (size_t i = (size_t)h & (w->cap_done - 1);;
	     i = (i + 1) & (w->cap_done - 1)) {
		const struct done *x = &w->done[i];

		if (x->src == NULL ||
		    (x->src == d->src && x->a == d->a && x->b == d->b &&
			x->tag == d->tag))
			return i;
	}
}

static void
done_grow(struct mime_walk *w)
{
	struct done *old = w->done;
	size_t cap = w->cap_done;

	w->cap_done = cap == 0 ? 64 : cap * 2;
	w->done = xcalloc(w->cap_done, sizeof(*w->done));
	for (size_t i = 0; i < cap; i++) {
		if (old[i].src != NULL)
			w->done[done_slot(w, &old[i])] = old[i];
	}
	free(old);
}

bool
walk_was_done(const struct mime_walk *w, const struct source *src, unsigned tag,
    size_t a, size_t b)
{
	struct done d = {src, a, b, tag};

	return w->n_done > 0 && w->done[done_slot(w, &d)].src != NULL;
}

bool
walk_once(struct mime_walk *w, const struct source *src, unsigned tag, size_t a,
    size_t b)
{
	struct done d = {src, a, b, tag};
	size_t slot;

	if (w->n_done * 2 >= w->cap_done)
		done_grow(w);
	slot = done_slot(w, &d);
	if (w->done[slot].src != NULL)
		return false;
	w->done[slot] = d;
	w->n_done++;
	return true;
}

void
walk_task(struct mime_walk *w, const struct task *t)
{
	if (w->n_tasks >= w->limits.readings) {
		walk_odd(w, MIME_MANY_READINGS);
		return;
	}
	if (w->n_tasks == w->cap_tasks) {
		w->cap_tasks = w->cap_tasks == 0 ? 16 : w->cap_tasks * 2;
		w->tasks = xrealloc(w->tasks, w->cap_tasks, sizeof(*w->tasks));
	}
	w->tasks[w->n_tasks++] = *t;
}

/* ---- sources ------------------------------------------------------------ */

static struct source *
add_source(struct mime_walk *w, const struct source *s)
{
	struct source *p = xcalloc(1, sizeof(*p));

	*p = *s;
	w->sources =
	    xrealloc(w->sources, w->n_sources + 1, sizeof(struct source *));
	w->sources[w->n_sources++] = p;
	return p;
}

struct source *
walk_decode(
    struct mime_walk *w, const struct context *c, const struct entity *e)
{
	struct leaf leaf = {.src = c->src,
	    .at = e->body,
	    .len = e->end - e->body,
	    .codec = e->codec};
	struct source s = {.at = c->src->owned == NULL ? e->body : c->src->at,
	    .raw_len = c->src->owned == NULL ? leaf.len : c->src->raw_len};
	const unsigned char *bytes;

	if (w->n_sources > w->limits.parts || !walk_spend(w, leaf.len) ||
	    leaf_bytes(w, &leaf, &bytes, &s.len) < 0 || s.len == 0)
		return NULL;
	w->bytes += s.len;
	s.owned = xcalloc(1, s.len);
	memcpy(s.owned, bytes, s.len);
	s.text = s.owned;
	return add_source(w, &s);
}

/* ---- the walk ------------------------------------------------------------ */

static struct mime_limits
fill_limits(const struct mime_limits *given, size_t len)
{
	struct mime_limits l = {0};

	if (given != NULL)
		l = *given;
	if (l.bytes == 0)
		l.bytes = (uint64_t)len * DEFAULT_GROWTH + DEFAULT_BYTES;
	if (l.parts == 0)
		l.parts = DEFAULT_PARTS;
	if (l.depth == 0)
		l.depth = DEFAULT_DEPTH;
	if (l.readings == 0)
		l.readings = DEFAULT_READINGS;
	return l;
}

static void
walk_all(struct mime_walk *w, const struct context *c)
{
	size_t i = 0;

	entity_walk_mail(w, c);
	for (int round = 0; round < 2; round++) {
		for (; i < w->n_tasks; i++) {
			/* a task may move the list */
			struct task t = w->tasks[i];

			entity_task(w, &t);
		}
		if (round == 0 && w->strange)
			entity_sweep(w);
	}
}

static void
free_walk(struct mime_walk *w)
{
	for (size_t i = 0; i < w->n_sources; i++) {
		free(w->sources[i]->owned);
		free(w->sources[i]);
	}
	for (size_t i = 0; i < w->n_texts; i++)
		free(w->texts[i]);
	free(w->sources);
	free(w->texts);
	free(w->leaves);
	free(w->tasks);
	free(w->done);
	free(w->out);
}

int
mime_walk(const void *bytes, size_t len, const struct mime_limits *limits,
    mime_part_fn *part, void *arg, struct mime_result *r)
{
	struct mime_walk w = {.limits = fill_limits(limits, len), .r = r};
	struct source mail = {.text = bytes, .len = len, .raw_len = len};
	struct context c = {.reason = MAIN, .seen = true, .path = ""};
	int rc;

	*r = (struct mime_result){.plain = true};
	if (len == 0)
		return 0;
	w.most_work = (uint64_t)len * WORK_GROWTH + WORK_BYTES;
	c.src = add_source(&w, &mail);
	walk_all(&w, &c);
	leaves_settle(&w);
	rc = leaves_deliver(&w, part, arg);
	free_walk(&w);
	return rc;
}
