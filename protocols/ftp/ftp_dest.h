#ifndef FTP_DEST_H
#define FTP_DEST_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/slice.h"

#define FTP_HOST_MAX 255
#define FTP_PORT 21

/* A server that a client names. */
struct ftp_dest {
	char host[FTP_HOST_MAX + 1]; /* a name or a number, without brackets */
	uint16_t port;
};

/* "host", "host:port", "host port", "[v6]", "[v6]:port".  0, or -1.  Pure. */
int ftp_dest(struct slice text, struct ftp_dest *d_r);

/*
 * "user@host", where host is as above; of several @ the last one counts, so
 * that a user may have a realm, or be for a proxy behind us.  0; 1: there is
 * no @, user_r is all of it; -1: what is behind the @ is no host.
 */
int ftp_dest_user(struct slice arg, struct slice *user_r, struct ftp_dest *d_r);

#endif
