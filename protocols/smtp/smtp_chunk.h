#ifndef SMTP_CHUNK_H
#define SMTP_CHUNK_H

#include <stdint.h>

#include "proxy/base/slice.h"

/* What a BDAT announces (RFC 3030 2). */
struct smtp_chunk {
	uint64_t size; /* octets that follow the command's CRLF */
	bool last;
};

/*
 * Reads BDAT's argument: "1000", "1000 LAST", "0 LAST".  0, or -1: nobody can
 * say how many octets follow.
 */
int smtp_chunk(struct slice arg, struct smtp_chunk *c_r);

#endif
