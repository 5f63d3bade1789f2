/*
 * t_content: the two lives of a content: open and sealed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan/content.h"

static struct spool_house house = {
    .dir = "/tmp",
    .memory_each = 1000,
    .memory_max = 100000,
    .disk_max = 1000000,
};

static void
what_is_written_is_read(void **state)
{
	struct content *c =
	    content_open(&house, CONTENT_MAIL, "mail.eml", 100000);
	char back[8] = "";

	(void)state;
	assert_int_equal(content_write(c, "hello ", 6), 0);
	assert_int_equal(content_write(c, "world", 5), 0);
	assert_int_equal(content_read(c, back, 5, 6), 5);
	assert_string_equal(back, "world");
	assert_int_equal(content_seal(c), 0);
	assert_int_equal(content_size(c), 11);
	assert_int_equal(content_kind(c), CONTENT_MAIL);
	assert_string_equal(content_name(c), "mail.eml");
	assert_memory_equal(content_map(c), "hello world", 11);
	assert_memory_equal(content_memory(c), "hello world", 11);
	content_free(&c);
	assert_null(c);
	content_free(&c);
	assert_int_equal(house.memory_used, 0);
}

static void
past_its_cap_it_keeps_what_it_had(void **state)
{
	struct content *c = content_open(&house, CONTENT_FILE, "", 10);

	(void)state;
	assert_int_equal(content_write(c, "0123456", 7), 0);
	errno = 0;
	assert_int_equal(content_write(c, "0123456", 7), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(content_size(c), 7);
	content_free(&c);
}

static void
a_large_one_lies_in_a_file(void **state)
{
	struct content *c = content_open(&house, CONTENT_BODY, "b", 100000);
	char block[700];

	(void)state;
	memset(block, 'b', sizeof(block));
	for (int i = 0; i < 10; i++)
		assert_int_equal(content_write(c, block, sizeof(block)), 0);
	assert_int_equal(content_seal(c), 0);
	assert_null(content_memory(c));
	assert_true(content_file(c) >= 0);
	assert_true(content_fd(c) >= 0);
	assert_memory_equal((const char *)content_map(c) + 6300, block, 700);
	content_free(&c);
	assert_int_equal(house.disk_used, 0);
}

struct sum {
	size_t bytes, calls;
};

static void
count(void *arg, const void *bytes, size_t len)
{
	struct sum *s = arg;

	(void)bytes;
	s->bytes += len;
	s->calls++;
}

static void
a_tap_sees_what_was_taken_and_nothing_else(void **state)
{
	struct content *c = content_open(&house, CONTENT_FILE, "", 10);
	struct sum s = {0, 0};

	(void)state;
	content_set_tap(c, count, &s);
	assert_int_equal(content_write(c, "0123456", 7), 0);
	assert_int_equal(content_write(c, "0123456", 7), -1);
	assert_int_equal(s.bytes, 7);
	assert_int_equal(s.calls, 1);
	content_free(&c);
}

static void
one_over_borrowed_bytes_is_sealed(void **state)
{
	static const char bytes[] = "somebody else's";
	struct spool *s = spool_over(bytes, sizeof(bytes));
	struct content *c = content_over(&s, CONTENT_FILE, "x");

	(void)state;
	assert_null(s);
	assert_ptr_equal(content_map(c), bytes);
	assert_int_equal(content_size(c), sizeof(bytes));
	content_free(&c);
}

static void
a_long_name_is_cut(void **state)
{
	char name[CONTENT_NAME_MAX + 100];
	struct content *c;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	c = content_open(&house, CONTENT_FILE, name, 10);
	assert_int_equal(strlen(content_name(c)), CONTENT_NAME_MAX);
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

/* In memory, then in a file: what comes behind it does not show. */
static void
a_beginning_while_more_comes(void **state)
{
	struct content *c = content_open(&house, CONTENT_BODY, "b", 100000);
	struct content *p[2];
	char block[700], back[8] = "";

	(void)state;
	assert_int_equal(content_declare(c, "gzip", "text/plain"), 0);
	for (int i = 0; i < 4; i++) {
		memset(block, 'a' + i, sizeof(block));
		assert_int_equal(content_write(c, block, sizeof(block)), 0);
		if (i == 0)
			p[0] = content_prefix(c, 300);
		if (i == 2)
			p[1] = content_prefix(c, 1000);
	}
	assert_int_equal(content_size(p[0]), 300);
	assert_non_null(content_memory(p[0]));
	assert_int_equal(content_size(p[1]), 1000);
	assert_null(content_memory(p[1]));
	assert_true(content_file(p[1]) >= 0 && content_fd(p[1]) >= 0);
	assert_int_equal(content_read(p[1], back, 5, 998), 2);
	assert_string_equal(back, "bb");
	assert_string_equal(content_codings(p[1]), "gzip");
	assert_string_equal(content_type(p[0]), "text/plain");
	assert_string_equal(content_name(p[1]), "b");
	content_free(&c);
	assert_int_equal(house.disk_used, 0);
	assert_memory_equal((const char *)content_map(p[0]) + 298, "aa", 2);
	assert_memory_equal((const char *)content_map(p[1]) + 699, "ab", 2);
	content_free(&p[0]);
	content_free(&p[1]);
	assert_int_equal(house.memory_used, 0);
}

static void
the_last_owner_frees_it(void **state)
{
	struct content *c = content_open(&house, CONTENT_BODY, "b", 100000);
	struct content *same, *other;

	(void)state;
	assert_int_equal(content_write(c, "hello", 5), 0);
	assert_int_equal(content_seal(c), 0);
	same = content_share(c);
	other = content_share(c);
	content_free(&c);
	content_free(&other);
	assert_null(other);
	assert_memory_equal(content_map(same), "hello", 5);
	content_free(&same);
	assert_int_equal(house.memory_used, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_read),
	    cmocka_unit_test(past_its_cap_it_keeps_what_it_had),
	    cmocka_unit_test(a_large_one_lies_in_a_file),
	    cmocka_unit_test(a_tap_sees_what_was_taken_and_nothing_else),
	    cmocka_unit_test(one_over_borrowed_bytes_is_sealed),
	    cmocka_unit_test(a_long_name_is_cut),
	    cmocka_unit_test(a_beginning_while_more_comes),
	    cmocka_unit_test(the_last_owner_frees_it),
	    cmocka_unit_test(kinds_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
