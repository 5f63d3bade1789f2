/*
 * loop: one libevent base, turned by hand: a turn is what libevent calls back
 * after one look at the kernel, then the jobs that were asked for meanwhile.
 * So "the end of this turn" is a place in this file and not a matter of luck.
 */
#include "proxy/loop.h"

#include <signal.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/io_pipe.h"
#include "proxy/loop_own.h"

/* Jobs that ask for jobs: so often before the kernel is asked again. */
#define PASSES_MAX 8

struct watch {
	struct event *ev;
	bool read, write;
	loop_called *called;
	void *arg;
};

struct timer {
	struct event *ev;
	loop_called *called;
	void *arg;
};

struct signal_watch {
	struct event *ev;
	loop_called *called;
	void *arg;
	struct signal_watch *next;
};

/* ---- jobs: rings with a head, so that leaving needs no list ---- */

static void
ring_init(struct job *head)
{
	head->next = head->prev = head;
}

static void
ring_add(struct job *head, struct job *j)
{
	j->next = head;
	j->prev = head->prev;
	head->prev->next = j;
	head->prev = j;
}

static bool
ring_empty(const struct job *head)
{
	return head->next == head;
}

/* Moves all of from behind what is in to. */
static void
ring_move(struct job *from, struct job *to)
{
	if (ring_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	ring_init(from);
}

void
job_init(struct job *j, loop_called *called, void *arg)
{
	*j = (struct job){.called = called, .arg = arg};
}

bool
job_waits(const struct job *j)
{
	return j->next != NULL;
}

void
job_cancel(struct job *j)
{
	if (!job_waits(j))
		return;
	j->next->prev = j->prev;
	j->prev->next = j->next;
	j->next = j->prev = NULL;
}

void
loop_later(struct loop *l, struct job *j)
{
	if (!job_waits(j))
		ring_add(&l->later, j);
}

void
loop_next(struct loop *l, struct job *j)
{
	if (!job_waits(j))
		ring_add(&l->next, j);
}

static void
run_ring(struct job *head)
{
	while (!ring_empty(head)) {
		struct job *j = head->next;

		job_cancel(j);
		j->called(j->arg);
	}
}

static void
run_jobs(struct loop *l)
{
	struct job now;

	ring_init(&now);
	for (int pass = 0; pass < PASSES_MAX; pass++) {
		if (ring_empty(&l->later))
			return;
		ring_move(&l->later, &now);
		run_ring(&now);
	}
}

/* ---- the loop ---- */

struct loop *
loop_open(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	struct event_config *cfg = event_config_new();

	MUST(cfg != NULL);
	/* io.c hears of a peer that has gone by edges, reading or not */
	MUST(event_config_require_features(
		 cfg, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE) == 0);
	MUST(event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK) == 0);
	l->magic = LOOP_MAGIC;
	l->base = event_base_new_with_config(cfg);
	MUST(l->base != NULL);
	event_config_free(cfg);
	ring_init(&l->later);
	ring_init(&l->next);
	l->scratch = xcalloc(1, LOOP_SCRATCH);
	MUST(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	return l;
}

void
loop_free(struct loop **lp)
{
	struct loop *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	IS(l, LOOP_MAGIC);
	io_finish_now(l);
	io_pipes_close(l);
	while (l->signals != NULL) {
		struct signal_watch *s = l->signals;

		l->signals = s->next;
		event_free(s->ev);
		free(s);
	}
	event_base_free(l->base);
	free(l->scratch);
	free(l);
}

void
loop_forked(struct loop *l)
{
	IS(l, LOOP_MAGIC);
	MUST(event_reinit(l->base) == 0);
}

void
loop_run(struct loop *l)
{
	struct job now;

	IS(l, LOOP_MAGIC);
	ring_init(&now);
	l->stop = false;
	while (!l->stop) {
		int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;

		if (!ring_empty(&l->next) || !ring_empty(&l->later))
			flags |= EVLOOP_NONBLOCK;
		ring_move(&l->next, &now);
		MUST(event_base_loop(l->base, flags) >= 0);
		run_ring(&now);
		run_jobs(l);
	}
}

void
loop_stop(struct loop *l)
{
	IS(l, LOOP_MAGIC);
	l->stop = true;
}

/* ---- watches, timers, signals ---- */

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	w->called(w->arg);
}

static struct watch *
open_watch(struct loop *l, int fd, bool write, loop_called *called, void *arg)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	int what = EV_PERSIST | (write ? EV_WRITE : EV_READ);

	IS(l, LOOP_MAGIC);
	w->called = called;
	w->arg = arg;
	w->ev = event_new(l->base, fd, (short)what, on_watch, w);
	MUST(w->ev != NULL && event_add(w->ev, NULL) == 0);
	w->read = !write;
	w->write = write;
	return w;
}

struct watch *
loop_watch(struct loop *l, int fd, loop_called *called, void *arg)
{
	return open_watch(l, fd, false, called, arg);
}

struct watch *
loop_watch_room(struct loop *l, int fd, loop_called *called, void *arg)
{
	return open_watch(l, fd, true, called, arg);
}

void
watch_want(struct watch *w, bool read, bool write)
{
	struct event_base *base = event_get_base(w->ev);
	int fd = event_get_fd(w->ev);
	int what = EV_PERSIST;

	if (w->read == read && w->write == write)
		return;
	MUST(event_del(w->ev) == 0);
	w->read = read;
	w->write = write;
	if (!read && !write)
		return;
	what |= (read ? EV_READ : 0) | (write ? EV_WRITE : 0);
	MUST(event_assign(w->ev, base, fd, (short)what, on_watch, w) == 0);
	MUST(event_add(w->ev, NULL) == 0);
}

void
watch_free(struct watch **wp)
{
	struct watch *w = *wp;

	*wp = NULL;
	if (w == NULL)
		return;
	event_free(w->ev);
	free(w);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	(void)fd;
	(void)what;
	t->called(t->arg);
}

struct timer *
timer_open(struct loop *l, loop_called *called, void *arg)
{
	struct timer *t = xcalloc(1, sizeof(*t));

	IS(l, LOOP_MAGIC);
	t->called = called;
	t->arg = arg;
	t->ev = event_new(l->base, -1, 0, on_timer, t);
	MUST(t->ev != NULL);
	return t;
}

void
timer_set(struct timer *t, int64_t ms)
{
	struct timeval tv;

	if (ms < 0)
		ms = 0;
	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000) * 1000;
	MUST(event_add(t->ev, &tv) == 0);
}

void
timer_stop(struct timer *t)
{
	MUST(event_del(t->ev) == 0);
}

void
timer_free(struct timer **tp)
{
	struct timer *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	event_free(t->ev);
	free(t);
}

static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct signal_watch *s = arg;

	(void)fd;
	(void)what;
	s->called(s->arg);
}

void
loop_signal(struct loop *l, int signo, loop_called *called, void *arg)
{
	struct signal_watch *s = xcalloc(1, sizeof(*s));

	IS(l, LOOP_MAGIC);
	s->called = called;
	s->arg = arg;
	s->ev = event_new(l->base, signo, EV_SIGNAL | EV_PERSIST, on_signal, s);
	MUST(s->ev != NULL && event_add(s->ev, NULL) == 0);
	s->next = l->signals;
	l->signals = s;
}
