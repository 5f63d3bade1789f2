/*
 * t_peek: what containers say of themselves, without unpacking them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan/peek.h"

static void
put16(unsigned char *s, unsigned n)
{
	s[0] = (unsigned char)n;
	s[1] = (unsigned char)(n >> 8);
}

static void
put32(unsigned char *s, uint32_t n)
{
	put16(s, n & 0xffff);
	put16(s + 2, n >> 16);
}

/* APPNOTE 4.3.7 and 4.3.12, nothing but what is looked at. */
static size_t
make_zip(unsigned char *s, unsigned local, unsigned central)
{
	memset(s, 0, 200);
	memcpy(s, "PK\3\4", 4);
	put16(s + 8, local);
	memcpy(s + 40, "PK\1\2", 4);
	put16(s + 50, central);
	memcpy(s + 100, "PK\5\6", 4);
	return 122;
}

static void
a_zip_is_odd_where_the_engine_is_blind(void **state)
{
	static const struct {
		unsigned local, central;
		bool odd;
	} cases[] = {
	    {8, 8, false},
	    {0, 0, false},
	    {12, 12, false},
	    {9, 9, false},
	    {6, 6, false},
	    {14, 14, true},
	    {98, 98, true},
	    {93, 93, true},
	    {95, 95, true},
	    {8, 14, true},
	    {14, 8, true},
	    {1, 1, true},
	};
	unsigned char s[200];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = make_zip(s, cases[i].local, cases[i].central);

		assert_int_equal(peek_zip_is_odd(s, len), cases[i].odd);
	}
}

static void
zip64_is_odd(void **state)
{
	static const size_t places[] = {18, 22, 40 + 20, 40 + 24, 40 + 42};
	unsigned char s[200];

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t len = make_zip(s, 8, 8);

		put32(s + places[i], UINT32_MAX);
		assert_true(peek_zip_is_odd(s, len));
		put32(s + places[i], UINT32_MAX - 1);
		assert_false(peek_zip_is_odd(s, len));
	}
}

static void
a_header_that_is_cut_off_is_none(void **state)
{
	unsigned char s[200];

	(void)state;
	(void)make_zip(s, 14, 14);
	assert_false(peek_zip_is_odd(s, 29));
	assert_true(peek_zip_is_odd(s, 30));
	assert_false(peek_zip_is_odd(s, 0));
}

#define BZIP2_BLOCK "BZh9\x31\x41\x59\x26\x53\x59"
#define BZIP2_EMPTY "BZh1\x17\x72\x45\x38\x50\x90"

static void
a_bzip2_of_several_streams(void **state)
{
	static const char one[] = BZIP2_BLOCK "bytes BZh in them";
	static const char two[] = BZIP2_BLOCK "bytes" BZIP2_BLOCK "more";
	static const char empty[] = BZIP2_EMPTY "\0\0\0\0" BZIP2_BLOCK "x";
	static const char behind[] = BZIP2_BLOCK "bytes" BZIP2_EMPTY;

	(void)state;
	assert_false(peek_bzip2_goes_on(one, sizeof(one) - 1));
	assert_true(peek_bzip2_goes_on(two, sizeof(two) - 1));
	assert_true(peek_bzip2_goes_on(empty, sizeof(empty) - 1));
	assert_true(peek_bzip2_goes_on(behind, sizeof(behind) - 1));
	for (size_t cut = 0; cut < 25; cut++)
		assert_false(peek_bzip2_goes_on(two, cut));
}

/* A main header and a file of 5 bytes; flags of the file. */
static size_t
make_arj(unsigned char *s, unsigned flags)
{
	memset(s, 0, 200);
	put16(s, 0xea60);
	put16(s + 2, 34);
	s[4 + 6] = 2;
	put16(s + 4 + 34 + 4, 0);
	put16(s + 44, 0xea60);
	put16(s + 46, 34);
	s[48 + 4] = (unsigned char)flags;
	put32(s + 48 + 12, 5);
	put16(s + 48 + 34 + 4, 0);
	put16(s + 48 + 34 + 6 + 5, 0xea60);
	return 48 + 34 + 6 + 5 + 4;
}

static void
a_garbled_member_of_an_arj(void **state)
{
	unsigned char s[200];
	size_t len = make_arj(s, 0);

	(void)state;
	assert_false(peek_arj_is_garbled(s, len));
	len = make_arj(s, 1);
	assert_true(peek_arj_is_garbled(s, len));
	for (size_t cut = 0; cut < 88; cut++)
		assert_false(peek_arj_is_garbled(s, cut));
	assert_true(peek_arj_is_garbled(s, 88));
}

#define RAR5_MARK "Rar!\x1a\7\1\0"

static void
a_rar5_says_that_it_is_encrypted(void **state)
{
	/* main header; file with an extra area of 3: size 2, type, data */
	static const char file[] = RAR5_MARK "crc1"
					     "\3\1\0\0"
					     "crc2"
					     "\6\2\1\3"
					     "\2\1x";
	static const char plain[] = RAR5_MARK "crc1"
					      "\3\1\0\0"
					      "crc2"
					      "\6\2\1\3"
					      "\2\3x";
	static const char headers[] = RAR5_MARK "crc1"
						"\3\4\0\0";

	(void)state;
	assert_true(peek_rar_is_encrypted(FILE_RAR5, file, sizeof(file) - 1));
	assert_false(
	    peek_rar_is_encrypted(FILE_RAR5, plain, sizeof(plain) - 1));
	assert_true(
	    peek_rar_is_encrypted(FILE_RAR5, headers, sizeof(headers) - 1));
	for (size_t cut = 0; cut + 1 < sizeof(file); cut++)
		assert_false(peek_rar_is_encrypted(FILE_RAR5, file, cut));
}

static void
a_rar_says_that_it_is_one_of_several(void **state)
{
	static const char five[] = RAR5_MARK "crc1"
					     "\3\1\0\1";
	static const char one[] = RAR5_MARK "crc1"
					    "\3\1\0\0";
	static const char four[] = "Rar!\x1a\7\0"
				   "cc"
				   "\x73\x01\x00\x0d\0";
	static const char alone[] = "Rar!\x1a\7\0"
				    "cc"
				    "\x73\x00\x00\x0d\0";

	(void)state;
	assert_true(peek_rar_is_volume(FILE_RAR5, five, sizeof(five) - 1));
	assert_false(peek_rar_is_volume(FILE_RAR5, one, sizeof(one) - 1));
	assert_true(peek_rar_is_volume(FILE_RAR, four, sizeof(four) - 1));
	assert_false(peek_rar_is_volume(FILE_RAR, alone, sizeof(alone) - 1));
	assert_false(peek_rar_is_volume(FILE_ZIP, five, sizeof(five) - 1));
}

static void
what_hides_behind_a_stub(void **state)
{
	struct stowaway list[STOWAWAYS_MAX];
	unsigned char s[400] = "MZ";

	(void)state;
	assert_int_equal(peek_stowaways(FILE_PE, s, sizeof(s), list), 0);
	memcpy(s + 50, "7z\xbc\xaf\x27\x1c\0\4", 8);
	memcpy(s + 90, "7z\xbc\xaf\x27\x1c\0\4", 8);
	memcpy(s + 200, "Rar!\x1a\7\1\0", 8);
	memcpy(s + 300, "PK\5\6", 4);
	assert_int_equal(peek_stowaways(FILE_PE, s, sizeof(s), list), 4);
	assert_int_equal(list[0].type, FILE_ZIP);
	assert_int_equal(list[0].at, 0);
	assert_int_equal(list[1].type, FILE_7Z);
	assert_int_equal(list[1].at, 50);
	assert_int_equal(list[2].at, 90);
	assert_int_equal(list[3].type, FILE_RAR5);
	assert_int_equal(list[3].at, 200);
	/* In a picture or a script only what is at its end; in a mail nothing.
	 */
	assert_int_equal(peek_stowaways(FILE_GIF, s, sizeof(s), list), 1);
	assert_int_equal(peek_stowaways(FILE_TEXT, s, sizeof(s), list), 1);
	assert_int_equal(peek_stowaways(FILE_MAIL, s, sizeof(s), list), 0);
	assert_int_equal(peek_stowaways(FILE_ZIP, s, sizeof(s), list), 0);
}

static void
there_are_no_more_stowaways_than_room(void **state)
{
	struct stowaway list[STOWAWAYS_MAX];
	unsigned char *s = calloc(1, 40000);

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < 100; i++)
		memcpy(s + 100 * i, "7z\xbc\xaf\x27\x1c\0\4", 8);
	memcpy(s + 32769, "CD001", 5);
	assert_int_equal(
	    peek_stowaways(FILE_PE, s, 40000, list), STOWAWAYS_MAX);
	assert_int_equal(list[0].type, FILE_ISO);
	free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_zip_is_odd_where_the_engine_is_blind),
	    cmocka_unit_test(zip64_is_odd),
	    cmocka_unit_test(a_header_that_is_cut_off_is_none),
	    cmocka_unit_test(a_bzip2_of_several_streams),
	    cmocka_unit_test(a_garbled_member_of_an_arj),
	    cmocka_unit_test(a_rar5_says_that_it_is_encrypted),
	    cmocka_unit_test(a_rar_says_that_it_is_one_of_several),
	    cmocka_unit_test(what_hides_behind_a_stub),
	    cmocka_unit_test(there_are_no_more_stowaways_than_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
