/*
 * t_type: what bytes are, by their magic numbers, and who looks inside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan/type.h"

#define BYTES(s) (s), sizeof(s) - 1

static void
magic_numbers(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *word;
	} cases[] = {
	    {BYTES("PK\3\4rest"), "zip"},
	    {BYTES("PK\7\10PK\3\4"), "zip"},
	    {BYTES("7z\xbc\xaf\x27\x1c\0\4"), "7z"},
	    {BYTES("\x1f\x8b\x08"), "gzip"},
	    {BYTES("BZh91AY"), "bzip2"},
	    {BYTES("\xfd"
		   "7zXZ\0"),
		"xz"},
	    {BYTES("\x28\xb5\x2f\xfd\x04"), "zstd"},
	    {BYTES("\x5a\x2a\x4d\x18\4\0\0\0skip"), "zstd"},
	    {BYTES("\x04\x22\x4d\x18"), "lz4"},
	    {BYTES("LZIP\1"), "lzip"},
	    {BYTES("\x1f\x9d\x90"), "compress"},
	    {BYTES("Rar!\x1a\7\0"), "rar"},
	    {BYTES("Rar!\x1a\7\1\0"), "rar5"},
	    {BYTES("\x60\xea\x2c\0"), "arj"},
	    {BYTES("MSCF\0\0\0\0"), "cab"},
	    {BYTES("MSWIM\0\0\0"), "wim"},
	    {BYTES("hsqs\1"), "squashfs"},
	    {BYTES("xxxxxxx**ACE**"), "ace"},
	    {BYTES("070701000"), "cpio"},
	    {BYTES("!<arch>\ndebian"), "ar"},
	    {BYTES("MZ\x90"), "pe"},
	    {BYTES("\x7f"
		   "ELF\2"),
		"elf"},
	    {BYTES("%PDF-1.4"), "pdf"},
	    {BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "ole2"},
	    {BYTES("WARC/1.0\r\n"), "warc"},
	    {BYTES("\xed\xab\xee\xdb\3"), "rpm"},
	    {BYTES("<!DOCTYPE html><p>"), "html"},
	    {BYTES("\r\n  <HTML>"), "html"},
	    {BYTES("<?xml version"), "xml"},
	    {BYTES("plain words\n"), "text"},
	    {BYTES("\1\2\3\4"), "data"},
	    {BYTES(""), "data"},
	    {BYTES("P"), "text"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
		    type_word(type_of(cases[i].bytes, cases[i].len)),
		    cases[i].word);
}

static void
a_message_begins_with_fields_of_mail(void **state)
{
	static const struct {
		const char *text;
		enum file_type type;
	} cases[] = {
	    {"From: a@example.org\r\n\r\nhello", FILE_MAIL},
	    {"Content-Type: text/plain\n\nx", FILE_MAIL},
	    {"X-Odd: 1\r\n folded\r\nSUBJECT : x\r\n\r\n", FILE_MAIL},
	    {"From somebody Mon Nov 2\nReceived: x\n\n", FILE_MAIL},
	    {">From somebody\nTo: x\n\n", FILE_MAIL},
	    {"\r\n\r\nReceived: x\n", FILE_MAIL},
	    {"\xef\xbb\xbfTo: x\n", FILE_MAIL},
	    {"Dear Bob,\nSubject: is not a field here\n", FILE_TEXT},
	    {"Note: this\nAlso: that\n\nFrom: x\n", FILE_TEXT},
	    {"From\n", FILE_TEXT},
	    {" From: x\n", FILE_TEXT},
	    {"Fromage: brie\n", FILE_TEXT},
	    {": x\n", FILE_TEXT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(type_of(cases[i].text, strlen(cases[i].text)),
		    cases[i].type);
}

static void
lzma_has_no_magic_but_a_shape(void **state)
{
	unsigned char s[32] = {0x5d, 0, 0, 0x80, 0, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0, 'x', 'y', 'z', 'a'};

	(void)state;
	assert_int_equal(type_of(s, sizeof(s)), FILE_LZMA);
	s[1] = 1; /* no power of two, nor one and a half */
	assert_int_equal(type_of(s, sizeof(s)), FILE_DATA);
	s[1] = 0;
	s[13] = 1; /* a range coder begins with 0 */
	assert_int_equal(type_of(s, sizeof(s)), FILE_DATA);
	s[13] = 0;
	memset(s + 5, 0, 8);
	s[5] = 100; /* a length that is known */
	assert_int_equal(type_of(s, sizeof(s)), FILE_LZMA);
	assert_int_equal(type_of(s, 17), FILE_DATA);
	memset(s, 0, sizeof(s));
	assert_int_equal(type_of(s, sizeof(s)), FILE_DATA);
}

static void
a_tar_from_before_ustar_has_a_checksum(void **state)
{
	unsigned char s[1024] = "name";
	unsigned sum = 8 * ' ';

	(void)state;
	for (size_t i = 0; i < 148; i++)
		sum += s[i];
	(void)snprintf((char *)s + 148, 8, "%06o", sum);
	assert_int_equal(type_of(s, sizeof(s)), FILE_TAR);
	s[1]++;
	assert_int_equal(type_of(s, sizeof(s)), FILE_DATA);
}

static void
an_iso_is_told_by_its_17th_sector(void **state)
{
	unsigned char *s = calloc(1, 40000);

	(void)state;
	assert_non_null(s);
	memcpy(s + 32769, "CD001", 5);
	assert_int_equal(type_of(s, 40000), FILE_ISO);
	assert_int_equal(type_of(s, 32773), FILE_DATA);
	free(s);
}

static void
lha_has_its_method_at_2(void **state)
{
	static const char lha[] = "\x20\x00-lh5-size and time"
				  "\x00"
				  "a name";
	char s[sizeof(lha)];

	(void)state;
	assert_int_equal(type_of(lha, sizeof(lha)), FILE_LHA);
	memcpy(s, lha, sizeof(s));
	s[20] = ' '; /* of a text */
	assert_int_equal(type_of(s, sizeof(s)), FILE_DATA);
}

static void
all_types_have_a_word_and_somebody_who_cares(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FILE_TYPE_COUNT; i++) {
		assert_non_null(type_word((enum file_type)i));
		assert_true(type_care((enum file_type)i) <= CARE_NOBODY);
	}
	assert_int_equal(type_care(FILE_ZSTD), CARE_US);
	assert_int_equal(type_care(FILE_ZIP), CARE_BOTH);
	assert_int_equal(type_care(FILE_WIM), CARE_NOBODY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(magic_numbers),
	    cmocka_unit_test(a_message_begins_with_fields_of_mail),
	    cmocka_unit_test(lzma_has_no_magic_but_a_shape),
	    cmocka_unit_test(a_tar_from_before_ustar_has_a_checksum),
	    cmocka_unit_test(an_iso_is_told_by_its_17th_sector),
	    cmocka_unit_test(lha_has_its_method_at_2),
	    cmocka_unit_test(all_types_have_a_word_and_somebody_who_cares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
