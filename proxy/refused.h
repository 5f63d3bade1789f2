#ifndef PROXY_REFUSED_H
#define PROXY_REFUSED_H

#include <stdint.h>

/*
 * refused: how often each limit has turned somebody away, over all net workers
 * since the start.  It lies in memory that they share, and a worker that dies
 * takes nothing along.
 */
struct refused;

struct refused *refused_open(void); /* NULL with errno */
void refused_free(struct refused **rp);

/* One more by the limit of this name; how many there are now.  A name that is
 * in no row of refused.c is not counted: 0. */
uint64_t refused_count(struct refused *r, const char *limit);
uint64_t refused_total(const struct refused *r, const char *limit);

/* A line to the log for each that was passed: "refused limit=... total=..." */
void refused_log(const struct refused *r);

#endif
