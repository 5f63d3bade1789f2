/*
 * ftp_remote: the server's part of a transfer: a data connection with it, the
 * command, the bytes, and its reply.  Phase FETCH brings bytes in, PUSH takes
 * them there.
 */

#include <stdio.h>

#include "protocols/ftp/ftp.h"
#include "protocols/ftp/ftp_addr.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/io.h"
#include "proxy/listen_once.h"

#define LOW_PORT 1024

/* A server that has all of a file, and says so, closes its data connection
 * before or behind that; one that does not is believed after so long. */
#define CLOSE_MS 2000

static bool
pushing(const struct session *s)
{
	return ftp_transfer(s)->phase == FTP_IN_PUSH;
}

/* The server would not, or could not. */
static void
refused(struct session *s, const struct ftp_reply *r)
{
	struct ftp *p = s->state;

	ftp_data_close(&p->remote);
	ftp_move_answer(
	    s, r->code / 100 == 5 ? "refused" : "deferred", "server", r);
}

static void
no_connection(struct session *s, const char *why)
{
	const struct ftp *p = s->state;

	log_info(s->id, "ftp no data connection host=%s reason=%s",
	    log_quote(p->server.dest.host), log_quote(why));
	ftp_move_stop(s, "deferred", "server_data",
	    "425 No data connection with the server\r\n");
}

/* The server has so long for its reply, now that the bytes have moved. */
static void
wait_for_reply(struct session *s)
{
	struct ftp *p = s->state;

	if (p->server.io != NULL && p->server.answered != NULL)
		io_deadline(p->server.io, ftp_own(s)->command_timeout,
		    "command_timeout");
}

/* ---- fetching ---- */

static void
look_fetched(struct session *s)
{
	const struct ftp_transfer *t = ftp_transfer(s);

	if (t->final == 0 || (!t->eof && !t->broken))
		return;
	if (t->broken)
		ftp_move_stop(s, "deferred", "server_data",
		    "426 Data connection with the server lost\r\n");
	else
		ftp_move_fetched(s);
}

/* What is kept of it: of a piece that begins in a file, what is before. */
static void
fetch_input(struct session *s)
{
	struct ftp *p = s->state;
	const struct ftp_transfer *t = ftp_transfer(s);
	struct slice in = io_input(p->remote.io), keep = in;
	uint64_t have = content_size(ftp_content(t));

	if (t->resumed && strcmp(t->verb, "STOR") == 0 &&
	    keep.len > t->from - have)
		keep.len = (size_t)(t->from - have);
	if (keep.len > 0 && !ftp_move_write(s, keep.at, keep.len))
		return;
	io_eat(p->remote.io, in.len);
	ftp_early_came(s);
}

static void
answered_size(struct session *s, const struct ftp_reply *r)
{
	bool empty = r->code == 213 && slice_is(ftp_reply_text(r, 0), "0");

	if (r->code == 550 || empty)
		ftp_move_fetched(s);
	else
		ftp_move_stop(s, "refused", "resume",
		    "550 What is there cannot be inspected\r\n");
}

/* To append to what is not there is as good as STOR; but "not there" and "not
 * for you to read" have one code. */
static void
look_whether_there(struct session *s)
{
	struct ftp *p = s->state;

	ftp_data_close(&p->remote);
	ftp_server_ask(s, answered_size, "SIZE %s\r\n", ftp_transfer(s)->name);
}

static void
fetch_ends(struct session *s, const struct ftp_reply *r)
{
	struct ftp_transfer *t = ftp_transfer(s);

	t->final = r->code;
	if (r->code / 100 == 2)
		look_fetched(s);
	else if (r->code == 550 && strcmp(t->verb, "APPE") == 0)
		look_whether_there(s);
	else
		refused(s, r);
}

/* ---- pushing ---- */

static void
push_bytes(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);

	if (!t->begun || p->remote.io == NULL || p->remote.securing || t->sent)
		return;
	if (ftp_data_send(&p->remote, ftp_content(t), t->from,
		content_size(ftp_content(t))))
		return;
	ftp_remote_data(s, FTP_DATA_SENT);
}

/* RFC 1123 4.1.2.9: "FILE: name", which the client has to know of. */
static void
take_unique_name(struct session *s, const struct ftp_reply *r)
{
	static const char mark[] = "FILE: ";
	struct ftp_transfer *t = ftp_transfer(s);
	char text[FTP_LINE_MAX];
	const char *at;

	(void)slice_copy(ftp_reply_text(r, 0), text, sizeof(text));
	at = strstr(text, mark);
	if (at == NULL)
		return;
	free(t->name);
	t->name = xstrdup(at + sizeof(mark) - 1);
}

/* Its final reply to STOU, and the name before that. */
static char *
unique_reply(const struct ftp_transfer *t, const struct ftp_reply *r)
{
	struct slice text = ftp_reply_text(r, 0);

	return xasprintf("%u-FILE: %.1000s\r\n%u %.*s\r\n", r->code, t->name,
	    r->code, (int)text.len, text.at);
}

/*
 * The server says that it has all, and has closed the data connection: if it
 * was reset instead, bytes were lost whatever it says.
 */
static void
look_pushed(struct session *s)
{
	struct ftp_transfer *t = ftp_transfer(s);
	char *reply = t->reply;

	if (reply == NULL || (!t->eof && !t->broken))
		return;
	if (t->broken) {
		ftp_move_stop(s, "deferred", "server_data",
		    "451 Data connection with the server lost\r\n");
		return;
	}
	t->reply = NULL;
	ftp_move_end(s, "delivered", NULL, reply);
	free(reply);
}

static void
push_ends(struct session *s, const struct ftp_reply *r)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);

	if (r->code / 100 != 2) {
		refused(s, r);
		return;
	}
	if (!t->sent) {
		ftp_move_stop(s, "deferred", "server",
		    "451 The server did not take all of it\r\n");
		return;
	}
	t->reply =
	    strcmp(t->verb, "STOU") == 0 ? unique_reply(t, r) : ftp_written(r);
	if (p->remote.io != NULL)
		io_deadline(p->remote.io, CLOSE_MS, "data_close");
	look_pushed(s);
}

/* ---- the command ---- */

static void
answered_verb(struct session *s, const struct ftp_reply *r)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);

	if (r->code >= 200) {
		if (pushing(s))
			push_ends(s, r);
		else
			fetch_ends(s, r);
		return;
	}
	t->begun = true;
	if (!t->eof && !t->broken)
		io_deadline(p->server.io, 0, NULL); /* data_timeout rules */
	if (!pushing(s))
		return;
	if (strcmp(t->verb, "STOU") == 0)
		take_unique_name(s, r);
	push_bytes(s);
}

static void
say_verb(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);
	bool whole = t->flow == FTP_HASH || (t->flow == FTP_PUT && !pushing(s));

	t->asked = true;
	ftp_server_ask(s, answered_verb, "%s%s%s\r\n", whole ? "RETR" : t->verb,
	    t->name[0] != '\0' ? " " : "", t->name);
	p->server.marked = true;
}

static void
answered_rest(struct session *s, const struct ftp_reply *r)
{
	if (r->code == 350)
		say_verb(s);
	else
		refused(s, r);
}

/* The way for the bytes is there, or known. */
static void
say_command(struct session *s)
{
	const struct ftp_transfer *t = ftp_transfer(s);

	if (t->resumed && pushing(s) && strcmp(t->verb, "STOR") == 0)
		ftp_server_ask(
		    s, answered_rest, "REST %ju\r\n", (uintmax_t)t->from);
	else
		say_verb(s);
}

/* ---- the data connection ---- */

/* Only the port counts: data comes from who the server is. */
static void
answered_passive(struct session *s, const struct ftp_reply *r)
{
	struct ftp *p = s->state;
	struct slice text = ftp_reply_text(r, 0);
	struct addr a = *io_peer(p->server.io), said = a;
	char one[ADDR_TEXT], other[ADDR_TEXT];
	uint16_t port = 0;

	if (r->code == 229 && ftp_addr_229(text, &port) < 0)
		port = 0;
	if (r->code == 227 && ftp_addr_227(text, &said) == 0)
		port = addr_port(&said);
	if (r->code / 100 == 4 || r->code / 100 == 5) {
		no_connection(s, "the server refused PASV or EPSV");
		return;
	}
	if (port < LOW_PORT) {
		no_connection(s, "a reply to PASV or EPSV that is none");
		return;
	}
	addr_set_port(&a, port);
	if (strcmp(addr_host(&a, one), addr_host(&said, other)) != 0)
		log_info(
		    s->id, "ftp not followed server=%s data=%s", one, other);
	p->remote.way = FTP_WAY_ACTIVE;
	p->remote.target = a;
	(void)ftp_data_want(&p->remote);
}

static void
answered_port(struct session *s, const struct ftp_reply *r)
{
	if (r->code / 100 == 2)
		say_command(s);
	else
		no_connection(s, "the server refused PORT or EPRT");
}

static void
begin_active(struct session *s)
{
	struct ftp *p = s->state;
	const struct addr *local = io_local(p->server.io), *at;
	char text[FTP_ADDR_TEXT];
	struct err e;

	if (ftp_data_listen(&p->remote, local, io_peer(p->server.io),
		(struct ftp_range){0, 0}, &e) < 0) {
		no_connection(s, e.text);
		return;
	}
	(void)ftp_data_want(&p->remote);
	at = listen_once_at(p->remote.listen);
	if (at->ss.ss_family == AF_INET)
		ftp_server_ask(s, answered_port, "PORT %s\r\n",
		    ftp_addr_text_port(at, text));
	else
		ftp_server_ask(s, answered_port, "EPRT %s\r\n",
		    ftp_addr_text_eprt(at, text));
}

void
ftp_remote_begin(struct session *s)
{
	struct ftp *p = s->state;
	enum ftp_server_mode mode = ftp_own(s)->server_mode;
	bool v6 = io_peer(p->server.io)->ss.ss_family == AF_INET6;

	if (ftp_secure_before_data(s))
		return;
	if (mode == FTP_SERVER_ACTIVE ||
	    (mode == FTP_SERVER_SAME && ftp_transfer(s)->active))
		begin_active(s);
	else
		ftp_server_ask(
		    s, answered_passive, "%s\r\n", v6 ? "EPSV" : "PASV");
}

/* It says nothing, either, and what it has must not look whole to it. */
static void
stalled(struct session *s)
{
	ftp_move_stop(s, "deferred", "server_data",
	    pushing(s) ? "451 data_timeout: the server did not take it\r\n"
		       : "426 data_timeout: the server sent no more\r\n");
}

static void
data_lost(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);

	if (!t->asked) {
		no_connection(s, p->remote.why);
		return;
	}
	log_info(
	    s->id, "ftp server data lost reason=%s", log_quote(p->remote.why));
	if (p->remote.late) {
		stalled(s);
		return;
	}
	t->broken = true;
	ftp_data_close(&p->remote);
	wait_for_reply(s); /* it says what is wrong, and what comes next */
	if (pushing(s))
		look_pushed(s);
	else
		look_fetched(s);
}

/* The way for the bytes is there. */
static void
data_there(struct session *s)
{
	const struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);

	if (t->there)
		return;
	t->there = true;
	if (p->remote.way == FTP_WAY_ACTIVE)
		say_command(s); /* we dialled */
}

static void
data_ended(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);

	if (pushing(s) && !t->sent)
		return; /* what it did not take it will tell */
	t->eof = true;
	if (pushing(s))
		ftp_data_finish(&p->remote);
	else
		ftp_data_close(&p->remote);
	wait_for_reply(s);
	if (pushing(s))
		look_pushed(s);
	else
		look_fetched(s);
}

static void
data_cut(struct session *s)
{
	struct ftp *p = s->state;

	if (pushing(s)) { /* it only receives: no byte is missing */
		data_ended(s);
		return;
	}
	copy_text(
	    p->remote.why, sizeof(p->remote.why), "TLS has no end: cut off");
	data_lost(s);
}

static void
data_input(struct session *s)
{
	struct ftp *p = s->state;

	if (pushing(s))
		io_eat(p->remote.io, io_input(p->remote.io).len);
	else
		fetch_input(s);
}

static void
data_sent(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);

	if (!pushing(s))
		return;
	t->sent = true;
	wait_for_reply(s);
	if (io_ended(p->remote.io))
		data_ended(s);
}

/* Its late end: see CLOSE_MS. */
static bool
is_late_end(const struct session *s)
{
	const struct ftp *p = s->state;

	return pushing(s) && ftp_transfer(s)->reply != NULL &&
	    strcmp(p->remote.why, "data_close") == 0;
}

void
ftp_remote_data(struct session *s, enum ftp_data_event what)
{
	if (what == FTP_DATA_LOST && is_late_end(s)) {
		data_ended(s);
	} else if (what == FTP_DATA_LOST) {
		data_lost(s);
	} else if (what == FTP_DATA_CUT) {
		data_cut(s);
	} else if (what == FTP_DATA_THERE) {
		data_there(s);
	} else if (what == FTP_DATA_OPEN) {
		data_there(s);
		if (pushing(s))
			push_bytes(s);
	} else if (what == FTP_DATA_INPUT) {
		data_input(s);
	} else if (what == FTP_DATA_SENT) {
		data_sent(s);
	} else if (what == FTP_DATA_END) {
		data_ended(s);
	}
}
