#ifndef PROXY_CA_OWN_H
#define PROXY_CA_OWN_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "proxy/ca.h"
#include "proxy/leaf_wire.h"

/* What is in a CA, for ca*.c alone. */
#define CA_MAGIC 0xca000001u

struct ca {
	uint32_t magic;
	X509 *cert;
	EVP_PKEY *key; /* NULL until ca_take_key() */
	const EVP_MD *digest;
	int64_t until_s; /* its own end */
	unsigned char *chain[LEAF_CHAIN_MAX];
	size_t chain_len[LEAF_CHAIN_MAX];
	unsigned chain_n;

	/* what all its leaves have: X509_EXTENSION each */
	STACK_OF(X509_EXTENSION) * same;
};

/* What OpenSSL has to complain about, in its words; and forgets it. */
const char *ca_words(void);

/* Positive, 127 bits nobody can guess.  0 or -1. */
int ca_set_serial(X509 *cert);

/* notBefore and notAfter.  0 or -1. */
int ca_set_times(X509 *cert, int64_t from_s, int64_t to_s);

/* RFC 7093 2 (1): the key's own name, for SKI.  0 or -1. */
int ca_add_key_id(X509 *cert);

#endif
