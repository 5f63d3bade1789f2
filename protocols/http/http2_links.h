#ifndef HTTP2_LINKS_H
#define HTTP2_LINKS_H

#include <stddef.h>
#include <stdint.h>

struct io;
struct loop;

/*
 * http2_links: connections to origins that speak HTTP/2, each for many
 * requests at a time.  The key is that of the pool (http_origin.h): what makes
 * two of them the same.
 */
struct http2_links;

#define HTTP2_LINKS_MAX 1000 /* h2_links; the longest idle goes first */

/* One that nobody asks by goes after idle_ms. */
struct http2_links *http2_links_open(
    struct loop *l, size_t head_max, int64_t idle_ms);

/* What is asked by them is lost. */
void http2_links_free(struct http2_links **lp);

/* By one of that key that is there: an io for one request.  NULL: none has
 * room. */
struct io *http2_links_ask(struct http2_links *l, const char *key);

/* One more, secured; it is taken over.  An io for one request by it. */
struct io *http2_links_add(
    struct http2_links *l, const char *key, struct io **iop);

#endif
