/*
 * lru: a table of chains, and a list through all values by their last use.
 */
#include "proxy/base/lru.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"

#define LRU_MAGIC 0x12c0ffe1u
#define FNV_PRIME 0x100000001b3u

struct entry {
	TAILQ_ENTRY(entry) use; /* the last used one in front */
	LIST_ENTRY(entry) chain;
	void *value;
	int64_t until_ms;
	size_t len;
	unsigned char key[];
};

LIST_HEAD(chain, entry);

struct lru {
	uint32_t magic;
	size_t most, n;
	void (*drop)(void *value);
	uint64_t seed; /* strangers choose keys, and know no chain */
	size_t mask;
	struct chain *chains;
	TAILQ_HEAD(uses, entry) uses;
};

struct lru *
lru_open(size_t most, void (*drop)(void *value))
{
	struct lru *l = xcalloc(1, sizeof(*l));
	size_t chains = 16;

	MUST(most > 0);
	while (chains < most)
		chains *= 2;
	l->magic = LRU_MAGIC;
	l->most = most;
	l->drop = drop;
	l->mask = chains - 1;
	l->chains = xcalloc(chains, sizeof(*l->chains));
	MUST(getrandom(&l->seed, sizeof(l->seed), 0) ==
	    (ssize_t)sizeof(l->seed));
	TAILQ_INIT(&l->uses);
	return l;
}

static void
forget(struct lru *l, struct entry *en)
{
	TAILQ_REMOVE(&l->uses, en, use);
	LIST_REMOVE(en, chain);
	l->n--;
	l->drop(en->value);
	free(en);
}

void
lru_free(struct lru **lp)
{
	struct lru *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	IS(l, LRU_MAGIC);
	while (!TAILQ_EMPTY(&l->uses))
		forget(l, TAILQ_FIRST(&l->uses));
	free(l->chains);
	l->magic = 0;
	free(l);
}

static struct chain *
chain_of(const struct lru *l, const void *key, size_t len)
{
	const unsigned char *at = key;
	uint64_t hash = l->seed;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * FNV_PRIME;
	return &l->chains[(hash ^ hash >> 32) & l->mask];
}

static struct entry *
look_up(const struct chain *c, const void *key, size_t len)
{
	struct entry *en = LIST_FIRST(c);

	while (en != NULL && (en->len != len || memcmp(en->key, key, len) != 0))
		en = LIST_NEXT(en, chain);
	return en;
}

void *
lru_find(struct lru *l, const void *key, size_t len, int64_t now_ms)
{
	struct entry *en;

	IS(l, LRU_MAGIC);
	en = look_up(chain_of(l, key, len), key, len);
	if (en == NULL)
		return NULL;
	if (en->until_ms <= now_ms) {
		forget(l, en);
		return NULL;
	}
	TAILQ_REMOVE(&l->uses, en, use);
	TAILQ_INSERT_HEAD(&l->uses, en, use);
	return en->value;
}

void
lru_put(
    struct lru *l, const void *key, size_t len, void *value, int64_t until_ms)
{
	struct chain *c;
	struct entry *en;

	IS(l, LRU_MAGIC);
	c = chain_of(l, key, len);
	en = look_up(c, key, len);
	if (en != NULL)
		forget(l, en);
	else if (l->n == l->most)
		forget(l, TAILQ_LAST(&l->uses, uses));
	en = xcalloc(1, sizeof(*en) + len);
	en->value = value;
	en->until_ms = until_ms;
	en->len = len;
	memcpy(en->key, key, len);
	TAILQ_INSERT_HEAD(&l->uses, en, use);
	LIST_INSERT_HEAD(c, en, chain);
	l->n++;
}

size_t
lru_count(const struct lru *l)
{
	IS(l, LRU_MAGIC);
	return l->n;
}
