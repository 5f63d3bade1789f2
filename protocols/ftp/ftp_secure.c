/*
 * ftp_secure: TLS towards the server, as server_tls says: AUTH TLS behind its
 * greeting, PBSZ and PROT P before the first transfer, and data connections
 * that go on with the session of the control connection, which servers ask for
 * so that nobody else can take them.
 */

#include <stdio.h>

#include "protocols/ftp/ftp.h"
#include "proxy/base/log.h"

/* TLS from the first byte there, by custom. */
#define IMPLICIT_PORT 990

static bool
is_implicit(const struct session *s)
{
	const struct ftp *p = s->state;

	return p->server.dest.port == IMPLICIT_PORT &&
	    ftp_own(s)->server_tls != FTP_TLS_OFF;
}

static unsigned
how(const struct session *s)
{
	return ftp_own(s)->server_tls == FTP_TLS_VERIFY ? IO_TLS_VERIFY : 0;
}

/* ---- the control connection ---- */

static void
begin(struct session *s)
{
	struct ftp *p = s->state;

	io_start_tls(
	    p->server.io, s->place->tls_client, p->server.dest.host, how(s));
	io_deadline(
	    p->server.io, ftp_own(s)->connect_timeout, "connect_timeout");
}

bool
ftp_secure_dialled(struct session *s)
{
	struct ftp *p = s->state;

	if (!is_implicit(s))
		return false;
	p->server.securing = true;
	begin(s);
	return true;
}

static void
answered_auth(struct session *s, const struct ftp_reply *r)
{
	struct slice text = ftp_reply_text(r, 0);
	char why[200];

	if (r->code == 234) {
		begin(s);
	} else if (ftp_own(s)->server_tls == FTP_TLS_MAY) {
		ftp_login_ready(s);
	} else {
		(void)snprintf(why, sizeof(why),
		    "server_tls: AUTH TLS is refused: %u %.*s", r->code,
		    text.len < 100 ? (int)text.len : 100, text.at);
		ftp_login_failed(s, why);
	}
}

bool
ftp_secure_greeted(struct session *s, const struct ftp_reply *r)
{
	struct ftp *p = s->state;

	if (ftp_own(s)->server_tls == FTP_TLS_OFF || p->server.in_clear ||
	    io_secured(p->server.io))
		return false;
	p->server.securing = true;
	p->server.greeting = ftp_written(r);
	ftp_server_ask(s, answered_auth, "AUTH TLS\r\n");
	return true;
}

void
ftp_secure_done(struct session *s)
{
	struct ftp *p = s->state;
	struct io *io = p->server.io;

	p->server.securing = false;
	log_debug(s->id, "tls server version=%s cipher=%s", io_tls_version(io),
	    io_tls_cipher(io));
	if (is_implicit(s))
		ftp_server_greets(s);
	else
		ftp_login_ready(s);
}

bool
ftp_secure_gives_up(struct session *s, const char *why)
{
	struct ftp *p = s->state;

	if (!p->server.securing || is_implicit(s) ||
	    ftp_own(s)->server_tls != FTP_TLS_MAY)
		return false;
	log_info(s->id, "tls given up host=%s reason=%s",
	    log_quote(p->server.dest.host), log_quote(why));
	p->server.securing = false;
	p->server.in_clear = true;
	return true;
}

/* ---- data connections ---- */

static void
answered_prot(struct session *s, const struct ftp_reply *r)
{
	struct ftp *p = s->state;

	if (r->code == 200)
		p->server.prot = FTP_PROT_PRIVATE;
	else
		p->server.prot = FTP_PROT_CLEAR;
	if (r->code != 200 && ftp_own(s)->server_tls != FTP_TLS_MAY) {
		p->server.prot = FTP_PROT_UNKNOWN;
		ftp_move_stop(s, "deferred", "server_tls",
		    "425 server_tls: the server refuses PROT P\r\n");
		return;
	}
	ftp_remote_begin(s);
}

/* RFC 4217 8: without PBSZ there is no PROT; what it says does not count. */
static void
answered_pbsz(struct session *s, const struct ftp_reply *r)
{
	(void)r;
	ftp_server_ask(s, answered_prot, "PROT P\r\n");
}

bool
ftp_secure_before_data(struct session *s)
{
	const struct ftp *p = s->state;

	if (!io_secured(p->server.io) || p->server.prot != FTP_PROT_UNKNOWN)
		return false;
	ftp_server_ask(s, answered_pbsz, "PBSZ 0\r\n");
	return true;
}

void
ftp_secure_data(struct session *s)
{
	struct ftp *p = s->state;
	struct io *io = p->remote.io;

	io_start_tls(io, s->place->tls_client, p->server.dest.host,
	    how(s) | IO_TLS_KEEP);
	if (p->server.io != NULL)
		io_resume_tls(io, p->server.io);
	io_deadline(io, s->place->tls_timeout, "handshake_timeout");
}
