/*
 * armoury_serve: one generation in the gateway's service.  What the parent
 * says, what workers say, who has died, whether the database has changed: one
 * loop over poll(2), for it has little to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/base/proctitle.h"
#include "proxy/base/words.h"
#include "scan/armoury.h"

#define COUNT_EVERY_MS 1000 /* temporary files in directories */

struct service {
	struct crew crew;
	struct watches watches;
	int signals;
	int64_t count_ms; /* when files are counted next */
	bool parent_gone;
};

/* It never was ready: the parent keeps the generation it has. */
static int
fail(const struct armoury_args *a, const char *why)
{
	struct control m = {
	    .kind = CONTROL_FAILED, .generation = a->generation};

	log_error(0, "generation=%u failed error=\"%s\"", a->generation,
	    log_quote(why));
	copy_text(m.text, sizeof(m.text), why);
	if (control_send(ARMOURY_CONTROL_FD, &m, NULL, 0) < 0)
		log_warn(0, "parent error=%s", strerror(errno));
	return ARMOURY_FAILED;
}

/* None of them reaches the engine's system calls by surprise. */
static int
own_signals(void)
{
	const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGUSR1};
	sigset_t set;

	/* At a terminal they go to the whole group: it ends with its parent. */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* As much as the most curious [log] wants. */
static void
set_log_level(const struct conf *conf)
{
	const struct conf_section *s = NULL;
	int64_t level = 0, most = 0; /* words: none error warn info debug */

	while ((s = conf_next(conf, "log", s)) != NULL) {
		level = conf_int(conf, s, OPT_LOG_LEVEL);
		most = level > most ? level : most;
	}
	if (most > 0)
		log_setup((enum log_level)(most - 1), log_who());
}

static int
take_over(struct service *s, const struct armoury_args *a, struct err *e)
{
	struct crew *c = &s->crew;

	c->parent = ARMOURY_CONTROL_FD;
	c->generation = a->generation;
	c->nets = a->nets;
	c->conf = conf_from_fd(ARMOURY_CONF_FD, e);
	if (c->conf == NULL)
		return -1;
	set_log_level(c->conf);
	c->words = words_map(ARMOURY_WORDS_FD);
	s->signals = own_signals();
	if (c->words == NULL || s->signals < 0)
		return err_set(e, "words, signals: %s", strerror(errno));
	/* Before it is read: what changes meanwhile is a change. */
	watch_open(&s->watches, c->conf);
	c->inspector = inspector_open(c->conf, e);
	if (c->inspector == NULL)
		return -1;
	jail_warm_up();
	return crew_open(c, a->first_slot, e);
}

/* ---- the loop ------------------------------------------------------------ */

static void
hear_parent(struct service *s)
{
	struct control m;
	int fds[CONTROL_FDS];
	unsigned n;
	int got = control_recv(ARMOURY_CONTROL_FD, &m, fds, &n);

	while (n > 0)
		close(fds[--n]);
	if (got == 0 || (got < 0 && errno != EBADMSG))
		s->parent_gone = true;
	else if (got < 0)
		log_error(0, "message of the parent refused");
	else if (m.kind == CONTROL_NET_NEW && m.net > 0)
		crew_net_new(&s->crew, m.net);
	else if (m.kind == CONTROL_NET_GONE && m.net > 0)
		crew_net_gone(&s->crew, m.net);
	else if (m.kind == CONTROL_RETIRE)
		crew_retire(&s->crew);
}

static void
hear_signals(struct service *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) > 0)
		continue;
	crew_reap(&s->crew);
}

static void
look_at_database(struct service *s)
{
	struct control m = {
	    .kind = CONTROL_CHANGED, .generation = s->crew.generation};

	if (!s->crew.ready || s->crew.retiring)
		return;
	if (!watch_look(&s->watches, clock_ms()))
		return;
	log_info(0, "database changed generation=%u", m.generation);
	if (control_send(ARMOURY_CONTROL_FD, &m, NULL, 0) < 0)
		log_warn(0, "parent error=%s", strerror(errno));
}

static void
count_files(struct service *s)
{
	int64_t now = clock_ms();

	if (!crew_counts_files(&s->crew) || now < s->count_ms)
		return;
	s->count_ms = now + COUNT_EVERY_MS;
	crew_count_files(&s->crew);
}

static int64_t
sooner(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static int
wait_ms(const struct service *s)
{
	int64_t due = crew_next_ms(&s->crew), now = clock_ms();

	if (s->crew.ready && !s->crew.retiring)
		due = sooner(due, watch_next_ms(&s->watches));
	if (crew_counts_files(&s->crew))
		due = sooner(due, s->count_ms);
	if (due < 0)
		return -1;
	return due <= now ? 0 : (int)sooner(due - now, INT32_MAX);
}

/* Parent, signals, then control and voice of each berth. */
static void
turn(struct service *s, struct pollfd *p)
{
	struct crew *c = &s->crew;

	p[0] = (struct pollfd){.fd = ARMOURY_CONTROL_FD, .events = POLLIN};
	p[1] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	for (unsigned i = 0; i < c->n; i++) {
		p[2 + 2 * i] = (struct pollfd){
		    .fd = c->berths[i].control, .events = POLLIN};
		p[3 + 2 * i] =
		    (struct pollfd){.fd = c->berths[i].say, .events = POLLIN};
	}
	if (poll(p, 2 + 2 * c->n, wait_ms(s)) <= 0)
		return;
	if (p[0].revents != 0) {
		/* By itself, before the rest: a pair that is made before its
		 * net worker is announced would be made twice, and a job that
		 * waited for the first one be lost with it. */
		hear_parent(s);
		return;
	}
	for (unsigned i = 0; i < c->n; i++) {
		if (p[3 + 2 * i].revents != 0)
			say_relay(&c->berths[i]);
		if (p[2 + 2 * i].revents != 0)
			crew_heard(c, &c->berths[i]);
	}
	if (p[1].revents != 0)
		hear_signals(s);
}

static bool
is_over(const struct service *s)
{
	const struct crew *c = &s->crew;

	return s->parent_gone || (c->retiring && crew_living(c) == 0) ||
	    (!c->ready && c->failed[0] != '\0');
}

static void
loop(struct service *s)
{
	struct pollfd *p = xcalloc(2 + 2 * s->crew.n, sizeof(*p));

	while (!is_over(s)) {
		crew_start(&s->crew);
		turn(s, p);
		look_at_database(s);
		count_files(s);
	}
	free(p);
}

int
armoury_serve(const struct armoury_args *a)
{
	static struct service s;
	struct err e;
	int status = 0;

	proctitle_set("sallyportd: armoury");
	for (int fd = ARMOURY_CONTROL_FD; fd <= ARMOURY_WORDS_FD; fd++) {
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return fail(a, "started without its descriptors");
	}
	if (take_over(&s, a, &e) < 0)
		return fail(a, e.text);
	loop(&s);
	crew_kill(&s.crew);
	if (!s.crew.ready && s.crew.failed[0] != '\0')
		status = fail(a, s.crew.failed);
	free(s.crew.berths);
	inspector_close(&s.crew.inspector);
	words_unmap(s.crew.words);
	conf_free(&s.crew.conf);
	return status;
}
