/*
 * t_quarantine_slow: a disk that hangs.  In its place stands a function that
 * waits until the test lets it go on: the loop goes on meanwhile, and nobody
 * waits longer than he may.
 */
#include "tests/unit/quarantine_house.h"

#include <semaphore.h>

#include "tests/unit/turn.h"

#define WAITING_MAX 1000 /* of quarantine.c */

static sem_t begun, go_on;
static atomic_bool was_unwanted;

const char *
quarantine_copy(struct quarantine_copy *c, int *error_r)
{
	(void)sem_post(&begun);
	(void)sem_wait(&go_on);
	*error_r = 0;
	atomic_store(&was_unwanted, atomic_load(&c->unwanted));
	return "kept";
}

static char last_log[512];

static void
take_log(enum log_level level, uint64_t id, const char *text)
{
	(void)level;
	(void)id;
	copy_text(last_log, sizeof(last_log), text);
}

static void
open_slow(struct house *h, const char *more)
{
	open_house(h, "/nonexistent", more);
	assert_int_equal(sem_init(&begun, 0, 0), 0);
	assert_int_equal(sem_init(&go_on, 0, 0), 0);
	log_to(take_log);
}

static void
nobody_waits_for_ever(void **state)
{
	struct house h;

	(void)state;
	open_slow(&h, "[scan]\ntimeout = 100ms\n");
	(void)keep(&h);
	(void)sem_wait(&begun);
	loop_run(h.loop); /* it goes on */
	assert_string_equal(told.how, "timeout");
	assert_non_null(
	    strstr(last_log, "quarantine not kept why=timeout id="));
	/* the thread is let go, sees that it is too late, and nobody hears it
	 */
	(void)sem_post(&go_on);
	turn_loop(h.loop, 50);
	quarantine_free(&h.q);
	assert_true(atomic_load(&was_unwanted));
	assert_int_equal(told.times, 1);
	close_house(&h);
}

static void
one_that_waits_in_line_is_late_too(void **state)
{
	struct house h;
	struct keep *first;

	(void)state;
	open_slow(&h, "[scan]\ntimeout = 100ms\n");
	first = keep(&h);
	(void)sem_wait(&begun);
	quarantine_cancel(&first);
	(void)keep(&h);
	loop_run(h.loop);
	assert_string_equal(told.how, "timeout");
	assert_int_equal(told.times, 1);
	(void)sem_post(&go_on);
	(void)sem_post(&go_on);
	close_house(&h);
}

static void
so_many_may_wait(void **state)
{
	struct house h;
	struct keep *k;
	const char *how;

	(void)state;
	open_slow(&h, "");
	for (unsigned i = 0; i < WAITING_MAX; i++) {
		k = keep(&h);
		quarantine_cancel(&k);
	}
	assert_null(
	    quarantine_keep(h.q, h.content, &h.ev, on_done, h.loop, &how));
	assert_string_equal(how, "queue");
	assert_non_null(strstr(last_log, "quarantine not kept why=queue id="));
	assert_int_equal(told.times, 0);
	for (unsigned i = 0; i < WAITING_MAX; i++)
		(void)sem_post(&go_on);
	close_house(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nobody_waits_for_ever),
	    cmocka_unit_test(one_that_waits_in_line_is_late_too),
	    cmocka_unit_test(so_many_may_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
