#ifndef SCAN_INSPECT_H
#define SCAN_INSPECT_H

#include "proxy/base/err.h"
#include "scan/content.h"
#include "scan/engine.h"
#include "scan/report.h"

struct conf;
struct inspector;

/* Opens the engines that [scan] engines names.  NULL with words. */
struct inspector *inspector_open(const struct conf *conf, struct err *e);

/* In a worker, after fork, before the jail; see engine.h.  0 or -1. */
int inspector_enter(struct inspector *i, const char *tmpdir, struct err *e);

/* All engines' versions, "clamav/1.4.6/27815 ..."; belongs to i. */
const char *inspector_version(const struct inspector *i);

/* The budget [scan] gives a content of size bytes at this moment. */
struct budget inspector_budget(const struct inspector *i, uint64_t size);

/* Told of every content that was looked at, outermost first; for trees. */
typedef void inspect_member(void *arg, const char *where, const char *type,
    uint64_t size, unsigned depth);

/*
 * The whole pipeline as one synchronous call: identify, run every engine,
 * unpack, and do the same for every member until the budget is spent.  It
 * always returns with a report; what could not be looked at is in it.
 * member may be NULL.
 */
void inspect(struct inspector *i, const struct content *c, struct budget b,
    inspect_member *member, void *arg, struct report *report_r);

void inspector_close(struct inspector **ip);

#endif
