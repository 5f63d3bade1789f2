/*
 * t_ca: a CA is made, read and refused; its leaves are what a browser takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "proxy/ca.h"
#include "proxy/leaf_wire.h"

#define HOUR 3600
#define DAY (24 * HOUR)
#define PEM_MAX 65536

static struct buf ca_pem, key_pem;
static int64_t now;

static struct slice
all(const struct buf *b)
{
	return (struct slice){buf_at(b), b->len};
}

static int
make_files(void **state)
{
	struct err e;

	(void)state;
	now = (int64_t)time(NULL);
	buf_init(&ca_pem, PEM_MAX);
	buf_init(&key_pem, PEM_MAX);
	return ca_make("Test CA", now, &ca_pem, &key_pem, &e);
}

static int
free_files(void **state)
{
	(void)state;
	buf_free(&ca_pem);
	buf_free(&key_pem);
	return 0;
}

static struct ca *
open_it(void)
{
	struct err e;
	struct ca *ca = ca_open(all(&ca_pem), &e);

	assert_non_null(ca);
	assert_int_equal(ca_take_key(ca, all(&key_pem), &e), 0);
	return ca;
}

static X509 *
read_cert(struct slice pem)
{
	BIO *b = BIO_new_mem_buf(pem.at, (int)pem.len);
	X509 *cert = PEM_read_bio_X509(b, NULL, NULL, NULL);

	assert_non_null(cert);
	BIO_free(b);
	return cert;
}

/* ---- a new CA ---- */

static void
a_new_one(void **state)
{
	X509 *cert = read_cert(all(&ca_pem));
	struct tm to;

	(void)state;
	assert_int_equal(X509_check_ca(cert), 1);
	assert_int_equal(X509_get_pathlen(cert), 0);
	assert_int_equal(
	    X509_get_key_usage(cert), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_true(X509_self_signed(cert, 1) == 1);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(cert)), 256);
	assert_non_null(X509_get0_subject_key_id(cert));
	assert_true(ASN1_STRING_length(X509_get0_serialNumber(cert)) == 16);
	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(cert), &to), 1);
	assert_int_equal((timegm(&to) - now) / DAY, 3652);
	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notBefore(cert), &to), 1);
	assert_int_equal(now - timegm(&to), DAY);
	X509_free(cert);
}

static void
two_are_never_the_same(void **state)
{
	struct buf cert, key;
	struct err e;
	X509 *a = read_cert(all(&ca_pem)), *b;

	(void)state;
	buf_init(&cert, PEM_MAX);
	buf_init(&key, PEM_MAX);
	assert_int_equal(ca_make("Test CA", now, &cert, &key, &e), 0);
	b = read_cert(all(&cert));
	assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(a),
				 X509_get0_serialNumber(b)),
	    0);
	assert_true(EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) != 1);
	X509_free(a);
	X509_free(b);
	buf_free(&cert);
	buf_free(&key);
}

static void
a_name_that_is_too_long(void **state)
{
	struct buf cert, key;
	struct err e;
	char name[66];

	(void)state;
	memset(name, 'a', 65);
	name[65] = '\0';
	buf_init(&cert, PEM_MAX);
	buf_init(&key, PEM_MAX);
	assert_int_equal(ca_make(name, now, &cert, &key, &e), -1);
	assert_string_equal(e.text, "string too long");
	buf_free(&cert);
	buf_free(&key);
}

/* ---- what cannot be one ---- */

/* What openssl(1) makes of these words is refused with those. */
static struct buf
openssl(const char *words, const char *name)
{
	char command[1024], path[64] = "/tmp/sallyport-t_ca-XXXXXX";
	struct buf b;
	FILE *f;
	size_t n;

	assert_non_null(mkdtemp(path));
	(void)snprintf(command, sizeof(command),
	    "cd %s && { %s; } 2>/dev/null >/dev/null; cat %s; rm -r %s", path,
	    words, name, path);
	buf_init(&b, PEM_MAX);
	f = popen(command, "r"); /* words of this file, and nobody's else */
	assert_non_null(f);
	n = fread(buf_room(&b, PEM_MAX / 2), 1, PEM_MAX / 2, f);
	buf_grew(&b, n);
	pclose(f);
	assert_true(n > 0);
	return b;
}

#define REQ \
	"openssl req -x509 -nodes -days 30 -keyout key -out cert -subj /CN=x "
#define EC_KEY "-newkey ec -pkeyopt ec_paramgen_curve:P-256 "
#define BOTH "cat cert key >both"

static void
refused(const char *words, const char *why)
{
	struct buf b = openssl(words, "both");
	struct err e = {""};
	struct ca *ca = ca_open(all(&b), &e);

	if (ca != NULL)
		assert_int_equal(ca_take_key(ca, all(&b), &e), -1);
	if (strstr(e.text, why) == NULL)
		fail_msg("not \"%s\" but \"%s\"", why, e.text);
	ca_free(&ca);
	buf_free(&b);
}

static void
what_cannot_be_one(void **state)
{
	(void)state;
	refused(REQ EC_KEY
	    "-addext basicConstraints=critical,CA:FALSE && " BOTH,
	    "not the certificate of a CA");
	refused(REQ EC_KEY "-addext keyUsage=digitalSignature && " BOTH,
	    "not the certificate of a CA");
	refused(REQ "-newkey rsa:1024 && " BOTH, "RSA from 2048");
	refused(REQ "-newkey ed25519 && " BOTH, "the key must be EC");
	refused(REQ EC_KEY "&& openssl ecparam -name prime256v1 -genkey "
			   "-noout -out key && " BOTH,
	    "the key does not belong to the certificate");
	refused(REQ EC_KEY "&& openssl ec -aes128 -passout pass:abcd -in key "
			   "-out locked && cat cert locked >both",
	    "no key in PEM form, or one with a password");
	refused(REQ EC_KEY "&& cat cert cert >both", "no key in PEM form");
	refused("echo nothing >both", "no certificate in PEM form");
}

static void
what_is_odd(void **state)
{
	struct ca *ca = open_it();
	char words[CA_WORDS];

	(void)state;
	assert_false(ca_is_odd(ca, now, words));
	assert_true(ca_is_odd(ca, now - 2 * DAY, words));
	assert_non_null(strstr(words, "the CA is good from 20"));
	assert_true(ca_is_odd(ca, now + INT64_C(3630) * DAY, words));
	assert_non_null(strstr(words, "the CA expires on 20"));
	assert_true(ca_is_odd(ca, now + INT64_C(3660) * DAY, words));
	assert_non_null(strstr(words, "the CA expired on 20"));
	ca_free(&ca);
}

/* ---- leaves ---- */

struct leaf {
	X509 *cert;
	BIGNUM *secret;
};

static struct leaf
mint(const struct ca *ca, const char *first, const char *second, int64_t to)
{
	struct leaf_names names = {0};
	const unsigned char *at;
	struct ca_leaf made;
	struct leaf l;
	struct err e;

	assert_true(leaf_names_add(&names, slice_of(first)));
	if (second != NULL)
		assert_true(leaf_names_add(&names, slice_of(second)));
	assert_int_equal(ca_mint(ca, &names, now - HOUR, to, &made, &e), 0);
	at = made.cert;
	l.cert = d2i_X509(NULL, &at, (long)made.cert_len);
	assert_non_null(l.cert);
	l.secret = BN_bin2bn(made.secret, CA_SECRET, NULL);
	ca_leaf_free(&made);
	return l;
}

static void
leaf_free(struct leaf *l)
{
	X509_free(l->cert);
	BN_free(l->secret);
}

/* The number times the curve's generator is the certificate's point. */
static bool
is_key_of(const BIGNUM *secret, const X509 *cert)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(cert);
	EC_POINT *point = EC_POINT_new(group);
	unsigned char bytes[65];
	size_t n;

	assert_int_equal(
	    EC_POINT_mul(group, point, secret, NULL, NULL, NULL), 1);
	n = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED,
	    bytes, sizeof(bytes), NULL);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return (int)n == ASN1_STRING_length(bits) &&
	    memcmp(bytes, ASN1_STRING_get0_data(bits), n) == 0;
}

/* As a client would, and as strictly as OpenSSL can. */
static int
verify(X509 *cert, const char *host, const char *ip)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *root = read_cert(all(&ca_pem));
	X509_VERIFY_PARAM *p;
	int what;

	X509_STORE_add_cert(store, root);
	X509_STORE_CTX_init(ctx, store, cert, NULL);
	p = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT);
	X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_SSL_SERVER);
	X509_VERIFY_PARAM_set_auth_level(p, 2);
	X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (host != NULL)
		X509_VERIFY_PARAM_set1_host(p, host, 0);
	if (ip != NULL)
		X509_VERIFY_PARAM_set1_ip_asc(p, ip);
	(void)X509_verify_cert(ctx);
	what = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(root);
	return what;
}

static void
a_leaf(void **state)
{
	struct ca *ca = open_it();
	struct leaf l = mint(ca, "WWW.Example.org", NULL, now + 7 * DAY);

	(void)state;
	assert_int_equal(verify(l.cert, "www.example.org", NULL), X509_V_OK);
	assert_int_equal(
	    verify(l.cert, "example.org", NULL), X509_V_ERR_HOSTNAME_MISMATCH);
	assert_int_equal(verify(l.cert, "a.www.example.org", NULL),
	    X509_V_ERR_HOSTNAME_MISMATCH);
	assert_true(is_key_of(l.secret, l.cert));
	assert_int_equal(X509_check_ca(l.cert), 0);
	assert_int_equal(X509_get_key_usage(l.cert), KU_DIGITAL_SIGNATURE);
	assert_int_equal(X509_get_extended_key_usage(l.cert), XKU_SSL_SERVER);
	assert_non_null(X509_get0_subject_key_id(l.cert));
	assert_non_null(X509_get0_authority_key_id(l.cert));
	leaf_free(&l);
	ca_free(&ca);
}

static void
names_of_all_kinds(void **state)
{
	struct ca *ca = open_it();
	struct leaf l =
	    mint(ca, "xn--bcher-kva.example", "[2001:db8::1]", now + DAY);

	(void)state;
	assert_int_equal(
	    verify(l.cert, "xn--bcher-kva.example", NULL), X509_V_OK);
	assert_int_equal(verify(l.cert, NULL, "2001:db8::1"), X509_V_OK);
	assert_int_equal(verify(l.cert, NULL, "2001:db8::2"),
	    X509_V_ERR_IP_ADDRESS_MISMATCH);
	leaf_free(&l);
	l = mint(ca, "192.0.2.1", NULL, now + DAY);
	assert_int_equal(verify(l.cert, NULL, "192.0.2.1"), X509_V_OK);
	/* an address is no name, though it looks like one */
	assert_int_equal(
	    verify(l.cert, "192.0.2.1", NULL), X509_V_ERR_HOSTNAME_MISMATCH);
	leaf_free(&l);
	ca_free(&ca);
}

/* A subject has no room for it: it is empty, and the name stands where names
 * belong. */
static void
a_long_name(void **state)
{
	struct ca *ca = open_it();
	char host[LEAF_NAME_MAX + 1];
	struct leaf l;
	int at;

	(void)state;
	for (size_t i = 0; i < LEAF_NAME_MAX; i++)
		host[i] = i % 2 == 0 ? 'a' : '.';
	host[LEAF_NAME_MAX] = '\0';
	l = mint(ca, host, NULL, now + DAY);
	assert_int_equal(
	    X509_NAME_entry_count(X509_get_subject_name(l.cert)), 0);
	at = X509_get_ext_by_NID(l.cert, NID_subject_alt_name, -1);
	assert_true(X509_EXTENSION_get_critical(X509_get_ext(l.cert, at)));
	assert_int_equal(verify(l.cert, host, NULL), X509_V_OK);
	leaf_free(&l);
	ca_free(&ca);
}

static void
two_leaves_have_nothing_in_common(void **state)
{
	struct ca *ca = open_it();
	struct leaf a = mint(ca, "a.example", NULL, now + DAY);
	struct leaf b = mint(ca, "a.example", NULL, now + DAY);

	(void)state;
	assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(a.cert),
				 X509_get0_serialNumber(b.cert)),
	    0);
	assert_int_not_equal(BN_cmp(a.secret, b.secret), 0);
	leaf_free(&a);
	leaf_free(&b);
	ca_free(&ca);
}

/* Nothing outlives the CA. */
static void
its_time(void **state)
{
	struct ca *ca = open_it();
	X509 *root = read_cert(all(&ca_pem));
	struct leaf l = mint(ca, "a.example", NULL, now + INT64_C(5000) * DAY);
	struct tm tm;

	(void)state;
	assert_int_equal(ASN1_TIME_compare(X509_get0_notAfter(l.cert),
			     X509_get0_notAfter(root)),
	    0);
	leaf_free(&l);
	l = mint(ca, "a.example", NULL, now + 7 * DAY);
	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(l.cert), &tm), 1);
	assert_int_equal(timegm(&tm), now + 7 * DAY);
	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notBefore(l.cert), &tm), 1);
	assert_int_equal(timegm(&tm), now - HOUR);
	leaf_free(&l);
	X509_free(root);
	ca_free(&ca);
}

/* A company's own: RSA, below a root that clients have. */
static void
below_a_root(void **state)
{
	struct buf b = openssl(
	    "openssl req -x509 -nodes -days 30 -newkey rsa:2048 -keyout rkey "
	    "-out root -subj /CN=root && openssl req -new -nodes -newkey "
	    "rsa:2048 -keyout key -out req -subj /CN=sub && printf "
	    "'basicConstraints=critical,CA:TRUE,pathlen:0\\nkeyUsage="
	    "keyCertSign\\nsubjectKeyIdentifier=hash' >ext && openssl x509 "
	    "-req -in req -CA root -CAkey rkey -CAcreateserial -days 20 "
	    "-extfile ext -out sub && cat sub root key >both",
	    "both");
	struct slice chain[LEAF_CHAIN_MAX];
	const unsigned char *at;
	struct ca *ca;
	struct leaf l;
	struct err e;
	X509 *sub;

	(void)state;
	ca = ca_open(all(&b), &e);
	assert_non_null(ca);
	assert_int_equal(ca_take_key(ca, all(&b), &e), 0);
	assert_int_equal(ca_chain(ca, chain), 1); /* without the root */
	at = (const unsigned char *)chain[0].at;
	sub = d2i_X509(NULL, &at, (long)chain[0].len);
	assert_non_null(sub);
	l = mint(ca, "a.example", NULL, now + DAY);
	assert_int_equal(X509_verify(l.cert, X509_get0_pubkey(sub)), 1);
	assert_int_equal(X509_check_issued(sub, l.cert), X509_V_OK);
	leaf_free(&l);
	X509_free(sub);
	ca_free(&ca);
	buf_free(&b);
}

static void
its_own_root_is_not_sent(void **state)
{
	struct slice chain[LEAF_CHAIN_MAX];
	struct ca *ca = open_it();

	(void)state;
	assert_int_equal(ca_chain(ca, chain), 0);
	ca_free(&ca);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_one),
	    cmocka_unit_test(two_are_never_the_same),
	    cmocka_unit_test(a_name_that_is_too_long),
	    cmocka_unit_test(what_cannot_be_one),
	    cmocka_unit_test(what_is_odd),
	    cmocka_unit_test(a_leaf),
	    cmocka_unit_test(names_of_all_kinds),
	    cmocka_unit_test(a_long_name),
	    cmocka_unit_test(two_leaves_have_nothing_in_common),
	    cmocka_unit_test(its_time),
	    cmocka_unit_test(below_a_root),
	    cmocka_unit_test(its_own_root_is_not_sent),
	};

	return cmocka_run_group_tests(tests, make_files, free_files);
}
