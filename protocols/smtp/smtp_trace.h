#ifndef SMTP_TRACE_H
#define SMTP_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/buf.h"
#include "scan/policy.h"
#include "scan/report.h"

/* Room for all that smtp_trace_put() writes. */
#define SMTP_TRACE_MAX 4096

/* What the fields on top of a mail tell.  All borrowed. */
struct smtp_trace {
	const char *helo;
	bool esmtp, utf8, auth;
	const struct addr *client; /* NULL: not known */
	const char *gateway, *id, *direction;
	const char *tls_version, *tls_cipher; /* "" or NULL: there was none */
	const char *recipient; /* when there is exactly one; NULL */
	int64_t wall_ms;
	bool add_headers; /* X-Sallyport as well */
	const struct decision *decision;
	const struct report *report;
	bool separate; /* an empty line behind: the mail has no header */
};

/* Appends Received: and X-Sallyport:. */
void smtp_trace_put(struct buf *b, const struct smtp_trace *t);

#endif
