#ifndef HTTP_BASIC_H
#define HTTP_BASIC_H

#include "proxy/base/buf.h"
#include "proxy/base/slice.h"

/* http_basic: the Basic scheme (RFC 7617), both ways.  Pure. */
#define HTTP_USER_MAX 255
#define HTTP_PASSWORD_MAX 255

struct http_basic {
	char user[HTTP_USER_MAX + 1];
	char password[HTTP_PASSWORD_MAX + 1];
};

/*
 * What a field says: "Basic dXNlcjpwYXNz".  0, or -1: another scheme, no
 * base64 as it should be, no colon, controls, no user, or too long.
 */
int http_basic_read(struct slice value, struct http_basic *b_r);

/* The same written: "Basic " and what follows.  0 or -1 EFBIG. */
int http_basic_put(struct buf *to, const char *user, const char *password);

#endif
