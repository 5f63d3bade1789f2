/*
 * ca_make: a new CA, and one as people and programs want to see it.
 */
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/escape.h"
#include "proxy/ca_own.h"

#define DAY_S (24 * 3600)

/* So that it is good at once where a clock is slow. */
#define BACKDATED_S DAY_S
#define LIFE_S (INT64_C(36525) * CA_YEARS / 100 * DAY_S)

/* ---- making ---- */

static int
add_ext(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	int rc = ext != NULL && X509_add_ext(cert, ext, -1) == 1 ? 0 : -1;

	X509_EXTENSION_free(ext);
	return rc;
}

/* pathlen 0: it signs servers, not other CAs. */
static int
fill(X509 *cert, EVP_PKEY *key, const char *name, int64_t now_s)
{
	X509_NAME *subject = X509_get_subject_name(cert);

	if (X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
		(const unsigned char *)name, -1, -1, 0) != 1 ||
	    X509_set_version(cert, X509_VERSION_3) != 1 ||
	    ca_set_serial(cert) < 0 ||
	    X509_set_issuer_name(cert, subject) != 1 ||
	    X509_set_pubkey(cert, key) != 1 ||
	    ca_set_times(cert, now_s - BACKDATED_S, now_s + LIFE_S) < 0 ||
	    add_ext(cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") <
		0 ||
	    add_ext(cert, NID_key_usage, "critical,keyCertSign,cRLSign") < 0)
		return -1;
	return ca_add_key_id(cert);
}

static int
take_bio(BIO *b, struct buf *to)
{
	char *at;
	long len = BIO_get_mem_data(b, &at);

	return len > 0 ? buf_put(to, at, (size_t)len) : -1;
}

static int
to_pem(X509 *cert, EVP_PKEY *key, struct buf *cert_pem, struct buf *key_pem)
{
	BIO *c = BIO_new(BIO_s_mem()), *k = BIO_new(BIO_s_secmem());
	int rc = -1;

	if (c != NULL && k != NULL && PEM_write_bio_X509(c, cert) == 1 &&
	    PEM_write_bio_PKCS8PrivateKey(k, key, NULL, NULL, 0, NULL, NULL) ==
		1 &&
	    take_bio(c, cert_pem) == 0 && take_bio(k, key_pem) == 0)
		rc = 0;
	BIO_free(c);
	BIO_free(k);
	return rc;
}

int
ca_make(const char *name, int64_t now_s, struct buf *cert_pem,
    struct buf *key_pem, struct err *e)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	int rc = -1;

	ERR_clear_error();
	if (key != NULL && cert != NULL && fill(cert, key, name, now_s) == 0 &&
	    X509_sign(cert, key, EVP_sha256()) > 0)
		rc = to_pem(cert, key, cert_pem, key_pem);
	X509_free(cert);
	EVP_PKEY_free(key);
	return rc == 0 ? 0 : err_set(e, "%s", ca_words());
}

/* ---- showing ---- */

/* Each line of what people and programs are told about it. */
struct facts {
	char *subject, *issuer; /* OPENSSL_free() */
	char from[24], to[24], key[32];
	char *serial; /* OPENSSL_free() */
	char sum[EVP_MAX_MD_SIZE * 3];
};

/* RFC 2253's form, in UTF-8. */
static char *
name_text(X509_NAME *name)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *text = NULL, *at;
	long len;

	MUST(b != NULL);
	(void)X509_NAME_print_ex(
	    b, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
	len = BIO_get_mem_data(b, &at);
	text = OPENSSL_strndup(len > 0 ? at : "", (size_t)(len > 0 ? len : 0));
	MUST(text != NULL);
	BIO_free(b);
	return text;
}

static void
time_text(const ASN1_TIME *t, char *to, size_t size)
{
	struct tm tm = {0};

	(void)ASN1_TIME_to_tm(t, &tm);
	(void)strftime(to, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void
key_text(EVP_PKEY *key, char *to, size_t size)
{
	char group[24];
	size_t len;

	if (EVP_PKEY_is_a(key, "EC") &&
	    EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1)
		(void)snprintf(to, size, "EC %s",
		    strcmp(group, "prime256v1") == 0 ? "P-256" : group);
	else
		(void)snprintf(to, size, "%s %d", EVP_PKEY_get0_type_name(key),
		    EVP_PKEY_get_bits(key));
}

static void
sum_text(X509 *cert, char *to)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	MUST(X509_digest(cert, EVP_sha256(), sum, &n) == 1);
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(to + (size_t)i * 3, 4, "%02X%s", sum[i],
		    i + 1 < n ? ":" : "");
}

static void
take_facts(const struct ca *ca, struct facts *f)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(ca->cert), NULL);

	f->subject = name_text(X509_get_subject_name(ca->cert));
	f->issuer = name_text(X509_get_issuer_name(ca->cert));
	f->serial = BN_bn2hex(n);
	MUST(f->serial != NULL);
	BN_free(n);
	time_text(X509_get0_notBefore(ca->cert), f->from, sizeof(f->from));
	time_text(X509_get0_notAfter(ca->cert), f->to, sizeof(f->to));
	key_text(X509_get0_pubkey(ca->cert), f->key, sizeof(f->key));
	sum_text(ca->cert, f->sum);
}

static void
forget_facts(struct facts *f)
{
	OPENSSL_free(f->subject);
	OPENSSL_free(f->issuer);
	OPENSSL_free(f->serial);
}

void
ca_print(const struct ca *ca, FILE *out)
{
	struct facts f;

	IS(ca, CA_MAGIC);
	take_facts(ca, &f);
	fprintf(out,
	    "subject  %s\nissuer   %s\nserial   %s\nkey      %s\n"
	    "from     %s\nto       %s\nSHA-256  %s\n",
	    f.subject, f.issuer, f.serial, f.key, f.from, f.to, f.sum);
	forget_facts(&f);
}

static void
json_pair(const char *name, const char *value, const char *end, FILE *out)
{
	struct buf b;

	buf_init(&b, 8192);
	(void)escape_json(&b, slice_of(value), 4096);
	fprintf(out, "\"%s\":\"%s\"%s", name, buf_text(&b), end);
	buf_free(&b);
}

void
ca_print_json(const struct ca *ca, FILE *out)
{
	struct facts f;

	IS(ca, CA_MAGIC);
	take_facts(ca, &f);
	putc('{', out);
	json_pair("subject", f.subject, ",", out);
	json_pair("issuer", f.issuer, ",", out);
	json_pair("serial", f.serial, ",", out);
	json_pair("key", f.key, ",", out);
	json_pair("from", f.from, ",", out);
	json_pair("to", f.to, ",", out);
	json_pair("sha256", f.sum, "}\n", out);
	forget_facts(&f);
}

int
ca_export(const struct ca *ca, bool der, FILE *out)
{
	IS(ca, CA_MAGIC);
	if (der)
		return i2d_X509_fp(out, ca->cert) == 1 ? 0 : -1;
	return PEM_write_X509(out, ca->cert) == 1 ? 0 : -1;
}
