/*
 * t_clamav_known: what is remembered, and what is another thing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

static void
what_was_added_is_known(void **state)
{
	struct clamav_known *k = clamav_known_open();
	struct clamav_key a = key_of("picture", "CL_TYPE_PNG", "CL_TYPE_MAIL");

	(void)state;
	assert_false(clamav_known_has(k, &a));
	clamav_known_add(k, &a);
	assert_true(clamav_known_has(k, &a));
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
	clamav_known_add(k, &a);
	assert_false(clamav_known_has(k, &bytes));
	assert_false(clamav_known_has(k, &type));
	assert_false(clamav_known_has(k, &place));
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
	clamav_known_add(k, &a);
	clamav_known_add(k, &b);
	assert_true(clamav_known_has(k, &b));
	assert_false(clamav_known_has(k, &a));
	clamav_known_close(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_added_is_known),
	    cmocka_unit_test(other_bytes_types_and_places_are_not),
	    cmocka_unit_test(one_gives_way_to_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
