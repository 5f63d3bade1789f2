#ifndef PROXY_STATS_H
#define PROXY_STATS_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "proxy/base/err.h"
#include "proxy/stats_table.h"

/*
 * stats: how often what has happened, in memory that the parent makes and all
 * net workers map, each adding in a part of its own.  It is a file in
 * runtime_dir, which `sallyport status` reads without asking anybody
 * (stats_read.h).  To add costs no lock and no call of the system.
 */
struct stats;

/* The part of this process; before stats_take() one that nobody reads. */
extern _Atomic uint64_t *stats_own;

/* The series of s with this word of its label (0: it has none) and this
 * protocol (0: the gateway itself, or it has none). */
static inline void
stats_addn(enum counter s, unsigned at, uint64_t n)
{
	atomic_fetch_add_explicit(
	    &stats_own[(unsigned)s + at], n, memory_order_relaxed);
}

static inline void
stats_add(enum counter s)
{
	stats_addn(s, 0, 1);
}

/* Of a counter with a label, and with a protocol: the n-th word of it. */
static inline void
stats_word(enum counter s, unsigned word)
{
	stats_addn(s, word, 1);
}

static inline void
stats_both(enum counter s, unsigned word, unsigned protocol)
{
	stats_addn(s, word * STATS_PROTOCOLS + protocol, 1);
}

/* A gauge's own share of this process. */
static inline void
stats_set(enum counter s, uint64_t value)
{
	atomic_store_explicit(&stats_own[s], value, memory_order_relaxed);
}

/*
 * A limit has turned somebody away, or ended something: returns how often by
 * now, whoever saw it.  A name that is in no row of the table is not counted:
 * 0.  The other two are for what may be a limit: the reason an exchange ended
 * for, what a finding says.
 */
uint64_t stats_limit(unsigned protocol, const char *limit);
void stats_reason(unsigned protocol, const char *reason);
void stats_finding(unsigned protocol, const char *what);

/* How an exchange ended, what became of a copy for the quarantine, and why a
 * scan worker was lost, by their words. */
void stats_result(unsigned protocol, const char *result);
void stats_copy(unsigned protocol, const char *how);
void stats_lost(const char *why);

/* ---- for the parent ---- */

/* The file; the folder is [gateway] runtime_dir. */
#define STATS_FILE "counters"

struct stats_start {
	const char *dir;
	const char *const *protocols; /* names; NULL ends them */
	unsigned workers;
	gid_t group; /* who may read it; (gid_t)-1: as it is */
};

/* Makes the file anew, and locks it for as long as we live: so whoever reads
 * it knows.  NULL with words. */
struct stats *stats_open(const struct stats_start *how, struct err *e);

/* Takes the file away, too.  Other processes just end. */
void stats_free(struct stats **sp);

/* This process adds in part self from now on: 0 the parent, else a net worker.
 * Somebody who had it before has died. */
void stats_take(struct stats *s, unsigned self);

/* Net worker self has died: its gauges are 0. */
void stats_clear(struct stats *s, unsigned self);

/* What `sallyport status` says first: "serving", "clamav/1.4.3/27500/...";
 * NULL: as it was. */
void stats_tell(struct stats *s, const char *state, const char *signatures);

/* A line to the log for each limit that was passed: "refused limit=... total=".
 */
void stats_log_limits(void);

#endif
