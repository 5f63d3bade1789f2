/*
 * t_clamav_known: what is remembered, and what is another thing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scan/engine_clamav_known.h"

static struct clamav_key
key_of(const char *bytes, const char *type, const char *in)
{
	uint64_t kin = clamav_kin(clamav_kin(0, in, 0), type, 0);
	struct clamav_key key;

	assert_int_equal(clamav_key_of(bytes, strlen(bytes), kin, &key), 0);
	return key;
}

static bool
has(const struct clamav_known *k, const struct clamav_key *key)
{
	unsigned n;

	return clamav_known_find(k, key, &n) != NULL;
}

static void
what_was_added_is_known(void **state)
{
	static const struct told_member inside[] = {
	    {.size = 3, .level = 1, .name = "a"},
	    {.size = 4, .level = 2, .name = "b"},
	};
	struct clamav_known *k = clamav_known_open();
	struct clamav_key a = key_of("zip", "CL_TYPE_ZIP", "CL_TYPE_MAIL");
	struct clamav_key b = key_of("picture", "CL_TYPE_PNG", "CL_TYPE_MAIL");
	const struct told_member *found;
	unsigned n = 9;

	(void)state;
	assert_false(has(k, &a));
	clamav_known_add(k, &a, inside, 2);
	clamav_known_add(k, &b, NULL, 0);
	found = clamav_known_find(k, &a, &n);
	assert_non_null(found);
	assert_int_equal(n, 2);
	assert_string_equal(found[1].name, "b");
	assert_int_equal(found[1].level, 2);
	assert_non_null(clamav_known_find(k, &b, &n));
	assert_int_equal(n, 0);
	clamav_known_close(&k);
	assert_null(k);
}

static void
other_bytes_types_and_places_are_not(void **state)
{
	struct clamav_known *k = clamav_known_open();
	struct clamav_key a = key_of("picture", "CL_TYPE_PNG", "CL_TYPE_MAIL");
	struct clamav_key bytes =
	    key_of("pictures", "CL_TYPE_PNG", "CL_TYPE_MAIL");
	struct clamav_key type =
	    key_of("picture", "CL_TYPE_GIF", "CL_TYPE_MAIL");
	struct clamav_key place =
	    key_of("picture", "CL_TYPE_PNG", "CL_TYPE_ZIP");

	(void)state;
	clamav_known_add(k, &a, NULL, 0);
	assert_false(has(k, &bytes));
	assert_false(has(k, &type));
	assert_false(has(k, &place));
	assert_true(
	    clamav_kin(0, "CL_TYPE_PNG", 0) != clamav_kin(0, "CL_TYPE_PNG", 1));
	clamav_known_close(&k);
}

static void
one_gives_way_to_another(void **state)
{
	struct clamav_known *k = clamav_known_open();
	struct clamav_key a = key_of("picture", "CL_TYPE_PNG", "CL_TYPE_MAIL");
	struct clamav_key b = a;

	(void)state;
	b.bytes[sizeof(size_t)] ^= 1; /* the same place */
	clamav_known_add(k, &a, NULL, 0);
	clamav_known_add(k, &b, NULL, 0);
	assert_true(has(k, &b));
	assert_false(has(k, &a));
	clamav_known_close(&k);
}

/* What lies inside is bounded, over all that are kept. */
static void
the_oldest_go_when_there_is_too_much(void **state)
{
	static struct told_member inside[CLAMAV_INSIDE_MAX];
	struct clamav_known *k = clamav_known_open();
	unsigned kept = 0;
	char text[16];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct clamav_key key;

		snprintf(text, sizeof(text), "%u", i);
		key = key_of(text, "CL_TYPE_ZIP", "CL_TYPE_MAIL");
		clamav_known_add(k, &key, inside, CLAMAV_INSIDE_MAX);
		assert_true(has(k, &key));
	}
	for (unsigned i = 0; i < 1000; i++) {
		struct clamav_key key;

		snprintf(text, sizeof(text), "%u", i);
		key = key_of(text, "CL_TYPE_ZIP", "CL_TYPE_MAIL");
		kept += has(k, &key);
	}
	assert_in_range(kept, 100, 32768 / CLAMAV_INSIDE_MAX);
	clamav_known_close(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_added_is_known),
	    cmocka_unit_test(other_bytes_types_and_places_are_not),
	    cmocka_unit_test(one_gives_way_to_another),
	    cmocka_unit_test(the_oldest_go_when_there_is_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
