#ifndef PROXY_CA_H
#define PROXY_CA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proxy/base/buf.h"
#include "proxy/base/err.h"
#include "proxy/base/slice.h"
#include "proxy/leaf_name.h"

/*
 * ca: the certificate authority that clients of an inspecting gateway trust:
 * its certificate, its key, and the leaves it signs.  Only the program
 * sallyport-signer has one with its key.
 */
struct ca;

/* Reads PEM: the CA, then those between it and its root.  NULL with words. */
struct ca *ca_open(struct slice pem, struct err *e);
void ca_free(struct ca **cp);

/* Its key, in PEM: P-256 or stronger, or RSA from 2048 bits.  0, or -1 with
 * words. */
int ca_take_key(struct ca *ca, struct slice pem, struct err *e);

/* What is odd about it though it works: out of date, soon or already.  False:
 * nothing. */
#define CA_WORDS 96
bool ca_is_odd(const struct ca *ca, int64_t now_s, char words_r[CA_WORDS]);

/* What is sent behind a leaf: all but a root.  Returns how many. */
unsigned ca_chain(const struct ca *ca, struct slice *chain_r);

#define CA_SECRET 32 /* bytes of a leaf's key: its number, big-endian */

/* The certificate is in DER; ca_leaf_free() wipes the key. */
struct ca_leaf {
	unsigned char *cert;
	size_t cert_len;
	unsigned char secret[CA_SECRET];
	int64_t to_s; /* so long it is good */
};

/*
 * Makes a certificate for these names, good in that time but not beyond the
 * CA's own, and a P-256 key for it.  0, or -1 with words.
 */
int ca_mint(const struct ca *ca, const struct leaf_names *names, int64_t from_s,
    int64_t to_s, struct ca_leaf *leaf_r, struct err *e);
void ca_leaf_free(struct ca_leaf *leaf);

/* ---- ca_make: for `sallyport ca` ---- */

/* A new CA with P-256 that is good for CA_YEARS, as PEM in both. */
#define CA_YEARS 10
int ca_make(const char *name, int64_t now_s, struct buf *cert, struct buf *key,
    struct err *e);

/* Its first certificate, in words, as one JSON object, as PEM or DER. */
void ca_print(const struct ca *ca, FILE *out);
void ca_print_json(const struct ca *ca, FILE *out);
int ca_export(const struct ca *ca, bool der, FILE *out);

#endif
