/*
 * smtp_envelope: brings MAIL and RCPT to the next hop and its answers back,
 * in the order of the questions.  A session has no next hop before its first
 * RCPT, and none but that one behind its first accepted recipient.
 */

#include "protocols/smtp/smtp_rcpts.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/stats.h"

#define LINE_NONE_REACHED "451 4.4.1 No next hop can be reached, try again\r\n"
#define LINE_BUSY \
	"451 4.3.2 next_hop_max_connections: all are in use, try again\r\n"
#define LINE_NO_8BIT \
	"554 5.6.3 BODY=8BITMIME: the next hop does not take it\r\n"
#define LINE_NO_BINARY \
	"554 5.6.3 BODY=BINARYMIME: the next hop does not take it\r\n"
#define LINE_NO_UTF8 "550 5.6.7 SMTPUTF8: the next hop does not take it\r\n"
/* RFC 5321 4.1.1.11: a parameter that is not known there. */
#define LINE_NO_DSN \
	"555 5.5.4 RET, ENVID, NOTIFY, ORCPT: the next hop has no DSN\r\n"

static void push(struct smtp_mail *m);
static const char *lacks(const struct smtp_mail *m, const struct smtp_caps *c);
static void refuse_all(struct smtp_mail *m, const char *line);
static void want_hop(struct smtp_mail *m, enum smtp_which which);

/* ---- the next hop is no more ---- */

/* Whatever was sent has to be sent again, elsewhere. */
static void
unsend(struct smtp_mail *m)
{
	m->mail_is = MAIL_UNSENT;
	m->forwarded = m->forwards = 0;
	smtp_rcpts_unsend(m);
}

/*
 * The one in front is of another route, none before it was accepted, and
 * nothing is under way: the mail becomes that one's.
 */
static bool
turn_to(struct smtp_mail *m)
{
	const struct smtp_rcpt *r = m->first;

	if (r == NULL || r->is != RCPT_WAITS || r->route == m->route ||
	    m->accepted > 0 || m->lent)
		return false;
	smtp_mail_drop_hop(m, true);
	buf_clear(&m->refusal);
	unsend(m);
	m->route = r->route;
	want_hop(m, HOP_ANY);
	return true;
}

/* It is given up, and whoever waits for it hears line. */
static void
give_up(struct smtp_mail *m, enum smtp_hop_is is, const char *line)
{
	smtp_mail_drop_hop(m, false);
	m->hop_is = is;
	unsend(m);
	if (is == HOP_GONE)
		smtp_rcpts_all(m, line);
	else
		smtp_rcpts_of_route(m, line);
	(void)turn_to(m);
}

static void
lost(struct smtp_mail *m, const char *why, bool said_421)
{
	const char *text = smtp_hops_next(m->own->hops, m->want.index)->text;
	bool used_before = m->used_before;

	log_warn(m->x->session, "smtp next hop lost next_hop=%s reason=%s",
	    text, log_quote(why));
	(void)snprintf(m->want.why, sizeof(m->want.why), "%.190s", why);
	if (m->accepted > 0 || m->lent) {
		give_up(m, HOP_GONE, SMTP_LINE_LOST);
		return;
	}
	if (said_421 && !used_before) {
		give_up(m, HOP_NONE, SMTP_LINE_421);
		return;
	}
	smtp_mail_drop_hop(m, false);
	m->hop_is = HOP_NONE;
	unsend(m);
	if (m->first == NULL || turn_to(m))
		return; /* the next RCPT gets another */
	/* An idle connection may have been closed long ago: once more. */
	want_hop(m, used_before ? HOP_FRESH : HOP_ANOTHER);
}

/* ---- what the next hop says ---- */

/* A mail that is told to be from us is better than none. */
static void
forward_answered(struct smtp_mail *m, const struct smtp_reply *r)
{
	m->forwards--;
	if (r->code / 100 != 2)
		log_warn(m->x->session, "smtp XFORWARD refused reply=\"%u %s\"",
		    r->code, log_quote(r->text));
	push(m);
}

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
	smtp_rcpts_of_route(m, buf_text(&m->refusal));
	(void)turn_to(m);
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
	buf_init(&b, SMTP_ANSWER_MAX);
	smtp_reply_put(r, r->code, &b);
	smtp_rcpts_first(m, buf_text(&b));
	buf_free(&b);
	push(m);
}

/* It is there; or it knows the client now, and may offer that one something
 * else. */
static void
hop_ready(struct smtp_mail *m)
{
	const char *no = lacks(m, &m->hop->caps);

	m->hop_is = HOP_OPEN;
	if (no != NULL)
		refuse_all(m, no);
	else
		push(m);
}

static void
in_envelope(struct smtp_mail *m, enum smtp_hop_event what)
{
	const struct smtp_reply *r = &m->hop->reply;

	if (what == HOP_READY)
		hop_ready(m);
	else if (what == HOP_LOST)
		lost(m, m->hop->why, false);
	else if (what == HOP_SAID && r->code == 421)
		lost(m, r->text, true);
	else if (what == HOP_SAID && m->forwards > 0)
		forward_answered(m, r);
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

/* RFC 4954 5: what an unknown client says about it is not known. */
static const char *
says_auth(const struct smtp_mail *m)
{
	if (m->param.auth[0] == '\0' || m->hop->caps.mechs[0] == '\0')
		return NULL;
	return smtp_auth_done(m->s) ? m->param.auth : "<>";
}

static void
send_mail(struct smtp_mail *m)
{
	static const char *const bodies[] = {
	    "", "", " BODY=8BITMIME", " BODY=BINARYMIME"};
	static const char *const rets[] = {"", " RET=FULL", " RET=HDRS"};
	const struct smtp_caps *caps = &m->hop->caps;
	const struct smtp_param *p = &m->param;
	const char *auth = says_auth(m);
	char size[40] = "";

	if (caps->has_size && p->has_size)
		(void)snprintf(
		    size, sizeof(size), " SIZE=%ju", (uintmax_t)p->size);
	smtp_hop_ask(m->hop, "MAIL FROM:<%s>%s%s%s%s%s%s%s%s\r\n", m->sender,
	    size, bodies[p->body], p->utf8 ? " SMTPUTF8" : "", rets[p->ret],
	    p->envid[0] == '\0' ? "" : " ENVID=", p->envid,
	    auth == NULL ? "" : " AUTH=", auth == NULL ? "" : auth);
	m->mail_is = MAIL_SENT;
}

/* It cannot be in one transaction with what was accepted, or will be. */
static bool
is_apart(const struct smtp_mail *m, const struct smtp_rcpt *r)
{
	if (r->route != m->route)
		return true;
	/* RFC 2033 4.2: a reply behind the dot for each recipient, and our
	 * client hears but one. */
	return m->hop != NULL && m->hop->conf->lmtp && m->accepted > 0;
}

/* Sends what may be sent: all that waits if all, else one. */
static void
push_rcpts(struct smtp_mail *m, bool all)
{
	for (struct smtp_rcpt *r = m->first; r != NULL; r = r->next) {
		if (r->is == RCPT_SENT && !all)
			return;
		if (r->is != RCPT_WAITS)
			continue;
		if (is_apart(m, r)) {
			if (m->accepted == 0)
				return; /* those before it decide */
			r->is = RCPT_APART;
			continue;
		}
		smtp_hop_ask(m->hop, "RCPT TO:<%s>%s\r\n", r->text, r->param);
		r->is = RCPT_SENT;
		if (!all)
			return;
	}
}

static void
push(struct smtp_mail *m)
{
	bool all =
	    m->hop != NULL && m->hop->caps.pipelining && !m->hop->conf->lmtp;

	if (m->hop_is != HOP_OPEN || m->hop == NULL || turn_to(m))
		return;
	if (m->mail_is == MAIL_UNSENT && smtp_forward_introduce(m)) {
		m->hop_is = HOP_WANTED; /* until it is ready again */
		return;
	}
	while (m->mail_is == MAIL_UNSENT && m->forwarded < 2) {
		if (smtp_forward_say(m, m->forwarded++))
			m->forwards++;
		if (m->forwards > 0 && !all)
			return;
	}
	if (m->mail_is == MAIL_UNSENT)
		send_mail(m);
	if (m->mail_is == MAIL_SENT && !all)
		return;
	push_rcpts(m, all);
	if (m->first != NULL && m->first->is == RCPT_APART)
		smtp_rcpts_say_ours(m);
}

/* A maildir takes whatever comes: it is one mailbox. */
static void
take_all(struct smtp_mail *m)
{
	while (m->first != NULL && !turn_to(m)) {
		if (is_apart(m, m->first)) {
			m->first->is = RCPT_APART;
			smtp_rcpts_say_ours(m);
			continue;
		}
		accepted(m);
		smtp_rcpts_first(m, "250 2.1.5 Ok\r\n");
	}
}

/* What this mail needs and c has not; NULL: nothing. */
static const char *
lacks(const struct smtp_mail *m, const struct smtp_caps *c)
{
	const struct smtp_param *p = &m->param;
	bool dsn = p->ret != RET_UNSAID || p->envid[0] != '\0';

	for (const struct smtp_rcpt *r = m->first; r != NULL; r = r->next)
		dsn = dsn || (r->route == m->route && r->param[0] != '\0');
	if (p->body == BODY_8BITMIME && !c->eightbit)
		return LINE_NO_8BIT;
	if (p->body == BODY_BINARYMIME && !(c->binarymime && c->chunking))
		return LINE_NO_BINARY;
	if (p->utf8 && !(c->smtputf8 && c->eightbit))
		return LINE_NO_UTF8;
	return dsn && !c->dsn ? LINE_NO_DSN : NULL;
}

/* It needs what is not there: nothing is converted. */
static void
refuse_all(struct smtp_mail *m, const char *line)
{
	buf_puts(&m->refusal, line);
	smtp_mail_drop_hop(m, true);
	m->hop_is = HOP_REFUSED;
	smtp_rcpts_of_route(m, line);
	(void)turn_to(m);
}

static void
got_maildir(struct smtp_mail *m)
{
	static const struct smtp_caps caps = {
	    .eightbit = true, .smtputf8 = true};
	const char *no = lacks(m, &caps);

	m->hop_is = HOP_OPEN;
	if (no != NULL)
		refuse_all(m, no);
	else
		take_all(m);
}

static void
got_hop(struct smtp_mail *m, struct smtp_hop *hop)
{
	m->hop = hop;
	m->used_before = hop->idled && !m->lent;
	smtp_hop_owner(hop, told, m);
	hop_ready(m);
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
		got_maildir(m);
		break;
	case GOT_NONE:
		log_error(m->x->session, "smtp no next hop reason=%s",
		    log_quote(why));
		give_up(m, HOP_NONE, LINE_NONE_REACHED);
		break;
	case GOT_BUSY:
		log_warn(m->x->session,
		    "smtp next_hop_max_connections in use next_hop=%s", why);
		(void)stats_limit(
		    s->place->counted, "next_hop_max_connections");
		give_up(m, HOP_NONE, LINE_BUSY);
		break;
	}
	smtp_go_on(s);
}

static void
want_hop(struct smtp_mail *m, enum smtp_which which)
{
	m->hop = smtp_auth_lend(m->s, &m->want.index);
	if (m->hop != NULL) {
		m->lent = true;
		got_hop(m, m->hop);
		return;
	}
	m->hop_is = HOP_WANTED;
	smtp_hops_get(m->own->hops, &m->want, m->route, which, got, m);
}

void
smtp_envelope_ask(struct smtp_mail *m, const struct smtp_addr *rcpt,
    const struct smtp_rcpt_param *param)
{
	char text[SMTP_RCPT_PARAM_TEXT];
	/* What a client may send as who it is goes where it said that. */
	unsigned route = smtp_auth_done(m->s)
	    ? 0
	    : smtp_route_of(&m->own->routes, rcpt->domain);

	smtp_rcpt_param_text(param, text);
	if ((m->hop_is == HOP_REFUSED && route == m->route) ||
	    m->hop_is == HOP_GONE) {
		smtp_rcpts_answer(m,
		    m->hop_is == HOP_GONE ? SMTP_LINE_LOST
					  : buf_text(&m->refusal));
		return;
	}
	if (m->hop != NULL && route == m->route && text[0] != '\0' &&
	    !m->hop->caps.dsn) {
		smtp_rcpts_answer(m, LINE_NO_DSN);
		return;
	}
	smtp_rcpts_add(m, rcpt->whole, text, route);
	if (m->hop_is == HOP_NONE) {
		m->route = m->first->route;
		want_hop(m, HOP_ANY);
	} else if (m->hop_is == HOP_REFUSED) {
		(void)turn_to(m);
	} else if (m->hop == NULL && m->hop_is == HOP_OPEN) {
		take_all(m);
	} else {
		push(m);
	}
}
