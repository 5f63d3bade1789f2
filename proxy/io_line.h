#ifndef PROXY_IO_LINE_H
#define PROXY_IO_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/io.h"

/*
 * io_line: finds one line in bytes that arrive as they like.  Pure.
 */
struct line_state {
	size_t scanned; /* so many bytes at the front hold no LF */
	bool skipping;  /* the rest of a line that was too long comes first */
};

/*
 * As io_line() in io.h says.  *eaten_r bytes are done with, whatever the
 * answer; after LINE_NONE call again with what came behind the others.
 */
enum line line_take(struct line_state *st, struct slice bytes, size_t limit,
    size_t *eaten_r, struct slice *line_r);

#endif
