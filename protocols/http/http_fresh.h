#ifndef HTTP_FRESH_H
#define HTTP_FRESH_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/http/http_head.h"
#include "proxy/base/buf.h"

/*
 * http_fresh: whom else an answer may be given to, and for how long, as a
 * shared cache has to see it (RFC 9111 3, 4).  Pure.
 */

/* May a request be answered with what another one has fetched?  Not when it
 * says who asks, has a condition but If-Range, or wants it anew. */
bool http_may_share(const struct http_head *request);

enum http_share {
	HTTP_SHARE_NO,   /* it is his who has asked for it */
	HTTP_SHARE_NOW,  /* and theirs who have asked while it came */
	HTTP_SHARE_LATER /* and of those who ask within seconds_r */
};

/* *seconds_r: UINT64_MAX when the answer does not say. */
enum http_share http_share_of(
    const struct http_response_head *answer, uint64_t *seconds_r);

/*
 * What of a request chose that answer: the fields that Vary names, and Cookie,
 * whatever Vary says.  Two requests with the same text get the same.  0, or
 * -1: Vary is "*" or no list, or it does not fit.
 */
int http_vary_put(struct buf *to, const struct http_head *answer,
    const struct http_head *request);

#endif
