/*
 * smtp_hop: one connection to a next hop: dial, greeting, EHLO, then commands
 * and their replies in order.  What a reply means is its owner's business; a
 * reply that nobody asked for ends it.
 */

#include "protocols/smtp/smtp_hop.h"
#include "protocols/smtp/smtp_sasl.h"

#include <stdarg.h>

#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/dial.h"
#include "proxy/io.h"
#include "proxy/stats.h"

#define QUIT_LINGER_MS 1000
#define COMMAND_MAX 4096 /* RCPT with all its parameters */

enum at {
	AT_DIAL,
	AT_GREETING,
	AT_EHLO,
	AT_STARTTLS,
	AT_TLS,
	AT_HELO,
	AT_READY,
	AT_XCLIENT,
	AT_BODY,
	AT_LOST
};

static void
destroy(struct smtp_hop *h)
{
	dial_cancel(&h->dial);
	if (h->io != NULL && h->at == AT_READY && h->owed == 0) {
		io_puts(h->io, "QUIT\r\n");
		io_finish(&h->io, QUIT_LINGER_MS);
	}
	io_free(&h->io);
	free(h);
}

/* False: the owner has freed it, or given it to a pool. */
static bool
tell(struct smtp_hop *h, enum smtp_hop_event what)
{
	MUST(!h->telling);
	h->telling = true;
	h->told(h->arg, h, what);
	h->telling = false;
	if (h->dead) {
		destroy(h);
		return false;
	}
	return h->io != NULL;
}

/* Always false: h may be gone. */
static bool __attribute__((format(printf, 2, 3)))
lost(struct smtp_hop *h, const char *fmt, ...)
{
	va_list ap;

	h->at = AT_LOST;
	va_start(ap, fmt);
	(void)vsnprintf(h->why, sizeof(h->why), fmt, ap);
	va_end(ap);
	(void)tell(h, HOP_LOST);
	return false;
}

static void dial(struct smtp_hop *h);

static const char *
in_words(const struct smtp_hop *h)
{
	switch ((enum at)h->at) {
	case AT_GREETING:
		return "greeting";
	case AT_EHLO:
	case AT_HELO:
		return "EHLO";
	case AT_STARTTLS:
		return "STARTTLS";
	case AT_TLS:
		return "TLS handshake";
	case AT_XCLIENT:
		return "XCLIENT";
	case AT_BODY:
		return "body";
	default:
		return "command";
	}
}

static void
say_ehlo(struct smtp_hop *h)
{
	h->at = AT_EHLO;
	smtp_hop_ask(
	    h, "%s %s\r\n", h->conf->lmtp ? "LHLO" : "EHLO", h->conf->gateway);
	smtp_hop_wait(h, h->conf->connect_timeout, "next_hop_connect_timeout");
}

static bool
greeted(struct smtp_hop *h)
{
	if (h->reply.code != 220)
		return lost(
		    h, "greeting: %u %.100s", h->reply.code, h->reply.text);
	say_ehlo(h);
	return true;
}

static bool
ready(struct smtp_hop *h)
{
	h->tainted = false; /* a refused EHLO or STARTTLS does no harm */
	h->at = AT_READY;
	return tell(h, HOP_READY);
}

/* ---- TLS ---- */

static bool
is_tls_wanted(const struct smtp_hop *h)
{
	return h->conf->tls != NULL && h->conf->tls_want != HOP_TLS_OFF &&
	    !h->tls_given_up && !io_secured(h->io);
}

/* EHLO was answered, and there is no TLS yet. */
static bool
before_tls(struct smtp_hop *h)
{
	if (!h->caps.starttls && h->conf->tls_want == HOP_TLS_MAY)
		return ready(h);
	if (!h->caps.starttls)
		return lost(h, "next_hop_tls: STARTTLS is not offered");
	h->at = AT_STARTTLS;
	smtp_hop_ask(h, "STARTTLS\r\n");
	smtp_hop_wait(h, h->conf->connect_timeout, "next_hop_connect_timeout");
	return true;
}

/* What came along behind the 220 is forgotten: it was not said under TLS. */
static bool
starttls_answered(struct smtp_hop *h)
{
	unsigned how = IO_TLS_AGAIN |
	    (h->conf->tls_want == HOP_TLS_VERIFY ? IO_TLS_VERIFY : 0);

	if (h->reply.code != 220 && h->conf->tls_want == HOP_TLS_MAY)
		return ready(h);
	if (h->reply.code != 220)
		return lost(
		    h, "STARTTLS: %u %.100s", h->reply.code, h->reply.text);
	h->at = AT_TLS;
	h->tls_begun = true;
	io_start_tls(h->io, h->conf->tls, h->conf->host, how);
	smtp_hop_wait(h, h->conf->connect_timeout, "next_hop_connect_timeout");
	return true;
}

/* RFC 3207 4.2: what it said in the clear does not hold any more. */
static void
secured(struct smtp_hop *h)
{
	h->caps = (struct smtp_caps){0};
	smtp_reply_init(&h->reply);
	log_debug(0, "tls next_hop=%s version=%s cipher=%s resumed=%s",
	    h->address, io_tls_version(h->io), io_tls_cipher(h->io),
	    io_tls_resumed(h->io) ? "yes" : "no");
	say_ehlo(h);
}

/* The connection is lost; was it over TLS?  A hop may only find out behind our
 * handshake. */
static bool
is_lost_by_tls(const struct smtp_hop *h)
{
	return h->at == AT_STARTTLS || h->at == AT_TLS ||
	    (h->at == AT_EHLO && h->tls_begun);
}

/* True: the same dial once more, in the clear. */
static bool
gives_up_tls(struct smtp_hop *h, const char *why)
{
	if (!is_lost_by_tls(h) || h->conf->tls_want != HOP_TLS_MAY)
		return false;
	log_info(0, "tls given up next_hop=%s reason=%s", h->address,
	    log_quote(why));
	io_free(&h->io);
	h->tls_begun = false;
	h->tls_given_up = true;
	h->owed = 0;
	h->tainted = false;
	h->at = AT_DIAL;
	smtp_reply_init(&h->reply);
	dial(h);
	return true;
}

static bool
ehlo_answered(struct smtp_hop *h)
{
	if (h->reply.code == 250) {
		h->caps = (struct smtp_caps){0};
		if (h->at == AT_EHLO)
			smtp_reply_caps(&h->reply, &h->caps);
		h->caps.known = true;
		return is_tls_wanted(h) ? before_tls(h) : ready(h);
	}
	if (h->at == AT_HELO || h->conf->lmtp || h->reply.code / 100 != 5)
		return lost(h, "EHLO: %u %.100s", h->reply.code, h->reply.text);
	/* RFC 5321 3.2: an old server may know HELO alone. */
	h->at = AT_HELO;
	smtp_hop_ask(h, "HELO %s\r\n", h->conf->gateway);
	smtp_hop_wait(h, h->conf->connect_timeout, "next_hop_connect_timeout");
	return true;
}

/* The dialogue begins anew with a greeting, or goes on as it was. */
static bool
introduced(struct smtp_hop *h)
{
	if (h->reply.code == 220) {
		h->bound = true;
		say_ehlo(h);
		return true;
	}
	if (h->reply.code / 100 != 4 && h->reply.code / 100 != 5)
		return lost(
		    h, "XCLIENT: %u %.100s", h->reply.code, h->reply.text);
	/* A mail that is told to be from us is better than none. */
	log_warn(0, "smtp XCLIENT refused next_hop=%s reply=\"%u %s\"",
	    h->address, h->reply.code, log_quote(h->reply.text));
	h->at = AT_READY;
	return tell(h, HOP_READY);
}

/* A whole reply is in h->reply.  False: h may be gone. */
static bool
said(struct smtp_hop *h)
{
	if (h->at == AT_GREETING)
		return greeted(h);
	if (h->owed == 0)
		return lost(h, "spoke unasked: %u %.100s", h->reply.code,
		    h->reply.text);
	h->owed--;
	smtp_hop_wait(
	    h, h->owed == 0 ? 0 : h->conf->timeout, "next_hop_timeout");
	if (h->at == AT_EHLO || h->at == AT_HELO)
		return ehlo_answered(h);
	if (h->at == AT_STARTTLS)
		return starttls_answered(h);
	if (h->at == AT_BODY) {
		h->at = AT_READY;
		h->ended = true;
	}
	if (h->swallow > 0) {
		if (--h->swallow == 0 && h->reply.code != 250)
			return lost(
			    h, "RSET: %u %.100s", h->reply.code, h->reply.text);
		return true;
	}
	if (h->at == AT_XCLIENT)
		return introduced(h);
	return tell(h, HOP_SAID);
}

/* It may be longer than any other reply (RFC 4954 4). */
static bool
is_challenge(struct slice line)
{
	return line.len >= 3 && memcmp(line.at, "334", 3) == 0 &&
	    (line.len == 3 || line.at[3] == ' ');
}

static enum smtp_reply_is
take_challenge(struct smtp_hop *h, struct slice line)
{
	h->reply.code = 334;
	h->challenge = slice_skip(line, line.len == 3 ? 3 : 4);
	return REPLY_DONE;
}

/* One line of input.  False: there is none, or h may be gone. */
static bool
take_line(struct smtp_hop *h)
{
	struct slice line;
	size_t most = h->sasl ? SMTP_SASL_LINE_MAX : SMTP_REPLY_LINE_MAX;
	enum line is = io_line(h->io, most, &line);
	enum smtp_reply_is reply;

	if (is == LINE_NONE)
		return false;
	if (is != LINE_OK)
		return lost(h, "%s: not SMTP", in_words(h));
	if (h->sasl && h->reply.code == 0 && is_challenge(line))
		reply = take_challenge(h, line);
	else
		reply = smtp_reply_line(&h->reply, line);
	if (reply == REPLY_MORE)
		return true;
	if (reply == REPLY_BAD)
		return lost(h, "%s: not SMTP", in_words(h));
	if (h->reply.code / 100 == 5 || h->reply.code == 421)
		h->tainted = true;
	if (!said(h))
		return false;
	smtp_reply_init(&h->reply);
	return h->at != AT_LOST;
}

static void
late(struct smtp_hop *h)
{
	/* A body that still moves is not late. */
	if (h->at == AT_BODY && io_bytes_out(h->io) != h->sent) {
		smtp_hop_wait(h, h->conf->timeout, "next_hop_timeout");
		return;
	}
	(void)stats_limit(h->conf->counted, io_deadline_word(h->io));
	if (!gives_up_tls(h, "next_hop_connect_timeout exceeded"))
		(void)lost(
		    h, "%s: %s exceeded", in_words(h), io_deadline_word(h->io));
}

static void
gone(struct smtp_hop *h)
{
	const char *why = io_trouble(h->io);
	int error = io_error(h->io);

	if (why[0] == '\0')
		why = error == 0 ? "connection closed" : strerror(error);
	if (!gives_up_tls(h, why))
		(void)lost(h, "%s: %s", in_words(h), why);
}

static void
io_says(void *arg, struct io *io, enum io_event what)
{
	struct smtp_hop *h = arg;

	(void)io;
	IS(h, SMTP_HOP_MAGIC);
	if (h->at == AT_LOST)
		return;
	switch (what) {
	case IO_INPUT:
		while (take_line(h))
			;
		break;
	case IO_DRAINED:
		(void)tell(h, HOP_DRAINED);
		break;
	case IO_ENDED:
		if (!gives_up_tls(h, "connection closed"))
			(void)lost(h, "%s: connection closed", in_words(h));
		break;
	case IO_GONE:
		gone(h);
		break;
	case IO_LATE:
		late(h);
		break;
	case IO_SECURED:
		secured(h);
		break;
	}
}

static void
dialled(void *arg, struct io *io, const char *why)
{
	struct smtp_hop *h = arg;

	IS(h, SMTP_HOP_MAGIC);
	h->dial = NULL;
	if (io == NULL) {
		(void)lost(h, "connect: %s", why);
		return;
	}
	h->io = io;
	h->at = AT_GREETING;
	/* a program has no address */
	if (strncmp(h->conf->host, "pipe:", 5) != 0)
		(void)addr_text(io_peer(io), h->address);
	io_owner(io, io_says, h);
	smtp_hop_wait(h, h->conf->connect_timeout, "next_hop_connect_timeout");
}

static void
dial(struct smtp_hop *h)
{
	h->dial = dial_start(h->dialer, h->conf->host, h->conf->port,
	    h->conf->connect_timeout, dialled, h);
}

struct smtp_hop *
smtp_hop_dial(struct dialer *d, const struct smtp_hop_conf *conf,
    smtp_hop_told *told, void *arg)
{
	struct smtp_hop *h = xcalloc(1, sizeof(*h));

	h->magic = SMTP_HOP_MAGIC;
	h->at = AT_DIAL;
	h->conf = conf;
	h->told = told;
	h->arg = arg;
	h->dialer = d;
	smtp_reply_init(&h->reply);
	dial(h);
	return h;
}

void
smtp_hop_owner(struct smtp_hop *h, smtp_hop_told *told, void *arg)
{
	IS(h, SMTP_HOP_MAGIC);
	h->told = told;
	h->arg = arg;
}

/* Before the first command of a mail: what the last one has left. */
static void
begin(struct smtp_hop *h)
{
	h->ended = false;
	if (!h->unreset)
		return;
	h->unreset = false;
	h->swallow = 1;
	h->owed = 1;
	io_puts(h->io, "RSET\r\n");
	smtp_hop_wait(h, h->conf->timeout, "next_hop_timeout");
}

void
smtp_hop_ask(struct smtp_hop *h, const char *fmt, ...)
{
	char command[COMMAND_MAX];
	va_list ap;
	int n;

	IS(h, SMTP_HOP_MAGIC);
	va_start(ap, fmt);
	n = vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	MUST(n > 0 && (size_t)n < sizeof(command));
	begin(h);
	io_put(h->io, command, (size_t)n);
	if (h->owed++ == 0)
		smtp_hop_wait(h, h->conf->timeout, "next_hop_timeout");
}

void
smtp_hop_say(struct smtp_hop *h, struct slice line)
{
	IS(h, SMTP_HOP_MAGIC);
	begin(h);
	io_put(h->io, line.at, line.len);
	io_puts(h->io, "\r\n");
	if (h->owed++ == 0)
		smtp_hop_wait(h, h->conf->timeout, "next_hop_timeout");
}

void
smtp_hop_introduce(struct smtp_hop *h, const char *attributes)
{
	MUST(h->at == AT_READY && h->owed == 0 && !h->introduced);
	h->introduced = true;
	smtp_hop_ask(h, "XCLIENT%s\r\n", attributes);
	h->at = AT_XCLIENT;
}

void
smtp_hop_reset(struct smtp_hop *h)
{
	h->swallow = h->owed + 1;
	smtp_hop_ask(h, "RSET\r\n");
}

void
smtp_hop_body(struct smtp_hop *h)
{
	IS(h, SMTP_HOP_MAGIC);
	h->at = AT_BODY;
	h->owed++;
	smtp_hop_wait(h, h->conf->timeout, "next_hop_timeout");
}

void
smtp_hop_wait(struct smtp_hop *h, int64_t ms, const char *option)
{
	h->sent = io_bytes_out(h->io);
	io_deadline(h->io, ms, option);
}

bool
smtp_hop_quiet(const struct smtp_hop *h)
{
	IS(h, SMTP_HOP_MAGIC);
	return h->at == AT_READY && h->owed == 0 && h->io != NULL;
}

struct io *
smtp_hop_unplug(struct smtp_hop *h)
{
	struct io *io = h->io;

	IS(h, SMTP_HOP_MAGIC);
	MUST(smtp_hop_quiet(h));
	h->io = NULL;
	return io;
}

void
smtp_hop_plug(struct smtp_hop *h, struct io *io, smtp_hop_told *told, void *arg)
{
	IS(h, SMTP_HOP_MAGIC);
	h->io = io;
	h->idled = true;
	smtp_reply_init(&h->reply);
	smtp_hop_owner(h, told, arg);
	io_owner(io, io_says, h);
}

void
smtp_hop_free(struct smtp_hop **hp)
{
	struct smtp_hop *h = *hp;

	*hp = NULL;
	if (h == NULL)
		return;
	IS(h, SMTP_HOP_MAGIC);
	if (h->telling)
		h->dead = true;
	else
		destroy(h);
}
