#ifndef TESTS_BENCH_BENCH_LOAD_H
#define TESTS_BENCH_BENCH_LOAD_H

/*
 * bench_load: many connections, opened some at a time.  Once all are ready the
 * time begins that counts; or so many exchanges count, however long they take;
 * or they are held and do nothing.
 */

#include "proxy/base/clock.h"
#include "tests/bench/bench.h"

struct load {
	long n, opened, open, ready; /* connections; the last two as they go */
	long total; /* exchanges; 0: as many as there is time */
	int64_t warm_us, span_us, patience_us, grace_us;
	int64_t count_from_us, until_us; /* known once it counts */
	void (*open_some)(void);
	void (*turn)(void); /* one look at all of them */
};

/* ready_ms, grace_ms: for all to be ready; for what is under way at the end. */
static inline void
load_arguments(struct load *l, int argc, char **argv, long most,
    const char *ready_ms, const char *grace_ms)
{
	l->n = number(argc, argv, "--connections", "1");
	if (l->n < 1 || l->n > most)
		die("--connections", "out of range");
	l->warm_us = number(argc, argv, "--warm-ms", "0") * 1000;
	l->span_us = number(argc, argv, "--ms", "3000") * 1000;
	l->patience_us = number(argc, argv, "--ready-ms", ready_ms) * 1000;
	l->grace_us = number(argc, argv, "--grace-ms", grace_ms) * 1000;
	l->count_from_us = l->until_us = INT64_MAX;
}

static inline void
load_begin_when_ready(struct load *l, int64_t began_us)
{
	int64_t now = clock_us();

	if (l->count_from_us != INT64_MAX ||
	    (l->ready < l->n && now < began_us + l->patience_us))
		return;
	l->count_from_us = now + l->warm_us;
	l->until_us = l->count_from_us + l->span_us;
}

static inline void
load_run(struct load *l)
{
	int64_t began = clock_us();

	if (l->total > 0) { /* every one of them counts */
		l->count_from_us = began;
		l->until_us = began + l->span_us;
	}
	for (l->open_some(); l->open > 0 &&
	     (l->until_us == INT64_MAX ||
		 clock_us() < l->until_us + l->grace_us);
	     l->open_some()) {
		l->turn();
		load_begin_when_ready(l, began);
	}
}

/* Until all are ready, or the time is over. */
static inline void
load_get_ready(struct load *l)
{
	int64_t until_us = clock_us() + l->span_us;

	while (l->ready < l->n && clock_us() < until_us) {
		l->open_some();
		l->turn();
	}
}

/* They are held until standard input ends. */
static inline void
load_hold(void)
{
	char byte;

	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

#endif
