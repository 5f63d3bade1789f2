#ifndef SMTP_DATA_H
#define SMTP_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/slice.h"

/*
 * smtp_data: what comes between 354 and the final dot, a piece at a time.
 * Only CRLF ends a line, and only CRLF.CRLF ends a mail (RFC 5321 4.1.1.4).
 */
struct smtp_data {
	unsigned at;    /* smtp_data.c: enum at */
	bool normalize; /* a bare CR or LF becomes CRLF */
	bool chunks;    /* by BDAT: a dot is a dot, and ends nothing */
	uint64_t bare;  /* bare CRs and LFs so far */
	uint64_t nul;   /* NUL bytes so far */
	bool dots;      /* a line of what was given out begins with a dot */
};

enum smtp_data_is {
	DATA_SOME, /* *out_r is the mail's next bytes; call again */
	DATA_MORE, /* *in is empty: come back with more */
	DATA_END   /* the mail is over; what is left in *in is not of it */
};

void smtp_data_init(struct smtp_data *d, bool normalize);

/* The same for what comes by BDAT (RFC 3030): octets in pieces, without dots
 * of the wire and without an end of their own: never DATA_END. */
void smtp_data_init_chunks(struct smtp_data *d, bool normalize);

/* The last chunk has come: what is held back of it, perhaps nothing. */
struct slice smtp_data_end(struct smtp_data *d);

/* The last line of what was given out has no CRLF. */
bool smtp_data_open(const struct smtp_data *d);

/*
 * Takes bytes off the front of *in.  *out_r points into them or to bytes of
 * its own, never empty with DATA_SOME.
 */
enum smtp_data_is smtp_data(
    struct smtp_data *d, struct slice *in, struct slice *out_r);

#endif
