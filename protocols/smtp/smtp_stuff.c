/*
 * smtp_stuff: a second dot before each line that begins with one.  Pure.  As
 * in smtp_data only CRLF ends a line: what is kept holds no bare CR or LF.
 */

#include "protocols/smtp/smtp_stuff.h"

/* The length of s up to a dot that begins a line; s.len: there is none.  By
 * its dots, which are rare: memmem(3) looks at each byte of the whole mail. */
static size_t
until_dot(struct slice s)
{
	const char *p = s.at, *end = s.at + s.len;

	while ((p = memchr(p, '.', (size_t)(end - p))) != NULL) {
		if (p - s.at >= 2 && p[-1] == '\n' && p[-2] == '\r')
			return (size_t)(p - s.at);
		p++;
	}
	return s.len;
}

bool
smtp_stuff(struct smtp_stuff *st, struct slice *in, struct slice *out_r)
{
	size_t n;

	if (in->len == 0)
		return false;
	if (!st->inside && !st->dotted && in->at[0] == '.') {
		st->dotted = true;
		*out_r = (struct slice){".", 1};
		return true;
	}
	/* The LF of a CRLF that lies across two pieces. */
	n = st->cr && in->at[0] == '\n' ? 1 : until_dot(*in);
	*out_r = (struct slice){in->at, n};
	*in = slice_skip(*in, n);
	st->dotted = false;
	st->inside = !(out_r->at[n - 1] == '\n' &&
	    (n > 1 ? out_r->at[n - 2] == '\r' : st->cr));
	st->cr = out_r->at[n - 1] == '\r';
	return true;
}
