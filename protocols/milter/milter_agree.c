/*
 * milter_agree: as few packets as can be.  We look at whole mails, so no step
 * but RCPT (max_recipients) and the end of the body needs an answer; where an
 * MTA wants one all the same it is "go on".
 */

#include "protocols/milter/milter_agree.h"

#define ACTIONS \
	(MILTER_ACT_ADDHDRS | MILTER_ACT_CHGHDRS | MILTER_ACT_QUARANTINE | \
	    MILTER_ACT_SYMLIST)

#define STEPS \
	(MILTER_NO_UNKNOWN | MILTER_NO_DATA | MILTER_CAN_SKIP | \
	    MILTER_NR_HEADER | MILTER_NR_CONNECT | MILTER_NR_HELO | \
	    MILTER_NR_MAIL | MILTER_NR_DATA | MILTER_NR_UNKNOWN | \
	    MILTER_NR_EOH | MILTER_NR_BODY | MILTER_LEADING_SPACE)

/* An older version has no words for newer things, whatever bits it sends. */
#define STEPS_3 MILTER_NO_UNKNOWN
#define STEPS_4 (STEPS_3 | MILTER_NO_DATA)

static uint32_t
steps_of(uint32_t version)
{
	if (version < 3)
		return 0;
	if (version < 4)
		return STEPS_3;
	return version < 6 ? STEPS_4 : STEPS;
}

/* Of the sizes offered the largest. */
static uint32_t
size_of(const struct milter_offer *o)
{
	if ((o->steps & MILTER_SIZE_1M) != 0)
		return MILTER_SIZE_1M;
	return o->steps & MILTER_SIZE_256K;
}

bool
milter_agree(const struct milter_offer *o, struct milter_agreed *a_r)
{
	if (o->version < MILTER_VERSION_LEAST)
		return false;
	a_r->version = o->version;
	if (a_r->version > MILTER_VERSION_MOST)
		a_r->version = MILTER_VERSION_MOST;
	a_r->actions = o->actions & ACTIONS;
	a_r->steps = o->steps & steps_of(a_r->version);
	if (a_r->version < MILTER_VERSION_MOST)
		a_r->actions &= ~MILTER_ACT_SYMLIST;
	else
		a_r->steps |= size_of(o);
	a_r->ours = (a_r->actions & MILTER_ACT_SYMLIST) != 0;
	return true;
}

const char *
milter_wanted(enum milter_step step)
{
	switch (step) {
	case MILTER_AT_HELO:
		return "{tls_version} {cipher}";
	case MILTER_AT_MAIL:
		return "i {auth_authen}";
	case MILTER_AT_CONNECT:
	case MILTER_AT_RCPT:
	case MILTER_AT_EOM:
	case MILTER_AT_EOH:
	case MILTER_AT_DATA:
		return "i";
	}
	return NULL;
}
