#ifndef PROXY_LEAF_H
#define PROXY_LEAF_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/leaf_name.h"

/*
 * leaf: a net worker's side of the signer: "a certificate for this name" comes
 * back as a side of TLS that io_start_tls() takes.  The CA's key is in another
 * process (signer.h); what comes from there is the leaf, its own key, and the
 * CA's certificates between it and the root.  All of one place are kept, so
 * many that those of all net workers together are [tls-inspection] leaf_cache;
 * the signer has its own, for all of them.
 */
struct leaf_ask;
struct leaf_link;
struct leaves;
struct place;
struct tls;

/* ---- for a protocol ---- */

/*
 * To be called in prepare(), while place->tls_kit is there and only with a
 * worker; given back in forget(), when nobody asks any more.  What the
 * listener says in its [tls] options holds for every leaf.
 */
struct leaves *leaves_open(const struct place *place);
void leaves_free(struct leaves **lp);

/*
 * The one that is ready, borrowed: who keeps it beyond the next call of these
 * holds it.  NULL: it has to be asked for.
 *
 * A name is a host as leaf_name_read() takes it; there are 1 to LEAF_NAMES_MAX.
 */
struct tls *leaf_ready(struct leaves *l, const char *const *names, size_t n);

/*
 * Asks for it.  done() is called once, from the loop and never from inside:
 * with the leaf, borrowed for the call, and why NULL; or with NULL and why in
 * words: "not a host name", "inspection is off", "the signer could not make
 * it", or "limit" and a name in leaf_own.h.  Asked for by many at a time it is
 * made once.  A signer that dies over it is another one soon: nobody hears of
 * that.
 */
typedef void leaf_done(void *arg, struct tls *leaf, const char *why);
struct leaf_ask *leaf_ask(struct leaves *l, const char *const *names, size_t n,
    leaf_done *done, void *arg);

/* It will not be called any more.  *ap becomes NULL; NULL is fine.  After
 * done() was called the ask is gone, and the caller forgets it. */
void leaf_cancel(struct leaf_ask **ap);

/* ---- for the worker: its connection to the signer, one for all places ---- */

struct loop;

struct leaf_link *leaf_link_open(struct loop *l);
/* No place has leaves any more. */
void leaf_link_free(struct leaf_link **kp);

/* The parent has a new signer; fd is the link's from then on.  What was on its
 * way to the old one is asked again. */
void leaf_link_take(struct leaf_link *k, int fd);

#endif
