#ifndef PROXY_RATES_H
#define PROXY_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * rates: how often something happened in the last minute, by key, in memory
 * that all net workers share.  Each counts in a part of its own and reads all.
 */
struct rates;

/* For workers net workers of slots keys each, a power of 2.  NULL with errno.
 */
struct rates *rates_open(unsigned workers, size_t slots);
void rates_free(struct rates **rp);

/*
 * May it happen once more, when at most `most` times a minute are allowed?  If
 * so it is counted for net worker self.  What was refused is not counted: who
 * comes too often is let in as often as is allowed.  now_ms is clock_ms().
 */
bool rates_take(struct rates *r, unsigned self, uint64_t key, uint32_t most,
    int64_t now_ms);

#endif
