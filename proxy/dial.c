/*
 * dial: name -> addresses -> connection.  The one file that speaks c-ares,
 * whose sockets and time are the loop's.  Addresses are tried as RFC 8305 has
 * it: one after the other, but nobody waits long for one that does not answer.
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
#include "proxy/stats.h"

#define DIALER_MAGIC 0xd1a1e401u
#define ADDRESSES_MAX 16

/* RFC 8305 5: an address that has not answered by then gets company. */
#define ATTEMPT_DELAY 250

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

/* A connection that is not one yet. */
struct attempt {
	struct dial *dial;
	int fd; /* -1: over */
	struct watch *watch;
};

struct dial {
	struct dialer *dialer;
	struct question *question;
	uint16_t port;
	int64_t until_ms;
	struct timer *timer;
	struct job job; /* says how it ended */
	struct addr addrs[ADDRESSES_MAX];
	struct attempt attempts[ADDRESSES_MAX]; /* of the address there */
	unsigned n, at;                         /* `at` is tried next */
	unsigned under_way;
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
end_attempt(struct attempt *t)
{
	watch_free(&t->watch);
	if (t->fd < 0)
		return;
	(void)close(t->fd);
	t->fd = -1;
	t->dial->under_way--;
}

static void
end_attempts(struct dial *d)
{
	for (unsigned i = 0; i < d->at; i++)
		end_attempt(&d->attempts[i]);
}

static void
free_dial(struct dial *d)
{
	if (d->question != NULL)
		d->question->dial = NULL;
	end_attempts(d);
	timer_free(&d->timer);
	job_cancel(&d->job);
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
	stats_word(STAT_DIALS, io == NULL ? DIAL_FAILED : DIAL_NEW);
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

static void go_on(struct dial *d);

/* The first that answers is it; the others are let go. */
static void
connected(struct dial *d, unsigned nth)
{
	struct attempt *t = &d->attempts[nth];

	watch_free(&t->watch);
	timer_stop(d->timer);
	d->under_way--;
	d->io = io_open(d->dialer->loop, &t->fd, &d->addrs[nth]);
	t->fd = -1;
	end_attempts(d);
	loop_later(d->dialer->loop, &d->job);
}

static void
on_writable(void *arg)
{
	struct attempt *t = arg;
	struct dial *d = t->dial;
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error == 0) {
		connected(d, (unsigned)(t - d->attempts));
		return;
	}
	end_attempt(t);
	copy_text(d->why, sizeof(d->why), words_of_errno(error));
	go_on(d);
}

static void
on_time(void *arg)
{
	struct dial *d = arg;

	if (d->question == NULL) {
		go_on(d);
		return;
	}
	d->question->dial = NULL;
	d->question = NULL;
	fail(d, "name lookup timed out");
}

/* The next address.  0 when under way or done, -1 with errno. */
static int
begin(struct dial *d)
{
	const struct addr *a = &d->addrs[d->at];
	struct attempt *t = &d->attempts[d->at];
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

	*t = (struct attempt){.dial = d, .fd = -1};
	d->at++;
	if (d->allowed != NULL && !d->allowed(d->allowed_arg, a)) {
		errno = EKEYREJECTED;
		return -1;
	}
	t->fd = socket(a->ss.ss_family, type, 0);
	if (t->fd < 0)
		return -1;
	d->under_way++;
	if (connect(t->fd, (const struct sockaddr *)&a->ss, a->len) == 0) {
		connected(d, d->at - 1);
		return 0;
	}
	if (errno != EINPROGRESS)
		return -1;
	t->watch = loop_watch_room(d->dialer->loop, t->fd, on_writable, t);
	return 0;
}

/* Begins the next one that can be begun.  False: there is none. */
static bool
try_next(struct dial *d)
{
	while (d->at < d->n) {
		struct attempt *t = &d->attempts[d->at];
		int error;

		if (begin(d) == 0)
			return true;
		error = errno;
		end_attempt(t);
		copy_text(d->why, sizeof(d->why), words_of_errno(error));
	}
	return false;
}

/* An attempt has failed, or its time alone is over. */
static void
go_on(struct dial *d)
{
	int64_t left = d->until_ms - clock_ms();

	if (left <= 0) {
		end_attempts(d);
		fail(d, "timed out");
		return;
	}
	(void)try_next(d);
	if (d->io != NULL)
		return;
	if (d->under_way == 0) {
		timer_stop(d->timer);
		loop_later(d->dialer->loop, &d->job); /* the last one's words */
		return;
	}
	if (d->at < d->n && left > ATTEMPT_DELAY)
		left = ATTEMPT_DELAY;
	timer_set(d->timer, left);
}

/* ---- names ---- */

/* The next one that is not of a family, from i on; n: there is none. */
static unsigned
find_other(const struct dial *d, unsigned i, sa_family_t family)
{
	while (i < d->n && d->addrs[i].ss.ss_family == family)
		i++;
	return i;
}

/* RFC 8305 4: families in turns, beginning with the one that is preferred;
 * within a family the order stays. */
static void
interleave(struct dial *d)
{
	for (unsigned i = 1; i < d->n; i++) {
		sa_family_t before = d->addrs[i - 1].ss.ss_family;
		unsigned from = find_other(d, i, before);
		struct addr a;

		if (from == d->n)
			return;
		a = d->addrs[from];
		memmove(&d->addrs[i + 1], &d->addrs[i],
		    (from - i) * sizeof(d->addrs[0]));
		d->addrs[i] = a;
	}
}

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
	interleave(d);
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
		go_on(d);
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
		go_on(d);
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
