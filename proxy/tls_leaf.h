#ifndef PROXY_TLS_LEAF_H
#define PROXY_TLS_LEAF_H

#include "conf/conf.h"
#include "proxy/leaf_wire.h"

struct tls;
struct tls_tickets;

/*
 * tls_leaf: a listener's side of TLS that shows a leaf in place of the
 * listener's certificate.  What they have in common (a good 14 KB and 150 us)
 * is made once, for all leaves of the listener.
 */
struct tls *tls_leaf_base(const struct conf *c,
    const struct conf_section *listener, const struct tls_tickets *tickets);

/*
 * Tickets that were given with a leaf are good at this listener and with what
 * has the same key only.  NULL: what the signer sent is none.
 */
struct tls *tls_leaf(struct tls *base, const char *listener, struct slice key,
    const struct leaf_reply *r);

#endif
