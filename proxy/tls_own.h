#ifndef PROXY_TLS_OWN_H
#define PROXY_TLS_OWN_H

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "proxy/tls.h"

/* What is in a side, for tls.c, tls_link.c and tls_session.c alone. */
#define TLS_MAGIC 0x71500001u

struct tls {
	uint32_t magic;
	unsigned users;
	SSL_CTX *ctx;
	bool server, trusts;
	const struct tls_tickets *tickets;
	struct tls_sessions *sessions; /* a client's */
	struct tls_shown *shown;       /* in place of ctx's certificate */
};

/* A server's side that has no certificate yet; its tickets are good in this
 * context only.  tickets as in struct tls_kit. */
struct tls *tls_side_server(const struct conf *c,
    const struct conf_section *listener, const char *context,
    const struct tls_tickets *tickets);

/* The last thing OpenSSL has to complain about, in words of its own. */
const char *tls_words(void);

/* tls_link.c: hears alerts; for SSL_CTX_set_info_callback(). */
void tls_link_hears(const SSL *ssl, int where, int ret);

/* tls_link.c: a server gave a session; for SSL_CTX_sess_set_new_cb(). */
int tls_link_session(SSL *ssl, SSL_SESSION *session);

/* ---- tls_session.c: sessions to go on with ---- */

/* So many of all servers, and of one: as many connections can begin at once. */
#define TLS_SESSIONS_MAX 64
#define TLS_SESSIONS_OF_ONE 4

/* Then a server has to show its certificate again, whatever it gave since. */
#define TLS_SESSION_LIFE_MS (INT64_C(60) * 60 * 1000)

struct tls_sessions *tls_sessions_open(void);
void tls_sessions_free(struct tls_sessions **sp);

/* Takes the session over.  peer: whom it is with and what it has proved;
 * since_ms: when it did. */
void tls_sessions_put(struct tls_sessions *ss, const char *peer,
    SSL_SESSION *session, int64_t since_ms);

/* The same with one that has gone on: it is taken when there is no other. */
void tls_sessions_put_back(struct tls_sessions *ss, const char *peer,
    SSL_SESSION *session, int64_t since_ms);

/* The newest one, now the caller's; NULL: none. */
SSL_SESSION *tls_sessions_take(struct tls_sessions *ss, const char *peer,
    int64_t now_ms, int64_t *since_ms_r);

/* With this one nothing went well. */
void tls_sessions_forget(struct tls_sessions *ss, const char *peer);

/* ---- tls_leaf.c: its own certificate, for a side that shares a ctx ---- */

struct tls_shown;

/* What this connection shows to its client. */
void tls_show(SSL *ssl, const struct tls_shown *shown);
void tls_shown_free(struct tls_shown **sp);

#endif
