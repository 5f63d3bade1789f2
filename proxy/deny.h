#ifndef PROXY_DENY_H
#define PROXY_DENY_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "proxy/base/addr.h"

/*
 * deny: where nobody may go: networks that the operator denies, by whatever
 * way they are written (addr_inner()), nobody's address, and our own listeners.
 */
struct deny {
	struct net *nets;
	size_t n;
	struct addr *own; /* every listener of ours */
	size_t own_n;
};

/* opt: the list of networks of a listener.  0, or -1 with words. */
int deny_read(struct deny *d_r, const struct conf *c,
    const struct conf_section *listener, enum opt opt, struct err *e);
/* Our listeners alone, for whom the operator has named. */
void deny_read_own(struct deny *d_r, const struct conf *c);
void deny_free(struct deny *d);

/* May an address be connected to?  A dial_allowed(); arg: a struct deny. */
bool deny_may_dial(const void *arg, const struct addr *peer);

/* May a connection that leads there be used?  local: our end of it. */
bool deny_may_use(
    const struct deny *d, const struct addr *peer, const struct addr *local);

#endif
