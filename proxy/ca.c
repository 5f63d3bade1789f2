/*
 * ca: a CA as it lies in files, and whether it can be one.
 */
#include "proxy/ca.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/ca_own.h"

#define RSA_BITS_LEAST 2048
#define EC_BITS_LEAST 256
#define SOON_S (30 * 24 * 3600)

const char *
ca_words(void)
{
	const char *words = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return words == NULL ? "unknown error" : words;
}

/* A password cannot be asked for. */
static int
no_password(char *to, int size, int rwflag, void *arg)
{
	(void)to;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static BIO *
bio_over(struct slice bytes)
{
	BIO *b = BIO_new_mem_buf(bytes.at, (int)bytes.len);

	MUST(b != NULL);
	return b;
}

/* ---- the certificate ---- */

static bool
is_root(X509 *cert)
{
	return X509_NAME_cmp(X509_get_subject_name(cert),
		   X509_get_issuer_name(cert)) == 0;
}

/* Takes one into the chain, unless it is a root: clients have that. */
static int
add_to_chain(struct ca *ca, X509 *cert, size_t *size, struct err *e)
{
	unsigned char *der = NULL;
	int len;

	if (is_root(cert))
		return 0;
	len = i2d_X509(cert, &der);
	if (len <= 0)
		return err_set(e, "%s", ca_words());
	*size += (size_t)len;
	if (ca->chain_n == LEAF_CHAIN_MAX || *size > LEAF_CHAIN_SIZE) {
		OPENSSL_free(der);
		return err_set(e,
		    "more than %d certificates or %d bytes "
		    "between it and its root",
		    LEAF_CHAIN_MAX, LEAF_CHAIN_SIZE);
	}
	ca->chain[ca->chain_n] = der;
	ca->chain_len[ca->chain_n++] = (size_t)len;
	return 0;
}

static int
read_certs(struct ca *ca, BIO *b, struct err *e)
{
	size_t size = 0;
	X509 *cert;
	int rc;

	ca->cert = PEM_read_bio_X509(b, NULL, no_password, NULL);
	if (ca->cert == NULL)
		return err_set(e, "no certificate in PEM form");
	rc = add_to_chain(ca, ca->cert, &size, e);
	while (rc == 0 &&
	    (cert = PEM_read_bio_X509(b, NULL, no_password, NULL)) != NULL) {
		rc = add_to_chain(ca, cert, &size, e);
		X509_free(cert);
	}
	return rc;
}

/* RFC 5280 4.2.1.9, 4.2.1.3: it says that it is one, and that it may sign. */
static int
look_at_cert(struct ca *ca, struct err *e)
{
	struct tm end;

	if (X509_check_ca(ca->cert) != 1)
		return err_set(e,
		    "not the certificate of a CA (basicConstraints CA:TRUE, "
		    "keyUsage keyCertSign)");
	if (X509_get0_pubkey(ca->cert) == NULL)
		return err_set(e, "its public key: %s", ca_words());
	if (ASN1_TIME_to_tm(X509_get0_notAfter(ca->cert), &end) != 1)
		return err_set(e, "its dates: %s", ca_words());
	ca->until_s = (int64_t)timegm(&end);
	return 0;
}

/* Which digest goes with its key; NULL: no browser takes what it signs. */
static const EVP_MD *
digest_for(EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);

	if (EVP_PKEY_is_a(key, "RSA"))
		return bits < RSA_BITS_LEAST ? NULL : EVP_sha256();
	if (!EVP_PKEY_is_a(key, "EC") || bits < EC_BITS_LEAST)
		return NULL;
	return bits < 384 ? EVP_sha256() : EVP_sha384();
}

static int
add_same(struct ca *ca, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, ca->cert, ca->cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	return ext != NULL && sk_X509_EXTENSION_push(ca->same, ext) > 0 ? 0
									: -1;
}

/* What stands in every leaf.  A CA without a key identifier is not named by
 * one (RFC 5280 4.2.1.1). */
static int
prepare_same(struct ca *ca)
{
	ca->same = sk_X509_EXTENSION_new_null();
	MUST(ca->same != NULL);
	if (add_same(ca, NID_basic_constraints, "critical,CA:FALSE") < 0 ||
	    add_same(ca, NID_key_usage, "critical,digitalSignature") < 0 ||
	    add_same(ca, NID_ext_key_usage, "serverAuth") < 0)
		return -1;
	if (X509_get0_subject_key_id(ca->cert) == NULL)
		return 0;
	return add_same(ca, NID_authority_key_identifier, "keyid:always");
}

struct ca *
ca_open(struct slice pem, struct err *e)
{
	struct ca *ca = xcalloc(1, sizeof(*ca));
	BIO *b = bio_over(pem);
	int rc;

	ca->magic = CA_MAGIC;
	ERR_clear_error();
	rc = read_certs(ca, b, e);
	BIO_free(b);
	if (rc == 0)
		rc = look_at_cert(ca, e);
	if (rc == 0 && prepare_same(ca) < 0)
		rc = err_set(e, "its extensions: %s", ca_words());
	ERR_clear_error(); /* that there is no further certificate */
	if (rc < 0)
		ca_free(&ca);
	return ca;
}

void
ca_free(struct ca **cp)
{
	struct ca *ca = *cp;

	*cp = NULL;
	if (ca == NULL)
		return;
	IS(ca, CA_MAGIC);
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
	sk_X509_EXTENSION_pop_free(ca->same, X509_EXTENSION_free);
	for (unsigned i = 0; i < ca->chain_n; i++)
		OPENSSL_free(ca->chain[i]);
	ca->magic = 0;
	free(ca);
}

unsigned
ca_chain(const struct ca *ca, struct slice *chain_r)
{
	IS(ca, CA_MAGIC);
	for (unsigned i = 0; i < ca->chain_n; i++)
		chain_r[i] = (struct slice){
		    (const char *)ca->chain[i], ca->chain_len[i]};
	return ca->chain_n;
}

/* ---- the key ---- */

int
ca_take_key(struct ca *ca, struct slice pem, struct err *e)
{
	BIO *b = bio_over(pem);
	EVP_PKEY *key;

	IS(ca, CA_MAGIC);
	MUST(ca->key == NULL);
	ERR_clear_error();
	key = PEM_read_bio_PrivateKey(b, NULL, no_password, NULL);
	BIO_free(b);
	ERR_clear_error();
	if (key == NULL)
		return err_set(e, "no key in PEM form, or one with a password");
	ca->key = key;
	ca->digest = digest_for(key);
	if (X509_check_private_key(ca->cert, key) != 1)
		return err_set(e, "the key does not belong to the certificate");
	if (ca->digest == NULL)
		return err_set(e,
		    "the key must be EC from %d bits (P-256) or RSA from %d",
		    EC_BITS_LEAST, RSA_BITS_LEAST);
	return 0;
}

/* ---- its time ---- */

bool
ca_is_odd(const struct ca *ca, int64_t now_s, char words_r[CA_WORDS])
{
	const ASN1_TIME *from = X509_get0_notBefore(ca->cert);
	const ASN1_TIME *to = X509_get0_notAfter(ca->cert);
	time_t now = (time_t)now_s, soon = (time_t)(now_s + SOON_S);
	bool early = X509_cmp_time(from, &now) > 0;
	const char *what = "the CA expired on";
	struct tm tm = {0};

	IS(ca, CA_MAGIC);
	if (!early && X509_cmp_time(to, &soon) > 0)
		return false;
	if (early)
		what = "the CA is good from";
	else if (X509_cmp_time(to, &now) > 0)
		what = "the CA expires on";
	(void)ASN1_TIME_to_tm(early ? from : to, &tm);
	(void)snprintf(words_r, CA_WORDS, "%s %04d-%02d-%02d", what,
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	return true;
}
