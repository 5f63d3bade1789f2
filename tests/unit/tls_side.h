#ifndef UNIT_TLS_SIDE_H
#define UNIT_TLS_SIDE_H

/*
 * tls_side: the side of an io that speaks TLS, and a plain OpenSSL at its other
 * end.  The certificates are made here and last as long as the test.
 */
#include "io_side.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/conf.h"
#include "proxy/tls.h"

#define DAY 86400L

static char folder[64];

static inline const char *
in_folder(const char *name)
{
	static char path[4][128];
	static unsigned turn_of;
	char *to = path[turn_of++ % 4];

	snprintf(to, 128, "%s/%s", folder, name);
	return to;
}

static inline FILE *
new_file(const char *name)
{
	FILE *f = fopen(in_folder(name), "w");

	assert_non_null(f);
	return f;
}

static inline EVP_PKEY *
new_key(const char *name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	FILE *f = new_file(name);

	assert_non_null(key);
	assert_int_equal(
	    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(f), 0);
	return key;
}

/* Signed by itself, good for names ("DNS:a,IP:127.0.0.1") from..to seconds from
 * now. */
static inline void
new_cert(const char *name, EVP_PKEY *key, const char *names, long from, long to)
{
	X509 *cert = X509_new();
	X509_EXTENSION *ext;
	FILE *f = new_file(name);

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
	X509_gmtime_adj(X509_getm_notBefore(cert), from);
	X509_gmtime_adj(X509_getm_notAfter(cert), to);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
	    MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
	assert_non_null(ext);
	X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_X509(f, cert), 1);
	assert_int_equal(fclose(f), 0);
	X509_free(cert);
}

static inline int
make_files(void **state)
{
	EVP_PKEY *key, *other;

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/sallyport-t_tls-XXXXXX");
	assert_non_null(mkdtemp(folder));
	key = new_key("good.key");
	other = new_key("other.key");
	new_cert("good.pem", key, "DNS:gw.example.org,IP:127.0.0.1", -DAY, DAY);
	new_cert("old.pem", key, "DNS:gw.example.org", -9 * DAY, -DAY);
	new_cert("early.pem", key, "DNS:gw.example.org", DAY, 9 * DAY);
	new_cert("other.pem", other, "DNS:other.example.org", -DAY, DAY);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	return 0;
}

static inline int
remove_files(void **state)
{
	static const char *const names[] = {"good.key", "other.key", "good.pem",
	    "old.pem", "early.pem", "other.pem", "both.pem", "empty.pem",
	    "locked.key"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(in_folder(names[i]));
	return rmdir(folder);
}

/* A configuration; a $ in text is the folder of the certificates. */
static inline struct conf *
tls_conf(const char *beginning)
{
	char *text, *with = xstrdup(beginning);
	struct conf *c;

	for (char *at = strstr(with, "$"); at != NULL; at = strstr(with, "$")) {
		char *more = xasprintf(
		    "%.*s%s%s", (int)(at - with), with, folder, at + 1);

		free(with);
		with = more;
	}
	text = xasprintf("%s\n[policy mail]\n[engine clamav]\n", with);
	c = conf_from_text("test.ini", text, strlen(text), false, stderr);
	free(with);
	free(text);
	assert_non_null(c);
	return c;
}

#define LISTENER \
	"[listener in]\nprotocol = smtp\naddress = 127.0.0.1:1\npolicy = " \
	"mail\n"

/* ---- our side ---- */

static struct tls_tickets tickets;

static inline struct tls *
our_server(const char *beginning)
{
	struct conf *c = tls_conf(beginning);
	struct tls_files *f = tls_files_read(c, stderr);
	struct tls_kit kit = {f, &tickets};
	struct tls *t;
	struct err e;

	assert_non_null(f);
	t = tls_server(c, conf_section(c, "listener", "in"), &kit, &e);
	assert_non_null(t);
	tls_files_free(&f);
	conf_free(&c);
	return t;
}

#define GOOD LISTENER "[tls]\ncert_file = $/good.pem\nkey_file = $/good.key\n"

/* One that trusts what is in ca_bundle. */
static inline struct tls *
our_client(const char *ca_bundle)
{
	struct conf *c = tls_conf(ca_bundle);
	struct tls_files *f = tls_files_read(c, stderr);
	struct tls_kit kit = {f, NULL};
	struct tls *t = tls_client(c, NULL);
	struct err e;

	assert_non_null(f);
	assert_int_equal(tls_trust(t, c, NULL, &kit, &e), 0);
	tls_files_free(&f);
	conf_free(&c);
	return t;
}

/* ---- the other side ---- */

struct other {
	SSL_CTX *ctx;
	SSL *ssl;
	SSL_SESSION *session; /* the last one that was given */
};

static inline int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct other *o = SSL_get_app_data(ssl);

	SSL_SESSION_free(o->session);
	o->session = session;
	return 1;
}

static inline void
open_other(struct other *o, struct side *s, bool server)
{
	if (o->ctx == NULL) {
		o->ctx = SSL_CTX_new(
		    server ? TLS_server_method() : TLS_client_method());
		SSL_CTX_set_session_cache_mode(o->ctx, SSL_SESS_CACHE_CLIENT);
		SSL_CTX_sess_set_new_cb(o->ctx, on_session);
		SSL_CTX_set_mode(o->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE);
	}
	if (server) {
		assert_int_equal(SSL_CTX_use_certificate_file(o->ctx,
				     in_folder("good.pem"), SSL_FILETYPE_PEM),
		    1);
		assert_int_equal(SSL_CTX_use_PrivateKey_file(o->ctx,
				     in_folder("good.key"), SSL_FILETYPE_PEM),
		    1);
	}
	o->ssl = SSL_new(o->ctx);
	assert_non_null(o->ssl);
	SSL_set_app_data(o->ssl, o);
	SSL_set_fd(o->ssl, s->peer);
	if (server)
		SSL_set_accept_state(o->ssl);
	else
		SSL_set_connect_state(o->ssl);
	if (o->session != NULL)
		SSL_set_session(o->ssl, o->session);
}

/* Lets go of the connection, not of what comes back another time. */
static inline void
end_other(struct other *o)
{
	SSL_free(o->ssl);
	o->ssl = NULL;
}

static inline void
close_other(struct other *o)
{
	end_other(o);
	SSL_SESSION_free(o->session);
	SSL_CTX_free(o->ctx);
	*o = (struct other){0};
}

#define TRIES 2000

/* Both shake hands.  What the other's SSL_do_handshake() said in the end. */
static inline int
shake(struct other *o, struct side *s)
{
	int rc = 0;

	for (int i = 0; i < TRIES; i++) {
		rc = SSL_do_handshake(o->ssl);
		turn(s, 1);
		if (rc == 1 && strpbrk(s->told, "SG") != NULL)
			break;
		if (rc <= 0 && SSL_get_error(o->ssl, rc) != SSL_ERROR_WANT_READ)
			break;
	}
	ERR_clear_error();
	return rc;
}

static inline void
other_says(struct other *o, struct side *s, const char *bytes, size_t len)
{
	for (int i = 0; i < TRIES && len > 0; i++) {
		int n = SSL_write(o->ssl, bytes, (int)len);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
		turn(s, 1);
	}
	assert_int_equal(len, 0);
}

/* The io's owner gets exactly this. */
static inline void
takes(struct side *s, const char *want)
{
	for (int i = 0; i < TRIES && strlen(s->taken) < strlen(want); i++)
		turn(s, 1);
	assert_string_equal(s->taken, want);
}

/* Reads until it has size bytes, or the end.  How many. */
static inline size_t
other_hears(struct other *o, struct side *s, char *to, size_t size)
{
	size_t have = 0;

	for (int i = 0; i < TRIES && have < size; i++) {
		int n = SSL_read(o->ssl, to + have, (int)(size - have));

		if (n > 0) {
			have += (size_t)n;
			i = 0;
			continue;
		}
		if (SSL_get_error(o->ssl, n) != SSL_ERROR_WANT_READ)
			break;
		turn(s, 1);
	}
	ERR_clear_error();
	return have;
}

/* ---- both ---- */

/* Both have shaken hands. */
static inline void
begin_tls(struct side *s, struct other *o, struct tls *t)
{
	open_other(o, s, false);
	io_start_tls(s->io, t, NULL, 0);
	assert_int_equal(shake(o, s), 1);
	assert_string_equal(s->told, "S");
	assert_true(io_secured(s->io));
}

static inline void
end_tls(struct side *s, struct other *o, struct tls **tp)
{
	close_other(o);
	close_side(s);
	tls_drop(tp);
}

/* A connection of our server's with all that there is to it. */
struct talk {
	struct tls *t;
	struct other o;
	struct side s;
};

/* Nothing of TLS has been said yet. */
static inline void
open_talk(struct talk *k)
{
	k->t = our_server(GOOD);
	k->o = (struct other){0};
	open_tcp(&k->s);
}

/* take: our owner takes what comes. */
static inline void
begin_talk(struct talk *k, bool take)
{
	open_talk(k);
	k->s.take = take;
	begin_tls(&k->s, &k->o, k->t);
}

static inline void
end_talk(struct talk *k)
{
	end_tls(&k->s, &k->o, &k->t);
}

/* More than fits between two sockets. */
#define LARGE 12000000

#endif
