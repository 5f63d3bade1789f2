#ifndef HTTP_KEEP_H
#define HTTP_KEEP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "protocols/http/http_head.h"
#include "proxy/base/buf.h"
#include "proxy/digest.h"
#include "proxy/loop.h"

struct content;
struct http_req;

/*
 * http_keep: answers that were fetched whole for a part of them, kept for
 * those who ask for other parts: of one net worker, so many and so large that
 * the oldest give way.  What is kept is bytes, never a verdict: each request
 * has them judged anew.
 */
#define HTTP_KEPT_MAX 256

TAILQ_HEAD(http_waiting, http_req);

struct http_kept {
	TAILQ_ENTRY(http_kept) link; /* oldest first */
	unsigned char key[DIGEST_SIZE];
	struct http_req *leader; /* who fetches it; NULL: it is here */
	struct http_waiting waiting;

	/* from its head on */
	bool known;
	struct buf bytes;
	struct http_response_head head;
	unsigned char vary[DIGEST_SIZE];
	bool later; /* it may serve those who ask later ... */
	int64_t ms; /* ... for so long */

	/* once it is here */
	struct content *content;
	unsigned char sum[DIGEST_SIZE];
	int64_t came_ms, until_ms;
};

struct http_keep {
	struct loop *loop;
	TAILQ_HEAD(, http_kept) list;
	unsigned n;
	uint64_t size, max; /* of what stays */
	int64_t ms;
	struct timer *expiry;
	struct http_waiting woken; /* who may go on, when this turn ends */
	struct job wake;
};

/* wake is called when this turn of the loop ends, for http_keep_wake(). */
struct http_keep *http_keep_open(
    struct loop *l, int64_t ms, uint64_t max, loop_called *wake);
void http_keep_free(struct http_keep **kp); /* nobody leads or waits */

/* What is under that key; NULL: nothing. */
struct http_kept *http_keep_find(
    struct http_keep *k, const unsigned char key[DIGEST_SIZE]);

/* A new one under it, that leader fetches; nothing is there. */
struct http_kept *http_keep_add(struct http_keep *k,
    const unsigned char key[DIGEST_SIZE], struct http_req *leader);

/* Its bytes are here; takes one share of c.  It stays if it may and there is
 * room, else until this turn of the loop ends. */
void http_keep_fill(struct http_keep *k, struct http_kept *e, struct content *c,
    const unsigned char sum[DIGEST_SIZE], bool stays);

/* Nobody waits for it. */
void http_keep_drop(struct http_keep *k, struct http_kept *e);

/* All that is here and only stays goes: the spool is full.  False: there was
 * nothing. */
bool http_keep_shed(struct http_keep *k);

/* Takes what does not stay away; wake has to call it. */
void http_keep_sweep(struct http_keep *k);

#endif
