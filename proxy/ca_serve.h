#ifndef PROXY_CA_SERVE_H
#define PROXY_CA_SERVE_H

#include <stdint.h>

#include "proxy/ca.h"

/*
 * ca_serve: the signer at work: it makes leaves for net workers, each once,
 * and keeps them for all of them.  One request at a time: a leaf takes less
 * than a millisecond.
 */
struct ca_plan {
	int control;         /* the parent sends pairs here, one a message */
	int64_t lifetime_ms; /* of a leaf */
	size_t cache;        /* how many are kept */
};

/* Returns when the parent's end is closed. */
void ca_serve(const struct ca *ca, const struct ca_plan *plan);

#endif
