#ifndef PROXY_LEAF_OWN_H
#define PROXY_LEAF_OWN_H

#include <stdint.h>
#include <sys/queue.h>

#include "proxy/leaf.h"
#include "proxy/leaf_wire.h"
#include "proxy/loop.h"

/* What leaf.c and leaf_link.c share, and nobody else. */

struct lru;

#define LEAF_WAITING_MAX 1024 /* names that nobody has got yet */
#define LEAF_TIMEOUT_MS 10000 /* from the question to the answer */
#define LEAF_TRIES_MAX 3      /* signers that may die over one name */
#define LEAF_FLYING_MAX 16    /* on their way at a time */

struct leaf_ask {
	struct leaf_ask *next, **link; /* in its want; link NULL: it has none */
	struct job fails;              /* then it calls back with why */
	const char *why;
	leaf_done *done;
	void *arg;
};

/* A leaf that is not there yet, and who waits for it. */
struct leaf_want {
	TAILQ_ENTRY(leaf_want) link; /* while it waits */
	struct leaves *leaves;
	uint32_t number; /* of the request on its way */
	unsigned tries;
	int64_t until_ms;
	struct leaf_names names;
	size_t key_len;
	char key[LEAF_KEY_MAX];
	struct leaf_ask *asks;
};

TAILQ_HEAD(leaf_wants, leaf_want);

#define LEAF_LINK_MAGIC 0x1eaf0002u

struct leaf_link {
	uint32_t magic;
	struct loop *loop;
	int fd; /* -1: there is no signer now */
	struct watch *watch;
	struct timer *late;
	uint32_t number; /* of the last request */
	struct leaf_wants waiting;
	unsigned waiting_n, flying_n;
	struct leaf_want *flying[LEAF_FLYING_MAX];
	char packet[LEAF_PACKET_MAX];
};

#define LEAVES_MAGIC 0x1eaf0001u

struct leaves {
	uint32_t magic;
	struct leaf_link *link;
	const char *listener; /* its name */
	struct tls *base;     /* what all of them have in common */
	bool enabled;
	struct lru *kept; /* struct tls */
};

/* ---- leaf_link.c ---- */

/* The one under that key that is on its way for l, or a new one, which is
 * sent as soon as may be. */
struct leaf_want *leaf_want_find(
    const struct leaves *l, const char *key, size_t len);
struct leaf_want *leaf_want_new(
    struct leaves *l, const struct leaf_names *names);
void leaf_link_send(struct leaf_link *k);

/* Why there is no leaf: a limit is counted. */
void leaf_count(const char *why);

/* Forgets what is on its way for l; nobody waits for it. */
void leaf_link_forget(struct leaf_link *k, const struct leaves *l);

/* ---- leaf.c ---- */

/* The signer has made it: makes a side of TLS of it and keeps that.  NULL: it
 * is no leaf. */
struct tls *leaf_keep(struct leaf_want *w, const struct leaf_reply *r);

#endif
