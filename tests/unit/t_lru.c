/*
 * t_lru: what is kept, what goes when there are too many, and what is over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/lru.h"

#define NEVER INT64_MAX

static char gone[128]; /* values that went, in order; each is one letter */

static void
on_drop(void *value)
{
	size_t len = strlen(gone);

	gone[len] = *(const char *)value;
	gone[len + 1] = '\0';
}

static void
put(struct lru *l, const char *key, const char *value, int64_t until)
{
	lru_put(l, key, strlen(key), (void *)(uintptr_t)value, until);
}

static const char *
find(struct lru *l, const char *key, int64_t now)
{
	const char *value = lru_find(l, key, strlen(key), now);

	return value == NULL ? "" : value;
}

static struct lru *
open_one(size_t most)
{
	gone[0] = '\0';
	return lru_open(most, on_drop);
}

static void
each_key_has_its_value(void **state)
{
	struct lru *l = open_one(100);

	(void)state;
	assert_string_equal(find(l, "a", 0), "");
	put(l, "a", "A", NEVER);
	put(l, "ab", "B", NEVER);
	put(l, "", "E", NEVER);
	assert_string_equal(find(l, "a", 0), "A");
	assert_string_equal(find(l, "ab", 0), "B");
	assert_string_equal(find(l, "", 0), "E");
	assert_string_equal(find(l, "b", 0), "");
	assert_int_equal(lru_count(l), 3);
	assert_string_equal(gone, "");
	lru_free(&l);
	assert_int_equal(strlen(gone), 3);
	assert_null(l);
}

static void
the_longest_unused_goes(void **state)
{
	struct lru *l = open_one(3);

	(void)state;
	put(l, "a", "A", NEVER);
	put(l, "b", "B", NEVER);
	put(l, "c", "C", NEVER);
	assert_string_equal(find(l, "a", 0), "A");
	put(l, "d", "D", NEVER);
	assert_string_equal(gone, "B");
	put(l, "e", "E", NEVER);
	assert_string_equal(gone, "BC");
	assert_string_equal(find(l, "a", 0), "A");
	assert_int_equal(lru_count(l), 3);
	lru_free(&l);
}

static void
one_takes_the_place_of_another(void **state)
{
	struct lru *l = open_one(2);

	(void)state;
	put(l, "a", "A", NEVER);
	put(l, "b", "B", NEVER);
	put(l, "a", "C", NEVER);
	assert_string_equal(gone, "A");
	assert_string_equal(find(l, "a", 0), "C");
	assert_string_equal(find(l, "b", 0), "B");
	lru_free(&l);
}

static void
what_is_over_is_not_there(void **state)
{
	struct lru *l = open_one(2);

	(void)state;
	put(l, "a", "A", 1000);
	assert_string_equal(find(l, "a", 999), "A");
	assert_string_equal(find(l, "a", 1000), "");
	assert_string_equal(gone, "A");
	assert_int_equal(lru_count(l), 0);
	lru_free(&l);
}

/* Every key lies in some chain, and is found and lost in that. */
static void
many_come_and_go(void **state)
{
	struct lru *l = open_one(64);
	char key[16];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		gone[0] = '\0';
		snprintf(key, sizeof(key), "key %d", i);
		put(l, key, "x", NEVER);
		assert_int_equal(strlen(gone), i < 64 ? 0 : 1);
		assert_string_equal(find(l, key, 0), "x");
	}
	assert_int_equal(lru_count(l), 64);
	snprintf(key, sizeof(key), "key %d", 5000 - 64);
	assert_string_equal(find(l, key, 0), "x");
	snprintf(key, sizeof(key), "key %d", 5000 - 65);
	assert_string_equal(find(l, key, 0), "");
	gone[0] = '\0';
	lru_free(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_key_has_its_value),
	    cmocka_unit_test(the_longest_unused_goes),
	    cmocka_unit_test(one_takes_the_place_of_another),
	    cmocka_unit_test(what_is_over_is_not_there),
	    cmocka_unit_test(many_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
