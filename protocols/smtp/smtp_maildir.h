#ifndef SMTP_MAILDIR_H
#define SMTP_MAILDIR_H

#include "proxy/base/err.h"
#include "proxy/base/slice.h"
#include "scan/content.h"

struct mail_head;

/* Makes path and its tmp, new and cur (0700) where they are missing.  0, or -1
 * with words. */
int smtp_maildir_make(const char *path, struct err *e);

/*
 * Writes one mail: top, then the content without what head cuts, as it stands
 * (CRLF and all).  When 0 comes back it is on the disk: file and directory are
 * synced.  -1 with errno and words, and nothing is left behind.  Blocks as long
 * as the disk does: this hop is for trying things and for small sites.
 */
int smtp_maildir_put(const char *path, struct slice top,
    const struct content *c, const struct mail_head *head, struct err *e);

#endif
