#ifndef TESTS_BENCH_BENCH_TLS_H
#define TESTS_BENCH_BENCH_TLS_H

/*
 * bench_tls: a socket that may turn to TLS, as it is without it: what would
 * block says EAGAIN.  Nobody's certificate is looked at, no session is kept.
 */

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/bench/bench_net.h"

struct wire {
	int fd;
	SSL *ssl; /* NULL: in the clear */
};

/* cert NULL: a client's. */
static inline SSL_CTX *
wire_context(const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(
	    cert == NULL ? TLS_client_method() : TLS_server_method());

	if (ctx == NULL)
		die("TLS", "no context");
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (cert != NULL &&
	    (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
		SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1))
		die(cert, "no certificate with its key");
	return ctx;
}

/* The handshake is driven by what is read. */
static inline void
wire_secure(struct wire *w, SSL_CTX *ctx, bool client)
{
	w->ssl = SSL_new(ctx);
	if (w->ssl == NULL || SSL_set_fd(w->ssl, w->fd) != 1)
		die("TLS", "no connection");
	if (client)
		SSL_set_connect_state(w->ssl);
	else
		SSL_set_accept_state(w->ssl);
}

static inline ssize_t
wire_result(const struct wire *w, int n)
{
	int is = SSL_get_error(w->ssl, n);

	ERR_clear_error(); /* or it would be the next connection's */
	if (n > 0)
		return n;
	if (is == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = is == SSL_ERROR_WANT_READ || is == SSL_ERROR_WANT_WRITE ? EAGAIN
									: EPIPE;
	return -1;
}

/* 1: secured; -1 with errno. */
static inline ssize_t
wire_shake(const struct wire *w)
{
	return wire_result(w, SSL_do_handshake(w->ssl));
}

static inline ssize_t
wire_recv(const struct wire *w, void *to, size_t len)
{
	if (w->ssl == NULL)
		return recv(w->fd, to, len, 0);
	return wire_result(w, SSL_read(w->ssl, to, (int)len));
}

static inline ssize_t
wire_send(const struct wire *w, const void *bytes, size_t len)
{
	if (w->ssl == NULL)
		return send(w->fd, bytes, len, MSG_NOSIGNAL);
	return wire_result(w, SSL_write(w->ssl, bytes, (int)len));
}

static inline void
wire_close(struct wire *w)
{
	SSL_free(w->ssl);
	w->ssl = NULL;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

#endif
