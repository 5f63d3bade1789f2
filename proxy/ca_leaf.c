/*
 * ca_leaf: one certificate for a server, and its key.  Each leaf has a key of
 * its own: P-256 takes some 30 us to make, and one that leaks is good for one
 * name and a few days instead of for every server there is.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/ca_own.h"

#define CN_MAX 64 /* RFC 5280 A.1, ub-common-name */
#define SERIAL_BYTES 16
#define KEY_ID_BYTES 20
#define POINT_BYTES 65 /* SEC 1, 2.3.3: uncompressed */

int
ca_set_serial(X509 *cert)
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *n;
	int rc = -1;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -1;
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	if (n != NULL &&
	    BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL)
		rc = 0;
	BN_free(n);
	return rc;
}

int
ca_set_times(X509 *cert, int64_t from_s, int64_t to_s)
{
	if (ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)from_s) == NULL ||
	    ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)to_s) == NULL)
		return -1;
	return 0;
}

int
ca_add_key_id(X509 *cert)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	unsigned len;
	int rc = -1;

	if (id != NULL &&
	    X509_pubkey_digest(cert, EVP_sha256(), sum, &len) == 1 &&
	    ASN1_OCTET_STRING_set(id, sum, KEY_ID_BYTES) == 1 &&
	    X509_add1_ext_i2d(cert, NID_subject_key_identifier, id, 0,
		X509V3_ADD_DEFAULT) == 1)
		rc = 0;
	ASN1_OCTET_STRING_free(id);
	return rc;
}

/* ---- names ---- */

static int
add_name(GENERAL_NAMES *all, const struct leaf_name *n)
{
	bool dns = n->ip_len == 0;
	const void *bytes = dns ? (const void *)n->text : (const void *)n->ip;
	int len = dns ? (int)strlen(n->text) : n->ip_len;
	ASN1_STRING *s =
	    ASN1_STRING_type_new(dns ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);
	GENERAL_NAME *g = GENERAL_NAME_new();

	if (s == NULL || g == NULL || ASN1_STRING_set(s, bytes, len) != 1 ||
	    sk_GENERAL_NAME_push(all, g) <= 0) {
		ASN1_STRING_free(s);
		GENERAL_NAME_free(g);
		return -1;
	}
	GENERAL_NAME_set0_value(g, dns ? GEN_DNS : GEN_IPADD, s);
	return 0;
}

/* RFC 5280 4.2.1.6: critical where the subject is empty. */
static int
add_names(X509 *cert, const struct leaf_names *names, bool critical)
{
	GENERAL_NAMES *all = GENERAL_NAMES_new();
	int rc = all == NULL ? -1 : 0;

	for (unsigned i = 0; rc == 0 && i < names->n; i++)
		rc = add_name(all, &names->list[i]);
	if (rc == 0 &&
	    X509_add1_ext_i2d(cert, NID_subject_alt_name, all, critical,
		X509V3_ADD_DEFAULT) != 1)
		rc = -1;
	GENERAL_NAMES_free(all);
	return rc;
}

/* The first name, for people to see; no client may believe it. */
static int
set_subject(X509 *cert, const char *text)
{
	if (strlen(text) > CN_MAX)
		return 0;
	return X509_NAME_add_entry_by_NID(X509_get_subject_name(cert),
		   NID_commonName, MBSTRING_ASC, (const unsigned char *)text,
		   -1, -1, 0) == 1
	    ? 0
	    : -1;
}

static int
add_same(const struct ca *ca, X509 *cert)
{
	for (int i = 0; i < sk_X509_EXTENSION_num(ca->same); i++) {
		if (X509_add_ext(
			cert, sk_X509_EXTENSION_value(ca->same, i), -1) != 1)
			return -1;
	}
	return 0;
}

/* The point as it is: X509_set_pubkey() would put it in DER and take that apart
 * again, which takes twice as long as all the rest. */
static int
set_key(X509 *cert, EVP_PKEY *key)
{
	unsigned char *point = OPENSSL_malloc(POINT_BYTES);
	size_t len;

	if (point != NULL &&
	    EVP_PKEY_get_octet_string_param(
		key, OSSL_PKEY_PARAM_PUB_KEY, point, POINT_BYTES, &len) == 1 &&
	    len == POINT_BYTES &&
	    X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(cert),
		OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_OBJECT,
		OBJ_nid2obj(NID_X9_62_prime256v1), point, POINT_BYTES) == 1)
		return 0;
	OPENSSL_free(point);
	return -1;
}

static int
fill(const struct ca *ca, X509 *cert, EVP_PKEY *key,
    const struct leaf_names *names)
{
	const char *first = names->list[0].text;

	if (X509_set_version(cert, X509_VERSION_3) != 1 ||
	    ca_set_serial(cert) < 0 ||
	    X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) != 1 ||
	    set_subject(cert, first) < 0 || set_key(cert, key) < 0 ||
	    add_same(ca, cert) < 0 || ca_add_key_id(cert) < 0)
		return -1;
	return add_names(cert, names, strlen(first) > CN_MAX);
}

/* ---- the leaf ---- */

static int
take_bytes(X509 *cert, EVP_PKEY *key, struct ca_leaf *l)
{
	int len = i2d_X509(cert, &l->cert);
	BIGNUM *secret = NULL;
	int rc = -1;

	l->cert_len = len > 0 ? (size_t)len : 0;
	if (len > 0 &&
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret) ==
		1 &&
	    BN_bn2binpad(secret, l->secret, CA_SECRET) == CA_SECRET)
		rc = 0;
	BN_clear_free(secret);
	return rc;
}

int
ca_mint(const struct ca *ca, const struct leaf_names *names, int64_t from_s,
    int64_t to_s, struct ca_leaf *leaf_r, struct err *e)
{
	X509 *cert = X509_new();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	int rc = -1;

	IS(ca, CA_MAGIC);
	MUST(ca->key != NULL && names->n > 0);
	memset(leaf_r, 0, sizeof(*leaf_r));
	if (to_s > ca->until_s && ca->until_s > from_s)
		to_s = ca->until_s;
	leaf_r->to_s = to_s;
	if (cert != NULL && key != NULL && fill(ca, cert, key, names) == 0 &&
	    ca_set_times(cert, from_s, to_s) == 0 &&
	    X509_sign(cert, ca->key, ca->digest) > 0)
		rc = take_bytes(cert, key, leaf_r);
	X509_free(cert);
	EVP_PKEY_free(key);
	if (rc == 0)
		return 0;
	ca_leaf_free(leaf_r);
	return err_set(e, "%s", ca_words());
}

void
ca_leaf_free(struct ca_leaf *leaf)
{
	OPENSSL_free(leaf->cert);
	explicit_bzero(leaf, sizeof(*leaf));
}
