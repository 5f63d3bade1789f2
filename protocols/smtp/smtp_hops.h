#ifndef SMTP_HOPS_H
#define SMTP_HOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/smtp/smtp_hop.h"
#include "proxy/base/err.h"

struct smtp_hops;
struct smtp_next;
struct worker;

/* An idle connection waits so long for the next mail, then hears QUIT. */
#define SMTP_IDLE_MS 10000
/* The reply to RSET is waited for so long before it goes to the pool. */
#define SMTP_RSET_MS 2000
/* A next hop that did not tell what it can do is asked again after so long. */
#define SMTP_LEARN_MS 30000

/* One route names at most so many. */
#define SMTP_ROUTE_HOPS_MAX 128

/* What all next hops of one route have in common. */
struct smtp_hops_conf {
	const char *gateway;
	int64_t connect_timeout;
	int64_t timeout;
	int64_t data_timeout; /* the reply to the final dot */
	int64_t retry;        /* of one that could not be reached */
	unsigned most;    /* connections to one next hop, in this net worker */
	unsigned counted; /* our protocol, for stats.h */
	enum smtp_hop_tls tls_want;
	struct tls *tls; /* our side; NULL: HOP_TLS_OFF */
};

/* Those of one place.  worker NULL: they are only checked. */
struct smtp_hops *smtp_hops_open(struct worker *worker);
void smtp_hops_free(struct smtp_hops **hp);

/*
 * Adds a route: next hops of which the next one is tried when one cannot be
 * reached.  Returns its number, from 0; one that was added before with the same
 * next hops and conf is the same route.  -1 with words.  conf is copied.
 */
int smtp_hops_add(struct smtp_hops *hops, const struct smtp_hops_conf *conf,
    const char *const *list, size_t n, struct err *e);

/* Asks those next hops that have not told yet what they can do. */
void smtp_hops_learn(struct smtp_hops *hops);

/* What may be offered to a client: the least of all next hops; where one has
 * not told yet, nothing. */
void smtp_hops_caps(const struct smtp_hops *hops, struct smtp_caps *c_r);
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

/* Which of a route's next hops. */
enum smtp_which {
	HOP_ANY,    /* the first one that can be reached */
	HOP_FRESH,  /* the same as last time, on a new connection */
	HOP_ANOTHER /* the first one of those that were not tried */
};

/* A wish for a connection; lies in its owner, zeroed at first. */
struct smtp_want {
	size_t index; /* of the next hop, once got() is called */

	/* smtp_hops.c's own */
	struct smtp_hops *hops;
	unsigned route;
	unsigned at;          /* the one of the route that is tried */
	uint32_t tried;       /* a bit for each that has failed */
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
 * Wants a connection of a route.  got() is called once, perhaps from in here;
 * the connection is then the caller's.  Those that were found down a short time
 * ago are tried last.
 */
void smtp_hops_get(struct smtp_hops *hops, struct smtp_want *w, unsigned route,
    enum smtp_which which, smtp_got *got, void *arg);

/* Forgets it: got() is not called.  Fine when nothing is wanted. */
void smtp_hops_cancel(struct smtp_want *w);

/* Gives a connection back.  good: it may be used again, after RSET. */
void smtp_hops_give(struct smtp_hop **hp, bool good);

const struct smtp_next *smtp_hops_next(
    const struct smtp_hops *hops, size_t index);

#endif
