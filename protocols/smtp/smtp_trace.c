/*
 * smtp_trace: the fields on top of a mail (RFC 5321 4.4).  Pure.  The HELO
 * name and a signature's name are hearsay: they are cleaned here so that no
 * field ends before we end it.
 */

#include "protocols/smtp/smtp_trace.h"

#include "protocols/smtp/smtp_text.h"
#include "proxy/base/clock.h"

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

static void
put_received(struct buf *b, const struct smtp_trace *t)
{
	char helo[HELO_TEXT], date[CLOCK_TEXT];

	clock_mail(t->wall_ms, date);
	buf_printf(b, "Received: from %s ",
	    smtp_text_clean(t->helo, "()<>;,\"\\", helo, sizeof(helo)));
	put_client(b, t->client);
	buf_printf(b, "\r\n\tby %s (Sallyport) with %s id %s", t->gateway,
	    t->esmtp ? "ESMTP" : "SMTP", t->id);
	if (t->recipient != NULL)
		buf_printf(b, " for <%s>", t->recipient);
	buf_printf(b, ";\r\n\t%s\r\n", date);
}

static void
put_verdict(struct buf *b, const struct smtp_trace *t)
{
	const struct decision *d = t->decision;
	char what[FINDING_WHAT_MAX + 1], engines[REPORT_ENGINES_MAX + 1];

	buf_printf(b, "X-Sallyport: %s", d->verdict);
	if (d->action == DO_TAG && d->because.what[0] != '\0')
		buf_printf(b, " %s",
		    smtp_text_clean(d->because.what, ";", what, sizeof(what)));
	smtp_text_clean(t->report->engines, ";", engines, sizeof(engines));
	buf_printf(
	    b, "; %s; %s\r\n", engines[0] == '\0' ? "none" : engines, t->id);
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
