#ifndef MILTER_REPLY_H
#define MILTER_REPLY_H

#include "protocols/milter/milter_agree.h"
#include "proxy/base/buf.h"

/*
 * milter_reply: packets to an MTA.  Pure: each appends one to b, whose limit
 * must have room.
 */
#define MILTER_REPLY_MAX 4096 /* what one of them needs at most */

void milter_put(struct buf *b, char answer);
void milter_put_agreed(struct buf *b, const struct milter_agreed *a);

/*
 * text is one SMTP reply, of one or several lines, with or without its last
 * CRLF.  A % is doubled: smfi_setreply(3) has it as the MTA reads it.
 */
void milter_put_text(struct buf *b, const char *text);

/* Takes the nth field (from 1) of that name off the mail. */
void milter_put_delete(struct buf *b, uint32_t nth, const char *name);

/* A field above all others; space: the value begins behind the colon. */
void milter_put_insert(
    struct buf *b, const char *name, const char *value, bool space);

void milter_put_quarantine(struct buf *b, const char *reason);

#endif
