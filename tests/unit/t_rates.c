/*
 * t_rates: how often in a minute, with a clock of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/rates.h"

#define MINUTE INT64_C(60000)
#define START (1000 * MINUTE)

static unsigned
takes(struct rates *r, uint64_t key, uint32_t most, int64_t now)
{
	unsigned n = 0;

	while (n < 1000 && rates_take(r, 1, key, most, now))
		n++;
	return n;
}

static void
as_often_as_allowed(void **state)
{
	struct rates *r = rates_open(1, 64);

	(void)state;
	assert_int_equal(takes(r, 7, 5, START), 5);
	assert_int_equal(takes(r, 7, 5, START + MINUTE - 1), 0);
	assert_int_equal(takes(r, 8, 3, START), 3);
	assert_int_equal(takes(r, 9, 0, START), 0);
	rates_free(&r);
	assert_null(r);
}

static void
no_burst_at_the_turn_of_a_minute(void **state)
{
	struct rates *r = rates_open(1, 64);

	(void)state;
	assert_int_equal(takes(r, 7, 10, START + MINUTE - 1), 10);
	assert_int_equal(takes(r, 7, 10, START + MINUTE), 0);
	/* half of what had come lies less than a minute back */
	assert_int_equal(takes(r, 7, 10, START + MINUTE + MINUTE / 2), 5);
	assert_int_equal(takes(r, 7, 10, START + 2 * MINUTE), 5);
	assert_int_equal(takes(r, 7, 10, START + 9 * MINUTE), 10);
	rates_free(&r);
}

static void
over_all_workers(void **state)
{
	struct rates *r = rates_open(3, 64);

	(void)state;
	assert_true(rates_take(r, 1, 7, 3, START));
	assert_true(rates_take(r, 2, 7, 3, START));
	assert_true(rates_take(r, 3, 7, 3, START));
	assert_false(rates_take(r, 1, 7, 3, START));
	assert_false(rates_take(r, 3, 7, 3, START));
	rates_free(&r);
}

/* Where there is no room the one that has come least is forgotten. */
static void
who_comes_most_is_remembered(void **state)
{
	struct rates *r = rates_open(1, 16);

	(void)state;
	assert_int_equal(takes(r, 1, 5, START), 5);
	for (uint64_t key = 2; key < 500; key++)
		assert_true(rates_take(r, 1, key, 5, START));
	assert_false(rates_take(r, 1, 1, 5, START));
	rates_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_often_as_allowed),
	    cmocka_unit_test(no_burst_at_the_turn_of_a_minute),
	    cmocka_unit_test(over_all_workers),
	    cmocka_unit_test(who_comes_most_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
