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
	if (keep.len == 0 || ftp_move_write(s, keep.at, keep.len))
		io_eat(p->remote.io, in.len);
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

	if (!t->begun || p->remote.io == NULL || t->sent)
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
static void
answer_unique(struct session *s, const struct ftp_reply *r)
{
	const struct ftp_transfer *t = ftp_transfer(s);
	struct slice text = ftp_reply_text(r, 0);
	struct ftp_reply both;
	char line[FTP_LINE_MAX + 16];

	ftp_reply_init(&both);
	(void)snprintf(
	    line, sizeof(line), "%u-FILE: %.*s", r->code, 1000, t->name);
	(void)ftp_reply_line(&both, slice_of(line));
	(void)snprintf(
	    line, sizeof(line), "%u %.*s", r->code, (int)text.len, text.at);
	(void)ftp_reply_line(&both, slice_of(line));
	ftp_move_answer(s, "delivered", NULL, &both);
	ftp_reply_free(&both);
}

static void
push_ends(struct session *s, const struct ftp_reply *r)
{
	const struct ftp_transfer *t = ftp_transfer(s);

	if (r->code / 100 != 2)
		refused(s, r);
	else if (!t->sent)
		ftp_move_stop(s, "deferred", "server",
		    "451 The server did not take all of it\r\n");
	else if (strcmp(t->verb, "STOU") == 0)
		answer_unique(s, r);
	else
		ftp_move_answer(s, "delivered", NULL, r);
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
	struct ftp_transfer *t = ftp_transfer(s);
	bool whole = t->flow == FTP_PUT && !pushing(s);

	t->asked = true;
	ftp_server_ask(s, answered_verb, "%s%s%s\r\n", whole ? "RETR" : t->verb,
	    t->name[0] != '\0' ? " " : "", t->name);
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

	if (mode == FTP_SERVER_ACTIVE ||
	    (mode == FTP_SERVER_SAME && ftp_transfer(s)->active))
		begin_active(s);
	else
		ftp_server_ask(
		    s, answered_passive, "%s\r\n", v6 ? "EPSV" : "PASV");
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
	t->broken = true;
	ftp_data_close(&p->remote);
	wait_for_reply(s); /* it says what is wrong, and what comes next */
	if (!pushing(s))
		look_fetched(s);
}

void
ftp_remote_data(struct session *s, enum ftp_data_event what)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);

	if (what == FTP_DATA_LOST) {
		data_lost(s);
	} else if (what == FTP_DATA_OPEN) {
		if (p->remote.way == FTP_WAY_ACTIVE)
			say_command(s); /* we dialled */
		else if (pushing(s))
			push_bytes(s);
	} else if (what == FTP_DATA_INPUT) {
		if (pushing(s))
			io_eat(p->remote.io, io_input(p->remote.io).len);
		else
			fetch_input(s);
	} else if (what == FTP_DATA_SENT && pushing(s)) {
		t->sent = true;
		ftp_data_finish(&p->remote);
		wait_for_reply(s);
	} else if (what == FTP_DATA_END && !pushing(s)) {
		t->eof = true;
		ftp_data_close(&p->remote);
		wait_for_reply(s);
		look_fetched(s);
	}
}
