#ifndef SMTP_ADDR_H
#define SMTP_ADDR_H

#include "proxy/base/slice.h"

/* Generous: RFC 5321 4.5.3.1 has 64 and 255, but senders that write the
 * recipient into the sender (VERP, SRS) need more. */
#define SMTP_LOCAL_MAX 255
#define SMTP_DOMAIN_MAX 255
#define SMTP_ADDR_MAX (SMTP_LOCAL_MAX + 1 + SMTP_DOMAIN_MAX)

/* A path in MAIL or RCPT (RFC 5321 4.1.2); a source route is dropped. */
struct smtp_addr {
	struct slice whole;  /* local@domain as it was written; "" for <> */
	struct slice local;  /* quotes and all */
	struct slice domain; /* "" for <postmaster> and <> */
};

enum smtp_addr_is {
	ADDR_OK,
	ADDR_BAD,  /* not a path */
	ADDR_LONG, /* longer than the limits above */
	ADDR_UTF8  /* well, and needs SMTPUTF8: *a_r and *rest_r are set */
};

/*
 * Reads a path at the start of text.  *rest_r is what follows it (parameters),
 * blanks skipped.  Leniently: without angle brackets, without a domain, with
 * dots where RFC 5321 has none: the next hop knows its users.  Strictly: no
 * byte passes that somebody could take for the end of the path.
 */
enum smtp_addr_is smtp_addr(
    struct slice text, struct smtp_addr *a_r, struct slice *rest_r);

#endif
