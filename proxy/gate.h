#ifndef PROXY_GATE_H
#define PROXY_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "scan/content.h"
#include "scan/report.h"

struct cache;
struct conf;
struct gate;
struct loop;
struct shared;
struct ticket;

/*
 * The gate is the one door from a session to delivery.  Every protocol brings
 * its contents here, and nothing is delivered that has not been.  It cannot
 * fail: a dead or late worker is a FOUND_FAILED in the report, and the policy
 * decides about that as about anything else.
 */
struct gate_result {
	const struct report *report;
	bool cached;
	int64_t ms_queued, ms_scanned;
};

/* Called once, from the loop, never from inside gate_submit(). */
typedef void gate_done(void *arg, const struct gate_result *result);

/* cache may be NULL: none. */
struct gate *gate_open(struct loop *l, struct shared *shared, unsigned self,
    struct cache *cache, const struct conf *conf);
void gate_conf(struct gate *g, const struct conf *conf); /* a new one */
void gate_free(struct gate **gp);

/* What the armoury hands over, through the parent. */
struct gate_pair {
	uint32_t generation; /* of the armoury */
	uint32_t slot;       /* in the table of words */
	uint32_t sequence;   /* of the worker in it */
};
/* Takes both descriptors: the pair's end and the worker's pidfd. */
void gate_pair(struct gate *g, const struct gate_pair *p, int fd, int pidfd);
/* All pairs of that generation have come: from now on it alone gets jobs. */
void gate_generation(struct gate *g, uint32_t generation, const char *version);

/*
 * Submits a sealed content, which stays the caller's and must live until done
 * or gate_cancel().  digest is its SHA-256 (32 bytes; NULL: do not cache).
 * deadline_ms (scan_deadline) counts from now, queue included.
 */
struct ticket *gate_submit(struct gate *g, const struct content *c,
    const unsigned char *digest, int64_t deadline_ms, gate_done *done,
    void *arg);

/* Forgets a submission: done is not called.  A scan that has begun is given a
 * short grace, then its worker is ended.  NULL is fine. */
void gate_cancel(struct ticket **tp);

#endif
