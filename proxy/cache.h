#ifndef PROXY_CACHE_H
#define PROXY_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "scan/content.h"
#include "scan/report.h"

/*
 * cache: verdicts by SHA-256, in memory that all net workers share.  It keeps
 * reports, never decisions: the policy runs anew.  Lock-free; an entry that is
 * half written or damaged is a miss.
 */
struct cache;

/* Made in the parent before it forks.  size in bytes, 0: NULL, no cache;
 * every other function takes NULL for a cache that never hits. */
struct cache *cache_open(uint64_t size, int64_t ttl_ms);
void cache_free(struct cache **cp);

/* What besides the bytes decides what a scan sees. */
struct cache_key {
	unsigned char sha256[32];
	uint64_t size;
	enum content_kind kind;
	const char *version; /* engines and signatures */
	uint64_t options;    /* a hash of the [scan] and [engine] options */
};

bool cache_get(struct cache *c, const struct cache_key *k, struct report *r_r);

/* Keeps r unless it has a `failed` or time-limit finding or is too large. */
void cache_put(
    struct cache *c, const struct cache_key *k, const struct report *r);

#endif
