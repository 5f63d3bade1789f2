/*
 * dial: name -> addresses -> connection.  The one file that speaks c-ares,
 * whose sockets and time are the loop's.
 */
#include "proxy/dial.h"

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/io.h"
#include "proxy/loop.h"
#include "proxy/program.h"

#define DIALER_MAGIC 0xd1a1e401u
#define ADDRESSES_MAX 16

/* However many addresses a name has, each gets so long to answer. */
#define ATTEMPT_MIN 1000

/* One socket of c-ares. */
struct query_socket {
	struct dialer *dialer;
	int fd;
	bool read, write;
	struct watch *watch;
	struct query_socket *next;
};

struct dialer {
	uint32_t magic;
	struct loop *loop;
	struct programs *programs;
	ares_channel channel;
	struct timer *timer;
	struct query_socket *sockets;
};

/* c-ares cannot forget one question alone, so we forget who asked. */
struct question {
	struct dial *dial;
};

struct dial {
	struct dialer *dialer;
	struct question *question;
	uint16_t port;
	int64_t until_ms;
	struct timer *timer;
	struct job job; /* says how it ended */
	struct addr addrs[ADDRESSES_MAX];
	unsigned n, at;
	int fd;
	struct watch *watch;
	struct io *io;
	char why[128];
	dial_allowed *allowed; /* NULL: all are */
	const void *allowed_arg;
	dial_done *done;
	void *arg;
};

/* ---- c-ares on the loop ---- */

static void
set_time(struct dialer *d)
{
	struct timeval tv;

	if (ares_timeout(d->channel, NULL, &tv) == NULL)
		timer_stop(d->timer);
	else
		timer_set(d->timer, tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
}

static void
on_query_time(void *arg)
{
	struct dialer *d = arg;

	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_time(d);
}

static void
on_query_socket(void *arg)
{
	struct query_socket *q = arg;
	struct dialer *d = q->dialer;

	/* it finds out itself which of the two it is; q may go meanwhile */
	ares_process_fd(d->channel, q->read ? q->fd : ARES_SOCKET_BAD,
	    q->write ? q->fd : ARES_SOCKET_BAD);
	set_time(d);
}

static void
free_query_socket(struct query_socket **link)
{
	struct query_socket *q = *link;

	*link = q->next;
	watch_free(&q->watch);
	free(q);
}

/* c-ares says what it waits for; neither: the socket is about to close. */
static void
on_socket_state(void *arg, ares_socket_t fd, int read, int write)
{
	struct dialer *d = arg;
	struct query_socket **link = &d->sockets;
	struct query_socket *q;

	while (*link != NULL && (*link)->fd != fd)
		link = &(*link)->next;
	if (!read && !write) {
		if (*link != NULL)
			free_query_socket(link);
		return;
	}
	q = *link;
	if (q == NULL) {
		q = *link = xcalloc(1, sizeof(*q));
		q->dialer = d;
		q->fd = fd;
		q->watch = loop_watch(d->loop, fd, on_query_socket, q);
	}
	q->read = read != 0;
	q->write = write != 0;
	watch_want(q->watch, q->read, q->write);
}

struct dialer *
dialer_open(struct loop *l)
{
	struct dialer *d = xcalloc(1, sizeof(*d));
	struct ares_options o = {0};
	int mask = ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
	char lookups[] = "fb"; /* /etc/hosts, then DNS */
	int rc;

	d->magic = DIALER_MAGIC;
	d->loop = l;
	d->programs = programs_open(l);
	d->timer = timer_open(l, on_query_time, d);
	o.lookups = lookups;
	o.sock_state_cb = on_socket_state;
	o.sock_state_cb_data = d;
	rc = ares_library_init(ARES_LIB_INIT_ALL);
	if (rc == ARES_SUCCESS)
		rc = ares_init_options(&d->channel, &o, mask);
	if (rc != ARES_SUCCESS) {
		log_error(0, "dial resolver error=%s", ares_strerror(rc));
		d->channel = NULL; /* addresses can still be dialled */
	}
	return d;
}

void
dialer_free(struct dialer **dp)
{
	struct dialer *d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	IS(d, DIALER_MAGIC);
	if (d->channel != NULL)
		ares_destroy(d->channel);
	ares_library_cleanup();
	while (d->sockets != NULL)
		free_query_socket(&d->sockets);
	timer_free(&d->timer);
	programs_free(&d->programs);
	free(d);
}

bool
dialer_busy(const struct dialer *d)
{
	return programs_left(d->programs);
}

/* ---- one dial ---- */

static void
free_dial(struct dial *d)
{
	if (d->question != NULL)
		d->question->dial = NULL;
	watch_free(&d->watch);
	timer_free(&d->timer);
	job_cancel(&d->job);
	if (d->fd >= 0)
		(void)close(d->fd);
	io_free(&d->io);
	free(d);
}

/* The end, said from the loop. */
static void
tell(void *arg)
{
	struct dial *d = arg;
	struct io *io = d->io;
	char why[sizeof(d->why)];
	dial_done *done = d->done;
	void *done_arg = d->arg;

	d->io = NULL;
	copy_text(why, sizeof(why), d->why);
	free_dial(d);
	done(done_arg, io, io == NULL ? why : NULL);
}

static void
fail(struct dial *d, const char *why)
{
	copy_text(d->why, sizeof(d->why), why);
	loop_later(d->dialer->loop, &d->job);
}

static const char *
words_of_errno(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "connection refused";
	case ETIMEDOUT:
		return "timed out";
	case ENETUNREACH:
		return "network unreachable";
	case EHOSTUNREACH:
		return "host unreachable";
	case ECONNRESET:
		return "connection reset";
	case ENOENT:
		return "no such socket";
	case EACCES:
	case EPERM:
		return "permission denied";
	case EKEYREJECTED: /* ours: see begin() */
		return DIAL_NOT_ALLOWED;
	case EAGAIN:
		return "its queue is full";
	case EMFILE:
	case ENFILE:
		return "too many open files (limit nofile)";
	default:
		return strerror(error);
	}
}

static void try_next(struct dial *d);

/* This address is done with. */
static void
address_failed(struct dial *d, const char *why)
{
	watch_free(&d->watch);
	if (d->fd >= 0)
		(void)close(d->fd);
	d->fd = -1;
	timer_stop(d->timer);
	copy_text(d->why, sizeof(d->why), why);
	d->at++;
}

static void
connected(struct dial *d)
{
	watch_free(&d->watch);
	timer_stop(d->timer);
	d->io = io_open(d->dialer->loop, &d->fd, &d->addrs[d->at]);
	loop_later(d->dialer->loop, &d->job);
}

static void
on_writable(void *arg)
{
	struct dial *d = arg;
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error == 0) {
		connected(d);
		return;
	}
	address_failed(d, words_of_errno(error));
	try_next(d);
}

static void
on_time(void *arg)
{
	struct dial *d = arg;

	if (d->question != NULL) {
		d->question->dial = NULL;
		d->question = NULL;
		fail(d, "name lookup timed out");
		return;
	}
	address_failed(d, "timed out");
	try_next(d);
}

/* How long the address in turn may take: a fair share of what is left. */
static int64_t
share(const struct dial *d, int64_t left)
{
	int64_t ms = left / (int64_t)(d->n - d->at);

	if (ms < ATTEMPT_MIN)
		ms = ATTEMPT_MIN;
	return ms < left ? ms : left;
}

/* 0 when under way or done, -1 with errno. */
static int
begin(struct dial *d)
{
	const struct addr *a = &d->addrs[d->at];
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

	if (d->allowed != NULL && !d->allowed(d->allowed_arg, a)) {
		errno = EKEYREJECTED;
		return -1;
	}
	d->fd = socket(a->ss.ss_family, type, 0);
	if (d->fd < 0)
		return -1;
	if (connect(d->fd, (const struct sockaddr *)&a->ss, a->len) == 0) {
		connected(d);
		return 0;
	}
	if (errno != EINPROGRESS)
		return -1;
	d->watch = loop_watch(d->dialer->loop, d->fd, on_writable, d);
	watch_want(d->watch, false, true);
	return 0;
}

static void
try_next(struct dial *d)
{
	for (; d->at < d->n; address_failed(d, words_of_errno(errno))) {
		int64_t left = d->until_ms - clock_ms();

		if (left <= 0) {
			fail(d, "timed out");
			return;
		}
		timer_set(d->timer, share(d, left));
		if (begin(d) == 0)
			return;
	}
	loop_later(d->dialer->loop, &d->job); /* the last one's words */
}

/* ---- names ---- */

static void
take_addresses(struct dial *d, const struct ares_addrinfo *res)
{
	const struct ares_addrinfo_node *n = res->nodes;

	for (; n != NULL && d->n < ADDRESSES_MAX; n = n->ai_next) {
		struct addr *a = &d->addrs[d->n];

		if (n->ai_addrlen > sizeof(a->ss))
			continue;
		memcpy(&a->ss, n->ai_addr, n->ai_addrlen);
		a->len = n->ai_addrlen;
		addr_set_port(a, d->port);
		d->n++;
	}
}

static const char *
words_of_ares(int status)
{
	switch (status) {
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
	case ARES_ENONAME:
	case ARES_EBADNAME:
		return "no such host";
	case ARES_ETIMEOUT:
		return "name lookup timed out";
	case ARES_ECONNREFUSED: /* also what is left of a SERVFAIL */
	case ARES_ESERVFAIL:
		return "name server failed";
	default:
		return ares_strerror(status);
	}
}

static void
on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *res)
{
	struct question *q = arg;
	struct dial *d = q->dial;

	(void)timeouts;
	free(q);
	if (d != NULL)
		d->question = NULL;
	if (d != NULL && status == ARES_SUCCESS)
		take_addresses(d, res);
	if (res != NULL)
		ares_freeaddrinfo(res);
	if (d == NULL)
		return;
	timer_stop(d->timer);
	if (status != ARES_SUCCESS)
		fail(d, words_of_ares(status));
	else if (d->n == 0)
		fail(d, "no such host");
	else
		try_next(d);
}

static void
ask(struct dial *d, const char *host, int64_t timeout_ms)
{
	struct ares_addrinfo_hints hints = {
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	};
	struct dialer *dialer = d->dialer;
	struct question *q;

	if (dialer->channel == NULL) {
		fail(d, "no resolver");
		return;
	}
	q = xcalloc(1, sizeof(*q));
	q->dial = d;
	d->question = q;
	timer_set(d->timer, timeout_ms);
	/* may answer at once; then q is gone */
	ares_getaddrinfo(dialer->channel, host, NULL, &hints, on_addresses, q);
	set_time(dialer);
}

/* An address and not a name: no question. */
static bool
take_literal(struct dial *d, const char *host)
{
	struct addr *a = &d->addrs[0];

	if (strncmp(host, "unix:", 5) == 0) {
		if (addr_parse(host, a, NULL) < 0)
			return false;
	} else if (addr_number(host, d->port, a) < 0) {
		return false;
	}
	d->n = 1;
	return true;
}

/* "/path words": a program. */
static void
take_program(struct dial *d, const char *command)
{
	struct err e;

	d->io = program_start(d->dialer->programs, command, &e);
	fail(d, d->io == NULL ? e.text : "");
}

struct dial *
dial_start(struct dialer *dialer, const char *host, uint16_t port,
    int64_t timeout_ms, dial_done *done, void *arg)
{
	return dial_start_where(
	    dialer, host, port, timeout_ms, NULL, NULL, done, arg);
}

struct dial *
dial_start_where(struct dialer *dialer, const char *host, uint16_t port,
    int64_t timeout_ms, dial_allowed *allowed, const void *allowed_arg,
    dial_done *done, void *arg)
{
	struct dial *d = xcalloc(1, sizeof(*d));

	IS(dialer, DIALER_MAGIC);
	d->dialer = dialer;
	d->port = port;
	d->fd = -1;
	d->until_ms = clock_ms() + timeout_ms;
	d->allowed = allowed;
	d->allowed_arg = allowed_arg;
	d->done = done;
	d->arg = arg;
	d->timer = timer_open(dialer->loop, on_time, d);
	job_init(&d->job, tell, d);
	if (strncmp(host, "pipe:", 5) == 0)
		take_program(d, host + 5);
	else if (take_literal(d, host))
		try_next(d);
	else if (strncmp(host, "unix:", 5) == 0)
		fail(d, "not a socket's path");
	else
		ask(d, host, timeout_ms);
	return d;
}

void
dial_cancel(struct dial **dp)
{
	struct dial *d = *dp;

	*dp = NULL;
	if (d != NULL)
		free_dial(d);
}
