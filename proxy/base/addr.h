#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "proxy/base/err.h"

/* addr: one end of a connection: IPv4, IPv6 or a unix socket.  Pure. */
struct addr {
	struct sockaddr_storage ss;
	socklen_t len;
};

#define ADDR_TEXT 120

/*
 * "192.0.2.1:25", "[2001:db8::1]:25", "unix:/path": numbers only, no names.
 * 0, or -1 with words.
 */
int addr_parse(const char *text, struct addr *a_r, struct err *e);

/* The same from "192.0.2.1" or "2001:db8::1" and a port; -1: not a number. */
int addr_number(const char *host, uint16_t port, struct addr *a_r);

/* As addr_parse() reads it, into to[ADDR_TEXT]; returns to. */
const char *addr_text(const struct addr *a, char *to);

/* Without the port: "192.0.2.1", "2001:db8::1", "unix". */
const char *addr_host(const struct addr *a, char *to);

uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);

/* ::ffff:192.0.2.1 becomes 192.0.2.1. */
void addr_unmap(struct addr *a);

/*
 * The IPv4 address that an IPv6 one leads to, where that can be seen: mapped
 * and compatible (RFC 4291 2.5.5), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056).
 * With the same port.  False: none.
 */
bool addr_inner(const struct addr *a, struct addr *v4_r);

/* Same family, host and port. */
bool addr_same(const struct addr *a, const struct addr *b);

/* The 16 bytes of the host (IPv4 mapped), for counting; zeros for unix. */
void addr_key(const struct addr *a, unsigned char key[16]);

/* A network: "10.0.0.0/8", "::1", "any", "unix". */
struct net {
	int family; /* AF_UNSPEC: any */
	unsigned bits;
	unsigned char bytes[16];
};

int net_parse(const char *text, struct net *n_r, struct err *e);
bool net_has(const struct net *n, const struct addr *a);

#endif
