/*
 * b_http: web clients that do nothing but ask.  N connections ask a proxy (or
 * an origin) for one object again and again, or for another one each time, and
 * compare every byte of what comes with what the origin sends: a proxy that
 * answers quickly with something else does not win.  --tls 1: behind CONNECT,
 * each connection with a handshake of its own.  One JSON line.
 */

#include <signal.h>

#include "proxy/base/clock.h"
#include "tests/bench/bench_load.h"
#include "tests/bench/bench_tls.h"
#include "tests/bench/bench_web.h"

#define CONNS_MAX 20000
#define HEAD_MAX 8192
#define READ_MAX (256 * 1024)
#define BROKEN_MAX 10000 /* a server that answers nobody is no server */
#define UNTIL_CLOSE UINT64_MAX

enum state {
	CONNECTING,
	TUNNEL,  /* the reply to CONNECT */
	SHAKING, /* the handshake */
	HEAD,
	BODY,
	IDLE
};
enum framing { LENGTH, CHUNK_SIZE, CHUNK_DATA, CHUNK_CRLF, CHUNK_END };

struct conn {
	struct wire wire;
	enum state state;
	enum framing framing;
	char head[HEAD_MAX]; /* and a chunk's size line */
	size_t head_len;
	uint64_t left; /* of the body or of this chunk */
	uint64_t at;   /* bytes of the body that came */
	struct body body;
	bool good, fresh, close;
	long asked;
	int64_t asked_us, first_us;
};

static struct {
	struct corpus corpus;
	const struct mail *file;
	const char *target; /* "http://HOST:PORT" before the path; "": none */
	const char *host;
	uint64_t length, serial;
	struct addr addr;
	int epoll;
	struct conn *conns;
	struct load load;
	long pace, per_connection;
	bool idle, distinct, direct;
	SSL_CTX *tls; /* NULL: in the clear */

	long begun, counted, connected;
	long wrong_status, wrong_body, broken, reopened;
	int last_status;
	uint64_t bytes;
	int64_t last_us;
	struct times times, first;
} b;

static void conn_open(struct conn *c);

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
	if (!time_is_over())
		conn_open(c);
}

/* ---- asking ---- */

static void
ask(struct conn *c)
{
	uint64_t serial = b.distinct ? b.serial++ : 0;
	char text[512];
	int len;

	len = snprintf(text, sizeof(text),
	    "GET %s/%s/%" PRIu64 "/%" PRIx64 " HTTP/1.1\r\n"
	    "Host: %s\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n",
	    b.target, b.file->name, b.length, serial, b.host);
	body_begin(&c->body, b.file, b.length, serial);
	c->state = HEAD;
	c->head_len = 0;
	c->at = 0;
	c->good = true;
	c->first_us = 0;
	c->asked_us = clock_us();
	b.begun++;
	c->asked++;
	if (wire_send(&c->wire, text, (size_t)len) != len)
		conn_broken(c);
}

static void
next(struct conn *c)
{
	c->fresh = false;
	if (b.idle) {
		c->state = IDLE;
	} else if (time_is_over()) {
		conn_shut(c);
	} else if (c->close ||
	    (b.per_connection > 0 && c->asked >= b.per_connection)) {
		b.reopened++;
		conn_shut(c);
		conn_open(c);
	} else {
		ask(c);
	}
}

/* ---- an answer that is whole ---- */

static void
answered(struct conn *c)
{
	int64_t now = clock_us();

	if (c->at != b.length)
		c->good = false;
	b.wrong_body += !c->good;
	if (c->fresh)
		b.load.ready++;
	if (c->good && now >= b.load.count_from_us && now <= b.load.until_us) {
		b.counted++;
		b.bytes += b.length;
		b.last_us = now;
		times_add(&b.times, now - c->asked_us);
		times_add(&b.first, c->first_us - c->asked_us);
	}
	next(c);
}

static void
take_body(struct conn *c, const char *bytes, size_t len)
{
	if (c->first_us == 0)
		c->first_us = clock_us();
	c->good = c->good && body_is(&c->body, c->at, bytes, len);
	c->at += len;
}

/* ---- framing ---- */

/* One line into c->head; how many bytes, *whole_r when it is there. */
static size_t
take_line(struct conn *c, const char *at, size_t len, bool *whole_r)
{
	const char *end = memchr(at, '\n', len);
	size_t n = end == NULL ? len : (size_t)(end - at) + 1;

	*whole_r = end != NULL;
	if (c->head_len + n >= HEAD_MAX)
		die("answer", "a line without end");
	memcpy(c->head + c->head_len, at, n);
	c->head_len += n;
	c->head[c->head_len] = '\0';
	return n;
}

/* Takes what is at hand of a chunk line; how many bytes, true: the end. */
static size_t
take_chunk_line(struct conn *c, const char *at, size_t len, bool *end_r)
{
	bool whole;
	size_t n = take_line(c, at, len, &whole);

	*end_r = false;
	if (!whole)
		return n;
	if (c->framing == CHUNK_SIZE) {
		c->left = strtoull(c->head, NULL, 16);
		c->framing = c->left == 0 ? CHUNK_END : CHUNK_DATA;
	} else if (c->framing == CHUNK_CRLF) {
		c->framing = CHUNK_SIZE;
	} else {
		*end_r = c->head_len <= 2;
	}
	c->head_len = 0;
	return n;
}

/* Bytes of the body, framing and all; true: it is whole. */
static bool
take_framed(struct conn *c, const char *at, size_t len)
{
	bool end = c->framing == LENGTH && c->left == 0;

	while (len > 0 && !end) {
		size_t n = len;

		if (c->framing == LENGTH || c->framing == CHUNK_DATA) {
			n = c->left < len ? (size_t)c->left : len;
			take_body(c, at, n);
			if (c->left != UNTIL_CLOSE)
				c->left -= n;
			end = c->left == 0 && c->framing == LENGTH;
			if (c->left == 0)
				c->framing = CHUNK_CRLF;
		} else {
			n = take_chunk_line(c, at, len, &end);
		}
		at += n;
		len -= n;
	}
	return end;
}

/* ---- the head ---- */

static bool
head_has(const char *head, const char *field, const char *word)
{
	const char *at = strcasestr(head, field);
	const char *end = at == NULL ? NULL : strchr(at, '\r');
	const char *found = end == NULL ? NULL : strcasestr(at, word);

	return found != NULL && found < end;
}

static void
read_head(struct conn *c)
{
	const char *length = strcasestr(c->head, "\r\nContent-Length:");
	int status = (int)strtol(c->head + 9, NULL, 10);

	if (status != 200) {
		b.wrong_status++;
		b.last_status = status;
		c->good = false;
	}
	c->close = head_has(c->head, "\r\nConnection:", "close");
	c->framing = LENGTH;
	c->left = UNTIL_CLOSE;
	if (head_has(c->head, "\r\nTransfer-Encoding:", "chunked"))
		c->framing = CHUNK_SIZE;
	else if (length != NULL)
		c->left = strtoull(length + 17, NULL, 10);
	else
		c->close = true;
	c->state = BODY;
	c->head_len = 0;
}

/* How many bytes of in belong to the head; it may be whole then. */
static size_t
take_head(struct conn *c, const char *in, size_t len)
{
	size_t had = c->head_len, fits = HEAD_MAX - 1 - had;
	char *end;

	fits = len < fits ? len : fits;
	memcpy(c->head + had, in, fits);
	c->head[had + fits] = '\0';
	c->head_len += fits;
	end = strstr(c->head, "\r\n\r\n");
	if (end == NULL) {
		if (fits < len)
			die("answer", "a head without end");
		return len;
	}
	end[4] = '\0';
	len = (size_t)(end - c->head) + 4 - had;
	read_head(c);
	return len;
}

static void
take(struct conn *c, const char *in, size_t len)
{
	size_t n;

	if (c->state == HEAD) {
		n = take_head(c, in, len);
		in += n;
		len -= n;
	}
	if (c->state == BODY && take_framed(c, in, len))
		answered(c);
}

static void
ended(struct conn *c)
{
	bool unasked = c->state == HEAD && c->head_len == 0 && !c->fresh;

	if (c->state == BODY && c->left == UNTIL_CLOSE) {
		answered(c); /* which opens the next */
	} else if (unasked && !time_is_over()) {
		b.reopened++; /* it was closed while we asked */
		b.begun--;
		conn_shut(c);
		conn_open(c);
	} else {
		conn_broken(c);
	}
}

/* ---- TLS ---- */

static void
shake(struct conn *c)
{
	ssize_t n = wire_shake(&c->wire);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		conn_broken(c);
	else
		ask(c);
}

static void
secure(struct conn *c)
{
	char name[256];

	(void)snprintf(name, sizeof(name), "%s", b.host);
	name[strcspn(name, ":")] = '\0';
	wire_secure(&c->wire, b.tls, true);
	SSL_set_tlsext_host_name(c->wire.ssl, name);
	c->state = SHAKING;
	shake(c);
}

static void
ask_tunnel(struct conn *c)
{
	char text[512];
	int len = snprintf(text, sizeof(text),
	    "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", b.host, b.host);

	c->state = TUNNEL;
	c->head_len = 0;
	if (send(c->wire.fd, text, (size_t)len, MSG_NOSIGNAL) != len)
		conn_broken(c);
}

/* Nothing follows the head: the server waits for us. */
static void
take_tunnel(struct conn *c, const char *in, size_t len)
{
	if (c->head_len + len >= HEAD_MAX)
		die("CONNECT", "a head without end");
	memcpy(c->head + c->head_len, in, len);
	c->head_len += len;
	c->head[c->head_len] = '\0';
	if (strstr(c->head, "\r\n\r\n") == NULL)
		return;
	if (strtol(c->head + 9, NULL, 10) == 200) {
		secure(c);
		return;
	}
	b.wrong_status++;
	b.last_status = (int)strtol(c->head + 9, NULL, 10);
	conn_broken(c);
}

static void
conn_input(struct conn *c)
{
	static char in[READ_MAX];
	ssize_t n;

	if (c->state == SHAKING) {
		shake(c);
		return;
	}
	n = wire_recv(&c->wire, in, sizeof(in));
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		ended(c);
	else if (c->state == IDLE || c->state == CONNECTING)
		conn_broken(c);
	else if (c->state == TUNNEL)
		take_tunnel(c, in, (size_t)n);
	else
		take(c, in, (size_t)n);
}

/* ---- the run ---- */

static void
conn_open(struct conn *c)
{
	c->wire.fd = socket_to(&b.addr);
	c->state = CONNECTING;
	c->fresh = true;
	c->close = false;
	c->asked = 0;
	watch(b.epoll, EPOLL_CTL_ADD, c->wire.fd, EPOLLIN | EPOLLOUT, c);
	b.load.open++;
}

static void
connected(struct conn *c)
{
	watch(b.epoll, EPOLL_CTL_MOD, c->wire.fd, EPOLLIN, c);
	b.connected++;
	if (b.tls == NULL)
		ask(c);
	else if (b.direct)
		secure(c);
	else
		ask_tunnel(c);
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
		if ((e[i].events & (EPOLLHUP | EPOLLERR)) != 0 &&
		    c->state == CONNECTING)
			conn_broken(c);
		else if (c->state == CONNECTING)
			connected(c);
		else
			conn_input(c);
	}
}

/* Opens what is still to be opened, some at a time: a backlog may be short. */
static void
open_some(void)
{
	long most = (b.idle ? b.load.ready : b.connected) + b.pace;

	while (b.load.opened < b.load.n && b.load.opened < most)
		conn_open(&b.conns[b.load.opened++]);
}

/* Holds connections that have had an answer until standard input ends. */
static void
hold(void)
{
	load_get_ready(&b.load);
	printf("{\"ready\": %ld, \"broken\": %ld, \"wrong_body\": %ld}\n",
	    b.load.ready, b.broken, b.wrong_body);
	load_hold();
}

static void
report(void)
{
	int64_t end =
	    b.load.until_us < clock_us() ? b.load.until_us : b.last_us;
	double seconds = (double)(end - b.load.count_from_us) / 1e6;

	times_sort(&b.times);
	times_sort(&b.first);
	printf("{\"seconds\": %.3f, \"requests\": %ld, \"rate\": %.2f, "
	       "\"mb_per_s\": %.2f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
	       "\"first_ms\": %.3f, \"begun\": %ld, \"wrong_status\": %ld, "
	       "\"last_status\": %d, \"wrong_body\": %ld, \"broken\": %ld, "
	       "\"reopened\": %ld, \"unfinished\": %ld}\n",
	    seconds, b.counted, seconds > 0 ? (double)b.counted / seconds : 0,
	    seconds > 0 ? (double)b.bytes / seconds / 1e6 : 0,
	    times_at(&b.times, 0.5), times_at(&b.times, 0.99),
	    times_at(&b.first, 0.5), b.begun, b.wrong_status, b.last_status,
	    b.wrong_body, b.broken, b.reopened, b.load.open);
}

static void
read_arguments(int argc, char **argv)
{
	const char *name = argument(argc, argv, "--file", NULL);
	struct err e;

	if (addr_parse(argument(argc, argv, "--address", NULL), &b.addr, &e) <
	    0)
		die("--address", e.text);
	b.host = argument(argc, argv, "--origin", NULL);
	b.direct = number(argc, argv, "--direct", "0") != 0;
	if (number(argc, argv, "--tls", "0") != 0)
		b.tls = wire_context(NULL, NULL);
	b.target =
	    b.direct || b.tls != NULL ? "" : xasprintf("http://%s", b.host);
	load_arguments(&b.load, argc, argv, CONNS_MAX, "4000", "4000");
	b.pace = number(argc, argv, "--pace", "50");
	b.load.total = number(argc, argv, "--requests", "0");
	b.per_connection = number(argc, argv, "--per-connection", "0");
	b.distinct = number(argc, argv, "--distinct", "0") != 0;
	b.serial = (uint64_t)clock_us() << 20;
	b.idle = number(argc, argv, "--idle", "0") != 0;
	corpus_read(&b.corpus, argument(argc, argv, "--corpus", NULL));
	b.file = corpus_find(&b.corpus, name, strlen(name));
	if (b.file == NULL)
		die(name, "no such file");
	b.length = strtoull(argument(argc, argv, "--length", "0"), NULL, 10);
	if (b.length == 0)
		b.length = b.file->len;
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
