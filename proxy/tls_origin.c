/*
 * tls_origin: what we offer to web servers, and whom of them we believe.
 */
#include "proxy/tls_origin.h"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "proxy/base/check.h"
#include "proxy/tls_own.h"

/* TLS 1.2: what browsers of today offer, and of that what has forward secrecy.
 * CBC with SHA-1 stands in for old servers; no CBC with anything else. */
#define CIPHERS \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:" \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:" \
	"ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA"

#define GROUPS "X25519:P-256:P-384"

/* No SHA-1 (RFC 9155), no DSA. */
#define SIGNATURES \
	"ECDSA+SHA256:rsa_pss_rsae_sha256:RSA+SHA256:ECDSA+SHA384:" \
	"rsa_pss_rsae_sha384:RSA+SHA384:rsa_pss_rsae_sha512:RSA+SHA512"

/* 112 bits: RSA from 2048 on, no SHA-1 in a certificate. */
#define LEVEL 2

/* A clock may be wrong by so much. */
#define STAPLE_SKEW_S 300

/* ---- what the server staples about its certificate (RFC 6066 8) ---- */

static int
take_response(const unsigned char *der, long len, OCSP_BASICRESP **basic_r)
{
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &der, len);

	*basic_r = NULL;
	if (r == NULL)
		return -1;
	if (OCSP_response_status(r) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		*basic_r = OCSP_response_get1_basic(r);
	OCSP_RESPONSE_free(r);
	return *basic_r == NULL ? -1 : 0;
}

/* Who issued the peer's certificate, in the chain that was verified. */
static X509 *
issuer_of_peer(SSL *ssl)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);

	return sk_X509_num(chain) < 2 ? NULL : sk_X509_value(chain, 1);
}

/* What it says about the peer, if it may: a V_OCSP_CERTSTATUS_, or -1. */
static int
status_of_peer(SSL *ssl, OCSP_BASICRESP *basic)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
	X509 *issuer = issuer_of_peer(ssl);
	ASN1_GENERALIZEDTIME *from, *to;
	int status = -1, reason;
	OCSP_CERTID *id;

	if (issuer == NULL || OCSP_basic_verify(basic, chain, store, 0) != 1)
		return -1;
	id = OCSP_cert_to_id(NULL, sk_X509_value(chain, 0), issuer);
	if (id == NULL)
		return -1;
	if (OCSP_resp_find_status(
		basic, id, &status, &reason, NULL, &from, &to) != 1 ||
	    OCSP_check_validity(from, to, STAPLE_SKEW_S, -1) != 1)
		status = -1;
	OCSP_CERTID_free(id);
	return status;
}

static int
status_of_staple(SSL *ssl)
{
	const unsigned char *der;
	OCSP_BASICRESP *basic;
	int status;
	long len = SSL_get_tlsext_status_ocsp_resp(ssl, &der);

	if (len <= 0 || der == NULL || take_response(der, len, &basic) < 0)
		return -1;
	status = status_of_peer(ssl, basic);
	OCSP_BASICRESP_free(basic);
	return status;
}

/* RFC 7633: the certificate says that there is always one. */
static bool
demands_staple(SSL *ssl)
{
	TLS_FEATURE *list = X509_get_ext_d2i(
	    SSL_get0_peer_certificate(ssl), NID_tlsfeature, NULL, NULL);
	bool demands = false;

	for (int i = 0; i < sk_ASN1_INTEGER_num(list); i++)
		demands = demands ||
		    ASN1_INTEGER_get(sk_ASN1_INTEGER_value(list, i)) ==
			TLSEXT_TYPE_status_request;
	TLS_FEATURE_free(list);
	return demands;
}

/*
 * 1 goes on, 0 ends the handshake.  As with browsers only "revoked" counts: a
 * staple that is old or nobody's says nothing, and most servers have none.  A
 * session that goes on has shown neither certificate nor staple.
 */
static int
on_staple(SSL *ssl, void *arg)
{
	int status;

	(void)arg;
	if (SSL_session_reused(ssl) == 1)
		return 1;
	status = status_of_staple(ssl);
	if (status == V_OCSP_CERTSTATUS_REVOKED)
		SSL_set_verify_result(ssl, X509_V_ERR_CERT_REVOKED);
	else if (status != V_OCSP_CERTSTATUS_GOOD && demands_staple(ssl))
		SSL_set_verify_result(ssl, X509_V_ERR_OCSP_VERIFY_NEEDED);
	ERR_clear_error();
	return SSL_get_verify_result(ssl) == X509_V_OK;
}

/* ---- all of it ---- */

static void
offer(SSL_CTX *ctx)
{
	static const unsigned char words[] = "\010http/1.1";

	MUST(SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1);
	MUST(SSL_CTX_set1_groups_list(ctx, GROUPS) == 1);
	MUST(SSL_CTX_set1_sigalgs_list(ctx, SIGNATURES) == 1);
	/* RFC 7301; 0 is well here */
	MUST(SSL_CTX_set_alpn_protos(ctx, words, sizeof(words) - 1) == 0);
}

static void
believe(SSL_CTX *ctx)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	SSL_CTX_set_security_level(ctx, LEVEL);
	MUST(X509_VERIFY_PARAM_set_flags(param,
		 X509_V_FLAG_X509_STRICT | X509_V_FLAG_TRUSTED_FIRST) == 1);
	/* RFC 9525 2: a name stands in subjectAltName or nowhere */
	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	MUST(SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp) == 1);
	(void)SSL_CTX_set_tlsext_status_cb(ctx, on_staple);
}

struct tls *
tls_origin(const struct conf *c, const struct conf_section *listener,
    const struct tls_kit *kit, struct err *e)
{
	struct tls *t = tls_client(c, listener);

	if (tls_trust(t, c, listener, kit, e) < 0) {
		tls_drop(&t);
		return NULL;
	}
	offer(t->ctx);
	believe(t->ctx);
	return t;
}
