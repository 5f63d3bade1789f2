#ifndef HTTP_BYPASS_H
#define HTTP_BYPASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * http_bypass: hosts whose TLS is not looked into: those of a list, and for a
 * while those whose client would have nothing of our certificate.
 */
struct addr;
struct http_bypass;

/* So many are learned; the next one takes the place of the oldest. */
#define HTTP_BYPASS_MAX 1024

/* Patterns for hosts, borrowed.  ms: how long one that was learned holds; 0:
 * none is. */
struct http_bypass *http_bypass_open(
    const char *const *list, size_t n, int64_t ms);
void http_bypass_free(struct http_bypass **bp);

/* Does the list say so? */
bool http_bypass_has(const struct http_bypass *b, const char *host);

/* This client will not be inspected there; was that so a while ago? */
void http_bypass_learn(
    struct http_bypass *b, const struct addr *client, const char *host);

/*
 * It has gone without a word, which may be the same.  Who does it
 * HTTP_BYPASS_SILENT times, and says nothing there in between, will not either.
 */
#define HTTP_BYPASS_SILENT 2
void http_bypass_doubt(
    struct http_bypass *b, const struct addr *client, const char *host);
void http_bypass_trust(
    struct http_bypass *b, const struct addr *client, const char *host);

bool http_bypass_learned(
    const struct http_bypass *b, const struct addr *client, const char *host);

#endif
