/*
 * smtp_tls: STARTTLS towards the client (RFC 3207).  The handshake itself is
 * the house's.
 */

#include "protocols/smtp/smtp.h"

bool
smtp_tls_offered(const struct session *s)
{
	return s->place->tls != NULL && !io_secured(s->client);
}

bool
smtp_tls_demanded(const struct session *s, const char *verb)
{
	/* RFC 3207 4: what may be said all the same. */
	static const char *const fine[] = {"EHLO", "NOOP", "QUIT", "STARTTLS"};

	if (s->place->tls_mode != TLS_REQUIRE || io_secured(s->client))
		return false;
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		if (strcmp(verb, fine[i]) == 0)
			return false;
	}
	return true;
}

const char *
smtp_tls_check(const struct session *s, struct slice arg)
{
	const struct smtp *p = s->state;

	if (s->place->tls == NULL)
		return "502 5.5.1 STARTTLS is not offered\r\n";
	if (io_secured(s->client))
		return "503 5.5.1 TLS is there already\r\n";
	if (arg.len > 0)
		return "501 5.5.4 Syntax: no argument is allowed here\r\n";
	if (p->state == SMTP_HELO || !p->esmtp)
		return "503 5.5.1 Send EHLO first\r\n";
	return p->mail == NULL ? NULL : "503 5.5.1 A mail is under way\r\n";
}

void
smtp_tls_begin(struct session *s)
{
	smtp_say(s, "220 2.0.0 Ready to start TLS\r\n");
	smtp_enter(s, SMTP_TLS);
	session_start_tls(s, 0);
}

/* RFC 3207 4.2: nothing that was said in the clear holds any more. */
void
smtp_tls_secured(struct session *s)
{
	struct smtp *p = s->state;

	smtp_auth_close(p);
	smtp_forward_close(p);
	p->helo[0] = '\0';
	p->esmtp = false;
	smtp_enter(s, SMTP_HELO);
}
