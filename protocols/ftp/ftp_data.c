/*
 * ftp_data: data connections, of which each side has at most one: listened for
 * or dialled, and told to the transfer when it wants to hear of them.
 */

#include <stdio.h>

#include "protocols/ftp/ftp.h"
#include "protocols/ftp/ftp_addr.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/dial.h"
#include "proxy/io.h"
#include "proxy/io_peer.h"
#include "proxy/listen_once.h"
#include "proxy/stats.h"

#define LINGER_MS 30000

/* The reply to a data port that may not be: whoever asks for it is not the
 * one who listens there (RFC 2577 3). */
#define LOW_PORT 1024

static void
forget(struct ftp_data *d)
{
	listen_once_cancel(&d->listen);
	dial_cancel(&d->dial);
	d->way = FTP_WAY_NONE;
	d->wanted = d->securing = d->late = false;
	d->moved = 0;
}

void
ftp_data_close(struct ftp_data *d)
{
	forget(d);
	io_free(&d->io);
}

void
ftp_data_reset(struct ftp_data *d)
{
	forget(d);
	io_reset(&d->io);
}

void
ftp_data_leave(struct ftp_data *d)
{
	d->wanted = false;
	if (d->listen == NULL)
		ftp_data_close(d);
}

static void
tell(struct ftp_data *d, enum ftp_data_event what)
{
	struct session *s = d->s;

	if (d->wanted)
		ftp_move_data(s, d, what);
	else if (what == FTP_DATA_LOST)
		ftp_data_close(d);
	if (!session_ended(s))
		ftp_go_on(s);
}

static void
set_deadline(struct ftp_data *d)
{
	if (d->wanted)
		io_deadline(d->io, ftp_own(d->s)->data_timeout, DATA_TIMEOUT);
}

static void
late(struct ftp_data *d)
{
	uint64_t moved = io_bytes_in(d->io) + io_bytes_out(d->io);
	const char *word = io_deadline_word(d->io);

	if (moved != d->moved && strcmp(word, DATA_TIMEOUT) == 0) {
		d->moved = moved;
		set_deadline(d);
		return;
	}
	copy_text(d->why, sizeof(d->why), word);
	stats_reason(d->s->place->counted, word);
	d->late = true;
	tell(d, FTP_DATA_LOST);
}

/* The end of a handshake, the bytes, their end are small things that are said
 * one after another: a peer with Nagle's algorithm waits for each. */
static void
hurry(struct ftp_data *d)
{
	if (io_secured(d->io))
		io_acknowledge(d->io);
}

static void
secured(struct ftp_data *d)
{
	const struct ftp *p = d->s->state;

	d->securing = false;
	log_debug(d->s->id, "ftp data tls %s version=%s resumed=%s",
	    d == &p->client ? "client" : "server", io_tls_version(d->io),
	    io_tls_resumed(d->io) ? "yes" : "no");
	set_deadline(d);
	hurry(d);
	tell(d, FTP_DATA_OPEN);
}

static void
told(void *arg, struct io *io, enum io_event what)
{
	struct ftp_data *d = arg;

	if (what == IO_LATE) {
		late(d);
	} else if (what == IO_GONE) {
		(void)snprintf(d->why, sizeof(d->why), "%s",
		    io_trouble(io)[0] == '\0' ? strerror(io_error(io))
					      : io_trouble(io));
		tell(d, FTP_DATA_LOST);
	} else if (what == IO_SECURED) {
		secured(d);
	} else if (what == IO_INPUT) {
		hurry(d);
		tell(d, FTP_DATA_INPUT);
	} else if (what == IO_ENDED) {
		tell(d, io_truncated(io) ? FTP_DATA_CUT : FTP_DATA_END);
	} else if (what == IO_DRAINED) {
		tell(d, FTP_DATA_SENT);
	}
}

/* It is there, and wanted.  False: TLS comes first. */
static bool
is_open(struct ftp_data *d)
{
	d->securing = ftp_tls_data(d);
	if (!d->securing)
		set_deadline(d);
	return !d->securing;
}

/* Until the transfer wants it nothing is read from it. */
static void
opened(void *arg, struct io *io, const char *why)
{
	struct ftp_data *d = arg;

	d->late = io == NULL && d->listen != NULL;
	d->listen = NULL;
	d->dial = NULL;
	if (io == NULL) {
		(void)snprintf(d->why, sizeof(d->why), "%s%s",
		    d->late ? DATA_TIMEOUT ": " : "", why);
		if (d->late)
			stats_reason(d->s->place->counted, DATA_TIMEOUT);
		tell(d, FTP_DATA_LOST);
		return;
	}
	d->io = io;
	if (d == &((struct ftp *)d->s->state)->client)
		io_client(io, d->s->place->counted);
	io_owner(io, told, d);
	if (!d->wanted) {
		io_pause(io);
		return;
	}
	tell(d, is_open(d) ? FTP_DATA_OPEN : FTP_DATA_THERE);
}

int
ftp_data_listen(struct ftp_data *d, const struct addr *local,
    const struct addr *from, struct ftp_range ports, struct err *e)
{
	struct listen_once_want want = {
	    .local = local,
	    .from = from,
	    .least = ports.least,
	    .most = ports.most,
	    .timeout_ms = ftp_own(d->s)->data_timeout,
	};

	ftp_data_close(d);
	d->listen = listen_once_open(
	    worker_loop(d->s->place->worker), &want, opened, d, e);
	d->way = FTP_WAY_PASSIVE;
	return d->listen == NULL ? -1 : 0;
}

bool
ftp_data_want(struct ftp_data *d)
{
	const struct ftp_own *o = ftp_own(d->s);
	char host[ADDR_TEXT];

	d->wanted = true;
	if (d->io != NULL) {
		io_resume(d->io);
		return is_open(d);
	}
	if (d->listen != NULL) {
		listen_once_wait(d->listen, o->data_timeout);
		return false;
	}
	if (d->dial == NULL)
		d->dial = dial_start(worker_dialer(d->s->place->worker),
		    addr_host(&d->target, host), addr_port(&d->target),
		    o->data_timeout, opened, d);
	return false;
}

bool
ftp_data_send(
    struct ftp_data *d, const struct content *c, uint64_t from, uint64_t to)
{
	if (from < to)
		io_feed(d->io, c, from, to);
	io_end(d->io);
	return from < to;
}

void
ftp_data_finish(struct ftp_data *d)
{
	forget(d);
	/* in the clear a peer has nothing to say to the end, and is not waited
	 * for; of one that talks all the same a close() would be an RST */
	if (io_secured(d->io) || io_has_spoken(d->io))
		io_finish(&d->io, LINGER_MS);
	else
		io_free(&d->io);
}

/* ---- the client's side ---- */

static bool
same_host(const struct addr *a, const struct addr *b)
{
	unsigned char one[16], other[16];

	addr_key(a, one);
	addr_key(b, other);
	return memcmp(one, other, sizeof(one)) == 0;
}

/* lftp says "EPRT |2|::|port|": nobody's address, and its own is meant. */
static struct addr
meant(const struct session *s, const struct addr *a)
{
	struct addr peer = *io_peer(s->client), any;
	const char *word = a->ss.ss_family == AF_INET6 ? "::" : "0.0.0.0";

	if (a->ss.ss_family != peer.ss.ss_family ||
	    addr_number(word, 0, &any) < 0 || !same_host(a, &any))
		return *a;
	addr_set_port(&peer, addr_port(a));
	return peer;
}

/* RFC 2577 3: the bounce attack. */
static void
take_target(struct session *s, const struct ftp_line *l, const struct addr *to)
{
	struct ftp *p = s->state;
	struct addr at = meant(s, to);
	const struct addr *a = &at;
	char text[ADDR_TEXT];

	if (!same_host(a, io_peer(s->client)) || addr_port(a) < LOW_PORT) {
		log_warn(s->id, "ftp refused verb=%s target=%s reason=bounce",
		    l->verb, addr_text(a, text));
		ftp_say(s, "504 Your own address, and a port from %d on\r\n",
		    LOW_PORT);
		return;
	}
	ftp_data_close(&p->client);
	p->client.way = FTP_WAY_ACTIVE;
	p->client.target = *a;
	ftp_say(s, "200 Ok\r\n");
}

/* RFC 2428 4. */
static bool
refused_by_epsv_all(struct session *s)
{
	const struct ftp *p = s->state;

	if (p->epsv_all)
		ftp_say(s, "501 You said EPSV ALL\r\n");
	return p->epsv_all;
}

void
ftp_act_port(struct session *s, const struct ftp_line *l)
{
	struct addr a;

	if (refused_by_epsv_all(s))
		return;
	if (ftp_addr_port(l->arg, &a) < 0)
		ftp_say(s, "501 PORT h1,h2,h3,h4,p1,p2\r\n");
	else
		take_target(s, l, &a);
}

void
ftp_act_eprt(struct session *s, const struct ftp_line *l)
{
	struct addr a;
	int rc;

	if (refused_by_epsv_all(s))
		return;
	rc = ftp_addr_eprt(l->arg, &a);
	if (rc == -2)
		ftp_say(s, "522 Use (1,2)\r\n");
	else if (rc < 0)
		ftp_say(s, "501 EPRT |1|address|port|\r\n");
	else
		take_target(s, l, &a);
}

/* Listens where the client has reached us.  NULL: it was told why not. */
static const struct addr *
listen_for_client(struct session *s)
{
	struct ftp *p = s->state;
	struct err e;

	if (ftp_data_listen(&p->client, io_local(s->client), io_peer(s->client),
		ftp_own(s)->passive, &e) == 0)
		return listen_once_at(p->client.listen);
	log_error(s->id, "ftp limit=passive_ports error=%s", e.text);
	(void)stats_limit(s->place->counted, "passive_ports");
	ftp_say(s, "425 passive_ports: none is free\r\n");
	return NULL;
}

void
ftp_act_pasv(struct session *s, const struct ftp_line *l)
{
	const struct ftp_own *o = ftp_own(s);
	char text[FTP_ADDR_TEXT];
	const struct addr *at;
	struct addr a;

	(void)l;
	if (refused_by_epsv_all(s))
		return;
	if (io_local(s->client)->ss.ss_family == AF_INET6) {
		ftp_say(s, "425 Use EPSV over IPv6\r\n");
		return;
	}
	at = listen_for_client(s);
	if (at == NULL)
		return;
	a = o->address.len > 0 ? o->address : *at;
	addr_set_port(&a, addr_port(at));
	ftp_say(s, "227 Entering Passive Mode (%s)\r\n",
	    ftp_addr_text_port(&a, text));
}

void
ftp_act_epsv(struct session *s, const struct ftp_line *l)
{
	struct ftp *p = s->state;
	bool v6 = io_local(s->client)->ss.ss_family == AF_INET6;
	const struct addr *at;

	if (slice_is_word(l->arg, "ALL")) {
		p->epsv_all = true;
		ftp_say(s, "200 Ok\r\n");
		return;
	}
	if (l->arg.len > 0 && !slice_is(l->arg, v6 ? "2" : "1")) {
		ftp_say(s, "522 Use (%d)\r\n", v6 ? 2 : 1);
		return;
	}
	at = listen_for_client(s);
	if (at != NULL)
		ftp_say(s, "229 Entering Extended Passive Mode (|||%u|)\r\n",
		    addr_port(at));
}
