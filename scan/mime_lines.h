#ifndef SCAN_MIME_LINES_H
#define SCAN_MIME_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/*
 * mime_lines: where a line of a mail ends.  RFC 5322: at CRLF.  Most readers:
 * at LF.  Some: at a CR alone, too.
 */
enum mime_lines {
	LINES_LF,   /* LF, and a CR before it belongs to it */
	LINES_CRLF, /* CRLF alone */
	LINES_CR    /* LF, CRLF or CR */
};

#define LINE_STEP 256

struct line {
	size_t at, end, next; /* end: without the line end; next: behind it */
};

static inline size_t
line_break(const char *text, size_t at, size_t end, enum mime_lines mode)
{
	const char *p = text + at, *stop = text + end;

	while (mode == LINES_CR && p < stop) {
		/* in small steps: there may be no LF for a long way */
		size_t n =
		    stop - p < LINE_STEP ? (size_t)(stop - p) : LINE_STEP;
		const char *lf = memchr(p, '\n', n);
		const char *cr =
		    memchr(p, '\r', lf == NULL ? n : (size_t)(lf - p));

		if (cr != NULL || lf != NULL)
			return (size_t)((cr != NULL ? cr : lf) - text);
		p += n;
	}
	for (; p < stop; p++) {
		p = memchr(p, '\n', (size_t)(stop - p));
		if (p == NULL)
			return end;
		if (mode == LINES_LF || (p > text + at && p[-1] == '\r'))
			return (size_t)(p - text);
	}
	return end;
}

/* The line at `at`.  False: there is none, at is the end. */
static inline bool
line_read(const char *text, size_t at, size_t end, enum mime_lines mode,
    struct line *l_r)
{
	size_t stop;

	if (at >= end)
		return false;
	stop = line_break(text, at, end, mode);
	l_r->at = at;
	l_r->next = stop < end ? stop + 1 : end;
	if (stop < end && text[stop] == '\r' && stop + 1 < end &&
	    text[stop + 1] == '\n')
		l_r->next++;
	if (stop < end && text[stop] == '\n' && stop > at &&
	    text[stop - 1] == '\r')
		stop--;
	l_r->end = stop;
	return true;
}

/* True: a line begins at `at`. */
static inline bool
line_begins(const char *text, size_t from, size_t at, enum mime_lines mode)
{
	if (at == from)
		return true;
	if (mode == LINES_CR && text[at - 1] == '\r')
		return true;
	if (text[at - 1] != '\n')
		return false;
	return mode != LINES_CRLF || (at - from >= 2 && text[at - 2] == '\r');
}

static inline bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* How many of the bytes from at on are blanks. */
static inline size_t
count_wsp(const char *text, size_t at, size_t end)
{
	size_t n = 0;

	while (at + n < end && is_wsp(text[at + n]))
		n++;
	return n;
}

#endif
