#ifndef PROXY_STATS_READ_H
#define PROXY_STATS_READ_H

#include <stdbool.h>
#include <stdio.h>

#include "proxy/base/err.h"

/*
 * stats_read: the counters of a gateway that runs, as `sallyport status` shows
 * them.  Nobody is asked and nothing is written: they lie in a file.
 */
struct stats_view;

/* Why there is no view. */
enum stats_no { STATS_NOBODY, STATS_NOT_ALLOWED, STATS_NOT_OURS };

/* The file in runtime_dir.  NULL with *why_r and words: what a dead gateway
 * has left is STATS_NOBODY. */
struct stats_view *stats_look(
    const char *dir, enum stats_no *why_r, struct err *e);
void stats_look_away(struct stats_view **vp);

/* How it is shown; zeros: those that have never counted, too. */
enum stats_form { STATS_AS_TEXT, STATS_AS_JSON, STATS_AS_PROMETHEUS };
void stats_print(
    const struct stats_view *v, enum stats_form form, bool zeros, FILE *out);

#endif
