#ifndef PROXY_DIGEST_H
#define PROXY_DIGEST_H

#include <stddef.h>

/* digest: SHA-256 of bytes that come piece by piece. */
struct digest;

#define DIGEST_SIZE 32
#define DIGEST_TEXT 65

struct digest *digest_open(void);
void digest_add(struct digest *d, const void *bytes, size_t len);

/* Nothing may be added behind this. */
void digest_end(struct digest *d, unsigned char out_r[DIGEST_SIZE]);
void digest_free(struct digest **dp);

/* In hex with a NUL, into to[DIGEST_TEXT]; returns to. */
const char *digest_text(const unsigned char digest[DIGEST_SIZE], char *to);

#endif
