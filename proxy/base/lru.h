#ifndef BASE_LRU_H
#define BASE_LRU_H

#include <stddef.h>
#include <stdint.h>

/*
 * lru: values by their keys, at most so many: the one that was not asked for
 * longest goes first, and each when its time is over.
 */
struct lru;

/* drop gets every value that goes.  most is at least 1. */
struct lru *lru_open(size_t most, void (*drop)(void *value));
void lru_free(struct lru **lp);

/* NULL: it is not there, or not any more. */
void *lru_find(struct lru *l, const void *key, size_t len, int64_t now_ms);

/* Takes value, in place of one under the same key.  Good until then. */
void lru_put(
    struct lru *l, const void *key, size_t len, void *value, int64_t until_ms);

size_t lru_count(const struct lru *l);

#endif
