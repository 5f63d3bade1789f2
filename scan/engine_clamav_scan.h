#ifndef SCAN_ENGINE_CLAMAV_SCAN_H
#define SCAN_ENGINE_CLAMAV_SCAN_H

#include <clamav.h>

#include "scan/engine_clamav_known.h"

/*
 * engine_clamav_scan: one scan by libclamav: what it calls back with, and what
 * that means.  engine_clamav.c loads what it scans with.
 */
#define CLAMAV_ME "clamav"

struct clamav {
	struct cl_engine *engine;
	struct cl_scan_options options;
	bool remember;              /* cache_size is not 0 */
	struct clamav_known *known; /* NULL: nothing is remembered */
	char version[64];
};

/* Once, before the library is: its messages come to us. */
void clamav_listen(void);

/* The callbacks of an engine. */
void clamav_watch(struct cl_engine *engine);

/* An engine's look(). */
int clamav_look(
    void *state, const struct content *c, struct inspection *in, struct err *e);

#endif
