/*
 * smtp: mail as it comes in.  A session is a dialogue whose states are in
 * smtp.h; commands are in smtp_cmd.c, a mail's life in smtp_mail.c (envelope,
 * body and delivery have files of their own).
 *
 * Whatever happens outside (a line, a reply, a verdict) changes something and
 * then calls smtp_go_on(), which does what has become possible.
 */

#include "protocols/smtp/smtp.h"

#include <stdarg.h>

#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/stats.h"

/* clang-format off */
static const char *const words[] = {
#define X(state, word, text) word,
	SMTP_STATES(X)
#undef X
};
/* clang-format on */

#define LINE_OUT 512

struct smtp_own *
smtp_own(const struct session *s)
{
	struct smtp_own *o = s->place->own;

	IS(o, SMTP_OWN_MAGIC);
	return o;
}

/* How long the client may be silent in this state; 0: it is not its turn. */
static void
set_deadline(struct session *s, enum smtp_state state)
{
	switch (state) {
	case SMTP_HELO:
	case SMTP_READY:
	case SMTP_MAIL:
	case SMTP_RCPT:
	case SMTP_CHUNKS:
	case SMTP_SASL:
		io_deadline(
		    s->client, smtp_own(s)->command_timeout, "command_timeout");
		break;
	case SMTP_DATA:
	case SMTP_SKIP:
	case SMTP_CHUNK:
	case SMTP_EAT:
		io_deadline(
		    s->client, smtp_own(s)->data_timeout, "data_timeout");
		break;
	case SMTP_TLS:
		break; /* the handshake has its own */
	default:
		io_deadline(s->client, 0, NULL);
		break;
	}
}

void
smtp_enter(struct session *s, enum smtp_state next)
{
	struct smtp *p = s->state;

	if (p->state == SMTP_OVER)
		return;
	if (p->state != next)
		log_debug(s->id, "smtp %s -> %s", words[p->state], words[next]);
	p->state = next;
	set_deadline(s, next);
	if (next == SMTP_SCAN)
		io_pause(s->client); /* that it goes is still noticed */
	else if (next != SMTP_DELIVER && next != SMTP_OVER)
		io_resume(s->client);
}

void
smtp_say(struct session *s, const char *line)
{
	log_debug(s->id, "smtp says %s", log_quote(line));
	io_puts(s->client, line);
}

void
smtp_error(struct session *s, const char *line)
{
	struct smtp *p = s->state;

	/* 50x is the dialogue gone wrong; 55x and 4xx are about a mail. */
	if (strncmp(line, "50", 2) == 0)
		p->errors++;
	if (p->mail != NULL)
		smtp_rcpts_answer(p->mail, line);
	else
		smtp_say(s, line);
}

void
smtp_say_421(struct session *s, const char *reason, const char *fmt, ...)
{
	struct smtp *p = s->state;
	char text[LINE_OUT - 2], line[LINE_OUT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)snprintf(line, sizeof(line), "%s\r\n", text);
	smtp_say(s, line);
	if (p->mail != NULL)
		smtp_mail_end(&p->mail, "aborted", reason, text);
	else
		stats_reason(s->place->counted, reason);
	smtp_enter(s, SMTP_OVER);
}

void
smtp_count_refusal(struct session *s, const char *limit, bool line)
{
	uint64_t total = stats_limit(s->place->counted, limit);

	if (line)
		log_warn(s->id, "refused limit=%s listener=%s total=%ju", limit,
		    s->place->name, (uintmax_t)total);
}

/* Between two commands: is there a reason to end?  True: it has ended. */
static bool
ends_here(struct session *s)
{
	struct smtp *p = s->state;
	const struct smtp_own *o = smtp_own(s);

	if (p->errors >= o->max_errors) {
		smtp_count_refusal(s, "max_errors", true);
		smtp_say_421(s, "max_errors",
		    "421 4.7.0 %s max_errors: too many errors",
		    s->place->gateway);
		return true;
	}
	if (smtp_auth_gone(s)) {
		smtp_say_421(s, "next_hop", "421 4.4.2 %s next hop lost",
		    s->place->gateway);
		return true;
	}
	if ((p->state == SMTP_READY || p->state == SMTP_HELO) &&
	    worker_draining(s->place->worker)) {
		smtp_say_421(s, "drain", "421 4.3.2 %s is shutting down",
		    s->place->gateway);
		return true;
	}
	return false;
}

static bool
take_command(struct session *s)
{
	const struct smtp *p = s->state;
	bool waits = p->mail != NULL && p->mail->pending > 0;

	if (!waits && ends_here(s))
		return false;
	if (p->errors >= smtp_own(s)->max_errors || !smtp_command(s))
		return false;
	if (p->mail == NULL || p->mail->pending == 0)
		set_deadline(s, p->state);
	return true;
}

/* One step.  False: nothing can be done now. */
static bool
step(struct session *s)
{
	struct smtp *p = s->state;

	if (io_full(s->client))
		return false;
	switch (p->state) {
	case SMTP_HELO:
	case SMTP_READY:
	case SMTP_MAIL:
	case SMTP_RCPT:
	case SMTP_CHUNKS:
		return take_command(s);
	case SMTP_DATA:
	case SMTP_SKIP:
		return smtp_body_take(s);
	case SMTP_CHUNK:
	case SMTP_EAT:
		return smtp_bdat_take(s);
	case SMTP_SASL:
		return smtp_auth_take(s);
	default:
		return false;
	}
}

/* The client has sent all it will, and it is not enough. */
static bool
ran_dry(const struct session *s)
{
	const struct smtp *p = s->state;

	if (p->state == SMTP_SCAN || p->state == SMTP_DELIVER ||
	    p->state == SMTP_AUTH)
		return false;
	if (p->mail != NULL && p->mail->pending > 0)
		return false;
	return p->half_closed && !io_full(s->client);
}

void
smtp_go_on(struct session *s)
{
	struct smtp *p = s->state;

	IS(s, SESSION_MAGIC);
	if (p->going)
		return;
	p->going = true;
	while (step(s))
		;
	p->going = false;
	if (p->state == SMTP_OVER || ran_dry(s))
		session_end(s);
}

bool
smtp_secure(const struct session *s)
{
	return io_secured(s->client);
}

void
smtp_greet(struct session *s)
{
	io_printf(s->client, "220 %s ESMTP Sallyport\r\n", s->place->gateway);
}

static void
open_session(struct session *s)
{
	smtp_hops_learn(smtp_own(s)->hops);
	smtp_greet(s);
	smtp_enter(s, SMTP_HELO);
}

static void
late(struct session *s)
{
	const char *word = io_deadline_word(s->client);

	smtp_say_421(
	    s, word, "421 4.4.2 %s %s exceeded", s->place->gateway, word);
}

static bool
in_body(enum smtp_state state)
{
	return state == SMTP_DATA || state == SMTP_SKIP ||
	    state == SMTP_CHUNK || state == SMTP_EAT;
}

static void
client(struct session *s, enum io_event what)
{
	struct smtp *p = s->state;

	if (what == IO_GONE)
		return; /* close() follows */
	if (what == IO_ENDED)
		p->half_closed = true;
	if (what == IO_SECURED)
		smtp_tls_secured(s);
	if (what == IO_LATE)
		late(s);
	if (what == IO_INPUT && in_body(p->state))
		set_deadline(s, p->state);
	smtp_go_on(s);
}

static void
drain(struct session *s)
{
	smtp_go_on(s);
}

static void
refuse(struct io *io, const char *gateway, enum refusal why)
{
	switch (why) {
	case REFUSE_BUSY:
		io_printf(io,
		    "421 4.3.2 %s max_sessions reached, try again"
		    " later\r\n",
		    gateway);
		break;
	case REFUSE_CLIENT:
		io_printf(io,
		    "421 4.7.0 %s max_sessions_per_client reached,"
		    " try again later\r\n",
		    gateway);
		break;
	case REFUSE_RATE:
		io_printf(io,
		    "421 4.7.0 %s max_sessions_per_minute reached,"
		    " try again later\r\n",
		    gateway);
		break;
	case REFUSE_NOT_ALLOWED:
		io_printf(io, "554 5.7.1 %s allow_from does not name you\r\n",
		    gateway);
		break;
	case REFUSE_SHUTDOWN:
		io_printf(io, "421 4.3.2 %s is shutting down\r\n", gateway);
		break;
	}
}

static void
close_session(struct session *s)
{
	struct smtp *p = s->state;

	p->state = SMTP_OVER;
	if (p->mail != NULL)
		smtp_mail_orphan(&p->mail);
	smtp_auth_close(p);
	smtp_forward_close(p);
}

extern const struct protocol smtp_protocol;
const struct protocol smtp_protocol = {
    .name = "smtp",
    .starttls = true,
    .state_size = sizeof(struct smtp),
    .prepare = smtp_prepare,
    .forget = smtp_forget,
    .open = open_session,
    .client = client,
    .drain = drain,
    .refuse = refuse,
    .close = close_session,
};
