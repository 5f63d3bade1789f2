#ifndef SCAN_ENGINE_H
#define SCAN_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/err.h"
#include "scan/content.h"
#include "scan/report.h"

struct conf;
struct conf_section;
struct inspection; /* what is in it is inspect.c's business */

/* What is left to spend on one submission, shared by all that is inside it. */
struct budget {
	uint64_t bytes;      /* unpacked bytes still allowed */
	uint32_t members;    /* contents still allowed inside */
	uint32_t depth;      /* levels still allowed */
	uint32_t ratio;      /* unpacked bytes a packed byte may become */
	int64_t deadline_ms; /* on clock_ms() */
};

/* What an engine that unpacks is told to do with a member it has come to. */
enum member_step {
	MEMBER_LOOK,
	MEMBER_SKIP, /* not into this one; the others may do */
	MEMBER_STOP  /* nothing more of this content at all */
};

/*
 * An engine that unpacks by itself says so for each member, before it looks
 * at it, and again when it is done with it; these nest.  name may be NULL.
 * The bytes are good until inspection_enter() returns.  Limits are counted
 * and reported behind these calls, and what this engine cannot read is kept
 * for unpack.c.  An engine that calls them never again for a member of a
 * member that it was told to skip.
 */
enum member_step inspection_enter(
    struct inspection *in, const char *name, const void *bytes, size_t len);

/* False: something of it was put aside for unpack.c. */
bool inspection_leave(struct inspection *in);

/*
 * For an engine that remembers what it found clean: the members it has come to
 * in this content are numbered, and inspection_told() is how many there are.
 */
#define TOLD_NAME_MAX 79
struct told_member {
	uint64_t size;
	unsigned level; /* that of what it lies in is smaller by one */
	unsigned type;  /* enum file_type */
	bool carved;    /* its bytes are among those of what it lies in */
	bool named;
	char name[TOLD_NAME_MAX + 1];
};

unsigned inspection_told(const struct inspection *in);

/* n of them; NULL: one of them is not kept. */
const struct told_member *inspection_told_from(
    const struct inspection *in, unsigned first, unsigned n);

/*
 * The member just entered is known, at level: these n lie in it.  They are
 * told, and their budget is spent, as if the engine had come to them.  Anything
 * but MEMBER_LOOK: as with inspection_enter().
 */
enum member_step inspection_known(struct inspection *in,
    const struct told_member *inside, unsigned n, unsigned level);

/* Where the engine is now, by these calls; the outermost content at first. */
const char *inspection_where(const struct inspection *in);

struct report *inspection_report(struct inspection *in);
const struct budget *inspection_budget(const struct inspection *in);

/* A limit was met here: reported, by its name. */
void inspection_limit(struct inspection *in, const char *option);

/* max_ratio or max_unpacked_size, whichever is the narrower here. */
const char *inspection_bytes_limit(const struct inspection *in);

/*
 * An engine looks at one sealed content and reports what it sees.  Engines
 * run in a scan worker: synchronous, one content at a time, no network, no
 * clock but the budget's.  They do not know which protocol asked.
 *
 * To add one: write scan/engine_NAME.c, add it to the array in
 * scan/engines.c, add its options to conf/options.h, and give it
 * tests/unit/t_engine_NAME.c.
 */
struct engine {
	const char *name; /* the word of [engine ...] type */

	/*
	 * Looks into containers and tells by inspection_enter().  What it
	 * unpacked is not given to it again.
	 */
	bool unpacks;

	/*
	 * Loads what the engine needs; in the armoury, before the jail.
	 * s is its own [engine ...]; *state_r is passed to the others.  0, or
	 * -1 with words.
	 */
	int (*open)(const struct conf *conf, const struct conf_section *s,
	    void **state_r, struct err *e);

	/* "clamav/1.4.6/27815-9f3a12bc": name, version, signatures; changes
	 * whenever they do. */
	const char *(*version)(const void *state);

	/*
	 * Once in each worker after fork, before its jail: open late what
	 * would be opened late.  May be NULL.  tmpdir is this worker's own
	 * and outlives the engine.
	 */
	int (*enter)(void *state, const char *tmpdir, struct err *e);

	/*
	 * Returns 0 when it has looked, whatever it found, or -1 when it
	 * could not look; the caller then reports FOUND_FAILED for it, so
	 * that a broken engine never passes for a clean content.  Where and
	 * with what budget: inspection_where() and the others above.
	 */
	int (*look)(void *state, const struct content *c, struct inspection *in,
	    struct err *e);

	void (*close)(void *state);
};

extern const struct engine *const engines[]; /* in order; NULL ends it */

#endif
