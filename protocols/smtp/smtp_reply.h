#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <stdint.h>

#include "protocols/smtp/smtp_caps.h"
#include "proxy/base/buf.h"
#include "proxy/base/slice.h"

/* A line of a next hop, CRLF not counted: twice what RFC 5321 allows. */
#define SMTP_REPLY_LINE_MAX 1024
/* What is kept of a reply; lines beyond it are skipped, not stored. */
#define SMTP_REPLY_MAX 4096
/* Lines of one reply; a hop that says more does not come to an end. */
#define SMTP_REPLY_LINES_MAX 1000

/*
 * A reply of a next hop.  text is what stood behind the codes, printable
 * ASCII, a '\n' between lines, ended by a NUL.
 */
struct smtp_reply {
	unsigned code; /* 0: none yet */
	unsigned lines;
	size_t len;
	char text[SMTP_REPLY_MAX];
};

enum smtp_reply_is {
	REPLY_MORE, /* more lines follow */
	REPLY_DONE,
	REPLY_BAD /* not SMTP */
};

void smtp_reply_init(struct smtp_reply *r);

/* Takes one line, its CRLF already off. */
enum smtp_reply_is smtp_reply_line(struct smtp_reply *r, struct slice line);

/* The nth line of text; at NULL: no more. */
struct slice smtp_reply_text(const struct smtp_reply *r, unsigned nth);

/* The reply under another or the same code, as lines for a client, none
 * longer than 512 octets with its CRLF (RFC 5321 4.5.3.1.5). */
#define SMTP_ANSWER_MAX (16 * 1024) /* the limit that `to` needs */
void smtp_reply_put(const struct smtp_reply *r, unsigned code, struct buf *to);

/* What a hop that answered EHLO so can do. */
void smtp_reply_caps(const struct smtp_reply *r, struct smtp_caps *c_r);

#endif
