#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <stdint.h>

#include "conf/schema.h"
#include "proxy/base/buf.h"
#include "proxy/base/err.h"

/*
 * value: what a single value's text means for its option, and how it is
 * printed so that it reads back the same.  Pure.
 */

/*
 * The number an option's text stands for: bytes, milliseconds, percent, yes/no
 * as 1/0, the place of a word; 0 for texts and paths.  0, or -1 with words
 * that say what would be right.  Not for lists.
 */
int value_number(
    const struct opt_row *row, const char *text, int64_t *n_r, struct err *e);

/* n as it would be written for row ("64k", "5m", "yes"), into to[32]. */
const char *value_print(const struct opt_row *row, int64_t n, char *to);

/*
 * A value as the reader gave it as one text: joined lines with a blank between
 * them; a value wholly in double quotes loses them.  The caller frees it.
 */
char *value_text(const char *raw);

/* Appends text in double quotes if it would not read back without. */
void value_quote(struct buf *b, const char *text);

/* Is s, all of it, one pair of double quotes and what is between? */
int value_is_quoted(const char *s, size_t len);

/* Appends `; did you mean "best"?` to words when n has one. */
void value_did_you_mean(struct err *e, const struct nearest *n);

#endif
