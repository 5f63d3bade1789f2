/*
 * t_loop: watches, timers, signals, and when jobs are run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/loop.h"

struct test {
	struct loop *loop;
	char order[32];
	struct job job, other;
	struct watch *watch;
	struct timer *timer, *again;
	int fd, calls;
};

static void
note(struct test *t, char c)
{
	t->order[strlen(t->order)] = c;
}

static void
stop(void *arg)
{
	struct test *t = arg;

	loop_stop(t->loop);
}

/* ---- jobs ---- */

static void
job_a(void *arg)
{
	note(arg, 'a');
}

static void
job_stop(void *arg)
{
	note(arg, 's');
	stop(arg);
}

static void
timer_asks(void *arg)
{
	struct test *t = arg;

	note(t, 't');
	loop_next(t->loop, &t->other); /* the next turn: last */
	loop_later(t->loop, &t->job);
	loop_later(t->loop, &t->job); /* once is enough */
}

static void
timer_two(void *arg)
{
	note(arg, 'u');
}

static void
test_later_is_behind_all_callbacks(void **state)
{
	struct test t = {.loop = loop_open()};
	struct timer *one = timer_open(t.loop, timer_asks, &t);
	struct timer *two = timer_open(t.loop, timer_two, &t);

	(void)state;
	job_init(&t.job, job_a, &t);
	job_init(&t.other, job_stop, &t);
	timer_set(one, 0);
	timer_set(two, 0);
	(void)usleep(2000);
	loop_run(t.loop);
	/* both timers were due in one turn */
	assert_string_equal(t.order, "tuas");
	timer_free(&one);
	timer_free(&two);
	loop_free(&t.loop);
}

static void
test_cancelled_job_is_not_run(void **state)
{
	struct test t = {.loop = loop_open()};

	(void)state;
	job_init(&t.job, job_a, &t);
	job_init(&t.other, job_stop, &t);
	loop_later(t.loop, &t.job);
	loop_later(t.loop, &t.other);
	loop_later(t.loop, &t.job); /* keeps its place */
	assert_true(job_waits(&t.job));
	job_cancel(&t.job);
	job_cancel(&t.job);
	assert_false(job_waits(&t.job));
	loop_run(t.loop);
	assert_string_equal(t.order, "s");
	loop_later(t.loop, &t.job);
	loop_later(t.loop, &t.other);
	loop_later(t.loop, &t.job);
	loop_next(t.loop, &t.job);
	loop_run(t.loop);
	assert_string_equal(t.order, "sas");
	loop_free(&t.loop);
}

/* A job that asks for itself does not keep the loop from anything else. */
static void
job_again(void *arg)
{
	struct test *t = arg;

	t->calls++;
	loop_later(t->loop, &t->job);
}

static void
test_endless_jobs_let_others_live(void **state)
{
	struct test t = {.loop = loop_open()};

	(void)state;
	t.timer = timer_open(t.loop, stop, &t);
	timer_set(t.timer, 20);
	job_init(&t.job, job_again, &t);
	loop_later(t.loop, &t.job);
	loop_run(t.loop);
	assert_true(t.calls > 8);
	job_cancel(&t.job);
	timer_free(&t.timer);
	loop_free(&t.loop);
}

/* ---- timers, watches, signals ---- */

static void
test_timer_set_anew(void **state)
{
	struct test t = {.loop = loop_open()};
	int64_t t0 = clock_ms();

	(void)state;
	t.timer = timer_open(t.loop, stop, &t);
	t.again = timer_open(t.loop, timer_two, &t);
	timer_set(t.again, 10);
	timer_stop(t.again);
	timer_set(t.timer, 5);
	timer_set(t.timer, 50);
	loop_run(t.loop);
	assert_true(clock_ms() - t0 >= 49);
	assert_string_equal(t.order, "");
	timer_free(&t.again);
	timer_free(&t.timer);
	loop_free(&t.loop);
}

static void
on_readable(void *arg)
{
	struct test *t = arg;
	char c;

	assert_int_equal(read(t->fd, &c, 1), 1);
	note(t, c);
	if (c == '.') {
		watch_free(&t->watch); /* in its own callback */
		loop_stop(t->loop);
	}
}

static void
test_watch(void **state)
{
	struct test t = {.loop = loop_open()};
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	t.fd = fds[0];
	t.watch = loop_watch(t.loop, t.fd, on_readable, &t);
	assert_int_equal(write(fds[1], "xy.", 3), 3);
	loop_run(t.loop);
	assert_string_equal(t.order, "xy.");
	close(fds[0]);
	close(fds[1]);
	loop_free(&t.loop);
}

static void
on_writable(void *arg)
{
	note(arg, 'w');
	stop(arg);
}

static void
test_watch_want(void **state)
{
	struct test t = {.loop = loop_open()};
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	t.watch = loop_watch(t.loop, fds[1], on_writable, &t);
	watch_want(t.watch, false, false);
	t.timer = timer_open(t.loop, stop, &t);
	timer_set(t.timer, 10);
	loop_run(t.loop);
	assert_string_equal(t.order, "");
	watch_want(t.watch, false, true);
	loop_run(t.loop);
	assert_string_equal(t.order, "w");
	watch_free(&t.watch);
	timer_free(&t.timer);
	close(fds[0]);
	close(fds[1]);
	loop_free(&t.loop);
}

static void
test_signal(void **state)
{
	struct test t = {.loop = loop_open()};

	(void)state;
	loop_signal(t.loop, SIGUSR1, job_stop, &t);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_string_equal(t.order, ""); /* not in the handler */
	loop_run(t.loop);
	assert_string_equal(t.order, "s");
	loop_free(&t.loop);
}

/* What a child frees of its parent's loop does not take it from the parent. */
static void
test_fork(void **state)
{
	struct test t = {.loop = loop_open()};
	int fds[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	t.fd = fds[0];
	t.watch = loop_watch(t.loop, t.fd, on_readable, &t);
	pid = fork();
	if (pid == 0) {
		loop_forked(t.loop);
		watch_free(&t.watch);
		loop_free(&t.loop);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(write(fds[1], ".", 1), 1);
	t.timer = timer_open(t.loop, stop, &t);
	timer_set(t.timer, 1000);
	loop_run(t.loop);
	assert_string_equal(t.order, ".");
	timer_free(&t.timer);
	close(fds[0]);
	close(fds[1]);
	loop_free(&t.loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_later_is_behind_all_callbacks),
	    cmocka_unit_test(test_cancelled_job_is_not_run),
	    cmocka_unit_test(test_endless_jobs_let_others_live),
	    cmocka_unit_test(test_timer_set_anew),
	    cmocka_unit_test(test_watch),
	    cmocka_unit_test(test_watch_want),
	    cmocka_unit_test(test_signal),
	    cmocka_unit_test(test_fork),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
