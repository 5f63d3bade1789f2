/*
 * tls_leaf: a leaf, its key and its chain, as they came from the signer, and
 * connections that show them.
 */
#include "proxy/tls_leaf.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/x509.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/digest.h"
#include "proxy/tls_own.h"

struct tls_shown {
	X509 *cert;
	EVP_PKEY *key;
	STACK_OF(X509) * chain;
	unsigned char context[DIGEST_SIZE]; /* of tickets */
	struct tls *base;
};

_Static_assert(DIGEST_SIZE <= SSL_MAX_SID_CTX_LENGTH, "a context takes it");

/* ---- taking one ---- */

/* NULL: it is none, or more than one. */
static X509 *
cert_of(struct slice der)
{
	const unsigned char *at = (const unsigned char *)der.at;
	X509 *cert = d2i_X509(NULL, &at, (long)der.len);

	if (cert == NULL || at == (const unsigned char *)der.at + der.len)
		return cert;
	X509_free(cert);
	return NULL;
}

/* OpenSSL takes a number in the order of this machine. */
static bool
turn_number(struct slice secret, unsigned char to[LEAF_SECRET])
{
	BIGNUM *n =
	    BN_bin2bn((const unsigned char *)secret.at, (int)secret.len, NULL);
	bool well =
	    n != NULL && BN_bn2nativepad(n, to, LEAF_SECRET) == LEAF_SECRET;

	BN_clear_free(n);
	return well;
}

/* The number of the key, and the point of the certificate: a key in DER would
 * take twenty times as long to read. */
static EVP_PKEY *
key_of(struct slice secret, X509 *cert)
{
	const ASN1_BIT_STRING *point = X509_get0_pubkey_bitstr(cert);
	unsigned char number[LEAF_SECRET];
	char group[] = "P-256";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
	    OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
		(void *)(uintptr_t)ASN1_STRING_get0_data(point),
		(size_t)ASN1_STRING_length(point)),
	    OSSL_PARAM_construct_BN(
		OSSL_PKEY_PARAM_PRIV_KEY, number, sizeof(number)),
	    OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	if (ctx != NULL && turn_number(secret, number) &&
	    EVP_PKEY_fromdata_init(ctx) == 1)
		(void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params);
	explicit_bzero(number, sizeof(number));
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool
take_chain(struct tls_shown *s, const struct leaf_reply *r)
{
	s->chain = sk_X509_new_null();
	MUST(s->chain != NULL);
	for (unsigned i = 0; i < r->chain_n; i++) {
		X509 *cert = cert_of(r->chain[i]);

		if (cert == NULL)
			return false;
		MUST(sk_X509_push(s->chain, cert) > 0);
	}
	return true;
}

static bool
take(struct tls_shown *s, const struct leaf_reply *r)
{
	s->cert = cert_of(r->cert);
	s->key = s->cert == NULL ? NULL : key_of(r->secret, s->cert);
	return s->key != NULL && take_chain(s, r) &&
	    X509_check_private_key(s->cert, s->key) == 1;
}

void
tls_shown_free(struct tls_shown **sp)
{
	struct tls_shown *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	X509_free(s->cert);
	EVP_PKEY_free(s->key);
	sk_X509_pop_free(s->chain, X509_free);
	tls_drop(&s->base);
	free(s);
}

/* ---- a side ---- */

/* RFC 7301: what is spoken in there, the best first; who offers only other
 * things hears nothing of it.  arg: whether that is HTTP/2, too. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\002h2\010http/1.1";
	static const unsigned char *const only_1 = ours + 3;
	size_t len = sizeof(ours) - 1;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, out_len, arg != NULL ? ours : only_1,
		(unsigned)(arg != NULL ? len : len - 3), in,
		in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

struct tls *
tls_leaf_base(const struct conf *c, const struct conf_section *listener,
    const struct tls_tickets *tickets)
{
	struct tls *t =
	    tls_side_server(c, listener, conf_name(listener), tickets);

	SSL_CTX_set_alpn_select_cb(t->ctx, on_alpn,
	    conf_int(c, NULL, OPT_TLS_INSPECTION_HTTP2) != 0 ? t : NULL);
	return t;
}

/* Those of another listener are in another context, too. */
static void
name_context(struct tls_shown *s, const char *listener, struct slice key)
{
	struct digest *d = digest_open();

	digest_add(d, listener, strlen(listener) + 1);
	digest_add(d, key.at, key.len);
	digest_end(d, s->context);
	digest_free(&d);
}

struct tls *
tls_leaf(struct tls *base, const char *listener, struct slice key,
    const struct leaf_reply *r)
{
	struct tls *t = xcalloc(1, sizeof(*t));

	IS(base, TLS_MAGIC);
	t->magic = TLS_MAGIC;
	t->users = 1;
	t->server = true;
	t->ctx = base->ctx;
	MUST(SSL_CTX_up_ref(t->ctx) == 1);
	t->tickets = base->tickets;
	t->shown = xcalloc(1, sizeof(*t->shown));
	t->shown->base = base;
	tls_hold(base);
	name_context(t->shown, listener, key);
	ERR_clear_error();
	if (!take(t->shown, r))
		tls_drop(&t);
	ERR_clear_error();
	return t;
}

void
tls_show(SSL *ssl, const struct tls_shown *s)
{
	MUST(SSL_use_cert_and_key(ssl, s->cert, s->key, s->chain, 1) == 1);
	MUST(SSL_set_session_id_context(ssl, s->context, sizeof(s->context)) ==
	    1);
}
