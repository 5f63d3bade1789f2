#ifndef PROXY_MAIL_TEXT_H
#define PROXY_MAIL_TEXT_H

#include <stddef.h>

#include "proxy/base/err.h"
#include "scan/policy.h"
#include "scan/report.h"

/* A reply line, CRLF and NUL included: RFC 5321 4.5.3.1.5 has 512 octets. */
#define MAIL_TEXT_MAX (512 + 1)
#define MAIL_REASON_MAX 200
#define MAIL_MARK_MAX 320 /* see mail_text_mark() */

/*
 * A template such as "554 5.7.1 Refused: {reason} ({id})" must be one line
 * that begins with a reply code of class ('4' or '5') and a blank, and name
 * nothing else in braces.  0, or -1 with words.
 */
int mail_text_check(const char *tpl, char class, struct err *e);

/*
 * The line it makes, CRLF included, in to[MAIL_TEXT_MAX].  What does not fit
 * is cut off the reason, never off the id.  reason and id are printable.
 */
const char *mail_text_fill(
    const char *tpl, const char *reason, const char *id, char *to);

/* "malware Eicar-Test-Signature", printable ASCII, in to[MAIL_REASON_MAX]. */
const char *mail_text_reason(const struct finding *f, char *to);

/* Copies text with every byte that is not printable ASCII, and every one of
 * not, as '?'; cut to fit.  Returns to. */
const char *mail_text_clean(
    const char *text, const char * not, char *to, size_t size);

/* "X-Sallyport: clean; ENGINES; ID; inbound" without its line end, in
 * to[MAIL_MARK_MAX]: the field on top of a mail that is delivered. */
const char *mail_text_mark(const struct decision *d,
    const struct report *report, const char *id, const char *direction,
    char *to);

#endif
