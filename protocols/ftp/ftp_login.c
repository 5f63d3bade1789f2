/*
 * ftp_login: which server, and who the client is there.
 */

#include "protocols/ftp/ftp.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

/* Back to where nothing is known. */
static void
begin_anew(struct session *s)
{
	struct ftp *p = s->state;

	ftp_server_drop(s);
	ftp_data_close(&p->client);
	free(p->user);
	p->user = NULL;
	p->ascii = true; /* RFC 959 5.1 */
	p->epsv_all = false;
	p->rest = 0;
	ftp_enter(s, FTP_START);
}

/* Names that are no destination are not even looked up. */
static const char *
bad_dest(const struct session *s, const struct ftp_dest *d)
{
	const struct ftp_own *o = ftp_own(s);
	struct addr a;

	if (!ftp_own_port(o, d->port))
		return "server_ports: not for you";
	if (addr_number(d->host, d->port, &a) == 0 && !ftp_own_address(o, &a))
		return "deny_destinations: not for you";
	return NULL;
}

/* user: NULL: it comes with a command of its own. */
static void
go_to(struct session *s, const struct ftp_dest *d, const char *user)
{
	struct ftp *p = s->state;
	const char *why = ftp_own(s)->reverse ? NULL : bad_dest(s, d);

	begin_anew(s);
	if (why != NULL) {
		log_info(s->id, "ftp refused host=%s port=%u reason=%s",
		    log_quote(d->host), d->port, log_quote(why));
		ftp_say(s, "530 %s\r\n", why);
		return;
	}
	if (user != NULL)
		p->server.user = xstrdup(user);
	ftp_server_dial(s, d);
}

void
ftp_login_failed(struct session *s, const char *why)
{
	const struct ftp *p = s->state;

	log_info(s->id, "ftp server not reached host=%s reason=%s",
	    log_quote(p->server.dest.host), log_quote(why));
	ftp_say(s, "530 %s: %.200s\r\n", p->server.dest.host, why);
	begin_anew(s);
}

/* ---- USER, PASS, ACCT ---- */

static void
answered_login(struct session *s, const struct ftp_reply *r)
{
	if (r->code == 230 || r->code == 202)
		ftp_enter(s, FTP_READY);
	else if (r->code >= 200 && r->code != 503)
		ftp_enter(s, FTP_LOGIN);
	ftp_relay(s, r);
}

static void
say_user(struct session *s, const char *user)
{
	struct ftp *p = s->state;
	char *mine = xstrdup(user);

	free(p->user);
	p->user = mine;
	ftp_server_ask(s, answered_login, "USER %s\r\n", p->user);
}

void
ftp_login_greeted(struct session *s, const struct ftp_reply *r)
{
	struct ftp *p = s->state;
	char *user = p->server.user;

	if (r->code / 100 != 2) {
		struct slice text = ftp_reply_text(r, 0);
		char why[200];

		(void)slice_copy(text, why, sizeof(why));
		ftp_login_failed(s, why);
		return;
	}
	p->server.user = NULL;
	ftp_enter(s, FTP_LOGIN);
	if (user == NULL)
		ftp_relay(s, r);
	else
		say_user(s, user);
	free(user);
}

void
ftp_act_user(struct session *s, const struct ftp_line *l)
{
	struct ftp *p = s->state;
	const struct ftp_own *o = ftp_own(s);
	char name[FTP_LINE_MAX];
	struct slice user = l->arg;
	struct ftp_dest d = o->server;
	int rc = o->reverse ? 1 : ftp_dest_user(l->arg, &user, &d);

	(void)slice_copy(user, name, sizeof(name));
	if (rc < 0)
		ftp_say(s, "501 USER user@host or user@host:port\r\n");
	else if (rc > 0 && p->server.io != NULL)
		say_user(s, name);
	else if (rc == 0)
		go_to(s, &d, name);
	else if (o->server.host[0] != '\0')
		go_to(s, &o->server, name);
	else
		ftp_say(s, "530 Say USER user@host, or OPEN host first\r\n");
}

void
ftp_act_pass(struct session *s, const struct ftp_line *l)
{
	ftp_server_ask(s, answered_login, "%s %.*s\r\n", l->verb,
	    (int)l->arg.len, l->arg.at);
}

void
ftp_act_open(struct session *s, const struct ftp_line *l)
{
	struct ftp_dest d;

	if (ftp_own(s)->reverse)
		ftp_say(s, "502 There is one server here\r\n");
	else if (ftp_dest(l->arg, &d) < 0)
		ftp_say(s, "501 %s host or host:port\r\n", l->verb);
	else
		go_to(s, &d, NULL);
}

void
ftp_act_rein(struct session *s, const struct ftp_line *l)
{
	(void)l;
	begin_anew(s);
	ftp_say(s, "220 %s ready\r\n", s->place->gateway);
}
