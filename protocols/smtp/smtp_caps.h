#ifndef SMTP_CAPS_H
#define SMTP_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/slice.h"

#define SMTP_MECHS_MAX 255

/* What a hop said to EHLO. */
struct smtp_caps {
	bool known;
	bool pipelining;
	bool eightbit;
	bool chunking, binarymime;
	bool smtputf8;
	bool dsn;
	bool starttls;
	bool has_size;
	uint64_t size;     /* 0: no limit is named */
	unsigned xforward; /* bits of smtp_who.h: what it wants to know ... */
	unsigned xclient;  /* ... and would take for the client itself */
	char mechs[SMTP_MECHS_MAX + 1]; /* of AUTH, a blank between them */
};

/* One line of EHLO's reply, but the first one. */
void smtp_caps_line(struct smtp_caps *c, struct slice line);

/* What both can: *c becomes that.  What is not known can nothing.  The smaller
 * size holds. */
void smtp_caps_least(struct smtp_caps *c, const struct smtp_caps *other);

/* Is the mechanism one of mechs? */
bool smtp_caps_mech(const struct smtp_caps *c, struct slice mech);

#endif
