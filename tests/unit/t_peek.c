/*
 * t_peek: zips that the engine passes over, garbled ARJ, and archives that
 * hide behind something else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scan/peek.h"
#include "tests/unit/pack.h"

static const struct entry two[] = {
    {"a.txt", "hello hello hello hello", 23}, {"b", "world", 5}};

/* The zip of two, with one byte changed where magic stands the nth time. */
static bool
is_odd_with(const char *magic, int nth, size_t at, char byte)
{
	struct packed p = pack_all("zip", NULL, NULL, two, 2);
	char *s = p.bytes;
	bool odd;

	for (; nth >= 0; nth--) {
		s = memmem(s, p.len - (size_t)(s - p.bytes), magic, 4);
		assert_non_null(s);
		s++;
	}
	s[at - 1] = byte;
	odd = peek_zip_is_odd(p.bytes, p.len);
	free(p.bytes);
	return odd;
}

static void
a_plain_zip_is_not_odd(void **state)
{
	(void)state;
	assert_false(is_odd_with("PK\3\4", 0, 0, 'P'));
	/* Methods the engine knows: store, bzip2, deflate64, implode. */
	assert_false(is_odd_with("PK\3\4", 0, 8, 0));
	assert_false(is_odd_with("PK\3\4", 0, 8, 12));
	assert_false(is_odd_with("PK\3\4", 0, 8, 9));
	assert_false(is_odd_with("PK\3\4", 0, 8, 6));
	assert_false(peek_zip_is_odd("", 0));
	assert_false(peek_zip_is_odd("PK", 2));
	assert_false(peek_zip_is_odd("PK\3\4", 4));
}

static void
another_method_is_odd_in_either_header(void **state)
{
	(void)state;
	assert_true(is_odd_with("PK\3\4", 0, 8, 14)); /* LZMA */
	assert_true(is_odd_with("PK\3\4", 1, 8, 98)); /* PPMd */
	assert_true(is_odd_with("PK\1\2", 0, 10, 14));
	assert_true(is_odd_with("PK\1\2", 1, 10, 93)); /* zstd */
}

static void
zip64_is_odd(void **state)
{
	char local[30] = "PK\3\4", central[46] = "PK\1\2";

	(void)state;
	assert_false(peek_zip_is_odd(local, sizeof(local)));
	memset(local + 18, 0xff, 4);
	assert_true(peek_zip_is_odd(local, sizeof(local)));
	assert_false(peek_zip_is_odd(central, sizeof(central)));
	memset(central + 42, 0xff, 4);
	assert_true(peek_zip_is_odd(central, sizeof(central)));
	assert_false(peek_zip_is_odd(central, sizeof(central) - 1));
}

/* An ARJ of a main header and one member of four bytes. */
static bool
is_garbled_with(unsigned char flags, size_t len)
{
	unsigned char arj[100] = {0x60, 0xea, 30, 0};
	const size_t member = 4 + 30 + 4 + 2;

	arj[4 + 6] = 2; /* the archive's own header */
	arj[member] = 0x60;
	arj[member + 1] = 0xea;
	arj[member + 2] = 30;
	arj[member + 4 + 4] = flags;
	arj[member + 4 + 12] = 4;
	return peek_arj_is_garbled(arj, len);
}

static void
a_garbled_arj_is_told(void **state)
{
	(void)state;
	assert_true(is_garbled_with(1, 100));
	assert_false(is_garbled_with(0, 100));
	assert_false(is_garbled_with(1, 60));
	for (size_t len = 0; len < 100; len++)
		(void)is_garbled_with(1, len);
}

static unsigned
stowed(enum file_type type, const char *before, size_t before_len,
    struct packed p, struct stowaway *list)
{
	char *all = malloc(before_len + p.len);
	unsigned n;

	assert_non_null(all);
	memcpy(all, before, before_len);
	memcpy(all + before_len, p.bytes, p.len);
	n = peek_stowaways(type, all, before_len + p.len, list);
	free(all);
	free(p.bytes);
	return n;
}

static void
a_zip_behind_something_is_seen(void **state)
{
	struct stowaway list[STOWAWAYS_MAX];

	(void)state;
	assert_int_equal(stowed(FILE_JPEG, "\xff\xd8\xff", 3,
			     pack_all("zip", NULL, NULL, two, 2), list),
	    1);
	assert_int_equal(list[0].type, FILE_ZIP);
	/* One that is a zip itself is no stowaway. */
	assert_int_equal(
	    stowed(FILE_ZIP, "", 0, pack_all("zip", NULL, NULL, two, 2), list),
	    0);
}

static void
a_7z_in_a_program_is_seen_where_it_begins(void **state)
{
	struct stowaway list[STOWAWAYS_MAX];

	(void)state;
	assert_int_equal(stowed(FILE_PE, "MZ stub", 7,
			     pack_all("7zip", NULL, NULL, two, 2), list),
	    1);
	assert_int_equal(list[0].type, FILE_7Z);
	assert_int_equal(list[0].at, 7);
}

static void
there_are_never_more_than_fit(void **state)
{
	struct stowaway list[STOWAWAYS_MAX];
	char stub[600];

	(void)state;
	for (size_t i = 0; i + 8 <= sizeof(stub); i += 8)
		memcpy(stub + i, "Rar!\x1a\7\1", 8);
	assert_int_equal(
	    peek_stowaways(FILE_PE, stub, sizeof(stub), list), STOWAWAYS_MAX);
	assert_int_equal(
	    peek_stowaways(FILE_TEXT, stub, sizeof(stub), list), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_plain_zip_is_not_odd),
	    cmocka_unit_test(another_method_is_odd_in_either_header),
	    cmocka_unit_test(zip64_is_odd),
	    cmocka_unit_test(a_garbled_arj_is_told),
	    cmocka_unit_test(a_zip_behind_something_is_seen),
	    cmocka_unit_test(a_7z_in_a_program_is_seen_where_it_begins),
	    cmocka_unit_test(there_are_never_more_than_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
