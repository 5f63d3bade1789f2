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

#define ROOM 4096

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
	struct stowaway list[STOWAWAYS_MAX + 1];
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
	struct stowaway list[STOWAWAYS_MAX + 1];
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
	struct stowaway list[STOWAWAYS_MAX + 1];
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
too_many_are_told_by_their_number(void **state)
{
	struct stowaway list[STOWAWAYS_MAX + 1];
	struct made m = {.len = 0};

	(void)state;
	for (unsigned i = 0; i < 2 * STOWAWAYS_MAX; i++)
		put_zip(&m, m.len);
	assert_int_equal(apart(&m, false, list), STOWAWAYS_MAX + 1);
}

static void
a_size_that_lies_hides_nothing(void **state)
{
	struct stowaway list[STOWAWAYS_MAX + 1];
	struct made m = {.len = 0};
	size_t hidden, central;

	(void)state;
	(void)put_local(&m, 0, 3, 3); /* the directory says more */
	hidden = put_local(&m, 0, 3, 3);
	central = m.len;
	put_central(&m, 3 + 34, 0);
	put_end(&m, m.len - central, central);
	assert_int_equal(apart(&m, false, list), 1);
	assert_int_equal(list[0].at, hidden);
	m.s[6] = 8; /* the head says: behind the data */
	assert_int_equal(apart(&m, false, list), 1);
	assert_int_equal(list[0].at, 0);
	assert_int_equal(list[0].how, STOWED_IN_ORDER);
}

static void
what_lies_in_a_member_is_its_own(void **state)
{
	struct stowaway list[STOWAWAYS_MAX + 1];
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
	struct stowaway list[STOWAWAYS_MAX + 1];
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
	struct stowaway list[STOWAWAYS_MAX + 1];
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
	struct stowaway list[STOWAWAYS_MAX + 1];
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
	    cmocka_unit_test(too_many_are_told_by_their_number),
	    cmocka_unit_test(a_size_that_lies_hides_nothing),
	    cmocka_unit_test(what_lies_in_a_member_is_its_own),
	    cmocka_unit_test(without_a_directory_all_begin_in_front),
	    cmocka_unit_test(large_numbers_are_followed),
	    cmocka_unit_test(the_words_of_a_stub_are_no_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
