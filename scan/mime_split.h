#ifndef SCAN_MIME_SPLIT_H
#define SCAN_MIME_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/slice.h"
#include "scan/mime_lines.h"

/*
 * mime_split: the lines of a body that are, or that some reader takes for, a
 * multipart's delimiters.  Pure but for the list it makes.
 */
#define DELIM_STRICT 0x01 /* as RFC 2046 5.1.1 has it */
#define DELIM_CLOSE 0x02  /* "--" behind the boundary */
#define DELIM_PADDED 0x04 /* blanks behind it */

struct delim {
	size_t at, next; /* the line; where the part behind it begins */
	unsigned how;
};

struct delims {
	struct delim *list;
	size_t n, cap, most; /* most: how many there may be */
	bool full;
};

void delims_init(struct delims *d, size_t most);
void delims_free(struct delims *d);

/*
 * Finds the delimiters made of boundary in text[at..end).  d->full is set
 * when there were more than may be.
 */
void delims_find(struct delims *d, const char *text, size_t at, size_t end,
    enum mime_lines mode, struct slice boundary);

/* True when a line begins with "Content-": there may be a part. */
bool delims_has_fields(
    const char *text, size_t at, size_t end, enum mime_lines mode);

/*
 * The same without a boundary: every line that begins with "--", blanks
 * before it or not, and every block of fields with "Content-..." among them.
 */
void delims_guess(struct delims *d, const char *text, size_t at, size_t end,
    enum mime_lines mode);

/* The line end before a delimiter belongs to the delimiter (RFC 2046). */
size_t delim_part_end(
    const char *text, size_t from, size_t at, enum mime_lines mode);

#endif
