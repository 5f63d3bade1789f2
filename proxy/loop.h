#ifndef PROXY_LOOP_H
#define PROXY_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * loop: descriptors, timers and signals of one process.  loop.c and io*.c
 * are the files that speak libevent; the rest sees callbacks.  One thread.
 */
struct loop;
struct watch; /* a descriptor */
struct timer;

struct loop *loop_open(void); /* also ignores SIGPIPE */
void loop_free(struct loop **lp);
void loop_run(struct loop *l);  /* until loop_stop() */
void loop_stop(struct loop *l); /* after the callbacks of this turn */

/* In a child, before it frees anything of a loop that its parent made: the
 * child's copy lets go of what the two of them share. */
void loop_forked(struct loop *l);

typedef void loop_called(void *arg);

/* Calls back whenever fd can be read.  fd stays the caller's. */
struct watch *loop_watch(
    struct loop *l, int fd, loop_called *called, void *arg);
/* The same, whenever it can be written to: a connect() has ended. */
struct watch *loop_watch_room(
    struct loop *l, int fd, loop_called *called, void *arg);
/* What is waited for from now on; neither is a rest. */
void watch_want(struct watch *w, bool read, bool write);
void watch_free(struct watch **wp);

/* A timer that is not set yet; it calls once for each timer_set(). */
struct timer *timer_open(struct loop *l, loop_called *called, void *arg);
void timer_set(struct timer *t, int64_t ms); /* from now; sets it anew */
void timer_stop(struct timer *t);
void timer_free(struct timer **tp);

/* Calls back for a signal, from the loop and not from a handler. */
void loop_signal(struct loop *l, int signo, loop_called *called, void *arg);

/*
 * A job is called once, from the loop and outside of whatever asked for it.
 * It lies in its owner, who cancels it before going away.  Asked for again
 * while it waits it keeps its place.
 */
struct job {
	loop_called *called;
	void *arg;
	struct job *next, *prev;
};

void job_init(struct job *j, loop_called *called, void *arg);
void job_cancel(struct job *j);
bool job_waits(const struct job *j);
void loop_later(struct loop *l, struct job *j); /* when this turn ends */
void loop_next(struct loop *l, struct job *j);  /* in the next, at once */

#endif
