#ifndef PROXY_QUARANTINE_COPY_H
#define PROXY_QUARANTINE_COPY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/slice.h"
#include "proxy/quarantine_room.h"

/*
 * quarantine_copy: writes one content and its note to the disk.  It waits for
 * the disk, so a thread calls it, and it touches nothing but what stands here.
 */
struct quarantine_copy {
	const char *dir, *id;
	const void *bytes; /* where they lie; NULL: in file, from its begin */
	int file;
	uint64_t size;
	struct slice note;
	uint64_t max_size;     /* of all that is kept */
	unsigned min_free_pct; /* of its file system stays free */
	struct quarantine_room *room;
	unsigned self;
	atomic_bool unwanted; /* set from outside: give it up */
};

/*
 * "kept": both are on the disk, under their names.  Else why not, and nothing
 * of it is left: "max_size", "spool_min_free", "no_space", "aborted" (it was
 * unwanted), "error"; with *error_r where a call failed, else 0.
 */
const char *quarantine_copy(struct quarantine_copy *c, int *error_r);

#endif
