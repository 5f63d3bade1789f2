/*
 * t_peek_zip: which members of a zip its directory does not list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan/peek.h"

#define ROOM 16384

struct made {
	unsigned char s[ROOM];
	size_t len;
};

static void
put(struct made *m, const void *bytes, size_t n)
{
	assert_true(m->len + n <= ROOM);
	memcpy(m->s + m->len, bytes, n);
	m->len += n;
}

static void
put_number(struct made *m, uint64_t value, unsigned n)
{
	for (; n > 0; n--, value >>= 8)
		put(m, &(unsigned char){(unsigned char)value}, 1);
}

/* APPNOTE 4.3.7: a stored "x" of size bytes; returns where it begins. */
static size_t
put_local(struct made *m, unsigned flags, uint32_t size, size_t data)
{
	size_t at = m->len;

	put(m, "PK\3\4\24\0", 6);
	put_number(m, flags, 2);
	put_number(m, 0, 10);
	put_number(m, size, 4);
	put_number(m, size, 4);
	put(m, "\1\0\0\0x", 5);
	while (data-- > 0)
		put(m, "d", 1);
	return at;
}

static void
put_central(struct made *m, uint32_t size, uint32_t at)
{
	put(m, "PK\1\2\24\0\24\0", 8);
	put_number(m, 0, 12);
	put_number(m, size, 4);
	put_number(m, size, 4);
	put(m, "\1\0\0\0", 4);
	put_number(m, 0, 10);
	put_number(m, at, 4);
	put(m, "x", 1);
}

static void
put_end(struct made *m, size_t size, size_t at)
{
	put(m, "PK\5\6\0\0\0\0\1\0\1\0", 12);
	put_number(m, size, 4);
	put_number(m, at, 4);
	put(m, "\0\0", 2);
}

/* A whole zip with one member; where: that it says it begins there. */
static void
put_zip(struct made *m, size_t where)
{
	size_t local = put_local(m, 0, 3, 3), central = m->len;

	put_central(m, 3, (uint32_t)(local - where));
	put_end(m, m->len - central, central - where);
}

static unsigned
apart(const struct made *m, bool stub, struct stowaway *list)
{
	/* As long as it is: a byte read behind it is seen. */
	unsigned char *copy = malloc(m->len + 1);
	unsigned n;

	assert_non_null(copy);
	memcpy(copy, m->s, m->len);
	n = peek_zip_apart(copy, m->len, stub, list);
	free(copy);
	return n;
}

static void
what_is_listed_is_not_apart(void **state)
{
	struct stowaway list[ZIP_STOWED_MAX];
	struct made m = {.len = 0};

	(void)state;
	put_zip(&m, 0);
	assert_int_equal(apart(&m, false, list), 0);
	m.len = 0; /* a stub, and offsets that know nothing of it */
	put(&m, "MZ stub", 7);
	put_zip(&m, 7);
	assert_int_equal(apart(&m, true, list), 0);
	m.len = 0; /* and such that do */
	put(&m, "MZ stub", 7);
	put_zip(&m, 0);
	assert_int_equal(apart(&m, true, list), 0);
}

static void
of_two_the_first_is_apart(void **state)
{
	struct stowaway list[ZIP_STOWED_MAX];
	struct made m = {.len = 0};

	(void)state;
	put_zip(&m, 0);
	put_zip(&m, m.len);
	assert_int_equal(apart(&m, false, list), 1);
	assert_int_equal(list[0].at, 0);
	assert_int_equal(list[0].type, FILE_ZIP);
	assert_int_equal(list[0].how, STOWED_APART);
}

static void
a_row_of_heads_is_one_place(void **state)
{
	struct stowaway list[ZIP_STOWED_MAX];
	struct made m = {.len = 0};
	size_t first;

	(void)state;
	put(&m, "junk", 4);
	first = put_local(&m, 0, 3, 3);
	(void)put_local(&m, 0, 3, 3);
	(void)put_local(&m, 8, 0, 3);
	put_zip(&m, 0);
	/* what the reader from the first on comes to anyhow is listed, too */
	assert_int_equal(apart(&m, false, list), 1);
	assert_int_equal(list[0].at, first);
}

static void
too_many_are_told(void **state)
{
	struct stowaway list[ZIP_STOWED_MAX];
	struct made m = {.len = 0};

	(void)state;
	for (unsigned i = 0; i <= ZIP_PLACES_MAX; i++)
		put_zip(&m, m.len);
	assert_int_equal(apart(&m, false, list), ZIP_PLACES_MAX);
	assert_int_equal(list[ZIP_PLACES_MAX - 1].how, STOWED_APART);
	put_zip(&m, m.len);
	put_zip(&m, m.len);
	assert_int_equal(apart(&m, false, list), ZIP_PLACES_MAX + 1);
	assert_int_equal(list[ZIP_PLACES_MAX].how, STOWED_MORE);
}

static void
a_size_that_lies_hides_nothing(void **state)
{
	struct stowaway list[ZIP_STOWED_MAX];
	struct made m = {.len = 0};
	size_t hidden, central;

	(void)state;
	(void)put_local(&m, 0, 3, 3); /* the directory says more */
	hidden = put_local(&m, 0, 3, 3);
	central = m.len;
	put_central(&m, 3 + 34, 0);
	put_end(&m, m.len - central, central);
	assert_int_equal(apart(&m, false, list), 2);
	assert_int_equal(list[0].at, hidden);
	assert_int_equal(list[1].how, STOWED_DIFFERS);
	m.s[6] = 8; /* the head says: behind the data */
	assert_int_equal(apart(&m, false, list), 2);
	assert_int_equal(list[0].at, 0);
	assert_int_equal(list[0].how, STOWED_IN_ORDER);
}

/* A zip of one member; byte of its own head, and of all: what is there. */
static unsigned
apart_with(size_t byte, unsigned char value, struct stowaway *list)
{
	struct made m = {.len = 0};

	put_zip(&m, 0);
	m.s[byte] = value;
	return apart(&m, false, list);
}

static void
two_heads_of_a_member_say_the_same(void **state)
{
	static const size_t bytes[] = {8, 14, 18, 22};
	struct stowaway list[ZIP_STOWED_MAX];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(apart_with(bytes[i], 1, list), 1);
		assert_int_equal(list[0].how, STOWED_DIFFERS);
	}
	assert_int_equal(apart_with(6, 1, list), 1); /* encrypted */
	assert_int_equal(apart_with(6, 2, list), 0);
	assert_int_equal(apart_with(10, 1, list), 0); /* time of day */
	assert_int_equal(apart_with(18, 0, list), 1);
}

static void
what_follows_the_data_is_no_difference(void **state)
{
	struct stowaway list[ZIP_STOWED_MAX];
	struct made m = {.len = 0};

	(void)state;
	put_zip(&m, 0);
	m.s[6] = 8;
	m.s[18] = m.s[22] = 0;
	assert_int_equal(apart(&m, false, list), 0);
	m.s[18] = 2; /* but it is said, and is wrong */
	assert_int_equal(apart(&m, false, list), 1);
	assert_int_equal(list[0].how, STOWED_DIFFERS);
}

/* A member of three bytes and one behind it, which is not listed unless the
 * directory says that the first is longer. */
static unsigned
apart_large(uint64_t local, uint32_t central, struct stowaway *list)
{
	struct made m = {.len = 0};
	size_t directory;

	(void)put_local(&m, 0, UINT32_MAX, 0);
	m.s[28] = 20;
	put(&m, "\1\0\20\0", 4);
	put_number(&m, local, 8);
	put_number(&m, local, 8);
	put(&m, "ddd", 3);
	if (central > 3)
		(void)put_local(&m, 0, 3, 3);
	directory = m.len;
	put_central(&m, central, 0);
	put_end(&m, m.len - directory, directory);
	return apart(&m, false, list);
}

static void
large_numbers_of_a_local_head_count(void **state)
{
	struct stowaway list[ZIP_STOWED_MAX];

	(void)state;
	assert_int_equal(apart_large(3, 3, list), 0);
	assert_int_equal(apart_large(3, 3 + 34, list), 2);
	assert_int_equal(list[0].how, STOWED_APART);
	assert_int_equal(list[1].how, STOWED_DIFFERS);
	assert_int_equal(apart_large(UINT64_MAX, 3, list), 1);
	assert_int_equal(list[0].how, STOWED_DIFFERS);
}

/* APPNOTE 4.3.14, 4.3.15; Info-ZIP writes them of every zip to a pipe. */
static void
a_large_directory_need_not_be_large(void **state)
{
	struct stowaway list[ZIP_STOWED_MAX];
	struct made m = {.len = 0};
	size_t directory, size;

	(void)state;
	(void)put_local(&m, 0, 3, 3);
	directory = m.len;
	put_central(&m, 3, 0);
	size = m.len - directory;
	put(&m, "PK\6\6", 4);
	put_number(&m, 44, 8);
	put_number(&m, 0, 28);
	put_number(&m, size, 8);
	put_number(&m, directory, 8);
	put(&m, "PK\6\7", 4);
	put_number(&m, 0, 4);
	put_number(&m, directory + size, 8);
	put_number(&m, 1, 4);
	put_end(&m, size, directory);
	assert_int_equal(apart(&m, false, list), 0);
	m.s[m.len - 6]++; /* but the small one is another */
	assert_int_equal(apart(&m, false, list), 1);
	assert_int_equal(list[0].how, STOWED_DIFFERS);
}

static void
a_row_goes_on_behind_what_lies_in_a_member(void **state)
{
	struct stowaway list[ZIP_STOWED_MAX];
	struct made m = {.len = 0}, inner = {.len = 0};
	size_t central;

	(void)state;
	put_zip(&inner, 0);
	for (unsigned i = 0; i < 3; i++) {
		(void)put_local(&m, 0, (uint32_t)inner.len, 0);
		put(&m, inner.s, inner.len);
	}
	central = m.len;
	put_central(&m, (uint32_t)inner.len, 0);
	put_end(&m, m.len - central, central);
	put_zip(&m, m.len);
	assert_int_equal(apart(&m, false, list), 1);
	m.s[6] = 8; /* where it ends is not known: another begins */
	assert_int_equal(apart(&m, false, list), 2);
}

static void
a_filler_is_nobodys_member(void **state)
{
	struct stowaway list[ZIP_STOWED_MAX];
	struct made m = {.len = 0};
	size_t central;

	(void)state;
	(void)put_local(&m, 0, 3, 3);
	put(&m, "PK\3\4", 4); /* as zipalign has it */
	put_number(&m, 0, 26);
	central = m.len;
	put_central(&m, 3, 0);
	put_end(&m, m.len - central, central);
	assert_int_equal(apart(&m, false, list), 0);
	m.s[34 + 26 - 8] = 1; /* it has data */
	assert_int_equal(apart(&m, false, list), 1);
}

static void
what_lies_in_a_member_is_its_own(void **state)
{
	struct stowaway list[ZIP_STOWED_MAX];
	struct made m = {.len = 0}, inner = {.len = 0};
	size_t central;

	(void)state;
	put_zip(&inner, 0);
	(void)put_local(&m, 0, (uint32_t)inner.len, 0);
	put(&m, inner.s, inner.len);
	central = m.len;
	put_central(&m, (uint32_t)inner.len, 0);
	put_end(&m, m.len - central, central);
	assert_int_equal(apart(&m, false, list), 0);
}

static void
without_a_directory_all_begin_in_front(void **state)
{
	struct stowaway list[ZIP_STOWED_MAX];
	struct made m = {.len = 0};
	size_t second;

	(void)state;
	(void)put_local(&m, 0, 3, 3);
	assert_int_equal(apart(&m, false, list), 0);
	put_central(&m, 3, 0);
	second = put_local(&m, 0, 3, 3);
	assert_int_equal(apart(&m, false, list), 1);
	assert_int_equal(list[0].at, second);
}

/* APPNOTE 4.5.3: numbers of 64 bits, in an extra field. */
static void
large_numbers_are_followed(void **state)
{
	struct stowaway list[ZIP_STOWED_MAX];
	struct made m = {.len = 0};
	size_t local, central;

	(void)state;
	put(&m, "stub", 4);
	local = put_local(&m, 8, 0, 3);
	central = m.len;
	put_central(&m, UINT32_MAX, UINT32_MAX);
	m.s[central + 30] = 28;
	put(&m, "\1\0\30\0", 4);
	put_number(&m, 3, 8);
	put_number(&m, 3, 8);
	put_number(&m, local, 8);
	put_end(&m, m.len - central, central);
	assert_int_equal(apart(&m, true, list), 0);
}

static void
the_words_of_a_stub_are_no_heads(void **state)
{
	struct stowaway list[ZIP_STOWED_MAX];
	struct made m = {.len = 0};

	(void)state;
	put(&m, "MZ PK\3\4\xff\xff PK\1\2 PK\5\6", 20);
	for (unsigned i = 0; i < 60; i++)
		put(&m, "\x90", 1);
	put_zip(&m, 0);
	assert_int_equal(apart(&m, true, list), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_listed_is_not_apart),
	    cmocka_unit_test(of_two_the_first_is_apart),
	    cmocka_unit_test(a_row_of_heads_is_one_place),
	    cmocka_unit_test(too_many_are_told),
	    cmocka_unit_test(a_size_that_lies_hides_nothing),
	    cmocka_unit_test(two_heads_of_a_member_say_the_same),
	    cmocka_unit_test(what_follows_the_data_is_no_difference),
	    cmocka_unit_test(large_numbers_of_a_local_head_count),
	    cmocka_unit_test(a_large_directory_need_not_be_large),
	    cmocka_unit_test(a_row_goes_on_behind_what_lies_in_a_member),
	    cmocka_unit_test(a_filler_is_nobodys_member),
	    cmocka_unit_test(what_lies_in_a_member_is_its_own),
	    cmocka_unit_test(without_a_directory_all_begin_in_front),
	    cmocka_unit_test(large_numbers_are_followed),
	    cmocka_unit_test(the_words_of_a_stub_are_no_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
