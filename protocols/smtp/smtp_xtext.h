#ifndef SMTP_XTEXT_H
#define SMTP_XTEXT_H

#include "proxy/base/buf.h"
#include "proxy/base/slice.h"

/*
 * smtp_xtext: the coding of values in parameters (RFC 3461 4): printable ASCII
 * but '+' and '=', and "+HH" for any byte.  Pure.
 */

/* What it says, in to[size] with a NUL.  0, or -1: it is no xtext, holds a
 * NUL, or does not fit. */
int smtp_xtext(struct slice text, char *to, size_t size);

/* Appends bytes so coded. */
void smtp_xtext_put(struct buf *b, const char *bytes);

/* Is it UTF-8 (RFC 3629), nothing overlong, no surrogate?  ASCII is. */
bool smtp_utf8(struct slice text);

#endif
