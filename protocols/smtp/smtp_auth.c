/*
 * smtp_auth: AUTH is between the client and the next hop: every line of it is
 * carried through and none is kept or logged.  The connection on which it was
 * said stays this session's own until it ends: no other ever gets it, and a
 * mail of this session never takes another.
 */

#include "protocols/smtp/smtp.h"
#include "protocols/smtp/smtp_sasl.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

struct smtp_auth {
	struct smtp_want want;
	struct smtp_hop *hop; /* NULL while it is got, lost, or a mail's */
	bool done;            /* 235 was said */
	bool gone; /* the connection is lost, and with it who it is */
	char mech[32];
	char *line;          /* the first, until the hop is there */
	const char *instead; /* said in place of the hop's next reply */
};

#define LINE_NONE_REACHED "454 4.7.0 No next hop can be reached, try again\r\n"
#define LINE_BUSY \
	"454 4.7.0 next_hop_max_connections: all are in use, try again\r\n"
#define LINE_LOST "454 4.7.0 Next hop lost, try again\r\n"
#define LINE_CODING "501 5.5.2 Not base64\r\n"
#define LINE_LONG_ONE "500 5.5.6 Authentication exchange line is too long\r\n"

bool
smtp_auth_allowed(const struct session *s)
{
	return smtp_own(s)->auth_without_tls || smtp_secure(s);
}

bool
smtp_auth_done(const struct session *s)
{
	const struct smtp *p = s->state;

	return p->auth != NULL && p->auth->done;
}

bool
smtp_auth_gone(const struct session *s)
{
	const struct smtp *p = s->state;

	return p->auth != NULL && p->auth->gone;
}

static void
forget_line(struct smtp_auth *a)
{
	if (a->line != NULL)
		explicit_bzero(a->line, strlen(a->line));
	free(a->line);
	a->line = NULL;
}

void
smtp_auth_close(struct smtp *p)
{
	struct smtp_auth *a = p->auth;

	p->auth = NULL;
	if (a == NULL)
		return;
	smtp_hops_cancel(&a->want);
	smtp_hops_give(&a->hop, false);
	forget_line(a);
	free(a);
}

/* ---- the next hop ---- */

static void
answer(struct session *s, const char *line)
{
	smtp_enter(s, SMTP_READY);
	smtp_error(s, line);
}

/* The next hop's own words, at the end of an exchange. */
static void
answered(struct session *s, const struct smtp_reply *r)
{
	struct smtp *p = s->state;
	struct buf b;

	p->auth->done = r->code == 235;
	/* A wrong password is an error of the client like any other. */
	if (r->code / 100 == 5)
		p->errors++;
	log_info(s->id, "smtp auth mech=%s result=%u", p->auth->mech, r->code);
	buf_init(&b, SMTP_ANSWER_MAX);
	smtp_reply_put(r, r->code, &b);
	smtp_enter(s, SMTP_READY);
	smtp_say(s, buf_text(&b));
	buf_free(&b);
}

static void
asked_on(struct session *s, struct slice challenge)
{
	io_puts(s->client, "334 ");
	io_put(s->client, challenge.at, challenge.len);
	io_puts(s->client, "\r\n");
	smtp_enter(s, SMTP_SASL);
}

/* False: what it said was no answer to that. */
static bool
said(struct session *s, const struct smtp_hop *h)
{
	struct smtp *p = s->state;
	struct smtp_auth *a = p->auth;
	unsigned code = h->reply.code;
	const char *instead = a->instead;

	if (p->state != SMTP_AUTH || code == 421)
		return false;
	a->instead = NULL;
	if (code == 334 && instead == NULL) {
		if (!smtp_sasl_coded(h->challenge))
			return false;
		asked_on(s, h->challenge);
		return true;
	}
	if (instead != NULL && code / 100 == 5)
		answer(s, instead);
	else if (code == 235 || code / 100 == 4 || code / 100 == 5)
		answered(s, &h->reply);
	else
		return false;
	return true;
}

static void
lost(struct session *s, const char *why)
{
	struct smtp *p = s->state;
	struct smtp_auth *a = p->auth;

	log_warn(
	    s->id, "smtp next hop lost with AUTH reason=%s", log_quote(why));
	smtp_hops_give(&a->hop, false);
	a->gone = a->done;
	if (p->state == SMTP_AUTH || p->state == SMTP_SASL)
		answer(s, LINE_LOST);
}

static void
told(void *arg, struct smtp_hop *h, enum smtp_hop_event what)
{
	struct session *s = arg;

	IS(s, SESSION_MAGIC);
	if (what == HOP_DRAINED)
		return;
	if (what == HOP_LOST)
		lost(s, h->why);
	else if (!said(s, h))
		lost(s, "unexpected reply to AUTH");
	smtp_go_on(s);
}

static void
to_hop(struct smtp_auth *a, struct slice line)
{
	smtp_hop_say(a->hop, line);
}

static void
got(void *arg, enum smtp_got_is is, struct smtp_hop *hop, const char *why)
{
	struct session *s = arg;
	struct smtp_auth *a = ((struct smtp *)s->state)->auth;

	IS(s, SESSION_MAGIC);
	if (is == GOT_HOP && smtp_caps_mech(&hop->caps, slice_of(a->mech))) {
		a->hop = hop;
		hop->sasl = true;
		smtp_hop_owner(hop, told, s);
		to_hop(a, slice_of(a->line));
	} else if (is == GOT_HOP) {
		smtp_hops_give(&hop, true);
		answer(s, "504 5.5.4 The next hop does not know that\r\n");
	} else if (is == GOT_BUSY) {
		log_warn(s->id,
		    "smtp next_hop_max_connections in use next_hop=%s", why);
		answer(s, LINE_BUSY);
	} else {
		log_error(s->id, "smtp no next hop reason=%s", log_quote(why));
		answer(s, LINE_NONE_REACHED);
	}
	forget_line(a);
	smtp_go_on(s);
}

/* ---- the client ---- */

static const char *
refusal(const struct session *s, struct slice arg, struct smtp_sasl *a_r)
{
	const struct smtp *p = s->state;
	struct smtp_caps c;

	if (!p->esmtp)
		return "503 5.5.1 Send EHLO first\r\n";
	if (p->mail != NULL)
		return "503 5.5.1 A mail is under way\r\n";
	if (smtp_auth_done(s)) /* RFC 4954 4 */
		return "503 5.5.1 Authenticated already\r\n";
	if (!smtp_auth_allowed(s))
		return "538 5.7.11 auth_without_tls: Encryption is needed\r\n";
	smtp_offered(s, &c);
	if (c.mechs[0] == '\0')
		return "502 5.5.1 AUTH is not offered\r\n";
	switch (smtp_sasl(arg, a_r)) {
	case SASL_SYNTAX:
		return "501 5.5.4 Syntax: AUTH mechanism\r\n";
	case SASL_CODING:
		return LINE_CODING;
	case SASL_OK:
		break;
	}
	return smtp_caps_mech(&c, a_r->mech)
	    ? NULL
	    : "504 5.5.4 That mechanism is not offered\r\n";
}

void
smtp_auth(struct session *s, struct slice arg)
{
	struct smtp *p = s->state;
	struct smtp_sasl sasl;
	const char *no = refusal(s, arg, &sasl);
	struct smtp_auth *a;

	if (no != NULL) {
		smtp_error(s, no);
		return;
	}
	if (p->auth == NULL)
		p->auth = xcalloc(1, sizeof(*p->auth));
	a = p->auth;
	(void)slice_copy(sasl.mech, a->mech, sizeof(a->mech));
	a->line = xasprintf("AUTH %s%s%.*s", a->mech,
	    sasl.initial.at == NULL ? "" : " ", (int)sasl.initial.len,
	    sasl.initial.at == NULL ? "" : sasl.initial.at);
	smtp_enter(s, SMTP_AUTH);
	if (a->hop != NULL) { /* one try has failed there */
		to_hop(a, slice_of(a->line));
		forget_line(a);
		return;
	}
	smtp_hops_get(smtp_own(s)->hops, &a->want, 0, HOP_FRESH, got, s);
}

static void
give_up(struct session *s, const char *instead)
{
	struct smtp_auth *a = ((struct smtp *)s->state)->auth;

	a->instead = instead;
	to_hop(a, slice_of("*")); /* RFC 4954 4: cancels */
	smtp_enter(s, SMTP_AUTH);
}

bool
smtp_auth_take(struct session *s)
{
	struct smtp_auth *a = ((struct smtp *)s->state)->auth;
	struct slice line;

	switch (io_line(s->client, SMTP_SASL_LINE_MAX, &line)) {
	case LINE_NONE:
		return false;
	case LINE_LONG:
		give_up(s, LINE_LONG_ONE);
		break;
	case LINE_BARE:
		smtp_refuse_bare(s);
		break;
	case LINE_OK:
		if (!smtp_sasl_coded(line) && !slice_is(line, "*")) {
			give_up(s, LINE_CODING);
			break;
		}
		to_hop(a, line);
		smtp_enter(s, SMTP_AUTH);
		break;
	}
	return true;
}

/* ---- its mails ---- */

struct smtp_hop *
smtp_auth_lend(struct session *s, size_t *index_r)
{
	struct smtp_auth *a = ((struct smtp *)s->state)->auth;
	struct smtp_hop *h;

	if (a == NULL || !a->done || a->hop == NULL)
		return NULL;
	h = a->hop;
	a->hop = NULL;
	*index_r = a->want.index;
	return h;
}

void
smtp_auth_back(struct session *s, struct smtp_hop **hp, bool good)
{
	struct smtp_auth *a = ((struct smtp *)s->state)->auth;
	struct smtp_hop *h = *hp;

	*hp = NULL;
	if (h == NULL)
		return;
	if (!good) {
		smtp_hops_give(&h, false);
		a->gone = a->done;
		return;
	}
	a->hop = h;
	smtp_hop_owner(h, told, s);
	smtp_hop_reset(h);
}
