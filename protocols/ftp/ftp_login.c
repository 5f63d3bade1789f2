/*
 * ftp_login: which server, and who the client is there.
 */

#include "protocols/ftp/ftp.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/io_original.h"

void
ftp_login_anew(struct session *s)
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
	if (addr_number(d->host, d->port, &a) == 0 &&
	    !deny_may_dial(&o->denied, &a))
		return "deny_destinations: not for you";
	return NULL;
}

/* user: NULL: it comes with a command of its own. */
static void
go_to(struct session *s, const struct ftp_dest *d, const char *user)
{
	struct ftp *p = s->state;
	bool fixed = ftp_own(s)->mode == FTP_REVERSE;
	const char *why = fixed ? NULL : bad_dest(s, d);

	ftp_login_anew(s);
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
	ftp_login_anew(s);
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
	p->server.prot = FTP_PROT_UNKNOWN; /* it may depend on who it is */
	ftp_server_ask(s, answered_login, "USER %s\r\n", p->user);
}

void
ftp_login_greeted(struct session *s, const struct ftp_reply *r)
{
	struct ftp *p = s->state;
	char why[200];

	if (r->code / 100 != 2) {
		(void)slice_copy(ftp_reply_text(r, 0), why, sizeof(why));
		ftp_login_failed(s, why);
	} else if (ftp_secure_greeted(s, r)) {
		return;
	} else if (p->server.user != NULL) {
		ftp_login_ready(s);
	} else {
		ftp_enter(s, FTP_LOGIN);
		ftp_relay(s, r);
	}
}

void
ftp_login_ready(struct session *s)
{
	struct ftp *p = s->state;
	char *user = p->server.user;

	p->server.user = NULL;
	p->server.securing = false;
	ftp_enter(s, FTP_LOGIN);
	if (user != NULL)
		say_user(s, user);
	else if (p->server.greeting != NULL && !io_secured(p->server.io))
		io_puts(s->client, p->server.greeting);
	else /* what was said before TLS is not its own word */
		ftp_say(s, "220 %s is there\r\n", p->server.dest.host);
	free(user);
}

/* Where the packet filter took the client from.  False: it came by itself. */
static bool
turned_from(const struct session *s, struct ftp_dest *d_r)
{
	struct addr a, mine = *io_local(s->client);
	char text[ADDR_TEXT], other[ADDR_TEXT];

	io_original(s->client, &a);
	addr_unmap(&mine);
	if (strcmp(addr_text(&a, text), addr_text(&mine, other)) == 0)
		return false;
	*d_r = (struct ftp_dest){.port = addr_port(&a)};
	copy_text(d_r->host, sizeof(d_r->host), addr_host(&a, text));
	return true;
}

/* The user is not said to which server: the packet filter has. */
static void
go_to_original(struct session *s, const char *user)
{
	struct ftp_dest d;

	if (turned_from(s, &d))
		go_to(s, &d, user);
	else
		ftp_say(s, "530 mode = redirect: you were not\r\n");
}

void
ftp_act_user(struct session *s, const struct ftp_line *l)
{
	struct ftp *p = s->state;
	const struct ftp_own *o = ftp_own(s);
	char name[FTP_LINE_MAX];
	struct slice user = l->arg;
	struct ftp_dest d = o->server;
	bool forward = o->mode == FTP_FORWARD;
	int rc = forward ? ftp_dest_user(l->arg, &user, &d) : 1;

	(void)slice_copy(user, name, sizeof(name));
	if (rc < 0)
		ftp_say(s, "501 USER user@host or user@host:port\r\n");
	else if (rc > 0 && p->server.io != NULL)
		say_user(s, name);
	else if (rc == 0)
		go_to(s, &d, name);
	else if (o->mode == FTP_REDIRECT)
		go_to_original(s, name);
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

	if (ftp_own(s)->mode != FTP_FORWARD)
		ftp_say(s, "502 Servers are not named here\r\n");
	else if (ftp_dest(l->arg, &d) < 0)
		ftp_say(s, "501 %s host or host:port\r\n", l->verb);
	else
		go_to(s, &d, NULL);
}

void
ftp_act_rein(struct session *s, const struct ftp_line *l)
{
	(void)l;
	/* RFC 4217 11 would have us go on in the clear. */
	if (io_secured(s->client)) {
		ftp_say(s, "502 Not under TLS: QUIT, and come again\r\n");
		return;
	}
	ftp_login_anew(s);
	ftp_say(s, "220 %s ready\r\n", s->place->gateway);
}
