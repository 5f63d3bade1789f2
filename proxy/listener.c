/*
 * listener: accepts, a few at a time, so that a flood of clients does not keep
 * those who are there waiting.
 */
#include "proxy/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/io.h"
#include "proxy/loop.h"
#include "proxy/place.h"
#include "proxy/proxied.h"
#include "proxy/stats.h"

#define LISTENER_MAGIC 0x115720e1u

#define ACCEPT_TURN 16
#define NOFILE_PAUSE_MS 100

/* Who is refused has so long to hear it, and so many may be hearing it: the
 * others are closed without a word, or a flood would eat our descriptors. */
#define REFUSE_LINGER_MS 1000
#define REFUSED_MAX 512

/* At most one line a second for each reason. */
struct quiet {
	int64_t until_ms;
	unsigned unsaid;
};

struct listener {
	uint32_t magic;
	struct worker *worker;
	struct place *place;
	int fd;
	struct watch *watch;
	struct timer *pause;
	struct proxied_list proxied; /* those whose proxy has to speak first */
	struct quiet refused[REFUSE_SHUTDOWN + 1], nofile, unproxied;
};

/* 0: say nothing now.  Else how often it happened since it was last said. */
static unsigned
may_say(struct quiet *q)
{
	int64_t now = clock_ms();
	unsigned n = ++q->unsaid;

	if (now < q->until_ms)
		return 0;
	q->until_ms = now + 1000;
	q->unsaid = 0;
	return n;
}

static uint64_t
count(const struct listener *ln, const char *limit)
{
	return stats_limit(ln->place->counted, limit);
}

static void
refuse(
    struct listener *ln, struct io **iop, enum refusal why, const char *limit)
{
	struct place *p = ln->place;
	unsigned times = may_say(&ln->refused[why]);
	uint64_t total = count(ln, limit);
	char host[ADDR_TEXT];

	if (times > 0)
		log_warn(0,
		    "refused limit=%s listener=%s client=%s times=%u "
		    "total=%ju",
		    limit, p->name, addr_host(io_peer(*iop), host), times,
		    (uintmax_t)total);
	if (io_finishing(worker_loop(ln->worker)) >= REFUSED_MAX) {
		io_free(iop);
		return;
	}
	/* under TLS from the first byte there is nobody to talk to yet */
	if (p->protocol->refuse != NULL && p->tls_mode != TLS_IMPLICIT)
		p->protocol->refuse(*iop, p->gateway, why);
	io_finish(iop, REFUSE_LINGER_MS);
}

static void
take(struct listener *ln, int *fdp, const struct addr *peer)
{
	struct io *io = io_open(worker_loop(ln->worker), fdp, peer);
	enum refusal why = REFUSE_BUSY;
	const char *limit =
	    admit_enter(place_admit(ln->place), ln->worker, peer, &why);

	io_client(io, ln->place->counted);
	if (limit == NULL)
		session_open(ln->place, &io);
	else
		refuse(ln, &io, why, limit);
}

/* A proxy that did not say for whom it speaks: closed without a word, for
 * what it would hear is not for it. */
static void
not_proxied(struct listener *ln, const struct addr *peer, const char *why)
{
	unsigned times = may_say(&ln->unproxied);
	uint64_t total = count(ln, "proxy_protocol_from");
	char host[ADDR_TEXT];

	if (times > 0)
		log_warn(0,
		    "refused limit=proxy_protocol_from listener=%s proxy=%s "
		    "reason=%s times=%u total=%ju",
		    ln->place->name, addr_host(peer, host), log_quote(why),
		    times, (uintmax_t)total);
}

static void
proxied(void *arg, int *fdp, const struct addr *client, const char *why)
{
	struct listener *ln = arg;

	IS(ln, LISTENER_MAGIC);
	if (why == NULL)
		take(ln, fdp, client);
	else
		not_proxied(ln, client, why);
}

/* As many as the listener may have sessions wait for what a proxy says. */
static void
take_or_wait(struct listener *ln, int *fdp, const struct addr *peer)
{
	const struct proxied_conf *c = place_proxied(ln->place);

	if (!proxied_must(c, peer)) {
		take(ln, fdp, peer);
		return;
	}
	if (ln->proxied.n < place_admit(ln->place)->listener_max) {
		proxied_wait(&ln->proxied, worker_loop(ln->worker), c, fdp,
		    peer, proxied, ln);
		return;
	}
	not_proxied(ln, peer, "max_sessions: too many wait");
	(void)close(*fdp);
}

static void
resume(void *arg)
{
	struct listener *ln = arg;

	watch_want(ln->watch, true, false);
}

/* No descriptor for it: the client waits in the backlog and not the loop. */
static void
out_of_files(struct listener *ln, int error)
{
	unsigned times = may_say(&ln->nofile);
	const char *limit =
	    error == EMFILE || error == ENFILE ? "nofile" : "memory";

	(void)count(ln, limit);
	if (times > 0)
		log_error(0, "accept limit=%s listener=%s error=%s times=%u",
		    limit, ln->place->name, strerror(error), times);
	watch_want(ln->watch, false, false);
	timer_set(ln->pause, NOFILE_PAUSE_MS);
}

/* False: enough for now. */
static bool
accept_one(struct listener *ln)
{
	struct addr peer = {.len = sizeof(peer.ss)};
	int fd = accept4(ln->fd, (struct sockaddr *)&peer.ss, &peer.len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		addr_unmap(&peer);
		take_or_wait(ln, &fd, &peer);
		return true;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return false;
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
	    errno == ENOMEM) {
		out_of_files(ln, errno);
		return false;
	}
	/* accept(2): what went wrong with that connection before we took it
	 * comes here; the next one may be well */
	return true;
}

static void
on_client(void *arg)
{
	struct listener *ln = arg;

	for (int i = 0; i < ACCEPT_TURN; i++) {
		if (!accept_one(ln))
			return;
	}
}

struct listener *
listener_open(struct worker *w, struct place *place, int *fdp)
{
	struct listener *ln = xcalloc(1, sizeof(*ln));

	ln->magic = LISTENER_MAGIC;
	ln->worker = w;
	ln->place = place;
	place_hold(place);
	ln->fd = *fdp;
	*fdp = -1;
	MUST(fcntl(ln->fd, F_SETFL, O_NONBLOCK) == 0);
	ln->pause = timer_open(worker_loop(w), resume, ln);
	ln->watch = loop_watch(worker_loop(w), ln->fd, on_client, ln);
	return ln;
}

void
listener_place(struct listener *ln, struct place *place)
{
	struct place *old = ln->place;

	IS(ln, LISTENER_MAGIC);
	place_hold(place);
	ln->place = place;
	place_drop(old);
}

void
listener_free(struct listener **lp)
{
	struct listener *ln = *lp;

	*lp = NULL;
	if (ln == NULL)
		return;
	IS(ln, LISTENER_MAGIC);
	watch_free(&ln->watch);
	timer_free(&ln->pause);
	proxied_drop(&ln->proxied);
	(void)close(ln->fd);
	place_drop(ln->place);
	ln->magic = 0;
	free(ln);
}
