#ifndef SMTP_SASL_H
#define SMTP_SASL_H

#include "proxy/base/slice.h"

/* The longest line of an exchange, CRLF not counted (RFC 4954 4). */
#define SMTP_SASL_LINE_MAX (12288 - 2)

/* What AUTH begins with. */
struct smtp_sasl {
	struct slice mech;
	struct slice initial; /* at NULL: none was said; "=": an empty one */
};

enum smtp_sasl_is {
	SASL_OK,
	SASL_SYNTAX, /* 501 5.5.4 */
	SASL_CODING  /* 501 5.5.2: not base64 */
};

/* Reads AUTH's argument: "PLAIN", "PLAIN =", "PLAIN dGVzdA==".  Pure. */
enum smtp_sasl_is smtp_sasl(struct slice arg, struct smtp_sasl *a_r);

/* Is it base64, or empty?  What is goes on as it came. */
bool smtp_sasl_coded(struct slice line);

#endif
