/*
 * t_type: what bytes are by their magic numbers, and the edges of the guesses
 * that have none: mail, tar without "ustar", lzma.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scan/type.h"

#define IS_A(type, bytes) \
	assert_string_equal(type_word(type_of(bytes, sizeof(bytes) - 1)), type)

static void
magic_numbers_tell(void **state)
{
	(void)state;
	IS_A("zip", "PK\3\4abc");
	IS_A("zip", "PK\5\6abc");
	IS_A("7z", "7z\xbc\xaf\x27\x1c");
	IS_A("gzip", "\x1f\x8b\x08");
	IS_A("compress", "\x1f\x9d\x90");
	IS_A("zstd", "\x28\xb5\x2f\xfd");
	IS_A("lz4", "\x04\x22\x4d\x18");
	IS_A("lzip", "LZIP\1");
	IS_A("rar5", "Rar!\x1a\7\1\0");
	IS_A("rar", "Rar!\x1a\7\0");
	IS_A("pdf", "%PDF-1.7");
	IS_A("pe", "MZ\x90");
	IS_A("elf",
	    "\x7f"
	    "ELF\2");
	IS_A("wim", "MSWIM\0\0\0\xd0");
	IS_A("squashfs", "hsqs");
	IS_A("lzop", "\x89LZO\0\r\n\x1a\n");
}

static void
a_magic_number_cut_short_does_not(void **state)
{
	(void)state;
	IS_A("text", "PK");
	IS_A("text", "LZI");
	IS_A("text", "%PDF");
	IS_A("data", "7z\xbc\xaf\1");
}

static void
nothing_is_data(void **state)
{
	(void)state;
	assert_int_equal(type_of("", 0), FILE_DATA);
	assert_int_equal(type_of("\0\1", 2), FILE_DATA);
}

static void
mail_is_told_by_its_fields(void **state)
{
	(void)state;
	IS_A("mail", "Subject: x\r\n\r\nhello");
	IS_A("mail", "X-Odd: 1\r\n more\r\nFROM: a@example.com\r\n\r\n");
	IS_A("mail", "From a@b Mon Nov 23\nTo : b@example.com\n\n");
	IS_A("mail", "\r\n\r\nReceived: from x\r\n");
	IS_A("mail", "\xef\xbb\xbfMIME-Version: 1.0\r\n");
}

static void
text_with_a_colon_is_not_mail(void **state)
{
	(void)state;
	IS_A("text", "Note: nothing\r\n\r\nSubject: x\r\n");
	IS_A("text", "hello there: you\n");
	IS_A("text", "just words\n");
}

static void
html_is_told_by_its_first_tag(void **state)
{
	(void)state;
	IS_A("html", "<!DOCTYPE HTML><p>");
	IS_A("html", "\xef\xbb\xbf \n<Html>");
	IS_A("text", "a < b");
	IS_A("xml", "<?xml version=\"1.0\"?>");
}

static void
a_skippable_frame_is_zstd(void **state)
{
	(void)state;
	IS_A("zstd", "\x5a\x2a\x4d\x18\4\0\0\0");
	IS_A("data", "\x6a\x2a\x4d\x18\4\0\0\0");
}

static void
lzma_needs_a_sane_head(void **state)
{
	unsigned char s[18] = {0x5d, 0, 0, 0x80, 0, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0, 1, 2, 3, 4};

	(void)state;
	assert_int_equal(type_of(s, sizeof(s)), FILE_LZMA);
	assert_int_not_equal(type_of(s, sizeof(s) - 1), FILE_LZMA);
	s[2] = 3; /* a dictionary of a size nobody uses */
	assert_int_not_equal(type_of(s, sizeof(s)), FILE_LZMA);
}

static void
an_old_tar_is_told_by_its_checksum(void **state)
{
	char head[512] = "a.txt";
	unsigned sum = 8 * ' ';

	(void)state;
	for (size_t i = 0; i < sizeof(head); i++)
		sum += (unsigned char)head[i];
	(void)snprintf(head + 148, 8, "%06o", sum);
	assert_int_equal(type_of(head, sizeof(head)), FILE_TAR);
	assert_int_not_equal(type_of(head, sizeof(head) - 1), FILE_TAR);
	head[0] = 'b';
	assert_int_not_equal(type_of(head, sizeof(head)), FILE_TAR);
}

static void
an_iso_is_told_past_its_system_area(void **state)
{
	static char image[32768 + 2048];

	(void)state;
	memcpy(image + 32768, "\1CD001\1", 7);
	assert_int_equal(type_of(image, sizeof(image)), FILE_ISO);
	assert_int_not_equal(type_of(image, 32773), FILE_ISO);
	/* What is in front of it comes first. */
	memcpy(image, "MZ", 2);
	assert_int_equal(type_of(image, sizeof(image)), FILE_PE);
}

static void
somebody_cares_for_each_type(void **state)
{
	(void)state;
	for (int type = 0; type < FILE_TYPE_COUNT; type++)
		assert_true(*type_word((enum file_type)type) != '\0');
	assert_int_equal(type_care(FILE_ZIP), CARE_BOTH);
	assert_int_equal(type_care(FILE_ZSTD), CARE_US);
	assert_int_equal(type_care(FILE_MAIL), CARE_MAIL);
	assert_int_equal(type_care(FILE_WIM), CARE_NOBODY);
	assert_int_equal(type_care(FILE_PDF), CARE_ENGINE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(magic_numbers_tell),
	    cmocka_unit_test(a_magic_number_cut_short_does_not),
	    cmocka_unit_test(nothing_is_data),
	    cmocka_unit_test(mail_is_told_by_its_fields),
	    cmocka_unit_test(text_with_a_colon_is_not_mail),
	    cmocka_unit_test(html_is_told_by_its_first_tag),
	    cmocka_unit_test(a_skippable_frame_is_zstd),
	    cmocka_unit_test(lzma_needs_a_sane_head),
	    cmocka_unit_test(an_old_tar_is_told_by_its_checksum),
	    cmocka_unit_test(an_iso_is_told_past_its_system_area),
	    cmocka_unit_test(somebody_cares_for_each_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
