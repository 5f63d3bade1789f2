#ifndef FTP_ADDR_H
#define FTP_ADDR_H

#include "proxy/base/addr.h"
#include "proxy/base/slice.h"

/*
 * ftp_addr: addresses of data connections as FTP writes them.  Pure.  Each
 * returns 0, or -1: it is not one.
 */
#define FTP_ADDR_TEXT 64

/* "192,0,2,1,195,80" (RFC 959 4.1.2). */
int ftp_addr_port(struct slice arg, struct addr *a_r);

/* "|1|192.0.2.1|50000|" or "|2|2001:db8::1|50000|" (RFC 2428 2).  -2: a
 * family that is neither. */
int ftp_addr_eprt(struct slice arg, struct addr *a_r);

/* The same inside the text of a reply 227, wherever in it. */
int ftp_addr_227(struct slice text, struct addr *a_r);

/* "(|||50000|)" in the text of a reply 229 (RFC 2428 3). */
int ftp_addr_229(struct slice text, uint16_t *port_r);

/* How they are written, in to[FTP_ADDR_TEXT]; a MUST be IPv4 for the first. */
const char *ftp_addr_text_port(const struct addr *a, char *to);
const char *ftp_addr_text_eprt(const struct addr *a, char *to);

#endif
