#ifndef SMTP_HOPS_H
#define SMTP_HOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/err.h"

struct smtp_hop;
struct smtp_hops;
struct smtp_next;
struct worker;

/* An idle connection waits so long for the next mail, then hears QUIT. */
#define SMTP_IDLE_MS 10000
/* The reply to RSET is waited for so long before it goes to the pool. */
#define SMTP_RSET_MS 2000
/* A next hop that did not tell what it can do is asked again after so long. */
#define SMTP_LEARN_MS 30000

/* What all next hops of one place have in common. */
struct smtp_hops_conf {
	struct worker *worker;
	const char *gateway;
	int64_t connect_timeout;
	int64_t timeout;
	unsigned most; /* connections to one next hop, in this net worker */
};

/* Parses the list.  worker NULL: only checks, and *hops_r becomes NULL.  0, or
 * -1 with words.  conf is copied. */
int smtp_hops_open(const struct smtp_hops_conf *conf, const char *const *list,
    size_t n, struct smtp_hops **hops_r, struct err *e);
void smtp_hops_free(struct smtp_hops **hp);

/* Asks those next hops that have not told yet what they can do. */
void smtp_hops_learn(struct smtp_hops *hops);

/* What may be offered to a client: the least of all next hops; where one has
 * not told yet, nothing. */
bool smtp_hops_eightbit(const struct smtp_hops *hops);
uint64_t smtp_hops_size(const struct smtp_hops *hops); /* 0: no limit */

enum smtp_got_is {
	GOT_HOP,     /* a connection, behind EHLO or RSET */
	GOT_MAILDIR, /* the next hop is a maildir, and it is there */
	GOT_NONE,    /* no next hop could be reached */
	GOT_BUSY     /* next_hop_max_connections, for too long */
};

struct smtp_want;
typedef void smtp_got(
    void *arg, enum smtp_got_is is, struct smtp_hop *hop, const char *why);

/* A wish for a connection; lies in its owner, zeroed at first. */
struct smtp_want {
	size_t index; /* of the next hop, once got() is called */

	/* smtp_hops.c's own */
	struct smtp_hops *hops;
	struct smtp_hop *hop; /* that is being dialled for it */
	struct smtp_want *next;
	bool queued;
	bool fresh;
	int64_t until_ms;
	smtp_got *got;
	void *arg;
	char why[200];
};

/*
 * Wants a connection to the first next hop from index `from` on that can be
 * reached.  fresh: not one from the pool.  got() is called once, perhaps from
 * in here; the connection is then the caller's.
 */
void smtp_hops_get(struct smtp_hops *hops, struct smtp_want *w, size_t from,
    bool fresh, smtp_got *got, void *arg);

/* Forgets it: got() is not called.  Fine when nothing is wanted. */
void smtp_hops_cancel(struct smtp_want *w);

/* Gives a connection back.  good: it may be used again, after RSET. */
void smtp_hops_give(struct smtp_hop **hp, bool good);

const struct smtp_next *smtp_hops_next(
    const struct smtp_hops *hops, size_t index);
size_t smtp_hops_count(const struct smtp_hops *hops);

#endif
