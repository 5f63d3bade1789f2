/*
 * b_smtp: mail clients that do nothing but send.  N connections send mails of a
 * corpus back to back; each reply to a final dot is timed from the last byte
 * of the dot and compared with what that mail deserves.  --tls 1: behind
 * STARTTLS, each connection with a handshake of its own.  One JSON line.
 */

#include <signal.h>
#include <sys/uio.h>

#include "proxy/base/clock.h"
#include "tests/bench/bench_load.h"
#include "tests/bench/bench_tls.h"

#define CONNS_MAX 20000
#define IN_MAX 4096
#define BROKEN_MAX 10000 /* a server that takes none is no server */

enum state {
	GREETING, /* 220 */
	HELLO,    /* the EHLO reply */
	STARTTLS, /* its reply */
	SHAKING,  /* the handshake */
	ENVELOPE, /* replies to MAIL, RCPT, DATA */
	CONTENT,  /* bytes of the mail are going out */
	VERDICT,  /* the reply to the final dot */
	BYE,      /* after QUIT */
	IDLE      /* --idle: nothing more */
};

struct conn {
	struct wire wire;
	enum state state;
	int expect; /* replies of the envelope that are still to come */
	bool pipelining, writing;
	char in[IN_MAX];
	size_t in_len;
	const struct mail *mail;
	char serial[SERIAL_LEN + 1];
	size_t sent; /* of serial and mail together */
	long sent_here;
	int64_t dot_us;
};

static struct {
	struct corpus corpus;
	struct addr addr;
	int epoll;
	struct conn *conns;
	struct load load;
	long pace, per_connection;
	bool idle, no_pipelining;
	SSL_CTX *tls; /* NULL: in the clear */

	long begun, counted, clean, infected;
	long wrong_clean, wrong_infected; /* replies that were not deserved */
	long tempfail, broken;            /* 4xx; connections that ended */
	uint64_t bytes;
	int64_t last_us;
	struct times times;
} b;

static const char envelope_1[] = "MAIL FROM:<sender@example.net>\r\n";
static const char envelope_2[] = "RCPT TO:<rcpt@example.org>\r\n";
static const char envelope_3[] = "DATA\r\n";
static const char envelope_all[] = "MAIL FROM:<sender@example.net>\r\n"
				   "RCPT TO:<rcpt@example.org>\r\n"
				   "DATA\r\n";

static void conn_open(struct conn *c);

static void
want_write(struct conn *c, bool on)
{
	if (c->writing == on)
		return;
	c->writing = on;
	watch(b.epoll, EPOLL_CTL_MOD, c->wire.fd, EPOLLIN | (on ? EPOLLOUT : 0),
	    c);
}

static void
conn_shut(struct conn *c)
{
	wire_close(&c->wire);
	b.load.open--;
}

static bool
time_is_over(void)
{
	return clock_us() >= b.load.until_us ||
	    (b.load.total > 0 && b.begun >= b.load.total);
}

/* A connection that ended when it should not have: begin again. */
static void
conn_broken(struct conn *c)
{
	if (++b.broken > BROKEN_MAX)
		die("connections", "they break all the time");
	conn_shut(c);
	if (!time_is_over() && !b.idle)
		conn_open(c);
}

/* Commands are short: a socket that does not take one is broken. */
static void
say(struct conn *c, const char *text)
{
	size_t len = strlen(text);

	if (wire_send(&c->wire, text, len) != (ssize_t)len)
		conn_broken(c);
}

static void
mail_begin(struct conn *c)
{
	if (time_is_over() ||
	    (b.per_connection > 0 && c->sent_here >= b.per_connection)) {
		c->state = BYE;
		say(c, "QUIT\r\n");
		return;
	}
	c->mail = &b.corpus.mail[(size_t)b.begun % b.corpus.n];
	snprintf(c->serial, sizeof(c->serial), SERIAL_FMT,
	    (uint64_t)b.begun ^ (uint64_t)getpid() << 40);
	b.begun++;
	c->sent = 0;
	c->sent_here++;
	c->state = ENVELOPE;
	c->expect = 3;
	say(c, c->pipelining ? envelope_all : envelope_1);
}

/* In the clear the serial and the mail go out together. */
static ssize_t
content_write(struct conn *c)
{
	size_t at = c->sent < SERIAL_LEN ? 0 : c->sent - SERIAL_LEN;
	struct iovec v[2] = {{c->serial + c->sent, SERIAL_LEN - c->sent},
	    {c->mail->bytes + at, c->mail->len - at}};
	int first = c->sent < SERIAL_LEN ? 0 : 1;

	if (c->wire.ssl != NULL)
		return wire_send(&c->wire, v[first].iov_base, v[first].iov_len);
	return writev(c->wire.fd, v + first, 2 - first);
}

static void
content_go(struct conn *c)
{
	size_t all = SERIAL_LEN + c->mail->len;

	while (c->sent < all) {
		ssize_t n = content_write(c);

		if (n < 0 && errno == EAGAIN) {
			want_write(c, true);
			return;
		}
		if (n < 0) {
			conn_broken(c);
			return;
		}
		c->sent += (size_t)n;
	}
	c->dot_us = clock_us();
	c->state = VERDICT;
	want_write(c, false);
}

static void
count_reply(struct conn *c, int code)
{
	int64_t now = clock_us();

	if (c->mail->infected)
		b.wrong_infected += code < 400;
	else
		b.wrong_clean += code >= 500;
	b.tempfail += code >= 400 && code < 500;
	if (now < b.load.count_from_us || now > b.load.until_us)
		return;
	b.counted++;
	b.infected += c->mail->infected;
	b.clean += !c->mail->infected;
	b.bytes += c->mail->len;
	b.last_us = now;
	times_add(&b.times, now - c->dot_us);
}

/* One reply line; more says that the reply goes on. */
static void
heard_envelope(struct conn *c, int code)
{
	bool go = c->expect == 1 && code == 354;

	c->expect--;
	if (code >= 400) {
		b.tempfail++;
		conn_broken(c);
		return;
	}
	if (go) {
		c->state = CONTENT;
		content_go(c);
	} else if (!c->pipelining) {
		say(c, c->expect == 2 ? envelope_2 : envelope_3);
	}
}

static void
shake(struct conn *c)
{
	ssize_t n = wire_shake(&c->wire);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) {
		conn_broken(c);
		return;
	}
	c->state = HELLO;
	say(c, "EHLO bench.example.net\r\n");
}

static void
heard(struct conn *c, int code, bool more, const char *text)
{
	if (c->state == HELLO && strncasecmp(text, "PIPELINING", 10) == 0)
		c->pipelining = !b.no_pipelining;
	if (more)
		return;
	switch (c->state) {
	case GREETING:
		c->state = HELLO;
		if (code == 220)
			say(c, "EHLO bench.example.net\r\n");
		else
			conn_broken(c);
		break;
	case HELLO:
		if (b.tls != NULL && c->wire.ssl == NULL) {
			c->state = STARTTLS;
			say(c, "STARTTLS\r\n");
			break;
		}
		b.load.ready++;
		c->state = IDLE;
		if (!b.idle)
			mail_begin(c);
		break;
	case STARTTLS:
		if (code != 220)
			die("STARTTLS", text);
		c->state = SHAKING;
		wire_secure(&c->wire, b.tls, true);
		shake(c);
		break;
	case ENVELOPE:
		heard_envelope(c, code);
		break;
	case VERDICT:
		count_reply(c, code);
		mail_begin(c);
		break;
	case BYE:
		conn_shut(c);
		if (!time_is_over())
			conn_open(c);
		break;
	case SHAKING:
	case CONTENT:
	case IDLE:
		conn_broken(c);
		break;
	}
}

/* Takes the whole lines; a connection may be another one after each. */
static void
conn_lines(struct conn *c)
{
	char line[IN_MAX], *end;
	int fd = c->wire.fd;

	while (c->wire.fd == fd &&
	    (end = memmem(c->in, c->in_len, "\r\n", 2)) != NULL) {
		size_t len = (size_t)(end - c->in), gone = len + 2;

		memcpy(line, c->in, len);
		line[len] = '\0';
		c->in_len -= gone;
		memmove(c->in, c->in + gone, c->in_len);
		heard(c, (int)strtol(line, NULL, 10), len > 3 && line[3] == '-',
		    len > 4 ? line + 4 : "");
	}
}

static void
conn_input(struct conn *c)
{
	ssize_t n;

	if (c->state == SHAKING) {
		shake(c);
		return;
	}
	n = wire_recv(&c->wire, c->in + c->in_len, IN_MAX - c->in_len);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		if (c->state == BYE) {
			conn_shut(c);
			if (!time_is_over())
				conn_open(c);
			return;
		}
		conn_broken(c);
		return;
	}
	c->in_len += (size_t)n;
	conn_lines(c);
}

static void
conn_open(struct conn *c)
{
	*c = (struct conn){.wire.fd = socket_to(&b.addr)};
	watch(b.epoll, EPOLL_CTL_ADD, c->wire.fd, EPOLLIN, c);
	b.load.open++;
}

/* Dot-stuffed and ended, so that one write sends it (RFC 5321 4.5.2). */
static void
stuff(struct mail *m)
{
	char *to = xcalloc(2, m->len + 8);
	size_t n = 0;

	for (size_t i = 0; i < m->len; i++) {
		if (m->bytes[i] == '.' && (i == 0 || m->bytes[i - 1] == '\n'))
			to[n++] = '.';
		to[n++] = m->bytes[i];
	}
	if (n < 2 || memcmp(to + n - 2, "\r\n", 2) != 0) {
		memcpy(to + n, "\r\n", 2);
		n += 2;
	}
	memcpy(to + n, ".\r\n", 3);
	free(m->bytes);
	m->bytes = to;
	m->len = n + 3;
}

static void
turn(void)
{
	struct epoll_event e[256];
	int n = epoll_wait(b.epoll, e, 256, 50);

	for (int i = 0; i < n; i++) {
		struct conn *c = e[i].data.ptr;

		if (c->wire.fd < 0)
			continue;
		if (c->state == CONTENT && (e[i].events & EPOLLOUT) != 0)
			content_go(c);
		else if ((e[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
			conn_input(c);
	}
}

/* Opens what is still to be opened, some at a time: a backlog may be short. */
static void
open_some(void)
{
	while (
	    b.load.opened < b.load.n && b.load.opened < b.load.ready + b.pace)
		conn_open(&b.conns[b.load.opened++]);
}

/* Holds greeted sessions until standard input ends. */
static void
hold(void)
{
	load_get_ready(&b.load);
	printf("{\"ready\": %ld, \"broken\": %ld}\n", b.load.ready, b.broken);
	load_hold();
}

static void
report(void)
{
	int64_t end =
	    b.load.until_us < clock_us() ? b.load.until_us : b.last_us;
	double seconds = (double)(end - b.load.count_from_us) / 1e6;

	times_sort(&b.times);
	printf("{\"seconds\": %.3f, \"mails\": %ld, \"rate\": %.2f, "
	       "\"mb_per_s\": %.2f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
	       "\"clean\": %ld, \"infected\": %ld, \"begun\": %ld, "
	       "\"wrong_clean\": %ld, \"wrong_infected\": %ld, "
	       "\"tempfail\": %ld, \"broken\": %ld, \"unfinished\": %ld}\n",
	    seconds, b.counted, seconds > 0 ? (double)b.counted / seconds : 0,
	    seconds > 0 ? (double)b.bytes / seconds / 1e6 : 0,
	    times_at(&b.times, 0.5), times_at(&b.times, 0.99), b.clean,
	    b.infected, b.begun, b.wrong_clean, b.wrong_infected, b.tempfail,
	    b.broken, b.load.open);
}

static void
read_arguments(int argc, char **argv)
{
	struct err e;

	if (addr_parse(argument(argc, argv, "--address", NULL), &b.addr, &e) <
	    0)
		die("--address", e.text);
	load_arguments(&b.load, argc, argv, CONNS_MAX, "8000", "30000");
	b.pace = number(argc, argv, "--pace", "4");
	b.load.total = number(argc, argv, "--mails", "0");
	b.per_connection = number(argc, argv, "--per-connection", "100");
	b.no_pipelining = number(argc, argv, "--no-pipelining", "0") != 0;
	b.idle = number(argc, argv, "--idle", "0") != 0;
	if (number(argc, argv, "--tls", "0") != 0)
		b.tls = wire_context(NULL, NULL);
	if (b.idle)
		return;
	corpus_read(&b.corpus, argument(argc, argv, "--corpus", NULL));
	for (size_t i = 0; i < b.corpus.n; i++)
		stuff(&b.corpus.mail[i]);
}

int
main(int argc, char **argv)
{
	read_arguments(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	b.epoll = epoll_create1(EPOLL_CLOEXEC);
	b.conns = xcalloc((size_t)b.load.n, sizeof(*b.conns));
	b.load.open_some = open_some;
	b.load.turn = turn;
	if (b.idle) {
		hold();
		return 0;
	}
	load_run(&b.load);
	report();
	return 0;
}
