/*
 * smtp_envelope: brings MAIL and RCPT to the next hop and its answers back,
 * in the order of the questions.  A session has no next hop before its first
 * RCPT, and none but that one behind its first accepted recipient.
 */

#include "protocols/smtp/smtp.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

#define ANSWER_MAX (16 * 1024) /* a reply with codes in front of its lines */

enum rcpt_is { RCPT_OURS, RCPT_WAITS, RCPT_SENT };

struct smtp_rcpt {
	struct smtp_rcpt *next;
	enum rcpt_is is;
	char text[]; /* an answer of ours, or the address */
};

#define LINE_LOST "451 4.4.2 Next hop lost, try again\r\n"
#define LINE_NONE_REACHED "451 4.4.1 No next hop can be reached, try again\r\n"
#define LINE_BUSY \
	"451 4.3.2 next_hop_max_connections: all are in use, try again\r\n"
#define LINE_HOP_421 "451 4.3.2 Next hop is not available, try again\r\n"
#define LINE_NO_8BIT \
	"554 5.6.3 BODY=8BITMIME: the next hop does not take it\r\n"

static void push(struct smtp_mail *m);
static void want_hop(struct smtp_mail *m, size_t from, bool fresh);

/* ---- answers, in order ---- */

static void
pop(struct smtp_mail *m)
{
	struct smtp_rcpt *r = m->first;

	m->first = r->next;
	if (m->first == NULL)
		m->last = &m->first;
	m->pending--;
	free(r);
}

/* Our own answers at the front can go out now. */
static void
say_ours(struct smtp_mail *m)
{
	while (m->first != NULL && m->first->is == RCPT_OURS) {
		smtp_say(m->s, m->first->text);
		pop(m);
	}
	if (m->pending == 0)
		smtp_enter(m->s, SMTP_RCPT); /* it is the client's turn */
}

static void
answer(struct smtp_mail *m, const char *line)
{
	smtp_say(m->s, line);
	pop(m);
	say_ours(m);
}

static void
answer_all(struct smtp_mail *m, const char *line)
{
	while (m->first != NULL)
		answer(m, line);
}

static void
add(struct smtp_mail *m, enum rcpt_is is, struct slice text)
{
	struct smtp_rcpt *r = xcalloc(1, sizeof(*r) + text.len + 1);

	r->is = is;
	memcpy(r->text, text.at, text.len);
	*m->last = r;
	m->last = &r->next;
	m->pending++;
}

void
smtp_envelope_answer(struct smtp_mail *m, const char *line)
{
	if (m->pending == 0)
		smtp_say(m->s, line);
	else
		add(m, RCPT_OURS, slice_of(line));
}

void
smtp_envelope_forget(struct smtp_mail *m)
{
	while (m->first != NULL)
		pop(m);
}

/* ---- the next hop is no more ---- */

/* Whatever was sent has to be sent again, elsewhere. */
static void
unsend(struct smtp_mail *m)
{
	m->mail_is = MAIL_UNSENT;
	for (struct smtp_rcpt *r = m->first; r != NULL; r = r->next) {
		if (r->is == RCPT_SENT)
			r->is = RCPT_WAITS;
	}
}

/* It is given up, and whoever waits hears line. */
static void
give_up(struct smtp_mail *m, enum smtp_hop_is is, const char *line)
{
	smtp_mail_drop_hop(m, false);
	m->hop_is = is;
	unsend(m);
	answer_all(m, line);
}

static void
lost(struct smtp_mail *m, const char *why, bool said_421)
{
	const char *text = smtp_hops_next(m->own->hops, m->want.index)->text;
	bool used_before = m->used_before;

	log_warn(m->x->session, "smtp next hop lost next_hop=%s reason=%s",
	    text, log_quote(why));
	(void)snprintf(m->want.why, sizeof(m->want.why), "%.190s", why);
	if (m->accepted > 0) {
		give_up(m, HOP_GONE, LINE_LOST);
		return;
	}
	if (said_421 && !used_before) {
		give_up(m, HOP_NONE, LINE_HOP_421);
		return;
	}
	smtp_mail_drop_hop(m, false);
	m->hop_is = HOP_NONE;
	unsend(m);
	if (m->first == NULL)
		return; /* the next RCPT gets another */
	/* An idle connection may have been closed long ago: once more. */
	want_hop(m, m->want.index + (used_before ? 0 : 1), used_before);
}

/* ---- what the next hop says ---- */

static void
mail_answered(struct smtp_mail *m, const struct smtp_reply *r)
{
	if (r->code == 250) {
		m->mail_is = MAIL_OK;
		push(m);
		return;
	}
	if (r->code / 100 != 4 && r->code / 100 != 5) {
		lost(m, "unexpected reply to MAIL", false);
		return;
	}
	/* RFC 5321 3.3: our 250 to MAIL stands, so each RCPT hears it. */
	smtp_reply_put(r, r->code, &m->refusal);
	smtp_mail_drop_hop(m, true);
	m->hop_is = HOP_REFUSED;
	answer_all(m, buf_text(&m->refusal));
}

static void
accepted(struct smtp_mail *m)
{
	const char *rcpt = m->first->text;

	if (m->accepted++ == 0)
		copy_text(m->recipient, sizeof(m->recipient), rcpt);
	if (facts_add(&m->x->facts, FIELD_RECIPIENT, rcpt) < 0)
		log_warn(m->x->session, "smtp recipient not in event to=%s",
		    log_quote(rcpt));
}

static void
rcpt_answered(struct smtp_mail *m, const struct smtp_reply *r)
{
	struct buf b;

	MUST(m->first != NULL && m->first->is == RCPT_SENT);
	if (r->code >= 250 && r->code <= 252) {
		accepted(m);
	} else if (r->code / 100 != 4 && r->code / 100 != 5) {
		/* What it means by that we cannot know, nor undo. */
		lost(m, "unexpected reply to RCPT", false);
		return;
	}
	buf_init(&b, ANSWER_MAX);
	smtp_reply_put(r, r->code, &b);
	answer(m, buf_text(&b));
	buf_free(&b);
	push(m);
}

static void
in_envelope(struct smtp_mail *m, enum smtp_hop_event what)
{
	const struct smtp_reply *r = &m->hop->reply;

	if (what == HOP_LOST)
		lost(m, m->hop->why, m->hop->answered_421);
	else if (what == HOP_SAID && r->code == 421)
		lost(m, r->text, true);
	else if (what == HOP_SAID && m->mail_is == MAIL_SENT)
		mail_answered(m, r);
	else if (what == HOP_SAID)
		rcpt_answered(m, r);
}

static void
told(void *arg, struct smtp_hop *h, enum smtp_hop_event what)
{
	struct smtp_mail *m = arg;
	struct session *s = m->s;

	IS(m, SMTP_MAIL_MAGIC);
	MUST(m->hop == h);
	if (m->phase == PHASE_ENVELOPE) {
		in_envelope(m, what);
	} else if (m->phase != PHASE_HELD) {
		smtp_deliver_told(m, what);
	} else if (what == HOP_LOST) {
		/* The client hears of it behind its dot. */
		lost(m, h->why, false);
	}
	if (s != NULL)
		smtp_go_on(s);
}

/* ---- what is sent ---- */

static void
send_mail(struct smtp_mail *m)
{
	const struct smtp_caps *caps = &m->hop->caps;
	char size[40] = "";

	if (caps->has_size && m->param.has_size)
		(void)snprintf(
		    size, sizeof(size), " SIZE=%ju", (uintmax_t)m->param.size);
	smtp_hop_ask(m->hop, "MAIL FROM:<%s>%s%s\r\n", m->sender, size,
	    m->param.body == BODY_8BITMIME ? " BODY=8BITMIME" : "");
	m->mail_is = MAIL_SENT;
}

/* Sends what may be sent: all that waits with PIPELINING, else one. */
static void
push(struct smtp_mail *m)
{
	bool all = m->hop != NULL && m->hop->caps.pipelining;

	if (m->hop_is != HOP_OPEN || m->hop == NULL)
		return;
	if (m->mail_is == MAIL_UNSENT)
		send_mail(m);
	if (m->mail_is == MAIL_SENT && !all)
		return;
	for (struct smtp_rcpt *r = m->first; r != NULL; r = r->next) {
		if (r->is == RCPT_SENT && !all)
			return;
		if (r->is != RCPT_WAITS)
			continue;
		smtp_hop_ask(m->hop, "RCPT TO:<%s>\r\n", r->text);
		r->is = RCPT_SENT;
		if (!all)
			return;
	}
}

/* A maildir takes whatever comes: it is one mailbox. */
static void
take_all(struct smtp_mail *m)
{
	while (m->first != NULL) {
		accepted(m);
		answer(m, "250 2.1.5 Ok\r\n");
	}
}

static void
got_hop(struct smtp_mail *m, struct smtp_hop *hop)
{
	m->hop = hop;
	m->used_before = hop->idled;
	smtp_hop_owner(hop, told, m);
	m->hop_is = HOP_OPEN;
	if (m->param.body == BODY_8BITMIME && !hop->caps.eightbit) {
		buf_puts(&m->refusal, LINE_NO_8BIT);
		smtp_mail_drop_hop(m, true);
		m->hop_is = HOP_REFUSED;
		answer_all(m, LINE_NO_8BIT);
		return;
	}
	push(m);
}

static void
got(void *arg, enum smtp_got_is is, struct smtp_hop *hop, const char *why)
{
	struct smtp_mail *m = arg;
	struct session *s = m->s;

	IS(m, SMTP_MAIL_MAGIC);
	switch (is) {
	case GOT_HOP:
		got_hop(m, hop);
		break;
	case GOT_MAILDIR:
		m->hop_is = HOP_OPEN;
		take_all(m);
		break;
	case GOT_NONE:
		log_error(m->x->session, "smtp no next hop reason=%s",
		    log_quote(why));
		give_up(m, HOP_NONE, LINE_NONE_REACHED);
		break;
	case GOT_BUSY:
		log_warn(m->x->session,
		    "smtp next_hop_max_connections in use next_hop=%s", why);
		give_up(m, HOP_NONE, LINE_BUSY);
		break;
	}
	smtp_go_on(s);
}

static void
want_hop(struct smtp_mail *m, size_t from, bool fresh)
{
	m->hop_is = HOP_WANTED;
	smtp_hops_get(m->own->hops, &m->want, from, fresh, got, m);
}

void
smtp_envelope_ask(struct smtp_mail *m, const struct smtp_addr *rcpt)
{
	if (m->hop_is == HOP_REFUSED || m->hop_is == HOP_GONE) {
		smtp_envelope_answer(m,
		    m->hop_is == HOP_GONE ? LINE_LOST : buf_text(&m->refusal));
		return;
	}
	add(m, RCPT_WAITS, rcpt->whole);
	if (m->hop_is == HOP_NONE)
		want_hop(m, 0, false);
	else if (m->hop == NULL && m->hop_is == HOP_OPEN)
		take_all(m);
	else
		push(m);
}
