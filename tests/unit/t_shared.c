/*
 * t_shared: counts and queues that several net workers see, over fork(2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/shared.h"

static struct addr
client(unsigned n)
{
	char text[32];
	struct addr a;

	(void)snprintf(text, sizeof(text), "10.%u.%u.%u", n >> 16 & 255,
	    n >> 8 & 255, n & 255);
	assert_int_equal(addr_number(text, 1, &a), 0);
	return a;
}

static void
test_client_counts_over_all(void **state)
{
	struct shared *s = shared_open(3, 100);
	struct addr a = client(1), b = client(2), other_port;

	(void)state;
	assert_int_equal(shared_client_enter(s, 1, &a), 1);
	assert_int_equal(shared_client_enter(s, 2, &a), 2);
	assert_int_equal(shared_client_enter(s, 3, &b), 1);
	other_port = a;
	addr_set_port(&other_port, 999);
	assert_int_equal(shared_client_enter(s, 3, &other_port), 3);
	shared_client_leave(s, 2, &a);
	assert_int_equal(shared_client_enter(s, 1, &a), 3);
	/* not counted here: nothing to take away */
	shared_client_leave(s, 2, &b);
	assert_int_equal(shared_client_enter(s, 1, &b), 2);
	shared_free(&s);
	assert_null(s);
}

static void
test_names_are_not_clients(void **state)
{
	struct shared *s = shared_open(2, 100);

	(void)state;
	assert_int_equal(shared_listener_enter(s, 1, "mail-in"), 1);
	assert_int_equal(shared_listener_enter(s, 2, "mail-in"), 2);
	assert_int_equal(shared_listener_enter(s, 2, "mail-out"), 1);
	assert_int_equal(shared_listener_enter(s, 2, "mail-in-2"), 1);
	shared_listener_leave(s, 1, "mail-in");
	assert_int_equal(shared_listener_enter(s, 1, "mail-in"), 2);
	shared_free(&s);
}

/* As many clients as may be there at once, coming and going for long: every
 * count stays right, and places that were left are used again. */
static void
test_many_clients(void **state)
{
	struct shared *s = shared_open(2, 1000);
	uint32_t n = 1;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		struct addr a = client(i);

		n = shared_client_enter(s, 1, &a);
		assert_int_equal(n, 1);
		if (i >= 1000) {
			a = client(i - 1000);
			shared_client_leave(s, 1, &a);
		}
	}
	for (unsigned i = 199000; i < 200000; i++) {
		struct addr a = client(i);

		assert_int_equal(shared_client_enter(s, 2, &a), 2);
	}
	shared_free(&s);
}

/* More than there is room for: the answer says so and no count is wrong. */
static void
test_no_room(void **state)
{
	struct shared *s = shared_open(1, 1);
	unsigned refused = 0;
	struct addr a;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		uint32_t n;

		a = client(i);
		n = shared_client_enter(s, 1, &a);
		assert_true(n == 1 || n == UINT32_MAX);
		refused += n == UINT32_MAX;
	}
	assert_true(refused >= 200 - 64);
	for (unsigned i = 0; i < 200; i++) {
		a = client(i);
		shared_client_leave(s, 1, &a);
	}
	a = client(1000);
	assert_int_equal(shared_client_enter(s, 1, &a), 1);
	shared_free(&s);
}

static void
test_sessions_and_clear(void **state)
{
	struct shared *s = shared_open(2, 100);
	struct addr a = client(1);
	uint64_t wakes;

	(void)state;
	shared_sessions(s, 1, 1);
	shared_sessions(s, 1, 1);
	shared_sessions(s, 2, 1);
	shared_sessions(s, 1, -1);
	assert_int_equal(shared_session_count(s), 2);
	assert_int_equal(shared_client_enter(s, 1, &a), 1);
	assert_int_equal(shared_client_enter(s, 2, &a), 2);
	shared_set_queue(s, 1, 5, 100);
	shared_wake(s, 1);
	shared_clear(s, 1);
	assert_int_equal(shared_session_count(s), 1);
	assert_int_equal(shared_queued(s), 0);
	assert_int_equal(shared_client_enter(s, 1, &a), 2);
	assert_int_equal(read(shared_wake_fd(s, 1), &wakes, sizeof(wakes)), -1);
	shared_free(&s);
}

static void
test_queue_and_hungriest(void **state)
{
	struct shared *s = shared_open(3, 10);

	(void)state;
	assert_int_equal(shared_hungriest(s, 1, INT64_MAX), 0);
	shared_set_queue(s, 1, 2, 50);
	shared_set_queue(s, 2, 1, 40);
	shared_set_queue(s, 3, 7, 30);
	assert_int_equal(shared_queued(s), 10);
	assert_int_equal(shared_hungriest(s, 1, INT64_MAX), 3);
	assert_int_equal(shared_hungriest(s, 3, INT64_MAX), 2);
	assert_int_equal(shared_hungriest(s, 1, 30), 0); /* not before */
	shared_set_queue(s, 3, 0, 0);
	assert_int_equal(shared_hungriest(s, 1, INT64_MAX), 2);
	shared_free(&s);
}

static void
test_over_fork(void **state)
{
	struct shared *s = shared_open(2, 10);
	struct addr a = client(7);
	uint64_t wakes = 0;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		bool ok = shared_client_enter(s, 2, &a) == 1;

		shared_sessions(s, 2, 1);
		shared_set_queue(s, 2, 3, 9);
		shared_wake(s, 1);
		ok = ok && words_map(shared_words_fd(s)) != NULL;
		words_set(shared_words(s), 4, 77, 0);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(shared_client_enter(s, 1, &a), 2);
	assert_int_equal(shared_session_count(s), 1);
	assert_int_equal(shared_queued(s), 3);
	assert_int_equal(shared_hungriest(s, 1, INT64_MAX), 2);
	assert_int_equal(words_sequence(shared_words(s), 4), 77);
	assert_int_equal(
	    read(shared_wake_fd(s, 1), &wakes, sizeof(wakes)), sizeof(wakes));
	assert_int_equal(wakes, 1);
	shared_free(&s);
}

static void
test_rates_of_clients(void **state)
{
	struct shared *s = shared_open(2, 100);
	struct addr a = client(1), b = client(2);

	(void)state;
	/* over both workers, and whoever asks is counted only if let in */
	assert_true(shared_client_rate(s, 1, &a, RATE_SESSIONS, 2));
	assert_true(shared_client_rate(s, 2, &a, RATE_SESSIONS, 2));
	assert_false(shared_client_rate(s, 1, &a, RATE_SESSIONS, 2));
	assert_false(shared_client_rate(s, 2, &a, RATE_SESSIONS, 2));
	assert_true(shared_client_rate(s, 2, &a, RATE_SESSIONS, 3));
	/* another client, another count */
	assert_true(shared_client_rate(s, 1, &b, RATE_SESSIONS, 1));
	assert_true(shared_client_rate(s, 1, &a, RATE_MESSAGES, 1));
	assert_false(shared_client_rate(s, 2, &a, RATE_MESSAGES, 1));
	shared_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_client_counts_over_all),
	    cmocka_unit_test(test_names_are_not_clients),
	    cmocka_unit_test(test_many_clients),
	    cmocka_unit_test(test_no_room),
	    cmocka_unit_test(test_sessions_and_clear),
	    cmocka_unit_test(test_queue_and_hungriest),
	    cmocka_unit_test(test_over_fork),
	    cmocka_unit_test(test_rates_of_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
