#ifndef PROXY_ADMIT_H
#define PROXY_ADMIT_H

#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "proxy/base/addr.h"
#include "proxy/protocol.h"

struct worker;

/*
 * admit: who may come in at a listener, and how many of them: allow_from and
 * the limits of sessions, counted over all net workers.
 */
struct admit {
	const char *listener; /* name; borrowed */
	struct net *nets;     /* of allow_from */
	size_t n;
	uint32_t gateway_max, listener_max, client_max;
	uint32_t minute_max; /* sessions of one client a minute; 0: any */
};

int admit_read(struct admit *a_r, const struct conf *conf,
    const struct conf_section *listener, struct err *e);
void admit_free(struct admit *a);

/*
 * Counts a session of peer in.  NULL: it may come, and admit_leave() follows
 * when it goes.  Else the name of the limit, for a log, and *why_r; nothing is
 * counted then.
 */
const char *admit_enter(const struct admit *a, struct worker *w,
    const struct addr *peer, enum refusal *why_r);
void admit_leave(
    const struct admit *a, struct worker *w, const struct addr *peer);

#endif
