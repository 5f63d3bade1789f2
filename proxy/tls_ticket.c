/*
 * tls_ticket: a short list of keys, the newest first.
 */
#include "proxy/tls_ticket.h"

#include <string.h>
#include <sys/random.h>

#include "proxy/base/check.h"

_Static_assert((TLS_TICKET_KEYS - 1) * TLS_TICKET_ROTATE_MS >
	TLS_TICKET_LIFE_S * INT64_C(1000),
    "a ticket must not outlive its key");

void
tls_ticket_make(struct tls_ticket_key *k_r)
{
	MUST(getrandom(k_r, sizeof(*k_r), 0) == (ssize_t)sizeof(*k_r));
}

void
tls_tickets_add(struct tls_tickets *t, const struct tls_ticket_key *k)
{
	memmove(&t->key[1], &t->key[0], sizeof(t->key) - sizeof(t->key[0]));
	t->key[0] = *k;
	if (t->n < TLS_TICKET_KEYS)
		t->n++;
}

void
tls_ticket_text(const struct tls_ticket_key *k, char text_r[TLS_TICKET_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *at = (const unsigned char *)k;

	for (size_t i = 0; i < sizeof(*k); i++) {
		*text_r++ = digits[at[i] >> 4];
		*text_r++ = digits[at[i] & 15];
	}
	*text_r = '\0';
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
tls_ticket_parse(const char *text, struct tls_ticket_key *k_r)
{
	unsigned char *to = (unsigned char *)k_r;

	if (strlen(text) != TLS_TICKET_TEXT - 1)
		return -1;
	for (size_t i = 0; i < sizeof(*k_r); i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		to[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}
