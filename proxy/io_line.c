/*
 * io_line: takes lines apart, whatever pieces they come in.  Pure.  Only CRLF
 * ends a line well: what another program might take for an end, or for
 * nothing, is LINE_BARE and never LINE_OK (RFC 5321 2.3.8).
 */
#include "proxy/io_line.h"

#include <string.h>

/* Eats the rest of a line whose beginning was too long.  False: it has not
 * come to its end yet. */
static bool
skip_rest(struct line_state *st, struct slice *bytes, size_t *eaten_r)
{
	const char *lf = memchr(bytes->at, '\n', bytes->len);
	size_t n = lf == NULL ? bytes->len : (size_t)(lf - bytes->at) + 1;

	*eaten_r += n;
	*bytes = slice_skip(*bytes, n);
	if (lf == NULL)
		return false;
	st->skipping = false;
	return true;
}

static enum line
judge(struct slice line, size_t limit, bool bare)
{
	if (line.len > limit)
		return LINE_LONG;
	if (bare || memchr(line.at, '\r', line.len) != NULL ||
	    memchr(line.at, '\0', line.len) != NULL)
		return LINE_BARE;
	return LINE_OK;
}

enum line
line_take(struct line_state *st, struct slice bytes, size_t limit,
    size_t *eaten_r, struct slice *line_r)
{
	const char *lf = NULL;
	size_t len;
	bool bare = true;

	*eaten_r = 0;
	*line_r = (struct slice){"", 0};
	if (bytes.len == 0)
		return LINE_NONE;
	if (st->skipping && !skip_rest(st, &bytes, eaten_r))
		return LINE_NONE;
	if (st->scanned > bytes.len)
		st->scanned = bytes.len;
	if (bytes.len > st->scanned)
		lf = memchr(
		    bytes.at + st->scanned, '\n', bytes.len - st->scanned);
	if (lf == NULL && bytes.len < limit + 2) {
		st->scanned = bytes.len;
		return LINE_NONE;
	}
	st->scanned = 0;
	if (lf == NULL) {
		st->skipping = true;
		*eaten_r += bytes.len;
		return LINE_LONG;
	}
	len = (size_t)(lf - bytes.at);
	*eaten_r += len + 1;
	if (len > 0 && bytes.at[len - 1] == '\r') {
		len--;
		bare = false;
	}
	*line_r = (struct slice){bytes.at, len};
	return judge(*line_r, limit, bare);
}
