#ifndef PROXY_QMAIL_ENVELOPE_H
#define PROXY_QMAIL_ENVELOPE_H

#include <stdbool.h>

#include "proxy/base/slice.h"

/*
 * qmail_envelope: what qmail-queue(8) reads from its descriptor 1: F, the
 * sender, a NUL; for each recipient T, it, a NUL; a NUL at the end.  Pure.
 */
#define QMAIL_ADDR_MAX 1003 /* qmail-queue.c: ADDR, with its NUL */

enum qmail_is {
	QMAIL_OK,
	QMAIL_SHORT, /* it ends too early */
	QMAIL_LONG,  /* an address longer than QMAIL_ADDR_MAX */
	QMAIL_BAD    /* anything else */
};

/* Called for the sender (rcpt false), then for each recipient, in order;
 * address ends in a NUL. */
typedef void qmail_took(void *arg, bool rcpt, const char *address);

/* took may be NULL.  What was taken before an error was told as well. */
enum qmail_is qmail_envelope(struct slice bytes, qmail_took *took, void *arg);

#endif
