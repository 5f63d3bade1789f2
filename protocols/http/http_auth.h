#ifndef HTTP_AUTH_H
#define HTTP_AUTH_H

#include <stdbool.h>

#include "proxy/base/err.h"

struct http_auth;
struct http_req;
struct place;

/*
 * http_auth: who a client of the proxy is, by the Basic scheme and auth_file.
 */

/* *a_r is NULL when nobody is asked.  -1 with `file:line: text`. */
int http_auth_read(
    struct http_auth **a_r, const struct place *place, struct err *e);
void http_auth_free(struct http_auth **ap);

/*
 * True: the request may go on, and FIELD_USER is known.  False: it was
 * answered, or it waits; then http_request_admitted() follows, or a page.
 */
bool http_auth(struct http_req *q);

#endif
