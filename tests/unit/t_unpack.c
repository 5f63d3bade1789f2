/*
 * t_unpack: members come out whole, in order, and how it ended is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan/unpack.h"
#include "tests/unit/box.h"

#define TEXT "nothing to see here, and that forty times over\n"

struct seen {
	char names[200];
	char bytes[4096];
	size_t len;
	unsigned begun, ended, closed;
	enum unpack_end how, why;
	int begin_says, data_says;
};

static int
begin(void *arg, const char *name)
{
	struct seen *s = arg;
	size_t at = strlen(s->names);

	(void)snprintf(s->names + at, sizeof(s->names) - at, "[%s]", name);
	s->begun++;
	return s->begin_says;
}

static int
data(void *arg, const void *bytes, size_t len)
{
	struct seen *s = arg;

	if (s->len + len < sizeof(s->bytes))
		memcpy(s->bytes + s->len, bytes, len);
	s->len += len;
	return s->data_says;
}

static void
end(void *arg, enum unpack_end how)
{
	struct seen *s = arg;

	s->ended++;
	s->how = how;
}

static void
closed(void *arg, const char *name, enum unpack_end why)
{
	struct seen *s = arg;

	(void)name;
	s->closed++;
	s->why = why;
}

static const struct unpack_taker taker = {begin, data, end, closed};

static void
make_7z(struct box *b, const char *method)
{
	box_open(b, archive_write_set_format_7zip, NULL, method);
	box_put(b, "a.txt", TEXT TEXT, 2 * (sizeof(TEXT) - 1));
	box_put(b, "empty", "", 0);
	box_put(b, "b.txt", TEXT, sizeof(TEXT) - 1);
	box_close(b);
}

static void
every_method_of_7z(void **state)
{
	static const char *const methods[] = {"compression=store",
	    "compression=deflate", "compression=bzip2", "compression=lzma1",
	    "compression=lzma2", "compression=ppmd"};

	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct seen s = {.names = ""};
		struct box b;

		make_7z(&b, methods[i]);
		assert_int_equal(
		    unpack(FILE_7Z, b.bytes, b.len, &taker, &s), UNPACK_WHOLE);
		assert_int_equal(s.ended, s.begun);
		assert_int_equal(s.how, UNPACK_WHOLE);
		assert_int_equal(s.len, 3 * (sizeof(TEXT) - 1));
		assert_memory_equal(s.bytes, TEXT TEXT TEXT, s.len);
		assert_non_null(strstr(s.names, "[a.txt]"));
		assert_non_null(strstr(s.names, "[b.txt]"));
		box_free(&b);
	}
}

static void
a_bare_compressed_file_has_no_name(void **state)
{
	static const struct {
		enum file_type type;
		int (*filter)(struct archive *);
	} cases[] = {
	    {FILE_ZSTD, archive_write_add_filter_zstd},
	    {FILE_LZ4, archive_write_add_filter_lz4},
	    {FILE_LZIP, archive_write_add_filter_lzip},
	    {FILE_LZMA, archive_write_add_filter_lzma},
	    {FILE_COMPRESS, archive_write_add_filter_compress},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen s = {.names = ""};
		struct box b;

		box_open(
		    &b, archive_write_set_format_raw, cases[i].filter, NULL);
		box_put(&b, "data", TEXT TEXT, 2 * (sizeof(TEXT) - 1));
		box_close(&b);
		assert_int_equal(type_of(b.bytes, b.len), cases[i].type);
		assert_int_equal(
		    unpack(cases[i].type, b.bytes, b.len, &taker, &s),
		    UNPACK_WHOLE);
		assert_string_equal(s.names, "[]");
		assert_memory_equal(s.bytes, TEXT TEXT, s.len);
		box_free(&b);
	}
}

static void
what_a_filter_does_not_know_is_not_handed_out(void **state)
{
	static const char odd[] = "not zstd at all, whatever was said";
	struct seen s = {.names = ""};

	(void)state;
	assert_int_equal(unpack(FILE_ZSTD, odd, sizeof(odd), &taker, &s),
	    UNPACK_UNSUPPORTED);
	assert_int_equal(s.begun, 0);
}

static void
a_cut_one_is_broken(void **state)
{
	struct seen s = {.names = ""};
	struct box b;

	(void)state;
	make_7z(&b, "compression=bzip2");
	assert_int_equal(
	    unpack(FILE_7Z, b.bytes, b.len - 10, &taker, &s), UNPACK_BROKEN);
	assert_int_equal(
	    unpack(FILE_ZIP, b.bytes, b.len, &taker, &s), UNPACK_BROKEN);
	assert_int_equal(unpack(FILE_RAR, "", 0, &taker, &s), UNPACK_BROKEN);
	box_free(&b);
}

static void
the_taker_can_skip_and_stop(void **state)
{
	struct seen s = {.names = "", .begin_says = 1};
	struct box b;

	(void)state;
	make_7z(&b, "compression=lzma1");
	assert_int_equal(
	    unpack(FILE_7Z, b.bytes, b.len, &taker, &s), UNPACK_WHOLE);
	assert_int_equal(s.begun, 3);
	assert_int_equal(s.ended, 0);
	assert_int_equal(s.len, 0);

	s = (struct seen){.names = "", .begin_says = -1};
	assert_int_equal(
	    unpack(FILE_7Z, b.bytes, b.len, &taker, &s), UNPACK_STOPPED);
	assert_int_equal(s.begun, 1);

	s = (struct seen){.names = "", .data_says = -1};
	assert_int_equal(
	    unpack(FILE_7Z, b.bytes, b.len, &taker, &s), UNPACK_STOPPED);
	assert_int_equal(s.ended, 1);
	assert_int_equal(s.how, UNPACK_STOPPED);
	box_free(&b);
}

static void
make_zip(struct box *b, const char *options)
{
	b->bytes = malloc(BOX_MAX);
	assert_non_null(b->bytes);
	b->a = archive_write_new();
	assert_int_equal(archive_write_set_format_zip(b->a), ARCHIVE_OK);
	assert_int_equal(
	    archive_write_set_passphrase(b->a, "secret"), ARCHIVE_OK);
	assert_int_equal(archive_write_set_options(b->a, options), ARCHIVE_OK);
	assert_int_equal(
	    archive_write_open_memory(b->a, b->bytes, BOX_MAX, &b->len),
	    ARCHIVE_OK);
	box_put(b, "a.txt", TEXT, sizeof(TEXT) - 1);
	box_close(b);
}

static void
an_encrypted_member_is_closed(void **state)
{
	static const char *const ways[] = {
	    "zip:encryption=zipcrypt", "zip:encryption=aes256"};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct seen s = {.names = ""};
		struct box b;

		make_zip(&b, ways[i]);
		assert_int_equal(
		    unpack(FILE_ZIP, b.bytes, b.len, &taker, &s), UNPACK_WHOLE);
		assert_int_equal(s.closed, 1);
		assert_int_equal(s.why, UNPACK_ENCRYPTED);
		assert_int_equal(s.begun, 0);
		assert_int_equal(
		    unpack_count(FILE_ZIP, b.bytes, b.len, 5, 100), 0);
		box_free(&b);
	}
}

static void
members_are_counted_without_unpacking(void **state)
{
	struct box b;

	(void)state;
	make_7z(&b, "compression=bzip2");
	assert_int_equal(unpack_count(FILE_7Z, b.bytes, b.len, 5, 100), 2);
	assert_int_equal(unpack_count(FILE_7Z, b.bytes, b.len, 60, 100), 1);
	assert_int_equal(unpack_count(FILE_7Z, b.bytes, b.len, 5, 1), 1);
	assert_int_equal(
	    unpack_count(FILE_7Z, b.bytes, b.len - 10, 5, 100), UINT32_MAX);
	box_free(&b);
}

static void
only_some_types_can_be_read_here(void **state)
{
	(void)state;
	assert_true(unpack_can(FILE_ZIP));
	assert_true(unpack_can(FILE_RAR5));
	assert_false(unpack_can(FILE_LZOP)); /* a program would be started */
	assert_false(unpack_can(FILE_LRZIP));
	assert_false(unpack_can(FILE_GZIP)); /* the engine's */
	assert_false(unpack_can(FILE_TEXT));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_method_of_7z),
	    cmocka_unit_test(a_bare_compressed_file_has_no_name),
	    cmocka_unit_test(what_a_filter_does_not_know_is_not_handed_out),
	    cmocka_unit_test(a_cut_one_is_broken),
	    cmocka_unit_test(the_taker_can_skip_and_stop),
	    cmocka_unit_test(an_encrypted_member_is_closed),
	    cmocka_unit_test(members_are_counted_without_unpacking),
	    cmocka_unit_test(only_some_types_can_be_read_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
