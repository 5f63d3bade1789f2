#ifndef SMTP_TAG_H
#define SMTP_TAG_H

#include "protocols/smtp/smtp_addr.h"
#include "proxy/base/err.h"

/*
 * A tag at the end of an address (".scan-me") by which an MTA sends mail here:
 * taken off whole and domain, case does not count.  An address that would be
 * nothing without it keeps it.  tag "": nothing to do.
 */
void smtp_untag(struct smtp_addr *a, const char *tag);

/* A tag is a dot and one DNS label.  0, or -1 with words. */
int smtp_tag_check(const char *tag, struct err *e);

#endif
