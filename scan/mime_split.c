/*
 * mime_split: finds delimiter lines, the right ones and the odd ones.
 */
#include "scan/mime_split.h"

#include <stdlib.h>

#include "proxy/base/mem.h"

#define INDENT_MAX 32 /* bytes before the "--" of an odd delimiter */

void
delims_init(struct delims *d, size_t most)
{
	*d = (struct delims){.most = most};
}

void
delims_free(struct delims *d)
{
	free(d->list);
	*d = (struct delims){0};
}

static void
add(struct delims *d, size_t at, size_t next, unsigned how)
{
	if (d->n == d->most) {
		d->full = true;
		return;
	}
	if (d->n == d->cap) {
		d->cap = d->cap == 0 ? 8 : d->cap * 2;
		d->list = xrealloc(d->list, d->cap, sizeof(*d->list));
	}
	d->list[d->n++] = (struct delim){at, next, how};
}

size_t
delim_part_end(const char *text, size_t from, size_t at, enum mime_lines mode)
{
	if (at <= from)
		return from;
	if (text[at - 1] == '\n') {
		at--;
		return at > from && text[at - 1] == '\r' ? at - 1 : at;
	}
	return mode == LINES_CR && text[at - 1] == '\r' ? at - 1 : at;
}

/* The beginning of the line "--" stands on, if only oddities are before it. */
static bool
line_of(const char *text, size_t from, size_t hit, enum mime_lines mode,
    size_t *line_r)
{
	size_t at = hit;

	while (!line_begins(text, from, at, mode)) {
		char c = text[at - 1];

		if (hit - at == INDENT_MAX ||
		    ((unsigned char)c > ' ' && c != '"' && c != '-' &&
			c != 0x7f))
			return false;
		at--;
	}
	*line_r = at;
	return true;
}

static unsigned
how_written(const char *text, size_t at, const struct line *l)
{
	size_t i = at, pad;
	unsigned how = 0;

	if (l->end - i >= 2 && text[i] == '-' && text[i + 1] == '-') {
		how |= DELIM_CLOSE;
		i += 2;
	}
	pad = count_wsp(text, i, l->end);
	if (pad > 0)
		how |= DELIM_PADDED;
	if (i + pad == l->end)
		how |= DELIM_STRICT;
	return how;
}

/* Takes the hit and returns where to look on. */
static size_t
take_hit(struct delims *d, const char *text, size_t from, size_t end,
    enum mime_lines mode, size_t hit, size_t len)
{
	size_t start;
	unsigned how;
	struct line l;

	if (!line_of(text, from, hit, mode, &start) ||
	    !line_read(text, start, end, mode, &l) || l.end < hit + len)
		return hit + 1;
	how = how_written(text, hit + len, &l);
	if (start != hit)
		how &= ~(unsigned)DELIM_STRICT;
	add(d, start, l.next, how);
	return l.next;
}

void
delims_find(struct delims *d, const char *text, size_t at, size_t end,
    enum mime_lines mode, struct slice boundary)
{
	char small[128];
	size_t len = boundary.len + 2, from = at;
	char *needle = len <= sizeof(small) ? small : xcalloc(1, len);

	needle[0] = needle[1] = '-';
	memcpy(needle + 2, boundary.at, boundary.len);
	while (at < end && !d->full) {
		const char *p = memmem(text + at, end - at, needle, len);

		if (p == NULL)
			break;
		at =
		    take_hit(d, text, from, end, mode, (size_t)(p - text), len);
	}
	if (needle != small)
		free(needle);
}

/* "Content-..." right at the beginning of a line. */
static bool
is_content_field(const char *text, const struct line *l)
{
	static const char word[] = "content-";

	return l->end - l->at > sizeof(word) - 1 &&
	    strncasecmp(text + l->at, word, sizeof(word) - 1) == 0;
}

bool
delims_has_fields(const char *text, size_t at, size_t end, enum mime_lines mode)
{
	struct line l;

	for (; line_read(text, at, end, mode, &l); at = l.next) {
		if (is_content_field(text, &l))
			return true;
	}
	return false;
}

/* "Name:" or what is folded onto it, as far as a first look goes. */
static bool
is_field_like(const char *text, const struct line *l)
{
	size_t i = l->at;

	if (l->end > l->at && is_wsp(text[l->at]))
		return true;
	while (i < l->end && text[i] > ' ' && text[i] != ':' && text[i] != 0x7f)
		i++;
	return i > l->at && i < l->end && text[i] == ':';
}

/* "--x", and behind it what a part begins with, or "--" for the end. */
static bool
is_dashed(
    const char *text, const struct line *l, size_t end, enum mime_lines mode)
{
	size_t i = l->at;
	struct line next;

	while (i < l->end && (unsigned char)text[i] <= ' ')
		i++;
	if (l->end - i < 2 || text[i] != '-' || text[i + 1] != '-')
		return false;
	if (text[l->end - 1] == '-' ||
	    !line_read(text, l->next, end, mode, &next))
		return true;
	return next.end == next.at || is_field_like(text, &next);
}

void
delims_guess(struct delims *d, const char *text, size_t at, size_t end,
    enum mime_lines mode)
{
	struct line l;
	size_t block = end; /* where the fields we are in begin */

	for (; line_read(text, at, end, mode, &l) && !d->full; at = l.next) {
		bool content = is_content_field(text, &l);

		if (is_dashed(text, &l, end, mode)) {
			add(d, l.at, l.next, 0);
			block = end;
			continue;
		}
		if (!content && !is_field_like(text, &l)) {
			block = end;
			continue;
		}
		if (block == end)
			block = l.at;
		if (content && (d->n == 0 || d->list[d->n - 1].next < block))
			add(d, block, block, 0);
	}
}
