/*
 * rates: counts of this minute and of the one before.  What counts of the one
 * before is the part of it that lies less than a minute back, as if all had
 * come evenly: two numbers a key, and no burst at the turn of a minute.
 */
#include "proxy/rates.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"

#define RATES_MAGIC 0x4a7e5001u
#define MINUTE_MS 60000

/* A key lies in one of so many places behind its own. */
#define PROBES 16

/* One writer; the others may see it between two stores, and then count a
 * little wrong for a moment. */
struct rate {
	_Atomic uint64_t key;
	_Atomic uint32_t minute; /* that `now` counts */
	_Atomic uint32_t now, before;
};

struct rates {
	uint32_t magic;
	unsigned workers;
	size_t slots;
	size_t size;
	struct rate *list;
};

struct rates *
rates_open(unsigned workers, size_t slots)
{
	struct rates *r = xcalloc(1, sizeof(*r));

	MUST(slots >= PROBES && (slots & (slots - 1)) == 0);
	r->magic = RATES_MAGIC;
	r->workers = workers;
	r->slots = slots;
	r->size = workers * slots * sizeof(struct rate);
	r->list = mmap(NULL, r->size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r->list != MAP_FAILED)
		return r;
	free(r);
	return NULL;
}

void
rates_free(struct rates **rp)
{
	struct rates *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	IS(r, RATES_MAGIC);
	(void)munmap(r->list, r->size);
	r->magic = 0;
	free(r);
}

static struct rate *
place_of(const struct rates *r, unsigned self, uint64_t key, unsigned probe)
{
	size_t at = (size_t)(key + probe) & (r->slots - 1);

	return &r->list[(self - 1) * r->slots + at];
}

/* How often in the minute that ends now_ms. */
static uint32_t
count(const struct rate *c, int64_t now_ms)
{
	uint32_t minute = (uint32_t)(now_ms / MINUTE_MS);
	uint32_t age = minute - atomic_load(&c->minute);
	uint64_t left = (uint64_t)(MINUTE_MS - now_ms % MINUTE_MS);
	uint32_t now = atomic_load(&c->now);

	if (age > 1)
		return 0;
	if (age == 1)
		return (uint32_t)(now * left / MINUTE_MS);
	return now + (uint32_t)(atomic_load(&c->before) * left / MINUTE_MS);
}

static struct rate *
find(const struct rates *r, unsigned self, uint64_t key)
{
	for (unsigned i = 0; i < PROBES; i++) {
		struct rate *c = place_of(r, self, key, i);

		if (atomic_load(&c->key) == key)
			return c;
	}
	return NULL;
}

/* The one of the places that is worth least: what had come from there is
 * forgotten. */
static struct rate *
take_place(const struct rates *r, unsigned self, uint64_t key, int64_t now_ms)
{
	struct rate *least = place_of(r, self, key, 0);

	for (unsigned i = 1; i < PROBES; i++) {
		struct rate *c = place_of(r, self, key, i);

		if (count(c, now_ms) < count(least, now_ms))
			least = c;
	}
	atomic_store(&least->now, 0);
	atomic_store(&least->before, 0);
	atomic_store(&least->minute, (uint32_t)(now_ms / MINUTE_MS));
	atomic_store(&least->key, key);
	return least;
}

static void
add(struct rates *r, unsigned self, uint64_t key, int64_t now_ms)
{
	struct rate *c = find(r, self, key);
	uint32_t minute = (uint32_t)(now_ms / MINUTE_MS), age;

	if (c == NULL)
		c = take_place(r, self, key, now_ms);
	age = minute - atomic_load(&c->minute);
	if (age > 0) {
		atomic_store(&c->before, age == 1 ? atomic_load(&c->now) : 0);
		atomic_store(&c->now, 0);
		atomic_store(&c->minute, minute);
	}
	atomic_fetch_add(&c->now, 1);
}

bool
rates_take(
    struct rates *r, unsigned self, uint64_t key, uint32_t most, int64_t now_ms)
{
	uint64_t all = 0;

	IS(r, RATES_MAGIC);
	MUST(self >= 1 && self <= r->workers);
	for (unsigned i = 1; i <= r->workers; i++) {
		const struct rate *c = find(r, i, key);

		if (c != NULL)
			all += count(c, now_ms);
	}
	if (all >= most)
		return false;
	add(r, self, key, now_ms);
	return true;
}
