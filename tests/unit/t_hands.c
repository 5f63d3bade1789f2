/*
 * t_hands: a scan worker as a net worker sees it, played by this test at the
 * far end of the pair; the process that is killed is a child that only waits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/base/fdpass.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/base/spool.h"
#include "proxy/hands.h"
#include "proxy/loop.h"
#include "proxy/shared.h"
#include "scan/wire.h"

#define LONG_MS 600000
#define SEQUENCE 7
#define PATIENCE_S 120

static struct {
	struct loop *loop;
	struct shared *shared;
	struct hands *hands;
	struct hand *free; /* ours, without a job */
	struct content *content;
	pid_t child;
	int far; /* the worker's end */
	unsigned done;
	char why[32]; /* the last one's; "" there was a report */
	bool answers; /* when it hears that nobody waits */
} house;

static int the_job;

static void
say_report(uint32_t number)
{
	struct report r;
	struct buf b;

	report_init(&r);
	buf_init(&b, WIRE_REPORT_MAX);
	assert_int_equal(wire_put_report(&b, number, &r), 0);
	assert_int_equal(fdpass_send(house.far, buf_at(&b), b.len, NULL, 0), 0);
	buf_free(&b);
}

static uint32_t
take_job(void)
{
	static char bytes[WIRE_JOB_MAX];
	struct wire_job job;
	unsigned n;
	ssize_t len = fdpass_recv(house.far, bytes, sizeof(bytes), NULL, 0, &n);

	assert_true(len > 0);
	assert_int_equal(wire_get_job(bytes, (size_t)len, &job), 0);
	return job.number;
}

static void
on_done(void *arg, void *job, const struct report *r, const char *why)
{
	(void)arg;
	assert_ptr_equal(job, &the_job);
	house.done++;
	copy_text(house.why, sizeof(house.why), r == NULL ? why : "");
	if (house.answers)
		say_report(take_job());
	loop_stop(house.loop);
}

static void
on_free(void *arg, struct hand *h)
{
	(void)arg;
	house.free = h;
	loop_stop(house.loop);
}

static void
add_hand(void)
{
	struct gate_pair p = {1, 0, SEQUENCE};
	int pair[2], pidfd;

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	house.child = fork();
	assert_true(house.child >= 0);
	if (house.child == 0) {
		pause();
		_exit(0);
	}
	pidfd = pidfd_open(house.child, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	house.far = pair[1];
	words_set(shared_words(house.shared), 0, SEQUENCE, 1);
	hands_add(house.hands, &p, pair[0], pidfd);
}

static int
build(void **state)
{
	struct spool *s = spool_over("hello", 5);

	(void)state;
	memset(&house, 0, sizeof(house));
	log_setup(LOG_ERROR_, "t_hands");
	(void)alarm(PATIENCE_S); /* one that waits in vain has failed */
	house.loop = loop_open();
	house.shared = shared_open(2, 10);
	house.hands =
	    hands_open(house.loop, house.shared, 1, on_done, on_free, NULL);
	hands_generation(house.hands, 1);
	house.content = content_over(&s, CONTENT_FILE, "a");
	add_hand();
	assert_non_null(house.free);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	if (house.child > 0) {
		(void)kill(house.child, SIGKILL);
		(void)waitpid(house.child, NULL, 0);
	}
	hands_free(&house.hands);
	content_free(&house.content);
	shared_free(&house.shared);
	loop_free(&house.loop);
	close(house.far);
	return 0;
}

static struct hand *
give(int64_t limit_ms)
{
	struct hand *h = house.free;

	house.free = NULL;
	assert_true(hand_give(h, house.content, limit_ms, &the_job));
	return h;
}

static void
it_was_killed(void)
{
	int status;

	assert_int_equal(waitpid(house.child, &status, 0), house.child);
	house.child = 0;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
it_lives(void)
{
	assert_int_equal(waitpid(house.child, NULL, WNOHANG), 0);
}

static uint32_t
owner(void)
{
	return words_owner(shared_words(house.shared), 0, SEQUENCE);
}

static void
stop(void *arg)
{
	(void)arg;
	loop_stop(house.loop);
}

/* Runs until it is another's, or nobody's. */
static void
until_not_ours(void)
{
	struct timer *t = timer_open(house.loop, stop, NULL);

	while (owner() == 1) {
		timer_set(t, 10);
		loop_run(house.loop);
	}
	timer_free(&t);
}

/* ---- tests ---- */

static void
a_report_comes(void **state)
{
	(void)state;
	give(LONG_MS);
	say_report(take_job());
	while (house.done == 0)
		loop_run(house.loop);
	assert_string_equal(house.why, "");
	assert_non_null(house.free);
	assert_int_equal(owner(), 1);
}

/* Whoever waits hears of it at once, and the worker that answers a moment
 * later goes on: its next content is not the worse for it. */
static void
late_is_not_dead(void **state)
{
	(void)state;
	house.answers = true;
	give(1);
	while (house.free == NULL)
		loop_run(house.loop);
	assert_int_equal(house.done, 1);
	assert_string_equal(house.why, "timeout");
	house.answers = false;
	give(LONG_MS);
	say_report(take_job());
	while (house.done == 1)
		loop_run(house.loop);
	assert_string_equal(house.why, "");
	it_lives();
}

static void
one_that_hangs_is_ended_on_purpose(void **state)
{
	(void)state;
	give(1);
	while (house.done == 0)
		loop_run(house.loop);
	assert_string_equal(house.why, "timeout");
	until_not_ours();
	assert_int_equal(owner(), SLOT_ENDED);
	it_was_killed();
	assert_int_equal(house.done, 1);
}

static void
a_dropped_job_may_end_by_itself(void **state)
{
	struct hand *h = give(LONG_MS);

	(void)state;
	hand_drop(h);
	say_report(take_job());
	while (house.free == NULL)
		loop_run(house.loop);
	assert_ptr_equal(house.free, h);
	assert_int_equal(house.done, 0);
	it_lives();
}

static void
a_dropped_job_that_does_not_is_ended_on_purpose(void **state)
{
	(void)state;
	hand_drop(give(LONG_MS));
	until_not_ours();
	assert_int_equal(owner(), SLOT_ENDED);
	it_was_killed();
	assert_int_equal(house.done, 0);
}

/* That one is a crash, and is counted as one. */
static void
another_jobs_number_is_confused(void **state)
{
	(void)state;
	give(LONG_MS);
	say_report(take_job() + 1);
	while (house.done == 0)
		loop_run(house.loop);
	assert_string_equal(house.why, "confused");
	it_was_killed();
	assert_int_equal(owner(), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, build, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_report_comes),
	    TEST(late_is_not_dead),
	    TEST(one_that_hangs_is_ended_on_purpose),
	    TEST(a_dropped_job_may_end_by_itself),
	    TEST(a_dropped_job_that_does_not_is_ended_on_purpose),
	    TEST(another_jobs_number_is_confused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
