#ifndef SMTP_WHO_H
#define SMTP_WHO_H

#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/buf.h"
#include "proxy/base/slice.h"

/*
 * smtp_who: what XFORWARD and XCLIENT say about a client that is not the one
 * at the other end (Postfix's XFORWARD_README and XCLIENT_README).
 */
/* clang-format off */
/* Those of XFORWARD first.
	id		in XFORWARD	in XCLIENT */
#define SMTP_WHO(X) \
	X(NAME,		true,		true) \
	X(ADDR,		true,		true) \
	X(PORT,		true,		true) \
	X(PROTO,	true,		true) \
	X(HELO,		true,		true) \
	X(IDENT,	true,		false) \
	X(SOURCE,	true,		false) \
	X(LOGIN,	false,		true) \
	X(DESTADDR,	false,		true) \
	X(DESTPORT,	false,		true)

enum smtp_who_id {
#define X(id, xforward, xclient) WHO_##id,
	SMTP_WHO(X)
#undef X
	WHO_COUNT
};

/* All that XFORWARD knows. */
#define WHO_XFORWARD ((1u << WHO_LOGIN) - 1)
/* What XCLIENT is told: of the client alone. */
#define WHO_XCLIENT \
	(1u << WHO_NAME | 1u << WHO_ADDR | 1u << WHO_PORT | 1u << WHO_PROTO | \
	    1u << WHO_HELO | 1u << WHO_LOGIN)
/* clang-format on */

#define SMTP_WHO_MAX 255 /* of a value, coded or not */

struct smtp_who {
	unsigned said; /* bits: was named; "" then: not known */
	char value[WHO_COUNT][SMTP_WHO_MAX + 1]; /* printable ASCII */
};

enum smtp_who_is {
	WHO_OK,
	WHO_SYNTAX,  /* not "NAME=value ..." */
	WHO_UNKNOWN, /* no such attribute here */
	WHO_BAD      /* not a value of it */
};

/*
 * Reads "NAME=a.example ADDR=192.0.2.1" over what *w holds; xclient: of that
 * command.  If the answer is not WHO_OK *w is as it was.
 */
enum smtp_who_is smtp_who(struct slice arg, bool xclient, struct smtp_who *w);

/* The attribute's bit; 0: there is none of that name. */
unsigned smtp_who_bit(struct slice name);

/* "NAME ADDR PORT ...", for EHLO. */
const char *smtp_who_names(bool xclient);

/* NULL: it was not said, or is not known. */
const char *smtp_who_get(const struct smtp_who *w, enum smtp_who_id id);

/* ADDR and PORT.  -1: they were not said. */
int smtp_who_addr(const struct smtp_who *w, struct addr *a_r);

/* Appends " ADDR=..." and so on for each bit of ids, [UNAVAILABLE] where w does
 * not know.  No value is longer than a hop must take. */
void smtp_who_put(struct buf *b, const struct smtp_who *w, unsigned ids);

#endif
