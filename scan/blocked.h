#ifndef SCAN_BLOCKED_H
#define SCAN_BLOCKED_H

#include "proxy/base/err.h"
#include "scan/facts.h"
#include "scan/report.h"
#include "scan/words.h"

/*
 * blocked: what a [policy] does not want whatever is in it: addresses, names
 * and types.  Each that a content has becomes a finding like any other.
 */
struct blocked {
	struct words urls, names, types;
};

#define BLOCKED_MAX 3 /* one of each kind */

/* Of a [policy].  -1 with `file:line: text`. */
int blocked_read(struct blocked *b, const struct conf *c,
    const struct conf_section *s, struct err *e);
void blocked_free(struct blocked *b);

/* Words for types that nobody knows are a mistake.  0, or -1 with words. */
int blocked_check_types(const struct words *w, const struct conf *c,
    const struct conf_section *s, enum opt opt, struct err *e);

/* The first pattern that fits a value of type or of what it was seen to be. */
const char *blocked_type(const struct words *w, const struct facts *f);

/* How many findings there are, and which. */
unsigned blocked_find(const struct blocked *b, const struct facts *f,
    struct finding found_r[BLOCKED_MAX]);

#endif
