/*
 * smtp_deliver: gives a mail that has passed to the next hop, and its answer to
 * the client.  We never hold a mail that the client believes delivered: its 250
 * is the next hop's own, and goes out before anything else is done.
 */

#include <errno.h>

#include "protocols/smtp/smtp.h"
#include "protocols/smtp/smtp_maildir.h"
#include "protocols/smtp/smtp_trace.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

#define PIECE (32 * 1024)

#define LINE_ODD "451 4.5.0 Next hop gave an unexpected reply, try again\r\n"

/* ---- the answer ---- */

/* For the event: without the last CRLF. */
static void
end_with(struct smtp_mail *m, const char *result, const char *reason,
    const char *reply)
{
	size_t len = strlen(reply);
	char *text = xstrndup(reply, len > 2 ? len - 2 : len);

	smtp_mail_end(&m, result, reason, text);
	free(text);
}

void
smtp_deliver_answer(struct smtp_mail *m, const char *result, const char *reason,
    const char *reply)
{
	struct session *s = m->s;

	if (s != NULL) {
		/* RFC 1047: the client hears it before all else. */
		smtp_say(s, reply);
		io_flush(s->client);
	}
	end_with(m, result, reason, reply);
	if (s == NULL)
		return;
	((struct smtp *)s->state)->mail = NULL;
	smtp_enter(s, SMTP_READY);
}

/* The hop's own words. */
static void
pass_on(
    struct smtp_mail *m, unsigned code, const char *result, const char *reason)
{
	struct buf b;

	buf_init(&b, SMTP_ANSWER_MAX);
	smtp_reply_put(&m->hop->reply, code, &b);
	smtp_deliver_answer(m, result, reason, buf_text(&b));
	buf_free(&b);
}

static void
refused_by_hop(struct smtp_mail *m)
{
	unsigned code = m->hop->reply.code;

	/* Nothing is under way there: it can be used again, after RSET. */
	if (code != 421 && m->phase != PHASE_BODY && m->phase != PHASE_LAST)
		m->phase = PHASE_HELD;
	if (code == 421)
		smtp_deliver_answer(m, "deferred", "next_hop", SMTP_LINE_421);
	else if (code / 100 == 4)
		pass_on(m, code, "deferred", "next_hop");
	else if (code / 100 == 5)
		pass_on(m, code, "refused", "next_hop");
	else
		smtp_deliver_answer(m, "deferred", "next_hop", LINE_ODD);
}

/* ---- the body ---- */

static void
put_trace(struct smtp_mail *m, struct buf *b)
{
	const struct smtp *p = m->s->state;
	struct addr room;
	struct smtp_trace t = {
	    .helo = smtp_forward_helo(m->s),
	    .esmtp = p->esmtp,
	    .utf8 = m->param.utf8,
	    .auth = smtp_auth_done(m->s),
	    .client = smtp_forward_client(m->s, &room),
	    .gateway = m->s->place->gateway,
	    .id = m->x->id,
	    .direction = m->s->place->direction,
	    .tls_version = io_tls_version(m->s->client),
	    .tls_cipher = io_tls_cipher(m->s->client),
	    .recipient = m->accepted == 1 ? m->recipient : NULL,
	    .wall_ms = clock_wall_ms(),
	    .add_headers = m->own->add_headers,
	    .decision = &m->x->decision,
	    .report = &m->x->report,
	    .separate = m->head.no_field,
	};

	smtp_trace_put(b, &t);
}

/* The content up to the next cut, and over that.  False: it is at its end. */
static bool
next_range(struct smtp_mail *m, uint64_t *from_r, uint64_t *to_r)
{
	const struct mail_head *h = &m->head;

	if (m->cut < h->cuts && m->at == h->cut[m->cut].from)
		m->at = h->cut[m->cut++].to;
	*from_r = m->at;
	*to_r = m->cut < h->cuts ? h->cut[m->cut].from
				 : content_size(m->x->content);
	return *from_r < *to_r || m->cut < h->cuts;
}

/* No line begins with a dot: it goes as it lies. */
static void
feed_all(struct smtp_mail *m)
{
	uint64_t from, to;

	while (next_range(m, &from, &to)) {
		if (from < to)
			io_feed(m->hop->io, m->x->content, from, to);
		m->at = to;
	}
}

/* A piece, its dots doubled.  False: it cannot be read. */
static bool
put_piece(struct smtp_mail *m, uint64_t from, uint64_t to)
{
	char piece[PIECE];
	size_t want = to - from < PIECE ? (size_t)(to - from) : PIECE;
	struct slice in, out;
	ssize_t n;

	n = content_read(m->x->content, piece, want, from);
	if (n <= 0)
		return false;
	in = (struct slice){piece, (size_t)n};
	while (smtp_stuff(&m->stuff, &in, &out))
		io_put(m->hop->io, out.at, out.len);
	m->at = from + (uint64_t)n;
	return true;
}

/* What we cannot read we cannot end with a dot: the hop must not keep it. */
static void
unreadable(struct smtp_mail *m)
{
	log_error(
	    m->x->session, "spool_dir lost bytes error=%s", strerror(errno));
	smtp_deliver_answer(
	    m, "deferred", "spool", "451 4.3.0 Local error, try again\r\n");
}

static void
put_dot(struct smtp_mail *m)
{
	io_puts(m->hop->io, ".\r\n");
	m->phase = PHASE_LAST;
}

/* As much as there is room for. */
static void
pump(struct smtp_mail *m)
{
	uint64_t from, to;

	if (!m->data.dots) {
		feed_all(m);
		put_dot(m);
		return;
	}
	while (!io_full(m->hop->io)) {
		if (!next_range(m, &from, &to)) {
			put_dot(m);
			return;
		}
		if (from < to && !put_piece(m, from, to)) {
			unreadable(m);
			return;
		}
	}
}

/* By BDAT (RFC 3030): no dots, and nothing in the mail can end it. */
static void
begin_chunk(struct smtp_mail *m)
{
	uint64_t size = content_size(m->x->content);
	struct buf b;

	for (unsigned i = 0; i < m->head.cuts; i++)
		size -= m->head.cut[i].to - m->head.cut[i].from;
	buf_init(&b, SMTP_TRACE_MAX);
	put_trace(m, &b);
	smtp_hop_body(m->hop);
	io_printf(m->hop->io, "BDAT %ju LAST\r\n", (uintmax_t)(size + b.len));
	io_put(m->hop->io, buf_at(&b), b.len);
	buf_free(&b);
	feed_all(m);
	m->phase = PHASE_LAST;
}

static void
begin_body(struct smtp_mail *m)
{
	struct buf b;

	buf_init(&b, SMTP_TRACE_MAX);
	put_trace(m, &b);
	smtp_hop_body(m->hop);
	io_put(m->hop->io, buf_at(&b), b.len);
	buf_free(&b);
	m->phase = PHASE_BODY;
	pump(m);
}

/* ---- what the next hop says ---- */

static void
body_answered(struct smtp_mail *m)
{
	struct smtp_hop *h = m->hop;

	h->mails++;
	if (h->reply.code / 100 == 2 && m->phase != PHASE_BODY) {
		/* Its memory stays while it is telling us. */
		m->phase = PHASE_HELD; /* nothing is under way any more */
		pass_on(m, 250, "delivered", NULL);
		return;
	}
	refused_by_hop(m);
}

static void
hop_lost(struct smtp_mail *m)
{
	log_warn(m->x->session, "smtp next hop lost next_hop=%s reason=%s%s",
	    smtp_hops_next(m->own->hops, m->want.index)->text,
	    log_quote(m->hop->why),
	    m->phase == PHASE_DOT
		? " note=\"behind the dot: the mail may arrive twice\""
		: "");
	smtp_deliver_answer(m, "deferred", "next_hop", SMTP_LINE_LOST);
}

static void
all_sent(struct smtp_mail *m)
{
	m->phase = PHASE_DOT;
	smtp_hop_wait(
	    m->hop, m->hop->conf->data_timeout, "next_hop_data_timeout");
}

void
smtp_deliver_told(struct smtp_mail *m, enum smtp_hop_event what)
{
	if (what == HOP_LOST)
		hop_lost(m);
	else if (what == HOP_DRAINED && m->phase == PHASE_BODY)
		pump(m);
	else if (what == HOP_DRAINED && m->phase == PHASE_LAST)
		all_sent(m);
	else if (what == HOP_SAID && m->phase != PHASE_ASKED)
		body_answered(m);
	else if (what == HOP_SAID && m->hop->reply.code == 354)
		begin_body(m);
	else if (what == HOP_SAID)
		refused_by_hop(m);
}

/* ---- a maildir ---- */

static void
put_envelope(struct smtp_mail *m, struct buf *b)
{
	const char *rcpt;

	buf_printf(b, "Return-Path: <%s>\r\n", m->sender);
	for (size_t i = 0;
	     (rcpt = facts_get(&m->x->facts, FIELD_RECIPIENT, i)) != NULL; i++)
		buf_printf(b, "Delivered-To: %s\r\n", rcpt);
}

static void
into_maildir(struct smtp_mail *m)
{
	const struct smtp_next *next =
	    smtp_hops_next(m->own->hops, m->want.index);
	struct buf b;
	struct err e;
	int is, why;

	buf_init(&b,
	    SMTP_TRACE_MAX + ((size_t)m->accepted + 1) * (SMTP_ADDR_MAX + 32));
	put_envelope(m, &b);
	put_trace(m, &b);
	is = smtp_maildir_put(next->host, (struct slice){buf_at(&b), b.len},
	    m->x->content, &m->head, &e);
	why = errno;
	buf_free(&b);
	if (is == 0) {
		smtp_deliver_answer(
		    m, "delivered", NULL, "250 2.0.0 Ok: in the mailbox\r\n");
		return;
	}
	log_error(m->x->session, "maildir error=%s", e.text);
	if (why == ENOSPC || why == EDQUOT)
		smtp_deliver_answer(m, "deferred", "next_hop",
		    "452 4.3.1 Mailbox full, try again\r\n");
	else
		smtp_deliver_answer(m, "deferred", "next_hop",
		    "451 4.3.0 Mailbox not available, try again\r\n");
}

void
smtp_deliver(struct smtp_mail *m)
{
	m->began_ms = clock_ms();
	smtp_enter(m->s, SMTP_DELIVER);
	if (m->hop == NULL) {
		into_maildir(m);
		return;
	}
	if (m->by_chunks && m->hop->caps.chunking) {
		begin_chunk(m);
		return;
	}
	m->phase = PHASE_ASKED;
	smtp_hop_ask(m->hop, "DATA\r\n");
}
