/*
 * tls: certificates, keys, trust, and what is allowed at all.
 */
#include "proxy/tls.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/tls_own.h"

/* TLS 1.2: forward secrecy always.  CBC stands at the end for old mail servers,
 * whose other choice would be the clear. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:!aNULL"

/* One read takes at most so much from the socket. */
#define READ_BUFFER (64 * 1024)

const char *
tls_words(void)
{
	const char *words = ERR_reason_error_string(ERR_peek_last_error());

	return words == NULL ? "unknown error" : words;
}

static void
set_up(struct tls *t, const struct conf *c, const struct conf_section *s)
{
	bool only_13 = conf_int(c, s, OPT_TLS_MIN_VERSION) == 1;

	MUST(SSL_CTX_set_min_proto_version(
		 t->ctx, only_13 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1);
	MUST(SSL_CTX_set_cipher_list(t->ctx, CIPHERS) == 1);
	/* An end without close_notify: tls_link tells it from one with it. */
	(void)SSL_CTX_set_options(t->ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
		SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(t->ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(t->ctx, 1);
	SSL_CTX_set_default_read_buffer_len(t->ctx, READ_BUFFER);
	(void)SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_info_callback(t->ctx, tls_link_hears);
	(void)SSL_CTX_set_app_data(t->ctx, t);
}

static struct tls *
side_open(const SSL_METHOD *method, const struct conf *c,
    const struct conf_section *s)
{
	struct tls *t = xcalloc(1, sizeof(*t));

	t->magic = TLS_MAGIC;
	t->users = 1;
	t->ctx = SSL_CTX_new(method);
	MUST(t->ctx != NULL);
	set_up(t, c, s);
	return t;
}

void
tls_hold(struct tls *t)
{
	IS(t, TLS_MAGIC);
	t->users++;
}

void
tls_drop(struct tls **tp)
{
	struct tls *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	IS(t, TLS_MAGIC);
	if (--t->users > 0)
		return;
	SSL_CTX_free(t->ctx);
	tls_sessions_free(&t->sessions);
	tls_shown_free(&t->shown);
	t->magic = 0;
	free(t);
}

/* ---- certificate and key ---- */

/* "file:line: cert_file: /path: what is wrong" */
static int
wrong(const struct conf *c, const struct conf_section *s, enum opt opt,
    const char *what, struct err *e)
{
	return err_set(e, "%s: %s: %s: %s", conf_origin(c, s, opt),
	    schema_opt(opt)->key, conf_str(c, s, opt), what);
}

static BIO *
bio_over(struct slice bytes)
{
	BIO *b = BIO_new_mem_buf(bytes.at, (int)bytes.len);

	MUST(b != NULL);
	return b;
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

/* The first is ours, the others lead to its root.  NULL, or what is wrong. */
static const char *
take_chain(SSL_CTX *ctx, BIO *b)
{
	X509 *cert = PEM_read_bio_X509_AUX(b, NULL, no_password, NULL);
	int rc;

	if (cert == NULL)
		return "no certificate in PEM form";
	rc = SSL_CTX_use_certificate(ctx, cert);
	X509_free(cert);
	if (rc != 1)
		return tls_words();
	while ((cert = PEM_read_bio_X509(b, NULL, no_password, NULL)) != NULL) {
		rc = (int)SSL_CTX_add1_chain_cert(ctx, cert);
		X509_free(cert);
		if (rc != 1)
			return tls_words();
	}
	ERR_clear_error(); /* that there is no further one */
	return NULL;
}

static const char *
take_key(SSL_CTX *ctx, BIO *b)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, no_password, NULL);
	const char *what = NULL;

	if (key == NULL)
		return "no key in PEM form, or one with a password";
	if (X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) != 1)
		what = "the key does not belong to the certificate";
	else if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
		what = tls_words();
	EVP_PKEY_free(key);
	return what;
}

static int
take_option(struct tls *t, const struct conf *c, const struct conf_section *s,
    enum opt opt, const struct tls_files *f,
    const char *(*take)(SSL_CTX *ctx, BIO *b), struct err *e)
{
	struct slice bytes = tls_files_get(f, conf_str(c, s, opt));
	const char *what;
	BIO *b;

	if (bytes.at == NULL)
		return wrong(c, s, opt, "was not read", e);
	ERR_clear_error();
	b = bio_over(bytes);
	what = take(t->ctx, b);
	BIO_free(b);
	ERR_clear_error();
	return what == NULL ? 0 : wrong(c, s, opt, what, e);
}

/* ---- session tickets ---- */

static const struct tls_ticket_key *
find_key(const struct tls_tickets *t, const unsigned char *name)
{
	for (unsigned i = 0; i < t->n; i++) {
		if (memcmp(t->key[i].name, name, TLS_TICKET_NAME) == 0)
			return &t->key[i];
	}
	return NULL;
}

static int
set_mac(EVP_MAC_CTX *mac, const struct tls_ticket_key *k)
{
	char digest[] = "SHA256";
	unsigned char key[TLS_TICKET_KEY];
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_octet_string(
		OSSL_MAC_PARAM_KEY, key, sizeof(key)),
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_end(),
	};

	memcpy(key, k->mac, sizeof(key));
	return EVP_MAC_CTX_set_params(mac, params);
}

static int
seal(const struct tls_tickets *t, unsigned char *name, unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	const struct tls_ticket_key *k = &t->key[0];

	if (t->n == 0)
		return 0;
	memcpy(name, k->name, TLS_TICKET_NAME);
	if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1 ||
	    EVP_EncryptInit_ex(
		cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv) != 1 ||
	    set_mac(mac, k) != 1)
		return -1;
	return 1;
}

/* What SSL_CTX_set_tlsext_ticket_key_evp_cb() asks for: 1 as it is, 2 with a
 * new ticket, 0 a full handshake, -1 an error. */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
	const struct tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const struct tls_ticket_key *k;

	IS(t, TLS_MAGIC);
	if (sealing)
		return seal(t->tickets, name, iv, cipher, mac);
	k = find_key(t->tickets, name);
	if (k == NULL)
		return 0;
	if (EVP_DecryptInit_ex(
		cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv) != 1 ||
	    set_mac(mac, k) != 1)
		return -1;
	/* RFC 8446 C.4: a ticket of TLS 1.3 is used once, so another comes. */
	if (k == &t->tickets->key[0] && SSL_version(ssl) < TLS1_3_VERSION)
		return 1;
	return 2;
}

/* A ticket of one context is none in another, whose certificate differs. */
static void
set_tickets(struct tls *t, const char *context, const struct tls_tickets *keys)
{
	size_t len = strlen(context);

	if (len > SSL_MAX_SID_CTX_LENGTH)
		len = SSL_MAX_SID_CTX_LENGTH;
	MUST(SSL_CTX_set_session_id_context(
		 t->ctx, (const unsigned char *)context, (unsigned)len) == 1);
	(void)SSL_CTX_set_timeout(t->ctx, TLS_TICKET_LIFE_S);
	MUST(SSL_CTX_set_num_tickets(t->ctx, 1) == 1);
	t->tickets = keys;
	if (keys == NULL)
		(void)SSL_CTX_set_options(t->ctx, SSL_OP_NO_TICKET);
	else
		MUST(SSL_CTX_set_tlsext_ticket_key_evp_cb(t->ctx, on_ticket));
}

/* ---- the two sides ---- */

struct tls *
tls_side_server(const struct conf *c, const struct conf_section *listener,
    const char *context, const struct tls_tickets *tickets)
{
	struct tls *t = side_open(TLS_server_method(), c, listener);

	t->server = true;
	MUST(SSL_CTX_set_dh_auto(t->ctx, 1) == 1);
	set_tickets(t, context, tickets);
	return t;
}

struct tls *
tls_server(const struct conf *c, const struct conf_section *listener,
    const struct tls_kit *kit, struct err *e)
{
	struct tls *t =
	    tls_side_server(c, listener, conf_name(listener), kit->tickets);

	if (take_option(t, c, listener, OPT_TLS_CERT_FILE, kit->files,
		take_chain, e) < 0 ||
	    take_option(t, c, listener, tls_key_option(c, listener), kit->files,
		take_key, e) < 0)
		tls_drop(&t);
	return t;
}

struct tls *
tls_client(const struct conf *c, const struct conf_section *s)
{
	struct tls *t = side_open(TLS_client_method(), c, s);

	/* who a peer is is asked connection by connection */
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_NONE, NULL);
	t->sessions = tls_sessions_open();
	(void)SSL_CTX_set_session_cache_mode(
	    t->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(t->ctx, tls_link_session);
	return t;
}

static const char *
take_roots(SSL_CTX *ctx, BIO *b)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	unsigned n = 0;
	X509 *cert;

	while ((cert = PEM_read_bio_X509_AUX(b, NULL, no_password, NULL)) !=
	    NULL) {
		int rc = X509_STORE_add_cert(store, cert);

		X509_free(cert);
		if (rc != 1)
			return tls_words();
		n++;
	}
	return n == 0 ? "no certificate in PEM form" : NULL;
}

int
tls_trust(struct tls *t, const struct conf *c, const struct conf_section *s,
    const struct tls_kit *kit, struct err *e)
{
	IS(t, TLS_MAGIC);
	if (t->trusts)
		return 0;
	if (take_option(t, c, s, OPT_TLS_CA_BUNDLE, kit->files, take_roots, e) <
	    0)
		return -1;
	t->trusts = true;
	return 0;
}

/* ---- checking ---- */

#define WHEN_MAX 64

static void
print_time(const char *what, const ASN1_TIME *at, char when_r[WHEN_MAX])
{
	struct tm tm = {0};

	(void)ASN1_TIME_to_tm(at, &tm);
	(void)snprintf(when_r, WHEN_MAX, "%s %04d-%02d-%02d", what,
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* True: the certificate is not good at this time, and why. */
static bool
is_out_of_date(const struct tls *t, char when_r[WHEN_MAX])
{
	const X509 *cert = SSL_CTX_get0_certificate(t->ctx);
	const ASN1_TIME *from = X509_get0_notBefore(cert);
	const ASN1_TIME *to = X509_get0_notAfter(cert);

	if (X509_cmp_current_time(to) < 0) {
		print_time("the certificate expired on", to, when_r);
		return true;
	}
	if (X509_cmp_current_time(from) > 0) {
		print_time("the certificate is good from", from, when_r);
		return true;
	}
	return false;
}

int
tls_check(const struct conf *c, const struct tls_files *f, FILE *out)
{
	const struct conf_section *s = NULL;
	struct tls_kit kit = {.files = f};
	struct tls *t;
	struct err e;
	int rc = 0;

	while ((s = conf_next(c, "listener", s)) != NULL) {
		if (tls_mode(c, s) == TLS_OFF)
			continue;
		t = tls_server(c, s, &kit, &e);
		if (t == NULL) {
			fprintf(out, "%s\n", e.text);
			rc = -1;
		}
		tls_drop(&t);
	}
	return rc;
}

void
tls_warn(const struct conf *c, const struct tls_files *f, FILE *out)
{
	const struct conf_section *s = NULL;
	struct tls_kit kit = {.files = f};
	char when[WHEN_MAX];
	struct tls *t;
	struct err e;

	while ((s = conf_next(c, "listener", s)) != NULL) {
		if (tls_mode(c, s) == TLS_OFF)
			continue;
		t = tls_server(c, s, &kit, &e);
		if (t != NULL && is_out_of_date(t, when)) {
			(void)wrong(c, s, OPT_TLS_CERT_FILE, when, &e);
			fprintf(out, "warning: %s\n", e.text);
		}
		tls_drop(&t);
	}
}
