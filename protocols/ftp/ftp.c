/*
 * ftp: a proxy for files.  A session is one client's control connection; its
 * states are in ftp.h, commands in ftp_cmd.c, a transfer's life in ftp_move.c.
 * Commands are done one at a time; what a client sends ahead waits, but ABOR
 * is seen wherever it stands in that.
 */

#include "protocols/ftp/ftp.h"

#include <stdarg.h>

#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/io_urgent.h"
#include "proxy/stats.h"

#define SAY_MAX 8192

/* clang-format off */
static const char *const words[] = {
#define X(state, word, text) word,
	FTP_STATES(X)
#undef X
};
/* clang-format on */

struct ftp_own *
ftp_own(const struct session *s)
{
	struct ftp_own *o = s->place->own;

	IS(o, FTP_OWN_MAGIC);
	return o;
}

static void
set_deadline(struct session *s)
{
	const struct ftp *p = s->state;
	const struct ftp_own *o = ftp_own(s);

	if (p->state != FTP_MOVE)
		io_deadline(s->client, o->command_timeout, "command_timeout");
	else
		io_deadline(s->client, o->progress, "progress");
}

void
ftp_enter(struct session *s, enum ftp_state next)
{
	struct ftp *p = s->state;

	if (p->state == FTP_OVER || p->state == next)
		return;
	log_debug(s->id, "ftp %s -> %s", words[p->state], words[next]);
	p->state = next;
	set_deadline(s);
}

void
ftp_say(struct session *s, const char *fmt, ...)
{
	char text[SAY_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	MUST(n > 2 && (size_t)n < sizeof(text));
	log_debug(s->id, "ftp says %s", log_quote(text));
	io_puts(s->client, text);
}

void
ftp_relay(struct session *s, const struct ftp_reply *r)
{
	struct buf b;

	buf_init(&b, FTP_REPLY_WRITTEN_MAX);
	ftp_reply_put(r, r->code, &b);
	log_debug(s->id, "ftp relays code=%u lines=%u", r->code, r->lines);
	io_put(s->client, buf_at(&b), b.len);
	buf_free(&b);
}

char *
ftp_written(const struct ftp_reply *r)
{
	struct buf b;
	char *text;

	buf_init(&b, FTP_REPLY_WRITTEN_MAX);
	ftp_reply_put(r, r->code, &b);
	text = xstrdup(buf_text(&b));
	buf_free(&b);
	return text;
}

void
ftp_over(struct session *s, const char *why)
{
	struct ftp *p = s->state;

	if (p->state == FTP_OVER)
		return;
	ftp_say(s, "421 %s\r\n", why);
	ftp_enter(s, FTP_OVER);
}

/* ---- input ---- */

/* One command.  False: nothing can be done now. */
static bool
step(struct session *s)
{
	struct ftp *p = s->state;
	char room[FTP_LINE_MAX];
	struct slice line;
	struct ftp_line l;
	enum line is;

	if (p->state == FTP_TLS || p->state == FTP_DIAL ||
	    p->state == FTP_MOVE || p->state == FTP_OVER ||
	    p->server.answered != NULL || io_full(s->client))
		return false;
	is = io_line(s->client, FTP_LINE_MAX, &line);
	if (is == LINE_NONE)
		return false;
	set_deadline(s);
	/* An end by LF alone is taken; what else is bare ftp_line() sees. */
	if (is == LINE_LONG)
		ftp_say(s, "500 Line too long\r\n");
	else if (ftp_line(line, room, &l) < 0)
		ftp_say(s, "500 That is no command\r\n");
	else
		ftp_command(s, &l);
	return true;
}

static bool
is_idle(const struct session *s)
{
	const struct ftp *p = s->state;

	return p->server.answered == NULL &&
	    (p->state == FTP_START || p->state == FTP_LOGIN ||
		p->state == FTP_READY);
}

void
ftp_go_on(struct session *s)
{
	struct ftp *p = s->state;

	if (p->going)
		return;
	p->going = true;
	while (step(s))
		;
	p->going = false;
	if (is_idle(s) && worker_draining(s->place->worker))
		ftp_over(s, "The gateway shuts down");
	if (is_idle(s) && p->half_closed && !io_full(s->client))
		ftp_enter(s, FTP_OVER);
	if (p->state == FTP_OVER)
		session_end(s);
}

static void
open_session(struct session *s)
{
	struct ftp *p = s->state;

	io_urgent_inline(s->client);
	ftp_reply_init(&p->server.reply);
	p->client.s = p->remote.s = s;
	p->ascii = true; /* RFC 959 5.1 */
	/* where TLS is there from the first byte, so it is for files */
	p->pbsz = p->prot = io_secured(s->client);
	ftp_say(s, "220 %s ready\r\n", s->place->gateway);
	set_deadline(s);
}

static void
late(struct session *s)
{
	const struct ftp *p = s->state;
	const char *word = io_deadline_word(s->client);

	if (p->state == FTP_TLS) {
		ftp_enter(s, FTP_OVER);
	} else if (p->state != FTP_MOVE) {
		log_info(s->id, "ftp closed limit=%s state=%s", word,
		    words[p->state]);
		stats_reason(s->place->counted, word);
		ftp_over(s, "command_timeout: too long silent");
	} else if (strcmp(word, "upload_reply_within") == 0) {
		ftp_move_stop(s, "deferred", word,
		    "451 upload_reply_within: not uploaded, try again\r\n");
	} else {
		ftp_move_progress(s);
		set_deadline(s);
	}
}

/* What is under way can only be stopped. */
static void
input_in_move(struct session *s)
{
	if (ftp_line_has_abort(io_input(s->client)))
		ftp_move_stop(
		    s, "aborted", "client_abort", "426 Transfer stopped\r\n");
}

static void
client(struct session *s, enum io_event what)
{
	struct ftp *p = s->state;

	if (what == IO_GONE)
		return; /* close() follows */
	if (what == IO_ENDED) {
		p->half_closed = true;
		if (p->state == FTP_MOVE && p->t->flow == FTP_PUT)
			ftp_enter(s, FTP_OVER);
	}
	if (what == IO_SECURED)
		ftp_tls_secured(s);
	if (what == IO_LATE)
		late(s);
	if (what == IO_INPUT && p->state == FTP_MOVE)
		input_in_move(s);
	ftp_go_on(s);
}

static void
refuse(struct io *io, const char *gateway, enum refusal why)
{
	static const char *const text[] = {
	    [REFUSE_BUSY] = "max_sessions: too many sessions",
	    [REFUSE_CLIENT] = "max_sessions_per_client: too many of yours",
	    [REFUSE_NOT_ALLOWED] = "allow_from: not for you",
	    [REFUSE_RATE] = "max_sessions_per_minute: too many of yours",
	    [REFUSE_SHUTDOWN] = "shuts down",
	};

	io_printf(io, "421 %s %s\r\n", gateway, text[why]);
}

static void
close_session(struct session *s)
{
	struct ftp *p = s->state;

	p->state = FTP_OVER;
	ftp_move_gone(s);
	ftp_data_close(&p->client);
	ftp_data_close(&p->remote);
	ftp_server_drop(s);
	ftp_reply_free(&p->server.reply);
	free(p->user);
}

const struct protocol ftp_protocol = {
    .name = "ftp",
    .starttls = true,
    .state_size = sizeof(struct ftp),
    .prepare = ftp_prepare,
    .forget = ftp_forget,
    .open = open_session,
    .client = client,
    .drain = ftp_go_on,
    .refuse = refuse,
    .close = close_session,
};
