/*
 * smtp_trace: the fields on top of a mail (RFC 5321 4.4).  Pure.  The HELO
 * name and a signature's name are hearsay: they are cleaned here so that no
 * field ends before we end it.
 */

#include "protocols/smtp/smtp_trace.h"

#include "proxy/base/clock.h"
#include "proxy/mail_text.h"

#define HELO_TEXT 256

static void
put_client(struct buf *b, const struct addr *client)
{
	char text[ADDR_TEXT];

	if (client == NULL || client->ss.ss_family == AF_UNIX)
		buf_puts(b, "(local)");
	else if (client->ss.ss_family == AF_INET6)
		buf_printf(b, "([IPv6:%s])", addr_host(client, text));
	else
		buf_printf(b, "([%s])", addr_host(client, text));
}

static bool
is_secured(const struct smtp_trace *t)
{
	return t->tls_version != NULL && t->tls_version[0] != '\0';
}

/* RFC 3848, RFC 6531 3.7.3. */
static void
put_with(struct buf *b, const struct smtp_trace *t)
{
	if (!t->utf8 && !t->auth && !t->esmtp)
		buf_puts(b, "SMTP");
	else
		buf_printf(b, "%s%s%s", t->utf8 ? "UTF8SMTP" : "ESMTP",
		    is_secured(t) ? "S" : "", t->auth ? "A" : "");
}

static void
put_received(struct buf *b, const struct smtp_trace *t)
{
	char helo[HELO_TEXT], date[CLOCK_TEXT];

	clock_mail(t->wall_ms, date);
	buf_printf(b, "Received: from %s ",
	    mail_text_clean(t->helo, "()<>;,\"\\", helo, sizeof(helo)));
	put_client(b, t->client);
	if (is_secured(t))
		buf_printf(b, "\r\n\t(using TLSv%s with cipher %s)",
		    t->tls_version, t->tls_cipher);
	buf_printf(b, "\r\n\tby %s (Sallyport) with ", t->gateway);
	put_with(b, t);
	buf_printf(b, " id %s", t->id);
	if (t->recipient != NULL)
		buf_printf(b, " for <%s>", t->recipient);
	buf_printf(b, ";\r\n\t%s\r\n", date);
}

static void
put_verdict(struct buf *b, const struct smtp_trace *t)
{
	char mark[MAIL_MARK_MAX];

	buf_printf(b, "%s\r\n",
	    mail_text_mark(t->decision, t->report, t->id, t->direction, mark));
}

void
smtp_trace_put(struct buf *b, const struct smtp_trace *t)
{
	put_received(b, t);
	if (t->add_headers)
		put_verdict(b, t);
	if (t->separate)
		buf_puts(b, "\r\n");
}
