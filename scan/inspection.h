#ifndef SCAN_INSPECTION_H
#define SCAN_INSPECTION_H

#include <stdbool.h>

#include "scan/inspect.h"
#include "scan/peek.h"
#include "scan/where.h"

/*
 * inspection: one call of inspect() while it runs.  Private to inspect.c and
 * inspection.c; engines see it through the calls in engine.h.
 */
#define LAYERS_MAX 66 /* [scan] max_depth is at most 64 */
#define STOWED_MAX (STOWAWAYS_MAX + ZIP_STOWED_MAX)
#define ITEMS_MAX (STOWED_MAX + 2)
#define TOLD_MAX 512 /* members of a content that are kept by name */

/* What has been looked at from outside, and is still to be opened by us. */
struct later {
	struct later *next;
	struct content *content; /* NULL: the one being looked at */
	struct where where;
	unsigned level; /* below the content being looked at; 0: itself */
	struct stowaway items[ITEMS_MAX];
	unsigned n;
	bool own; /* the first is what it is; the others are stowaways */
	bool zip; /* it is one: what is apart in it is no chance */
};

/* A content that an engine is in, or the one being looked at. */
struct layer {
	struct where where;
	enum file_type type;
	const unsigned char *bytes; /* good until enter() returned, but for
				       the outermost; then for comparing only */
	size_t len;
	uint32_t members; /* that the engine came to */
	struct later *later;
};

struct inspection {
	struct inspector *inspector;
	struct budget budget; /* its depth: levels below the current content */
	const char *bytes_limit;
	struct report *report;
	inspect_member *member;
	void *member_arg;
	unsigned depth; /* of the content being looked at */
	bool stop;      /* nothing more is looked at */

	struct layer layers[LAYERS_MAX];
	unsigned n;
	struct told_member told[TOLD_MAX];
	unsigned told_n; /* those that are not kept are counted, too */
	struct spool_house *house; /* for copies and members */
	struct later *later;       /* in order; its tail: */
	struct later **later_end;
};

/* Begins to look at a content: its type is found, its layer is entered. */
void inspection_begin(struct inspection *in, const struct content *c,
    const void *bytes, const struct where *where);

/* Leaves what is still entered; returns what is still to be opened. */
struct later *inspection_finish(struct inspection *in);

void later_free(struct later **lp);

/*
 * Spends one member of the budget.  False: there is none left or the time is
 * up; that was reported, and the inspection stops.
 */
bool inspection_spend_member(struct inspection *in, const char *where);
bool inspection_in_time(struct inspection *in, const char *where);

/* Spends bytes.  False: they are more than is left, and that was reported. */
bool inspection_spend_bytes(
    struct inspection *in, const char *where, uint64_t len);

/* Opens one of these by ourselves; c: its bytes. */
void inspect_inside(
    struct inspection *in, const struct later *of, const struct content *c);

/* Looks at what the codings and the type that were declared make of it. */
void inspect_coded(
    struct inspection *in, const struct content *c, const struct where *where);

/* The same of a multipart, level levels below the content that was given. */
void inspect_form(struct inspection *in, const struct content *c,
    const struct where *where, unsigned level);

/* Looks at a member, so many levels below the content being looked at. */
void inspect_below(struct inspection *in, const struct content *c,
    const struct where *where, unsigned levels);

#endif
