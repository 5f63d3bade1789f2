/*
 * ftp_tls: TLS towards the client (RFC 4217): AUTH, PBSZ, PROT, and what is
 * refused without them.  The handshakes are the house's.
 */

#include "protocols/ftp/ftp.h"
#include "proxy/base/log.h"

/* RFC 4217 4: what may be said all the same. */
static bool
is_fine(const char *verb)
{
	static const char *const fine[] = {
	    "AUTH", "FEAT", "HELP", "NOOP", "QUIT", "SYST"};

	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		if (strcmp(verb, fine[i]) == 0)
			return true;
	}
	return false;
}

bool
ftp_tls_demanded(const struct session *s, const char *verb)
{
	return s->place->tls_mode == TLS_REQUIRE && !io_secured(s->client) &&
	    !is_fine(verb);
}

/* Files go as the dialogue has to. */
static bool
is_private_only(const struct session *s)
{
	return s->place->tls_mode == TLS_REQUIRE ||
	    s->place->tls_mode == TLS_IMPLICIT;
}

bool
ftp_tls_data_refused(struct session *s)
{
	const struct ftp *p = s->state;

	if (p->prot || !is_private_only(s))
		return false;
	ftp_say(s, "521 PROT P is needed here\r\n");
	return true;
}

/* ---- AUTH ---- */

void
ftp_act_auth(struct session *s, const struct ftp_line *l)
{
	if (s->place->tls == NULL) {
		ftp_say(s, "502 There is no TLS here\r\n");
	} else if (io_secured(s->client)) {
		ftp_say(s, "503 TLS is there already\r\n");
	} else if (!slice_is_word(l->arg, "TLS") &&
	    !slice_is_word(l->arg, "TLS-C")) {
		ftp_say(s, "504 AUTH TLS\r\n");
	} else {
		ftp_say(s, "234 TLS begins\r\n");
		ftp_enter(s, FTP_TLS);
		session_start_tls(s, 0);
	}
}

/* RFC 4217 4: nothing that was said in the clear holds any more. */
void
ftp_tls_secured(struct session *s)
{
	struct ftp *p = s->state;

	ftp_login_anew(s);
	p->pbsz = p->prot = false;
}

/* ---- PBSZ, PROT ---- */

/* RFC 4217 8: a stream has no buffer, whatever size is asked for. */
void
ftp_act_pbsz(struct session *s, const struct ftp_line *l)
{
	struct ftp *p = s->state;

	for (size_t i = 0; i < l->arg.len; i++) {
		if (l->arg.at[i] >= '0' && l->arg.at[i] <= '9')
			continue;
		ftp_say(s, "501 PBSZ takes a number\r\n");
		return;
	}
	if (!io_secured(s->client)) {
		ftp_say(s, "503 Say AUTH TLS first\r\n");
		return;
	}
	p->pbsz = true;
	ftp_say(s, "200 PBSZ=0\r\n");
}

void
ftp_act_prot(struct session *s, const struct ftp_line *l)
{
	struct ftp *p = s->state;
	bool clear = slice_is_word(l->arg, "C");

	if (!p->pbsz) {
		ftp_say(s, "503 Say PBSZ first\r\n");
	} else if (slice_is_word(l->arg, "S") || slice_is_word(l->arg, "E")) {
		ftp_say(s, "536 PROT is C or P\r\n");
	} else if (!clear && !slice_is_word(l->arg, "P")) {
		ftp_say(s, "504 PROT is C or P\r\n");
	} else if (clear && is_private_only(s)) {
		ftp_say(s, "534 PROT P is needed here\r\n");
	} else {
		p->prot = !clear;
		ftp_say(s, "200 Ok\r\n");
	}
}

/* ---- data connections ---- */

/*
 * RFC 4217 7: who shakes hands as what does not depend on who has connected.
 * No ticket: one who only sends would close with it unread, and so reset the
 * connection behind its last bytes.
 */
static void
begin_with_client(struct session *s, struct io *io)
{
	io_start_tls(io, s->place->tls, NULL, IO_TLS_KEEP | IO_TLS_NO_TICKET);
	io_deadline(io, s->place->tls_timeout, "handshake_timeout");
}

bool
ftp_tls_data(struct ftp_data *d)
{
	struct session *s = d->s;
	struct ftp *p = s->state;

	if (d == &p->client && p->prot)
		begin_with_client(s, d->io);
	else if (d == &p->remote && p->server.prot == FTP_PROT_PRIVATE)
		ftp_secure_data(s);
	else
		return false;
	return true;
}
