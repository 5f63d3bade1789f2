#ifndef PROXY_TLS_TICKET_H
#define PROXY_TLS_TICKET_H

#include <stddef.h>
#include <stdint.h>

/*
 * tls_ticket: the keys that session tickets are sealed with (RFC 5077 4).  The
 * parent makes them and gives them to every net worker, so that a client who
 * comes back may come to any of them.
 */
#define TLS_TICKET_NAME 16
#define TLS_TICKET_KEY 32

/* A new key this often.  A ticket is good for TLS_TICKET_LIFE_S; the key it
 * was sealed with is kept longer than that. */
#define TLS_TICKET_ROTATE_MS INT64_C(3600000)
#define TLS_TICKET_LIFE_S 7200
#define TLS_TICKET_KEYS 4

struct tls_ticket_key {
	unsigned char name[TLS_TICKET_NAME];
	unsigned char cipher[TLS_TICKET_KEY];
	unsigned char mac[TLS_TICKET_KEY];
};

struct tls_tickets {
	unsigned n;
	struct tls_ticket_key key[TLS_TICKET_KEYS]; /* newest first */
};

/* A key nobody can guess. */
void tls_ticket_make(struct tls_ticket_key *k_r);

/* From now on tickets are sealed with k; the oldest is forgotten. */
void tls_tickets_add(struct tls_tickets *t, const struct tls_ticket_key *k);

/* As text, for an order; and back: 0, or -1 when it is not a key. */
#define TLS_TICKET_TEXT (2 * sizeof(struct tls_ticket_key) + 1)
void tls_ticket_text(
    const struct tls_ticket_key *k, char text_r[TLS_TICKET_TEXT]);
int tls_ticket_parse(const char *text, struct tls_ticket_key *k_r);

#endif
