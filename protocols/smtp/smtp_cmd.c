/*
 * smtp_cmd: the commands, as a table: where each may come, what is looked at,
 * what is done.  `check` changes nothing and returns the refusal, if there is
 * one; `act` does it.
 */

#include "protocols/smtp/smtp.h"
#include "protocols/smtp/smtp_line.h"
#include "protocols/smtp/smtp_sasl.h"
#include "protocols/smtp/smtp_tag.h"
#include "proxy/base/log.h"
#include "proxy/shared.h"

#define IN(state) (1u << SMTP_##state)
#define IN_GREETED (IN(READY) | IN(MAIL) | IN(RCPT) | IN(CHUNKS))
#define IN_ANY (IN(HELO) | IN_GREETED)

/* One command, as far as it is understood. */
struct asked {
	struct slice arg;
	struct smtp_addr addr;
	struct smtp_param param;
	struct smtp_rcpt_param rcpt;
};

struct command {
	const char *verb;
	unsigned in;
	const char *(*check)(struct session *s, struct asked *a);
	void (*act)(struct session *s, const struct asked *a);
};

#define NO_ARGUMENT "501 5.5.4 Syntax: no argument is allowed here\r\n"
#define UNKNOWN_PARAMETER "555 5.5.4 Unsupported parameter\r\n"

static const char *
check_nothing(struct session *s, struct asked *a)
{
	(void)s;
	(void)a;
	return NULL;
}

static const char *
check_empty(struct session *s, struct asked *a)
{
	(void)s;
	return a->arg.len == 0 ? NULL : NO_ARGUMENT;
}

/* A mail under way ends here, before it was whole. */
static void
end_mail(struct session *s, const char *reason)
{
	struct smtp *p = s->state;

	if (p->mail != NULL)
		smtp_mail_end(&p->mail, "aborted", reason, NULL);
	smtp_forward_forget(p);
	if (p->state != SMTP_HELO)
		smtp_enter(s, SMTP_READY);
}

/* ---- HELO, EHLO ---- */

static const char *
check_helo(struct session *s, struct asked *a)
{
	(void)s;
	if (a->arg.len == 0)
		return "501 5.5.4 Syntax: a name is missing\r\n";
	return smtp_line_helo(a->arg) ? NULL : "501 5.5.4 Not a name\r\n";
}

/* RFC 5321 4.1.4: it is a RSET, too. */
static void
begin(struct session *s, const struct asked *a, bool esmtp)
{
	struct smtp *p = s->state;

	end_mail(s, "helo");
	(void)slice_copy(a->arg, p->helo, sizeof(p->helo));
	p->esmtp = esmtp;
	smtp_enter(s, SMTP_READY);
}

static void
act_helo(struct session *s, const struct asked *a)
{
	begin(s, a, false);
	io_printf(s->client, "250 %s\r\n", s->place->gateway);
}

static void
act_ehlo(struct session *s, const struct asked *a)
{
	begin(s, a, true);
	smtp_offer(s);
}

/* ---- MAIL ---- */

static const char *
addr_refusal(enum smtp_addr_is is, bool sender)
{
	switch (is) {
	case ADDR_UTF8:
		return "553 5.6.7 Address needs SMTPUTF8\r\n";
	case ADDR_LONG:
		return sender ? "501 5.1.7 Address too long\r\n"
			      : "501 5.1.3 Address too long\r\n";
	default:
		return sender ? "501 5.1.7 Bad sender address syntax\r\n"
			      : "501 5.1.3 Bad recipient address syntax\r\n";
	}
}

static const char *
param_refusal(enum smtp_param_is is)
{
	if (is == PARAM_OK)
		return NULL;
	return is == PARAM_BAD ? "501 5.5.4 Bad parameter\r\n"
			       : UNKNOWN_PARAMETER;
}

static const char *
check_mail(struct session *s, struct asked *a)
{
	enum smtp_addr_is is;
	const char *no;
	struct slice rest;

	if (smtp_line_after(a->arg, "FROM", &rest) < 0)
		return "501 5.5.4 Syntax: MAIL FROM:<address>\r\n";
	is = smtp_addr(rest, &a->addr, &rest);
	if (is != ADDR_OK && is != ADDR_UTF8)
		return addr_refusal(is, true);
	smtp_untag(&a->addr, smtp_own(s)->address_tag);
	no = param_refusal(
	    smtp_param_mail(rest, smtp_offered_params(s), &a->param));
	if (no != NULL)
		return no;
	if (is == ADDR_UTF8 && !a->param.utf8)
		return addr_refusal(is, true);
	if (a->param.has_size && a->param.size > smtp_size_limit(s))
		return "552 5.3.4 Message size exceeds max_message_size\r\n";
	return NULL;
}

/* Counts the mail.  False: this client has begun enough of them. */
static bool
may_send(const struct session *s)
{
	unsigned most = smtp_own(s)->max_messages;
	struct worker *w = s->place->worker;
	const struct addr *client;
	struct addr room;

	if (most == 0)
		return true;
	client = smtp_forward_client(s, &room);
	if (client == NULL || client->ss.ss_family == AF_UNIX)
		return true;
	return shared_client_rate(
	    worker_shared(w), worker_self(w), client, RATE_MESSAGES, most);
}

static void
act_mail(struct session *s, const struct asked *a)
{
	struct smtp *p = s->state;

	if (!may_send(s)) {
		smtp_count_refusal(s, "max_messages_per_minute", true);
		smtp_error(s,
		    "450 4.7.1 max_messages_per_minute: too many mails from "
		    "you, try later\r\n");
		return;
	}
	p->skipped = 0;
	p->mail = smtp_mail_open(s, &a->addr, &a->param);
	smtp_say(s, "250 2.1.0 Ok\r\n");
	/* Sent with the reply to RCPT, if that is here (RFC 2920 3.2). */
	if (io_has_line(s->client))
		io_hold(s->client);
	smtp_enter(s, SMTP_MAIL);
}

/* ---- RCPT ---- */

static const char *
check_rcpt(struct session *s, struct asked *a)
{
	const struct smtp_mail *m = ((struct smtp *)s->state)->mail;
	enum smtp_addr_is is;
	struct slice rest;

	if (smtp_line_after(a->arg, "TO", &rest) < 0)
		return "501 5.5.4 Syntax: RCPT TO:<address>\r\n";
	is = smtp_addr(rest, &a->addr, &rest);
	if (is != ADDR_OK && !(is == ADDR_UTF8 && m->param.utf8))
		return addr_refusal(is, false);
	if (a->addr.whole.len == 0)
		return addr_refusal(ADDR_BAD, false);
	smtp_untag(&a->addr, smtp_own(s)->address_tag);
	if (!smtp_route_takes(&smtp_own(s)->routes, &a->addr))
		return "550 5.7.1 relay_domains: mail for that domain is not "
		       "taken here\r\n";
	return param_refusal(smtp_param_rcpt(
	    rest, smtp_offered_params(s), m->param.utf8, &a->rcpt));
}

static void
act_rcpt(struct session *s, const struct asked *a)
{
	struct smtp_mail *m = ((struct smtp *)s->state)->mail;

	smtp_enter(s, SMTP_RCPT);
	io_deadline(s->client, 0, NULL); /* until it is answered */
	if (m->accepted + m->pending < smtp_own(s)->max_recipients) {
		smtp_envelope_ask(m, &a->addr, &a->rcpt);
		return;
	}
	smtp_count_refusal(s, "max_recipients", !m->crowded);
	m->crowded = true;
	smtp_rcpts_answer(
	    m, "452 4.5.3 max_recipients: too many recipients\r\n");
}

/* ---- DATA ---- */

static const char *
check_data(struct session *s, struct asked *a)
{
	const struct smtp_mail *m = ((struct smtp *)s->state)->mail;

	if (a->arg.len > 0)
		return NO_ARGUMENT;
	if (m->param.body == BODY_BINARYMIME) /* RFC 3030 3 */
		return "503 5.5.1 BODY=BINARYMIME comes by BDAT\r\n";
	if (m->hop_is == HOP_GONE)
		return SMTP_LINE_LOST;
	return m->accepted > 0 ? NULL : "554 5.5.1 No valid recipients\r\n";
}

static void
act_data(struct session *s, const struct asked *a)
{
	(void)a;
	smtp_body_begin(s);
}

static void
act_bdat(struct session *s, const struct asked *a)
{
	smtp_bdat(s, a->arg);
}

static void
act_auth(struct session *s, const struct asked *a)
{
	smtp_auth(s, a->arg);
}

/* ---- STARTTLS ---- */

static const char *
check_starttls(struct session *s, struct asked *a)
{
	return smtp_tls_check(s, a->arg);
}

static void
act_starttls(struct session *s, const struct asked *a)
{
	(void)a;
	smtp_tls_begin(s);
}

/* ---- XFORWARD, XCLIENT ---- */

static void
act_xforward(struct session *s, const struct asked *a)
{
	const char *no = smtp_forward_check(s, a->arg, false);

	if (no != NULL)
		smtp_error(s, no);
	else
		smtp_say(s, "250 2.0.0 Ok\r\n");
}

/* It is another client, and it has said nothing yet. */
static void
act_xclient(struct session *s, const struct asked *a)
{
	struct smtp *p = s->state;
	const char *no = smtp_forward_check(s, a->arg, true);

	if (no != NULL) {
		smtp_error(s, no);
		return;
	}
	smtp_forward_forget(p);
	smtp_auth_close(p);
	p->helo[0] = '\0';
	p->esmtp = false;
	smtp_enter(s, SMTP_HELO);
	smtp_greet(s);
}

/* ---- the others ---- */

static void
act_rset(struct session *s, const struct asked *a)
{
	(void)a;
	end_mail(s, "rset");
	smtp_say(s, "250 2.0.0 Ok\r\n");
}

static void
act_noop(struct session *s, const struct asked *a)
{
	(void)a;
	smtp_say(s, "250 2.0.0 Ok\r\n");
}

static const char *
check_vrfy(struct session *s, struct asked *a)
{
	(void)s;
	return a->arg.len > 0 ? NULL : "501 5.5.4 Syntax: VRFY address\r\n";
}

static void
act_vrfy(struct session *s, const struct asked *a)
{
	(void)a;
	smtp_say(s, "252 2.0.0 Send mail and see: the next hop knows\r\n");
}

static void
act_expn(struct session *s, const struct asked *a)
{
	(void)a;
	smtp_error(s, "502 5.5.1 EXPN is not offered\r\n");
}

static void
act_help(struct session *s, const struct asked *a)
{
	(void)a;
	smtp_say(s, "214 2.0.0 See RFC 5321; mail is inspected here\r\n");
}

static void
act_quit(struct session *s, const struct asked *a)
{
	(void)a;
	end_mail(s, "quit");
	smtp_say(s, "221 2.0.0 Bye\r\n");
	smtp_enter(s, SMTP_OVER);
}

static const struct command commands[] = {
    {"HELO", IN_ANY, check_helo, act_helo},
    {"EHLO", IN_ANY, check_helo, act_ehlo},
    {"MAIL", IN(READY), check_mail, act_mail},
    {"RCPT", IN(MAIL) | IN(RCPT), check_rcpt, act_rcpt},
    {"DATA", IN(MAIL) | IN(RCPT), check_data, act_data},
    {"BDAT", IN_ANY, check_nothing, act_bdat}, /* its octets come anyway */
    {"AUTH", IN_GREETED, check_nothing, act_auth},
    {"STARTTLS", IN_ANY, check_starttls, act_starttls},
    {"XFORWARD", IN_ANY, check_nothing, act_xforward},
    {"XCLIENT", IN_ANY, check_nothing, act_xclient},
    {"RSET", IN_ANY, check_empty, act_rset},
    {"NOOP", IN_ANY, check_nothing, act_noop},
    {"VRFY", IN_ANY, check_vrfy, act_vrfy},
    {"EXPN", IN_ANY, check_nothing, act_expn},
    {"HELP", IN_ANY, check_nothing, act_help},
    {"QUIT", IN_ANY, check_empty, act_quit},
};

static const char *
wrong_order(enum smtp_state state, const char *verb)
{
	if (state == SMTP_HELO)
		return "503 5.5.1 Send HELO or EHLO first\r\n";
	if (state == SMTP_CHUNKS)
		return "503 5.5.1 A mail is under way: BDAT or RSET\r\n";
	if (strcmp(verb, "MAIL") == 0)
		return "503 5.5.1 A mail is under way: nested MAIL\r\n";
	return "503 5.5.1 Send MAIL first\r\n";
}

static void
run(struct session *s, const struct command *c, struct slice arg)
{
	struct smtp *p = s->state;
	struct asked a = {.arg = arg};
	const char *no = NULL;

	/* The octets of a BDAT come whatever is said to it. */
	if (smtp_tls_demanded(s, c->verb) && c->act != act_bdat) {
		p->errors++;
		no = "530 5.7.0 Must issue a STARTTLS command first\r\n";
	} else if ((c->in & (1u << p->state)) == 0)
		no = wrong_order(p->state, c->verb);
	if (no == NULL)
		no = c->check(s, &a);
	if (no != NULL)
		smtp_error(s, no);
	else
		c->act(s, &a);
}

static void
dispatch(struct session *s, struct slice line)
{
	struct smtp_line l;

	if (smtp_line(line, &l) < 0) {
		smtp_error(s, "500 5.5.2 Not a command\r\n");
		return;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!slice_is_word(l.verb, commands[i].verb))
			continue;
		run(s, &commands[i], l.arg);
		return;
	}
	smtp_error(s, "500 5.5.2 Unknown command\r\n");
}

/* RFC 5321 2.3.8: only CRLF ends a line.  Who writes otherwise may be hiding
 * a command from somebody. */
void
smtp_refuse_bare(struct session *s)
{
	struct smtp *p = s->state;

	smtp_say(s, "500 5.5.2 Bare CR, bare LF or NUL in a command\r\n");
	if (p->mail != NULL)
		smtp_mail_end(&p->mail, "aborted", "bare_newline", NULL);
	smtp_enter(s, SMTP_OVER);
}

/* While RCPTs wait for their answers only further RCPTs are taken. */
static bool
may_take(const struct session *s)
{
	const struct smtp_mail *m = ((const struct smtp *)s->state)->mail;
	struct slice in = io_input(s->client);

	if (m == NULL || m->pending == 0)
		return true;
	if (m->pending >= SMTP_PENDING_MAX || in.len < 4)
		return false;
	return strncasecmp(in.at, "RCPT", 4) == 0;
}

/* RFC 4954 4: an initial response may make it longer than any other. */
static size_t
line_limit(const struct session *s)
{
	struct slice in = io_input(s->client);

	if (in.len >= 5 && strncasecmp(in.at, "AUTH ", 5) == 0)
		return SMTP_SASL_LINE_MAX;
	return SMTP_LINE_MAX;
}

bool
smtp_command(struct session *s)
{
	struct slice line;

	if (!may_take(s))
		return false;
	switch (io_line(s->client, line_limit(s), &line)) {
	case LINE_NONE:
		return false;
	case LINE_LONG:
		smtp_error(s, "500 5.5.2 Line too long\r\n");
		break;
	case LINE_BARE:
		smtp_refuse_bare(s);
		break;
	case LINE_OK:
		dispatch(s, line);
		break;
	}
	return true;
}
