#ifndef PROXY_TLS_OWN_H
#define PROXY_TLS_OWN_H

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "proxy/tls.h"

/* What is in a side, for tls.c and tls_link.c alone. */
#define TLS_MAGIC 0x71500001u

struct tls {
	uint32_t magic;
	unsigned users;
	SSL_CTX *ctx;
	bool server, trusts;
	const struct tls_tickets *tickets;
};

/* The last thing OpenSSL has to complain about, in words of its own. */
const char *tls_words(void);

/* tls_link.c: hears alerts; for SSL_CTX_set_info_callback(). */
void tls_link_hears(const SSL *ssl, int where, int ret);

#endif
