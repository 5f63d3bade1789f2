/*
 * tls_link: one TLS connection over a socket that does not block.  It says
 * what it waits for, and in words why it failed; the rest is io's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/tls_own.h"

#define LINK_MAGIC 0x71500002u

struct tls_link {
	uint32_t magic;
	struct tls *tls;
	SSL *ssl;
	BIO *sock;
	bool early;      /* what was read before comes first, from memory */
	bool heard_bye;  /* a close_notify has come */
	bool shaken;     /* the handshake is done */
	enum tls_is end; /* of what is read, once it is there; TLS_OK */
	int error;
	char trouble[160];
};

void
tls_link_hears(const SSL *ssl, int where, int ret)
{
	struct tls_link *k = SSL_get_app_data(ssl);

	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT &&
	    (ret & 0xff) == SSL_AD_CLOSE_NOTIFY)
		k->heard_bye = true;
}

static bool
is_address(const char *name)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, name, bytes) == 1 ||
	    inet_pton(AF_INET6, name, bytes) == 1;
}

/* Whom we want to meet; RFC 6066 3: an address is not said. */
static void
set_name(SSL *ssl, const char *name, bool verify)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (!is_address(name))
		MUST(SSL_set_tlsext_host_name(ssl, name) == 1);
	if (!verify)
		return;
	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_address(name))
		MUST(X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1);
	else
		MUST(SSL_set1_host(ssl, name) == 1);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
}

static void
set_source(struct tls_link *k, struct slice early)
{
	BIO *b;

	MUST(BIO_up_ref(k->sock) == 1);
	SSL_set0_wbio(k->ssl, k->sock);
	if (early.len == 0) {
		MUST(BIO_up_ref(k->sock) == 1);
		SSL_set0_rbio(k->ssl, k->sock);
		return;
	}
	b = BIO_new(BIO_s_mem());
	MUST(b != NULL &&
	    BIO_write(b, early.at, (int)early.len) == (int)early.len);
	SSL_set0_rbio(k->ssl, b);
	k->early = true;
}

struct tls_link *
tls_link_open(
    struct tls *t, int fd, const char *name, bool verify, struct slice early)
{
	struct tls_link *k = xcalloc(1, sizeof(*k));

	IS(t, TLS_MAGIC);
	MUST(!verify || (t->trusts && name != NULL));
	k->magic = LINK_MAGIC;
	k->tls = t;
	tls_hold(t);
	k->ssl = SSL_new(t->ctx);
	k->sock = BIO_new_socket(fd, BIO_NOCLOSE);
	MUST(k->ssl != NULL && k->sock != NULL);
	(void)SSL_set_app_data(k->ssl, k);
	set_source(k, early);
	if (t->server)
		SSL_set_accept_state(k->ssl);
	else
		SSL_set_connect_state(k->ssl);
	if (!t->server && name != NULL)
		set_name(k->ssl, name, verify);
	return k;
}

void
tls_link_free(struct tls_link **kp)
{
	struct tls_link *k = *kp;

	*kp = NULL;
	if (k == NULL)
		return;
	IS(k, LINK_MAGIC);
	SSL_free(k->ssl);
	BIO_free(k->sock);
	tls_drop(&k->tls);
	k->magic = 0;
	free(k);
}

/* ---- how it went ---- */

static enum tls_is
broken(struct tls_link *k, int error, const char *words)
{
	k->error = error;
	(void)snprintf(k->trouble, sizeof(k->trouble), "TLS%s: %s",
	    k->shaken ? "" : " handshake", words);
	return TLS_BROKEN;
}

static const char *
words_of_protocol(const struct tls_link *k)
{
	long verified = SSL_get_verify_result(k->ssl);

	if (!k->shaken && verified != X509_V_OK &&
	    SSL_get_verify_mode(k->ssl) != SSL_VERIFY_NONE)
		return X509_verify_cert_error_string(verified);
	return tls_words();
}

static enum tls_is
ended(struct tls_link *k)
{
	if (k->shaken)
		return k->heard_bye ? TLS_BYE : TLS_CUT;
	return broken(k, ECONNRESET, "connection closed");
}

/* What came before is used up: from now on the socket speaks. */
static bool
was_early(struct tls_link *k, int rc)
{
	if (!k->early || SSL_get_error(k->ssl, rc) != SSL_ERROR_WANT_READ)
		return false;
	k->early = false;
	MUST(BIO_up_ref(k->sock) == 1);
	SSL_set0_rbio(k->ssl, k->sock);
	return true;
}

static enum tls_is
judge(struct tls_link *k, int rc)
{
	int error = errno;

	switch (SSL_get_error(k->ssl, rc)) {
	case SSL_ERROR_NONE:
		return TLS_OK;
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return ended(k);
	case SSL_ERROR_SYSCALL:
		return error == 0 ? ended(k)
				  : broken(k, error, strerror(error));
	default:
		return broken(k, EPROTO, words_of_protocol(k));
	}
}

static void
begin(void)
{
	ERR_clear_error();
	errno = 0;
}

enum tls_is
tls_link_hands(struct tls_link *k)
{
	enum tls_is is;
	int rc;

	IS(k, LINK_MAGIC);
	do {
		begin();
		rc = SSL_do_handshake(k->ssl);
	} while (rc <= 0 && was_early(k, rc));
	is = judge(k, rc);
	k->shaken = is == TLS_OK;
	return is;
}

enum tls_is
tls_link_read(struct tls_link *k, char *to, size_t size, size_t *n_r)
{
	enum tls_is is;
	int rc;

	IS(k, LINK_MAGIC);
	if (k->end != TLS_OK)
		return k->end;
	do {
		begin();
		rc = SSL_read_ex(k->ssl, to, size, n_r);
	} while (rc <= 0 && was_early(k, rc));
	is = judge(k, rc);
	if (is != TLS_OK && is != TLS_WANT_READ && is != TLS_WANT_WRITE)
		k->end = is;
	return is;
}

enum tls_is
tls_link_write(struct tls_link *k, const char *bytes, size_t len, size_t *n_r)
{
	IS(k, LINK_MAGIC);
	MUST(len > 0 && len <= TLS_PIECE);
	begin();
	return judge(k, SSL_write_ex(k->ssl, bytes, len, n_r));
}

enum tls_is
tls_link_bye(struct tls_link *k)
{
	int rc;

	IS(k, LINK_MAGIC);
	if (!k->shaken || k->end == TLS_BROKEN)
		return TLS_BROKEN;
	begin();
	rc = SSL_shutdown(k->ssl);
	if (rc >= 0) /* 0: said, and not answered yet */
		return TLS_OK;
	return judge(k, rc);
}

int
tls_link_error(const struct tls_link *k)
{
	return k->error;
}

const char *
tls_link_trouble(const struct tls_link *k)
{
	return k->trouble;
}

const char *
tls_link_version(const struct tls_link *k)
{
	const char *name = SSL_get_version(k->ssl);

	return strncmp(name, "TLSv", 4) == 0 ? name + 4 : name;
}

const char *
tls_link_cipher(const struct tls_link *k)
{
	const SSL_CIPHER *c = SSL_get_current_cipher(k->ssl);

	return c == NULL ? "" : SSL_CIPHER_standard_name(c);
}

bool
tls_link_resumed(const struct tls_link *k)
{
	return SSL_session_reused(k->ssl) == 1;
}
