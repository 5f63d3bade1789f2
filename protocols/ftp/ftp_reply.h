#ifndef FTP_REPLY_H
#define FTP_REPLY_H

#include "proxy/base/buf.h"
#include "proxy/base/slice.h"

#define FTP_REPLY_LINE_MAX 8192
#define FTP_REPLY_MAX (64 * 1024)                 /* all lines of one ... */
#define FTP_REPLY_WRITTEN_MAX (4 * FTP_REPLY_MAX) /* ... and as we write it */

enum ftp_reply_is { FTP_REPLY_MORE, FTP_REPLY_DONE, FTP_REPLY_BAD };

/* A server's reply while it comes in. */
struct ftp_reply {
	unsigned code; /* 100 to 599; 0: nothing has come */
	unsigned lines;
	struct buf text; /* lines without code and end, apart by \n */
};

void ftp_reply_init(struct ftp_reply *r);
void ftp_reply_clear(struct ftp_reply *r); /* for the next one */
void ftp_reply_free(struct ftp_reply *r);

/* Takes a line, its end not included.  BAD: not a reply, or too long. */
enum ftp_reply_is ftp_reply_line(struct ftp_reply *r, struct slice line);

/* The nth line's text, from 0; at is NULL: no more. */
struct slice ftp_reply_text(const struct ftp_reply *r, unsigned nth);

/* Written anew, as one reply with that code: it has one end for everybody. */
void ftp_reply_put(const struct ftp_reply *r, unsigned code, struct buf *to);

#endif
