#ifndef HTTP_URLS_H
#define HTTP_URLS_H

#include <stdint.h>

/*
 * http_urls: URLs that had a virus a while ago, and need not be fetched to
 * know that.  Of one net worker; so many that the oldest give way.
 */
struct http_urls;

#define HTTP_URLS_MAX 1024
#define HTTP_URLS_WHAT_MAX 127

/* ms: how long one is remembered; 0: none is. */
struct http_urls *http_urls_open(int64_t ms);
void http_urls_free(struct http_urls **up);

void http_urls_add(struct http_urls *u, const char *url, const char *what);

/* What was found there, valid until the next call; NULL: nothing is known. */
const char *http_urls_find(const struct http_urls *u, const char *url);

#endif
