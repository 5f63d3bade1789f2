/*
 * smtp_offer: what EHLO offers: what we and every next hop can, and what this
 * client may have.
 */

#include "protocols/smtp/smtp.h"

uint64_t
smtp_size_limit(const struct session *s)
{
	uint64_t ours = smtp_own(s)->max_size;
	uint64_t theirs = smtp_hops_size(smtp_own(s)->hops);

	return theirs != 0 && theirs < ours ? theirs : ours;
}

void
smtp_offered(const struct session *s, struct smtp_caps *c_r)
{
	smtp_hops_caps(smtp_own(s)->hops, c_r);
	/* What comes by BDAT can go on by DATA; BINARYMIME cannot. */
	c_r->binarymime = c_r->binarymime && c_r->chunking;
	c_r->chunking = true;
	c_r->smtputf8 = c_r->smtputf8 && c_r->eightbit;
	if (!smtp_auth_allowed(s))
		c_r->mechs[0] = '\0';
}

struct smtp_param_offer
smtp_offered_params(const struct session *s)
{
	struct smtp_caps c;

	smtp_offered(s, &c);
	return (struct smtp_param_offer){
	    .dsn = c.dsn, .auth = c.mechs[0] != '\0'};
}

static void
offer_plain(struct session *s, const struct smtp_caps *c)
{
	const struct {
		bool can;
		const char *line;
	} plain[] = {
	    {c->eightbit, "250-8BITMIME\r\n"},
	    {c->chunking, "250-CHUNKING\r\n"},
	    {c->binarymime, "250-BINARYMIME\r\n"},
	    {c->smtputf8, "250-SMTPUTF8\r\n"},
	    {c->dsn, "250-DSN\r\n"},
	};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (plain[i].can)
			io_puts(s->client, plain[i].line);
	}
}

void
smtp_offer(struct session *s)
{
	struct smtp_caps c;

	smtp_offered(s, &c);
	io_printf(s->client, "250-%s\r\n250-PIPELINING\r\n250-SIZE %ju\r\n",
	    s->place->gateway, (uintmax_t)smtp_size_limit(s));
	offer_plain(s, &c);
	if (smtp_tls_offered(s))
		io_puts(s->client, "250-STARTTLS\r\n");
	if (c.mechs[0] != '\0')
		io_printf(s->client, "250-AUTH %s\r\n", c.mechs);
	if (smtp_forward_allowed(s))
		io_printf(s->client, "250-XFORWARD %s\r\n250-XCLIENT %s\r\n",
		    smtp_who_names(false), smtp_who_names(true));
	io_puts(s->client, "250 ENHANCEDSTATUSCODES\r\n");
}
