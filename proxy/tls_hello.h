#ifndef PROXY_TLS_HELLO_H
#define PROXY_TLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/slice.h"

/*
 * tls_hello: what a client says first under TLS (RFC 8446 4.1.2), read and not
 * answered: whom it wants to meet and what it could speak.  Pure: no memory,
 * no OpenSSL.
 */

/* The message, put together of its records.  Those of today's browsers have
 * two thousand bytes. */
#define TLS_HELLO_MAX (16 * 1024)

/* With the heads of its records: so many bytes of input and it is whole, or
 * too long. */
#define TLS_HELLO_INPUT (20 * 1024)

#define TLS_HELLO_NAME 254 /* RFC 1035 2.3.4, and a NUL */

enum tls_hello_is {
	TLS_HELLO_MORE, /* not whole yet */
	TLS_HELLO_OK,
	TLS_HELLO_NOT, /* something else is spoken here */
	TLS_HELLO_BAD  /* TLS that can be read in two ways, or not at all */
};

struct tls_hello {
	/* In lower case; "" none.  Letters, digits, "-", "_" and "." only. */
	char sni[TLS_HELLO_NAME];
	uint16_t version; /* the newest it offers: 0x0304 is TLS 1.3 */
	bool has_alpn, http1, h2;
	/* Encrypted Client Hello: sni may not be whom it means (browsers send
	 * an empty one of these to everybody). */
	bool ech;
	const char *bad; /* a word for logs; "" */
};

/* in is all that has come, from the first byte on.  What is wrong is said at
 * once, and however it was cut into records and reads. */
enum tls_hello_is tls_hello(struct slice in, struct tls_hello *h_r);

#endif
