#ifndef HTTP_FTP_H
#define HTTP_FTP_H

#include "protocols/http/http_origin.h"

struct http_req;

/*
 * http_ftp: an ftp:// URL as if its server spoke HTTP: what is told of it is
 * what is told of any origin, and so it goes the same way through the gate.
 */

/* Why it is not fetched; NULL: it may be. */
const char *http_ftp_refuses(const struct http_req *q);

struct http_origin *http_ftp_open(
    struct http_req *q, http_origin_told *told, void *arg);

#endif
