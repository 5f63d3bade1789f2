/*
 * t_unpack: members of real archives, and how each of them ends: whole,
 * stopped, encrypted, broken.  Which types are tried at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/base/buf.h"
#include "scan/unpack.h"
#include "tests/unit/pack.h"

/* What the taker was told, as "[a.txt hello whole][closed b encrypted]". */
struct diary {
	struct buf text;
	int begin, data; /* what it answers */
};

static const char *const ends[] = {
    [UNPACK_WHOLE] = "whole",
    [UNPACK_STOPPED] = "stopped",
    [UNPACK_ENCRYPTED] = "encrypted",
    [UNPACK_UNSUPPORTED] = "unsupported",
    [UNPACK_BROKEN] = "broken",
};

static int
note_begin(void *arg, const char *name)
{
	struct diary *d = arg;

	(void)buf_printf(&d->text, "[%s", name);
	if (d->begin != 0)
		(void)buf_puts(&d->text, " no]");
	return d->begin;
}

static int
note_data(void *arg, const void *bytes, size_t len)
{
	struct diary *d = arg;

	(void)buf_puts(&d->text, " ");
	(void)buf_put(&d->text, bytes, len < 16 ? len : 16);
	return d->data;
}

static void
note_end(void *arg, enum unpack_end how)
{
	struct diary *d = arg;

	(void)buf_printf(&d->text, " %s]", ends[how]);
}

static void
note_closed(void *arg, const char *name, enum unpack_end why)
{
	struct diary *d = arg;

	(void)buf_printf(&d->text, "[closed %s %s]", name, ends[why]);
}

static const struct unpack_taker taker = {
    .begin = note_begin,
    .data = note_data,
    .end = note_end,
    .closed = note_closed,
};

static const struct entry two[] = {{"a.txt", "hello", 5}, {"b", "world", 5}};
static struct diary d;

static int
start(void **state)
{
	(void)state;
	d.begin = 0;
	d.data = 0;
	buf_init(&d.text, 4096);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	buf_free(&d.text);
	return 0;
}

static void
expect(
    enum file_type type, struct packed p, enum unpack_end how, const char *said)
{
	assert_string_equal(
	    ends[unpack(type, p.bytes, p.len, &taker, &d)], ends[how]);
	assert_string_equal(buf_text(&d.text), said);
	free(p.bytes);
}

static void
a_zip_has_two_members(void **state)
{
	(void)state;
	expect(FILE_ZIP, pack_all("zip", NULL, NULL, two, 2), UNPACK_WHOLE,
	    "[a.txt hello whole][b world whole]");
}

static void
a_7z_has_two_members(void **state)
{
	(void)state;
	expect(FILE_7Z,
	    pack_all("7zip", NULL, "7zip:compression=bzip2", two, 2),
	    UNPACK_WHOLE, "[a.txt hello whole][b world whole]");
}

static void
an_iso_has_two_members(void **state)
{
	(void)state;
	expect(FILE_ISO, pack_all("iso9660", NULL, "iso9660:!pad", two, 2),
	    UNPACK_WHOLE, "[a.txt hello whole][b world whole]");
}

static void
a_compressed_file_is_one_without_a_name(void **state)
{
	static const struct {
		enum file_type type;
		const char *filter;
	} cases[] = {{FILE_ZSTD, "zstd"}, {FILE_LZ4, "lz4"},
	    {FILE_LZIP, "lzip"}, {FILE_LZMA, "lzma"},
	    {FILE_COMPRESS, "compress"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&d.text);
		expect(cases[i].type,
		    pack_one("raw", cases[i].filter, NULL, "a", "hello", 5),
		    UNPACK_WHOLE, "[ hello whole]");
	}
}

static void
only_what_is_asked_for_is_taken_apart(void **state)
{
	(void)state;
	/* The tar inside is the next level's: no format but raw is on. */
	struct packed p = pack_all("gnutar", "zstd", NULL, two, 2);

	(void)unpack(FILE_ZSTD, p.bytes, p.len, &taker, &d);
	assert_memory_equal(buf_text(&d.text), "[ a.txt", 7);
	free(p.bytes);
}

static void
a_locked_member_is_told(void **state)
{
	(void)state;
	expect(FILE_ZIP, pack_all("zip", NULL, "zip:encryption=aes256", two, 2),
	    UNPACK_WHOLE, "[closed a.txt encrypted][closed b encrypted]");
}

static void
the_taker_may_skip(void **state)
{
	(void)state;
	d.begin = 1;
	expect(FILE_ZIP, pack_all("zip", NULL, NULL, two, 2), UNPACK_WHOLE,
	    "[a.txt no][b no]");
}

static void
the_taker_may_stop_before_a_member(void **state)
{
	(void)state;
	d.begin = -1;
	expect(FILE_ZIP, pack_all("zip", NULL, NULL, two, 2), UNPACK_STOPPED,
	    "[a.txt no]");
}

static void
the_taker_may_have_enough_of_one(void **state)
{
	(void)state;
	d.data = 1;
	expect(FILE_ZIP, pack_all("zip", NULL, NULL, two, 2), UNPACK_WHOLE,
	    "[a.txt hello stopped][b world stopped]");
}

static void
the_taker_may_stop_in_the_middle(void **state)
{
	(void)state;
	d.data = -1;
	expect(FILE_ZIP, pack_all("zip", NULL, NULL, two, 2), UNPACK_STOPPED,
	    "[a.txt hello stopped]");
}

static void
a_cut_one_is_broken_and_keeps_what_came(void **state)
{
	static char noise[200000];
	uint32_t x = 1;
	struct packed p;

	(void)state;
	for (size_t i = 0; i < sizeof(noise); i++) {
		x = x * 1103515245 + 12345;
		noise[i] = (char)(x >> 24);
	}
	p = pack_one("raw", "zstd", NULL, "a", noise, sizeof(noise));
	p.len -= 100;
	(void)unpack(FILE_ZSTD, p.bytes, p.len, &taker, &d);
	assert_memory_equal(buf_text(&d.text), "[ ", 2);
	assert_non_null(strstr(buf_text(&d.text), " broken]"));
	free(p.bytes);
}

/* To come to the next member it would have to read on in the broken one. */
static void
a_broken_solid_one_ends_there(void **state)
{
	static char words[40000];
	const struct entry large[] = {
	    {"a", words, sizeof(words)}, {"b", words, sizeof(words)}};
	struct packed p;
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(words); i++) {
		x = x * 1103515245 + 12345;
		words[i] = (char)('a' + (x >> 24) % 26);
	}
	p = pack_all("7zip", NULL, "7zip:compression=bzip2", large, 2);
	memset(p.bytes + 60, 0, 40); /* its selectors and code tables */
	assert_int_equal(
	    unpack(FILE_7Z, p.bytes, p.len, &taker, &d), UNPACK_BROKEN);
	assert_string_equal(buf_text(&d.text), "[a broken]");
	free(p.bytes);
}

static void
nonsense_is_no_archive(void **state)
{
	static const enum file_type types[] = {FILE_ZIP, FILE_7Z, FILE_RAR,
	    FILE_RAR5, FILE_ISO, FILE_WARC, FILE_ZSTD, FILE_LZ4, FILE_RPM};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		assert_int_not_equal(
		    unpack(types[i], "nonsense", 8, &taker, &d), UNPACK_WHOLE);
		assert_string_equal(buf_text(&d.text), "");
	}
}

static void
what_the_engine_opens_is_not_opened_here(void **state)
{
	(void)state;
	assert_true(unpack_can(FILE_ZIP));
	assert_true(unpack_can(FILE_ZSTD));
	assert_false(unpack_can(FILE_TAR));
	assert_false(unpack_can(FILE_GZIP));
	assert_false(unpack_can(FILE_LZOP)); /* would start a program */
	assert_false(unpack_can(FILE_LRZIP));
	assert_false(unpack_can(FILE_DATA));
}

static void
everything_that_is_ours_can_be_opened(void **state)
{
	(void)state;
	for (int i = 0; i < FILE_TYPE_COUNT; i++) {
		enum file_type type = (enum file_type)i;

		if (type_care(type) == CARE_US || type_care(type) == CARE_BOTH)
			assert_true(unpack_can(type));
	}
}

static void
members_are_counted_by_size(void **state)
{
	static const struct entry three[] = {
	    {"a", "hello!", 6}, {"b", "", 0}, {"c", "world!", 6}};
	struct packed p = pack_all("zip", NULL, NULL, three, 3);

	(void)state;
	assert_int_equal(unpack_count(FILE_ZIP, p.bytes, p.len, 5, 99), 2);
	assert_int_equal(unpack_count(FILE_ZIP, p.bytes, p.len, 6, 99), 0);
	assert_int_equal(unpack_count(FILE_ZIP, p.bytes, p.len, -1, 99), 3);
	assert_int_equal(unpack_count(FILE_ZIP, p.bytes, p.len, -1, 1), 1);
	assert_int_equal(
	    unpack_count(FILE_7Z, "nonsense", 8, 0, 99), UINT32_MAX);
	free(p.bytes);
}

#define T(test) cmocka_unit_test_setup_teardown(test, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_zip_has_two_members),
	    T(a_7z_has_two_members),
	    T(an_iso_has_two_members),
	    T(a_compressed_file_is_one_without_a_name),
	    T(only_what_is_asked_for_is_taken_apart),
	    T(a_locked_member_is_told),
	    T(the_taker_may_skip),
	    T(the_taker_may_stop_before_a_member),
	    T(the_taker_may_have_enough_of_one),
	    T(the_taker_may_stop_in_the_middle),
	    T(a_cut_one_is_broken_and_keeps_what_came),
	    T(a_broken_solid_one_ends_there),
	    T(nonsense_is_no_archive),
	    T(what_the_engine_opens_is_not_opened_here),
	    T(everything_that_is_ours_can_be_opened),
	    T(members_are_counted_by_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
