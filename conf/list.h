#ifndef CONF_LIST_H
#define CONF_LIST_H

#include "conf/sheet.h"
#include "proxy/base/buf.h"

/*
 * list: a value with several entries, apart by commas or blanks.  An entry in
 * double quotes may hold both.  @/path stands for a file with one entry a line.
 */

struct list_to {
	/* One entry and where it stands. */
	void (*entry)(void *arg, const char *text, const struct place *at);
	void (*wrong)(void *arg, const struct place *at, const char *text);
	/* The name of a file, to be kept as long as places are. */
	const char *(*file)(void *arg, const char *path);
};

/*
 * Calls out for every entry of raw, a value as the reader gives it, and
 * appends to text_r how it is written on one line ("none" when empty).
 */
void list_read(const char *raw, const struct place *at,
    const struct list_to *to, void *arg, struct buf *text_r);

#endif
