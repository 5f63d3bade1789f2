/*
 * t_content: the two lives of a content, its cap, its name and its tap.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "scan/content.h"

static char dir[] = "/tmp/t_content.XXXXXX";
static struct spool_house house;

static int
open_house(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	house = (struct spool_house){.dir = dir,
	    .memory_each = 64,
	    .memory_max = 1024,
	    .disk_max = 1 << 20};
	return 0;
}

static int
close_house(void **state)
{
	(void)state;
	return rmdir(dir); /* nothing was left in it */
}

static void
bytes_come_back_once_sealed(void **state)
{
	struct content *c = content_open(&house, CONTENT_MAIL, "a.eml", 100);
	char got[16];

	(void)state;
	assert_int_equal(content_write(c, "hello ", 6), 0);
	assert_int_equal(content_write(c, "world", 5), 0);
	assert_int_equal(content_seal(c), 0);
	assert_int_equal(content_size(c), 11);
	assert_int_equal(content_kind(c), CONTENT_MAIL);
	assert_string_equal(content_name(c), "a.eml");
	assert_non_null(content_memory(c));
	assert_memory_equal(content_map(c), "hello world", 11);
	assert_int_equal(content_read(c, got, sizeof(got), 6), 5);
	assert_memory_equal(got, "world", 5);
	content_free(&c);
	assert_null(c);
	content_free(&c);
}

static void
a_large_one_lies_in_a_file(void **state)
{
	struct content *c = content_open(&house, CONTENT_FILE, "", 4096);
	char block[1024];

	(void)state;
	memset(block, 'x', sizeof(block));
	assert_int_equal(content_write(c, block, sizeof(block)), 0);
	assert_int_equal(content_write(c, "end", 3), 0);
	assert_int_equal(content_seal(c), 0);
	assert_null(content_memory(c));
	assert_true(content_file(c) >= 0);
	assert_memory_equal(content_map(c), block, sizeof(block));
	assert_memory_equal(
	    (const char *)content_map(c) + sizeof(block), "end", 3);
	content_free(&c);
}

static void
the_descriptor_for_others_cannot_be_written(void **state)
{
	struct content *c = content_open(&house, CONTENT_BODY, "x", 4096);
	char got[8];
	int fd;

	(void)state;
	assert_int_equal(content_write(c, "fixed", 5), 0);
	assert_int_equal(content_seal(c), 0);
	fd = content_fd(c);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, got, sizeof(got), 0), 5);
	assert_int_equal(pwrite(fd, "X", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_memory_equal(content_map(c), "fixed", 5);
	content_free(&c);
}

static void
past_its_cap_it_keeps_what_it_had(void **state)
{
	struct content *c = content_open(&house, CONTENT_BODY, "", 8);

	(void)state;
	assert_int_equal(content_write(c, "12345678", 8), 0);
	errno = 0;
	assert_int_equal(content_write(c, "9", 1), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(content_size(c), 8);
	assert_int_equal(content_seal(c), 0);
	assert_memory_equal(content_map(c), "12345678", 8);
	content_free(&c);
}

static void
count(void *arg, const void *bytes, size_t len)
{
	size_t *seen = arg;

	(void)bytes;
	*seen += len;
}

static void
the_tap_sees_only_what_was_kept(void **state)
{
	struct content *c = content_open(&house, CONTENT_BODY, "", 8);
	size_t seen = 0;

	(void)state;
	content_set_tap(c, count, &seen);
	assert_int_equal(content_write(c, "12345", 5), 0);
	assert_int_equal(content_write(c, "67890", 5), -1);
	assert_int_equal(seen, 5);
	content_free(&c);
}

static void
a_name_is_cut(void **state)
{
	char name[CONTENT_NAME_MAX * 2];
	struct content *c;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	c = content_open(&house, CONTENT_FILE, name, 8);
	assert_int_equal(strlen(content_name(c)), CONTENT_NAME_MAX);
	content_free(&c);
}

static void
over_a_spool_it_is_sealed(void **state)
{
	struct spool *s = spool_over("abc", 3);
	struct content *c = content_over(&s, CONTENT_FILE, "m");

	(void)state;
	assert_null(s);
	assert_int_equal(content_size(c), 3);
	assert_memory_equal(content_map(c), "abc", 3);
	content_free(&c);
}

static void
kinds_have_words(void **state)
{
	(void)state;
	assert_string_equal(content_kind_word(CONTENT_MAIL), "mail");
	assert_string_equal(content_kind_word(CONTENT_BODY), "body");
	assert_string_equal(content_kind_word(CONTENT_FILE), "file");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_come_back_once_sealed),
	    cmocka_unit_test(a_large_one_lies_in_a_file),
	    cmocka_unit_test(the_descriptor_for_others_cannot_be_written),
	    cmocka_unit_test(past_its_cap_it_keeps_what_it_had),
	    cmocka_unit_test(the_tap_sees_only_what_was_kept),
	    cmocka_unit_test(a_name_is_cut),
	    cmocka_unit_test(over_a_spool_it_is_sealed),
	    cmocka_unit_test(kinds_have_words),
	};

	return cmocka_run_group_tests(tests, open_house, close_house);
}
