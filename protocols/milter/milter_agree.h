#ifndef MILTER_AGREE_H
#define MILTER_AGREE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/milter/milter_parse.h"
#include "protocols/milter/milter_wire.h"

/*
 * milter_agree: of what an MTA offers, what we take.  Pure.  Nothing is asked
 * for that was not offered, and nothing is done later that was not agreed upon.
 */
struct milter_agreed {
	uint32_t version, actions, steps;
	bool ours; /* the MTA takes a list of macros: send it */
};

/* False: no version in common. */
bool milter_agree(const struct milter_offer *o, struct milter_agreed *a_r);

/* The macros we want at a step; NULL: whatever the MTA likes. */
const char *milter_wanted(enum milter_step step);

#endif
