#ifndef PROXY_PROXY_LINE_H
#define PROXY_PROXY_LINE_H

#include <stdbool.h>

#include "proxy/base/addr.h"
#include "proxy/base/slice.h"

/*
 * proxy_line: what a proxy says first about the client it speaks for: the
 * PROXY protocol, version 1 (a line) or 2 (binary), as haproxy's
 * proxy-protocol.txt has it.  Pure.
 */

/* "PROXY UNKNOWN" with two IPv6 addresses and ports, CRLF included. */
#define PROXY_V1_MAX 107
/* The block of version 2 with its TLVs; a longer one is refused. */
#define PROXY_LINE_MAX 4096

enum proxy_line_is {
	PROXY_LINE_MORE, /* every byte of `in` belongs to it, and more come */
	PROXY_LINE_OK,
	PROXY_LINE_BAD
};

struct proxy_line {
	bool carried;       /* it names a client; else the peer itself counts:
			     * LOCAL, UNKNOWN, or a family that is not TCP's */
	struct addr client; /* if carried */
	size_t used;        /* bytes of `in` that it is */
};

/* Reads it at the start of what a peer has sent. */
enum proxy_line_is proxy_line(struct slice in, struct proxy_line *line_r);

#endif
