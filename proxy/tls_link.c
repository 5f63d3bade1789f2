/*
 * tls_link: one TLS connection over a socket that does not block.  It says
 * what it waits for, and in words why it failed; the rest is io's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/mem.h"
#include "proxy/tls_bad.h"
#include "proxy/tls_own.h"

#define LINK_MAGIC 0x71500002u

struct tls_link {
	uint32_t magic;
	struct tls *tls;
	SSL *ssl;
	BIO *sock;
	bool early;       /* what was read before comes first, from memory */
	bool heard_bye;   /* a close_notify has come */
	bool shaken;      /* the handshake is done */
	char *peer;       /* the name of its sessions; NULL: they do not stay */
	int64_t since_ms; /* when the server showed its certificate */
	SSL_SESSION *old; /* one of those, offered to it; NULL */
	int alert;        /* that the peer has sent; 0 */
	enum tls_is end;  /* of what is read, once it is there; TLS_OK */
	int error;
	char trouble[160];
};

void
tls_link_hears(const SSL *ssl, int where, int ret)
{
	struct tls_link *k = SSL_get_app_data(ssl);

	if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT)
		return;
	if ((ret & 0xff) == SSL_AD_CLOSE_NOTIFY)
		k->heard_bye = true;
	else
		k->alert = ret & 0xff;
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
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_VERIFY_PARAM_get_hostflags(param) |
		X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
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
	if (t->shown != NULL)
		tls_show(k->ssl, t->shown);
	set_source(k, early);
	if (t->server)
		SSL_set_accept_state(k->ssl);
	else
		SSL_set_connect_state(k->ssl);
	if (!t->server && name != NULL)
		set_name(k->ssl, name, verify);
	return k;
}

/* A copy: OpenSSL spoils the session of a connection that is cut, and the next
 * one needs it still. */
void
tls_link_resume(struct tls_link *k, const struct tls_link *from)
{
	SSL_SESSION *old, *copy;

	IS(k, LINK_MAGIC);
	IS(from, LINK_MAGIC);
	old = SSL_get0_session(from->ssl);
	copy = old == NULL ? NULL : SSL_SESSION_dup(old);
	if (copy == NULL)
		return;
	(void)SSL_set_session(k->ssl, copy);
	SSL_SESSION_free(copy);
}

void
tls_link_no_ticket(struct tls_link *k)
{
	IS(k, LINK_MAGIC);
	MUST(SSL_set_num_tickets(k->ssl, 0) == 1);
}

void
tls_link_offer_h2(struct tls_link *k)
{
	static const unsigned char words[] = "\002h2\010http/1.1";

	IS(k, LINK_MAGIC);
	/* 0 is well here */
	MUST(SSL_set_alpn_protos(k->ssl, words, sizeof(words) - 1) == 0);
}

bool
tls_link_speaks_h2(const struct tls_link *k)
{
	const unsigned char *word;
	unsigned len;

	SSL_get0_alpn_selected(k->ssl, &word, &len);
	return len == 2 && memcmp(word, "h2", 2) == 0;
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
	SSL_SESSION_free(k->old);
	free(k->peer);
	k->magic = 0;
	free(k);
}

/* ---- sessions that go on ---- */

/* The server has shown its certificate: what it gave before, if it did not
 * know that any more, is worth nothing. */
static void
shown(struct tls_link *k)
{
	k->since_ms = clock_ms();
	if (k->old == NULL)
		return;
	tls_sessions_forget(k->tls->sessions, k->peer);
	SSL_SESSION_free(k->old);
	k->old = NULL;
}

/* TLS 1.2: still in the handshake. */
int
tls_link_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_link *k = SSL_get_app_data(ssl);

	if (k->peer == NULL)
		return 0;
	if (!k->shaken && !tls_link_resumed(k))
		shown(k);
	tls_sessions_put(k->tls->sessions, k->peer, session, k->since_ms);
	return 1;
}

void
tls_link_again(struct tls_link *k, const struct addr *peer)
{
	const char *name =
	    SSL_get_servername(k->ssl, TLSEXT_NAMETYPE_host_name);
	bool verify = SSL_get_verify_mode(k->ssl) != SSL_VERIFY_NONE;
	char address[ADDR_TEXT];
	SSL_SESSION *session;

	IS(k, LINK_MAGIC);
	MUST(k->tls->sessions != NULL && k->peer == NULL);
	/* An address is verified as itself, and stands here anyway. */
	k->peer = xasprintf("%s %s %s", verify ? "verified" : "any",
	    addr_text(peer, address), name == NULL ? "" : name);
	k->since_ms = clock_ms();
	session = tls_sessions_take(
	    k->tls->sessions, k->peer, k->since_ms, &k->since_ms);
	if (session == NULL)
		return;
	/* OpenSSL spoils one that goes on in TLS 1.3. */
	k->old = SSL_SESSION_dup(session);
	(void)SSL_set_session(k->ssl, session);
	SSL_SESSION_free(session);
}

/*
 * The handshake is over.  RFC 8446 C.4 would have a ticket used once, so that
 * nobody sees that two connections are of one client: ours come from the same
 * address anyway, and there are servers that give no other ticket.
 */
static void
keep_session(struct tls_link *k, bool well)
{
	if (k->peer == NULL)
		return;
	if (!well) {
		tls_sessions_forget(k->tls->sessions, k->peer);
		return;
	}
	if (!tls_link_resumed(k)) {
		shown(k);
		return;
	}
	if (k->old != NULL)
		tls_sessions_put_back(
		    k->tls->sessions, k->peer, k->old, k->since_ms);
	k->old = NULL;
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

bool
tls_link_distrusts(const struct tls_link *k)
{
	return !k->shaken && SSL_get_verify_result(k->ssl) != X509_V_OK &&
	    SSL_get_verify_mode(k->ssl) != SSL_VERIFY_NONE;
}

int
tls_link_alert(const struct tls_link *k)
{
	return k->alert;
}

/* OpenSSL's words, which the web knows, and what they mean. */
static enum tls_is
broken_by_protocol(struct tls_link *k)
{
	long result = SSL_get_verify_result(k->ssl);
	const char *means = tls_bad_means(result);
	char words[128];

	if (!tls_link_distrusts(k))
		return broken(k, EPROTO, tls_words());
	(void)snprintf(words, sizeof(words), "%s%s%s%s",
	    X509_verify_cert_error_string(result), means[0] == '\0' ? "" : " (",
	    means, means[0] == '\0' ? "" : ")");
	return broken(k, EPROTO, words);
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
		return broken_by_protocol(k);
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
	if (is == TLS_OK || is == TLS_BROKEN)
		keep_session(k, k->shaken);
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
