#ifndef PROXY_HANDS_H
#define PROXY_HANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/gate.h"
#include "scan/content.h"
#include "scan/report.h"

/*
 * hands: the scan workers as one net worker sees them: a pair's end and a
 * pidfd each, and a shared word that says who has it.  A hand is idle, ours
 * or another's; it has at most one job, and only while it is ours.
 */
struct hand;
struct hands;
struct loop;
struct shared;

/* Exactly once for each hand_give(): the report, or NULL and a word for why
 * there is none ("crash", "timeout", "confused").  Not after hand_drop(). */
typedef void hands_done(
    void *arg, void *job, const struct report *r, const char *why);

/* A hand is ours and has no job: hand_give() or hand_release() it in there. */
typedef void hands_free_one(void *arg, struct hand *h);

struct hands *hands_open(struct loop *l, struct shared *shared, unsigned self,
    hands_done *done, hands_free_one *freed, void *arg);
void hands_free(struct hands **hp);

/* A new one; takes both descriptors. */
void hands_add(struct hands *hs, const struct gate_pair *p, int fd, int pidfd);

/* From now on only workers of this generation are claimed; those of others
 * are let go as soon as they have no job of ours. */
void hands_generation(struct hands *hs, uint32_t generation);

/* Another net worker passed some to us: calls freed() for each. */
void hands_granted(struct hands *hs);

/* Claims an idle one; NULL: none is. */
struct hand *hands_claim(struct hands *hs);

/* Can it be handed over?  False, with errno: there is no descriptor for it. */
bool hands_can_take(const struct content *c);

/*
 * Gives it a job: a sealed content that lives until done or hand_drop(), and
 * that hands_can_take().  After limit_ms done is called, and its worker killed
 * after a short grace.  False: the hand was dead (and is forgotten); take
 * another.
 */
bool hand_give(
    struct hand *h, const struct content *c, int64_t limit_ms, void *job);

/* Passes it to net worker `to`, 0: idle. */
void hand_release(struct hand *h, unsigned to);

/* Nobody waits for its job any more: done is not called, and after a short
 * grace the worker is killed. */
void hand_drop(struct hand *h);

#endif
