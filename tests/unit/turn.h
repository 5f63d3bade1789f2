#ifndef UNIT_TURN_H
#define UNIT_TURN_H

/*
 * turn: lets a loop go on for a while, and for a few looks at the kernel at the
 * least: while the machine was busy with others it may have had one alone.
 */
#include "proxy/loop.h"

#define TURN_LOOKS 4

static inline void
turn_enough(void *arg)
{
	loop_stop(arg);
}

static inline void
turn_loop(struct loop *l, int64_t ms)
{
	struct timer *t = timer_open(l, turn_enough, l);

	for (int i = 0; i < TURN_LOOKS; i++) {
		timer_set(t, i == 0 ? ms : 0);
		loop_run(l);
	}
	timer_free(&t);
}

#endif
