/*
 * ftp_server: the control connection to a server.  One command is asked at a
 * time, and who asked is told of the reply; so no reply is taken for the
 * answer to something else.
 */

#include <stdarg.h>
#include <stdio.h>

#include "protocols/ftp/ftp.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/dial.h"
#include "proxy/io.h"
#include "proxy/stats.h"

/* How long a server may take to end what was stopped, before it is asked
 * something, and behind that. */
#define IGNORE_MS 2000
#define PROBE_MS 15000

#define LINGER_MS 2000

/* One that does not move, and has half a file, may come to itself again. */
#define LEFTOVER_MS 60000

/* RFC 959 5.4: no other command has it. */
#define PWD_REPLY 257

/* A file whose STOR has had no 1xx is as it was, or empty. */
static void
say_farewell(struct ftp_server *v)
{
	bool left = v->leftover != NULL && v->begun;

	if (left)
		io_printf(v->io, "DELE %s\r\n", v->leftover);
	io_puts(v->io, "QUIT\r\n");
	io_finish(&v->io, left ? LEFTOVER_MS : LINGER_MS);
}

/* Closes without a word to anybody. */
static void
forget(struct ftp_server *v)
{
	dial_cancel(&v->dial);
	io_free(&v->io);
	ftp_reply_clear(&v->reply);
	v->answered = NULL;
	free(v->user);
	free(v->greeting);
	free(v->leftover);
	v->user = v->greeting = v->leftover = NULL;
	v->securing = v->in_clear = v->probed = false;
	v->prot = FTP_PROT_UNKNOWN;
}

/* The same server once more, in the clear. */
static void
dial_again(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_server *v = &p->server;
	struct ftp_dest dest = v->dest;
	char *user = v->user;

	v->user = NULL;
	forget(v);
	v->user = user;
	v->in_clear = true;
	ftp_server_dial(s, &dest);
}

/* ---- replies ---- */

static void
lost(struct session *s, const char *why)
{
	struct ftp *p = s->state;

	if (p->server.io == NULL)
		return;
	if (ftp_secure_gives_up(s, why)) {
		dial_again(s);
		return;
	}
	log_info(s->id, "ftp server lost host=%s reason=%s",
	    log_quote(p->server.dest.host), log_quote(why));
	if (p->state == FTP_MOVE)
		ftp_server_leave_over(s);
	if (p->server.leftover != NULL)
		say_farewell(&p->server);
	forget(&p->server);
	if (p->state == FTP_DIAL) {
		ftp_login_failed(s, why);
		return;
	}
	/* what has been fetched whole can still be delivered */
	if (p->state == FTP_MOVE && p->t->flow != FTP_PUT &&
	    p->t->phase != FTP_IN_FETCH)
		return;
	if (p->state == FTP_MOVE)
		ftp_move_stop(s, "deferred", "server_gone",
		    p->t->phase == FTP_IN_PUSH
			? "451 The server has gone, not uploaded\r\n"
			: "426 The server has gone, transfer stopped\r\n");
	ftp_over(s, "The server closed the connection");
}

/* A whole reply is there. */
static void
done(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_server *v = &p->server;
	struct ftp_reply r = v->reply; /* whoever is told may ask again */
	ftp_answered *answered = v->answered;

	log_debug(s->id, "ftp server says %u %.*s", r.code,
	    (int)(r.text.len < 200 ? r.text.len : 200),
	    log_quote(buf_text(&r.text)));
	ftp_reply_init(&v->reply);
	if (r.code >= 200)
		v->answered = NULL;
	if (v->io != NULL && v->answered == NULL)
		io_deadline(v->io, 0, NULL);
	/* RFC 959 5.4: to a transfer alone there is more than one reply */
	if (answered != NULL && (r.code >= 200 || v->marked))
		answered(s, &r);
	else if (r.code == 421)
		lost(s, "421");
	ftp_reply_free(&r);
}

static void
read_replies(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_server *v = &p->server;
	struct io *io = v->io;
	enum ftp_reply_is is;
	struct slice line;
	enum line what;

	while (v->io == io && !session_ended(s)) {
		what = io_line(io, FTP_REPLY_LINE_MAX, &line);
		if (what == LINE_NONE)
			return;
		is = what == LINE_LONG ? FTP_REPLY_BAD
				       : ftp_reply_line(&v->reply, line);
		if (is == FTP_REPLY_DONE)
			done(s);
		else if (is == FTP_REPLY_BAD)
			lost(s, "its reply is none");
	}
}

static void probe(struct session *s);
static ftp_answered ignored;

static void
late(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_server *v = &p->server;

	if (v->answered == ignored && !v->probed)
		probe(s);
	else {
		(void)stats_limit(s->place->counted, io_deadline_word(v->io));
		lost(s, io_deadline_word(v->io));
	}
}

static void
told(void *arg, struct io *io, enum io_event what)
{
	struct session *s = arg;
	char why[160];

	copy_text(why, sizeof(why), io_trouble(io));
	if (what == IO_INPUT)
		read_replies(s);
	else if (what == IO_SECURED)
		ftp_secure_done(s);
	else if (what == IO_LATE)
		late(s);
	else if (what == IO_GONE || what == IO_ENDED)
		lost(s, why[0] == '\0' ? "connection closed" : why);
	if (!session_ended(s))
		ftp_go_on(s);
}

/* ---- commands ---- */

void
ftp_server_ask(struct session *s, ftp_answered *answered, const char *fmt, ...)
{
	struct ftp *p = s->state;
	char text[FTP_LINE_MAX + 64];
	va_list ap;
	int n;

	MUST(p->server.answered == NULL);
	if (p->server.io == NULL)
		return; /* lost(): the session is ending */
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	MUST(n > 2 && (size_t)n < sizeof(text));
	p->server.answered = answered;
	p->server.marked = false;
	io_puts(p->server.io, text);
	io_deadline(
	    p->server.io, ftp_own(s)->command_timeout, "command_timeout");
}

void
ftp_answered_relay(struct session *s, const struct ftp_reply *r)
{
	ftp_relay(s, r);
}

/* A second 1xx behind a transfer that was stopped, or nothing at all, is what
 * some servers (Pure-FTPd) say to its end: the reply to this ends the wait. */
static void
probe(struct session *s)
{
	struct ftp *p = s->state;

	p->server.probed = true;
	io_puts(p->server.io, "PWD\r\n");
	io_deadline(p->server.io, PROBE_MS, "server_abort");
}

/* RFC 959 5.4: refused before it began, so what is there is not ours. */
static void
forget_leftover(struct ftp_server *v, unsigned code)
{
	if (v->begun || (code / 100 != 5 && code != 450))
		return;
	free(v->leftover);
	v->leftover = NULL;
}

static void
ignored(struct session *s, const struct ftp_reply *r)
{
	struct ftp *p = s->state;
	char *name;

	forget_leftover(&p->server, r->code);
	name = p->server.leftover;
	if (r->code < 200 && p->server.begun && !p->server.probed)
		probe(s);
	p->server.begun = true;
	if (r->code >= 200 && p->server.probed && r->code != PWD_REPLY)
		p->server.answered = ignored; /* the late end of it */
	if (r->code < 200 || p->server.answered != NULL)
		return;
	p->server.probed = false;
	p->server.leftover = NULL;
	if (name == NULL)
		return;
	ftp_server_ask(s, ignored, "DELE %s\r\n", name);
	log_info(s->id, "ftp deletes half a file name=%s", log_quote(name));
	free(name);
}

void
ftp_server_ignore(struct session *s, bool begun, const char *name)
{
	struct ftp *p = s->state;
	struct ftp_server *v = &p->server;

	if (v->io == NULL)
		return;
	v->begun = begun;
	if (name != NULL)
		v->leftover = xstrdup(name);
	if (v->answered == NULL && name == NULL)
		return;
	if (v->answered == NULL)
		ignored(s, &(struct ftp_reply){.code = 200});
	else
		v->answered = ignored;
	v->marked = true;
	io_deadline(v->io, IGNORE_MS, "server_abort");
}

void
ftp_server_leave_over(struct session *s)
{
	struct ftp *p = s->state;
	const char *name = ftp_move_leftover(s);

	if (name == NULL || p->server.leftover != NULL)
		return;
	p->server.leftover = xstrdup(name);
	p->server.begun = ftp_transfer(s)->begun;
}

void
ftp_server_drop(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_server *v = &p->server;

	if (v->io != NULL)
		say_farewell(v);
	forget(v);
}

/* ---- the connection ---- */

static void
greeted(struct session *s, const struct ftp_reply *r)
{
	if (r->code >= 200)
		ftp_login_greeted(s, r);
}

void
ftp_server_greets(struct session *s)
{
	struct ftp *p = s->state;

	p->server.answered = greeted;
	io_deadline(
	    p->server.io, ftp_own(s)->connect_timeout, "connect_timeout");
}

/* A listener of ours would take us for a client that is allowed. */
static bool
leads_to_us(const struct session *s, const struct io *io)
{
	return io != NULL &&
	    !deny_may_use(&ftp_own(s)->denied, io_peer(io), io_local(io));
}

static void
dialled(void *arg, struct io *io, const char *why)
{
	struct session *s = arg;
	struct ftp *p = s->state;
	bool us = leads_to_us(s, io);

	p->server.dial = NULL;
	if (us)
		io_free(&io);
	if (us || (io == NULL && strcmp(why, DIAL_NOT_ALLOWED) == 0)) {
		ftp_login_failed(s, "deny_destinations: not for you");
	} else if (io == NULL) {
		ftp_login_failed(s, why);
	} else {
		p->server.io = io;
		io_owner(io, told, s);
		if (!ftp_secure_dialled(s))
			ftp_server_greets(s);
	}
	ftp_go_on(s);
}

void
ftp_server_dial(struct session *s, const struct ftp_dest *d)
{
	struct ftp *p = s->state;
	struct worker *w = s->place->worker;
	const struct ftp_own *o = ftp_own(s);

	p->server.dest = *d;
	ftp_enter(s, FTP_DIAL);
	p->server.dial = dial_start_where(worker_dialer(w), p->server.dest.host,
	    d->port, o->connect_timeout, deny_may_dial, &o->denied, dialled, s);
}
