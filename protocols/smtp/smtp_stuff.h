#ifndef SMTP_STUFF_H
#define SMTP_STUFF_H

#include "proxy/base/slice.h"

/*
 * smtp_stuff: puts the dots back (RFC 5321 4.5.2), a piece at a time.  The
 * other way round of smtp_data.
 */
struct smtp_stuff {
	bool inside; /* of a line: the next byte does not begin one */
	bool cr;     /* the last byte was a CR */
	bool dotted; /* the dot was given out, its line was not */
};

/* *st zeroed: at the beginning of a line.  Takes bytes off the front of *in;
 * *out_r is what is to be sent next.  False: *in is empty. */
bool smtp_stuff(struct smtp_stuff *st, struct slice *in, struct slice *out_r);

#endif
