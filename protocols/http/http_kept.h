#ifndef HTTP_KEPT_H
#define HTTP_KEPT_H

#include <stdbool.h>

#include "proxy/loop.h"

struct http_req;

/*
 * http_kept: requests for parts of one thing: the first of them fetches it,
 * and leads; the others wait and are served from what came, and those who come
 * later, too.
 */

/* True: the request is answered from what is kept, or waits for it; nobody is
 * to be asked.  Else it may lead from now on. */
bool http_kept_takes(struct http_req *q);

/* The head of its answer is here: may others have it? */
void http_kept_head(struct http_req *q);

/* The whole was judged; it passed, or did not. */
void http_kept_judged(struct http_req *q, bool passed);

/* It is not to be had: those who wait ask for themselves. */
void http_kept_failed(struct http_req *q);

/* The request ends; another one may lead. */
void http_kept_left(struct http_req *q);

/* Those who have waited go on: a http_keep's wake. */
void http_kept_wake(void *keep);

#endif
