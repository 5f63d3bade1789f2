/*
 * t_facts: the list of facts: order, several values, the limit, NULs.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scan/facts.h"

static void
values_come_back_in_order(void **state)
{
	struct facts f;

	(void)state;
	facts_init(&f, 4096);
	assert_int_equal(facts_add(&f, FIELD_RECIPIENT, "a@x"), 0);
	assert_int_equal(facts_add(&f, FIELD_SENDER, ""), 0);
	assert_int_equal(facts_add(&f, FIELD_RECIPIENT, "b@x"), 0);
	assert_int_equal(facts_addn(&f, FIELD_SUBJECT, "hello world", 5), 0);
	assert_int_equal(facts_count(&f, FIELD_RECIPIENT), 2);
	assert_int_equal(facts_count(&f, FIELD_SENDER), 1);
	assert_int_equal(facts_count(&f, FIELD_URL), 0);
	assert_string_equal(facts_get(&f, FIELD_RECIPIENT, 0), "a@x");
	assert_string_equal(facts_get(&f, FIELD_RECIPIENT, 1), "b@x");
	assert_null(facts_get(&f, FIELD_RECIPIENT, 2));
	assert_string_equal(facts_get(&f, FIELD_SENDER, 0), "");
	assert_string_equal(facts_get(&f, FIELD_SUBJECT, 0), "hello");
	assert_null(facts_get(&f, FIELD_URL, 0));
	facts_clear(&f);
	assert_null(facts_get(&f, FIELD_SENDER, 0));
	assert_int_equal(facts_add(&f, FIELD_SENDER, "c@x"), 0);
	assert_string_equal(facts_get(&f, FIELD_SENDER, 0), "c@x");
	facts_free(&f);
}

static void
the_limit_holds_and_nothing_is_lost(void **state)
{
	struct facts f;

	(void)state;
	facts_init(&f, 10);
	assert_int_equal(facts_add(&f, FIELD_NAME, "123456789"), 0);
	errno = 0;
	assert_int_equal(facts_add(&f, FIELD_NAME, ""), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(facts_count(&f, FIELD_NAME), 1);
	assert_string_equal(facts_get(&f, FIELD_NAME, 0), "123456789");
	facts_free(&f);
}

static void
a_nul_hides_nothing(void **state)
{
	struct facts f;

	(void)state;
	facts_init(&f, 100);
	assert_int_equal(facts_addn(&f, FIELD_SENDER, "a\0@b\0", 5), 0);
	assert_string_equal(facts_get(&f, FIELD_SENDER, 0), "a\xff@b\xff");
	facts_free(&f);
}

static void
many_values_fit(void **state)
{
	struct facts f;
	char text[16];

	(void)state;
	facts_init(&f, 1 << 16);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "r%d@x", i);
		assert_int_equal(facts_add(&f, FIELD_RECIPIENT, text), 0);
	}
	assert_int_equal(facts_count(&f, FIELD_RECIPIENT), 1000);
	assert_string_equal(facts_get(&f, FIELD_RECIPIENT, 999), "r999@x");
	facts_free(&f);
}

static void
a_value_instead_of_all(void **state)
{
	struct facts f;

	(void)state;
	facts_init(&f, 1000);
	assert_int_equal(facts_add(&f, FIELD_CLIENT, "192.0.2.1"), 0);
	assert_int_equal(facts_add(&f, FIELD_HELO, "a"), 0);
	assert_int_equal(facts_add(&f, FIELD_CLIENT, "192.0.2.2"), 0);
	assert_int_equal(facts_set(&f, FIELD_CLIENT, "192.0.2.3"), 0);
	assert_int_equal(facts_count(&f, FIELD_CLIENT), 1);
	assert_string_equal(facts_get(&f, FIELD_CLIENT, 0), "192.0.2.3");
	assert_string_equal(facts_get(&f, FIELD_HELO, 0), "a");
	facts_free(&f);
}

static void
every_field_has_its_words(void **state)
{
	(void)state;
	assert_string_equal(field_word(FIELD_PROTOCOL), "protocol");
	assert_string_equal(field_word(FIELD_MESSAGE_ID), "message_id");
	assert_string_equal(field_ecs(FIELD_SENDER), "email.from.address");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_come_back_in_order),
	    cmocka_unit_test(the_limit_holds_and_nothing_is_lost),
	    cmocka_unit_test(a_nul_hides_nothing),
	    cmocka_unit_test(many_values_fit),
	    cmocka_unit_test(a_value_instead_of_all),
	    cmocka_unit_test(every_field_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
