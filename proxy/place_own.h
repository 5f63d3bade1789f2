#ifndef PROXY_PLACE_OWN_H
#define PROXY_PLACE_OWN_H

#include <sys/queue.h>

#include "proxy/base/check.h"
#include "proxy/loop.h"
#include "proxy/place.h"
#include "proxy/proxied.h"

/*
 * What is in a place and in a session, for place.c and session.c alone.
 */
struct session_own {
	struct session s; /* first */
	LIST_ENTRY(session_own) link;
	struct addr peer;
	struct job bury;
	bool opened; /* its protocol knows it */
	bool ended, gone;
	bool reset;  /* it ends so */
	bool stream; /* of another session */
	max_align_t state[];
};

struct place_own {
	struct place p; /* first */
	char gateway[256];
	struct admit admit;
	struct proxied_conf proxied;
	LIST_HEAD(, session_own) sessions;
	unsigned sessions_n, users;
	struct job bury;
	place_gone *gone;
	void *arg;
};

static inline struct place_own *
place_own(const struct place *p)
{
	IS(p, PLACE_MAGIC);
	return (struct place_own *)(uintptr_t)p;
}

#endif
