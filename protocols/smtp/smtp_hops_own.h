#ifndef SMTP_HOPS_OWN_H
#define SMTP_HOPS_OWN_H

#include "protocols/smtp/smtp_hop.h"
#include "protocols/smtp/smtp_hops.h"
#include "protocols/smtp/smtp_next.h"

/*
 * What is in a smtp_hops, for smtp_hops.c (who gets which connection) and
 * smtp_hops_open.c (life, and what they can do) alone.
 */
#define HOPS_MAGIC 0x570b0002u

struct peer {
	struct smtp_hops *hops;
	size_t index;
	struct smtp_next next;
	struct smtp_hop_conf conf;
	char key[SMTP_NEXT_MAX + 48]; /* for the pool */
	unsigned most;
	struct smtp_caps caps;
	struct smtp_hop *probe; /* asks what it can do */
	int64_t asked_ms;       /* when the last probe began; 0: never */

	/* was not reached: until then others go before; 0: it is up */
	int64_t down_until_ms;
	int64_t retry;

	unsigned used;                   /* connections */
	struct smtp_want *first, **last; /* who wait for one ... */
	unsigned waiting;                /* ... and how many they are */
	struct smtp_hop *resting; /* those whose RSET is not answered yet ... */
	unsigned resting_n;       /* ... and how many they are */
};

struct route {
	struct smtp_hops_conf conf;
	size_t first; /* peers from there on */
	unsigned n;
};

struct smtp_hops {
	uint32_t magic;
	struct worker *worker;
	struct pool *pool;
	struct timer *timer; /* for the one who waits longest */
	int64_t due_ms;      /* when it goes off; 0: it is not set */
	struct peer **peers;
	size_t n;
	struct route *routes;
	unsigned routes_n;
};

/* ---- smtp_hops.c, for the other ---- */

struct smtp_hop *hops_dial(struct peer *p, smtp_hop_told *told, void *arg);

/* It is there, or was not reached. */
void hops_reached(struct peer *p, const struct smtp_hop *h);
void hops_not_reached(struct peer *p, const char *why);

/* A connection behind EHLO or RSET: to whoever waits, or to the pool. */
void hops_shelve(struct peer *p, struct smtp_hop *h);

/* One is no more. */
void hops_closed(struct peer *p, struct smtp_hop *h);

/* The timer's. */
void hops_waited(void *arg);

#endif
