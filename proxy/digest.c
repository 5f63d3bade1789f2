/*
 * digest: SHA-256, made while the bytes arrive.  The one file that speaks
 * libcrypto's digests.
 */
#include "proxy/digest.h"

#include <openssl/evp.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"

struct digest {
	EVP_MD_CTX *ctx;
	struct digest *next; /* of the spare ones */
};

/* Kept for the next ones: making one costs as much as digesting 1 KB. */
#define SPARES_MAX 32
static struct digest *spare;
static unsigned spares;

/* Fetched once: looking it up anew costs more than digesting a small mail. */
static const EVP_MD *
sha256(void)
{
	static EVP_MD *md;

	if (md == NULL)
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
	MUST(md != NULL);
	return md;
}

struct digest *
digest_open(void)
{
	struct digest *d = spare;

	if (d != NULL) {
		spare = d->next;
		spares--;
	} else {
		d = xcalloc(1, sizeof(*d));
		d->ctx = EVP_MD_CTX_new();
	}
	MUST(d->ctx != NULL);
	MUST(EVP_DigestInit_ex(d->ctx, sha256(), NULL) == 1);
	return d;
}

void
digest_add(struct digest *d, const void *bytes, size_t len)
{
	MUST(EVP_DigestUpdate(d->ctx, bytes, len) == 1);
}

void
digest_end(struct digest *d, unsigned char out_r[DIGEST_SIZE])
{
	unsigned len = 0;

	MUST(EVP_DigestFinal_ex(d->ctx, out_r, &len) == 1);
	MUST(len == DIGEST_SIZE);
}

void
digest_free(struct digest **dp)
{
	struct digest *d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	if (spares < SPARES_MAX) {
		d->next = spare;
		spare = d;
		spares++;
		return;
	}
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

const char *
digest_text(const unsigned char digest[DIGEST_SIZE], char *to)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		to[2 * i] = hex[digest[i] >> 4];
		to[2 * i + 1] = hex[digest[i] & 15];
	}
	to[2 * DIGEST_SIZE] = '\0';
	return to;
}
