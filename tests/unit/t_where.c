/*
 * t_where: paths through containers, from names that peers wrote.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan/where.h"

static void
a_name_is_one_step(void **state)
{
	static const struct {
		const char *name, *path;
	} cases[] = {
	    {"a.zip", "a.zip"},
	    {"dir/x.exe", "dir%2Fx.exe"},
	    {"../../etc/passwd", "..%2F..%2Fetc%2Fpasswd"},
	    {"100%", "100%25"},
	    {"two\r\nlines\x01\x7f", "two%0D%0Alines%01%7F"},
	    {"gr\xc3\xbc\xc3\x9f"
	     "e.txt",
		"gr\xc3\xbc\xc3\x9f"
		"e.txt"},
	    {"latin \xfc", "latin %FC"},
	    {"overlong \xc0\xaf", "overlong %C0%AF"},
	    {"surrogate \xed\xa0\x80", "surrogate %ED%A0%80"},
	    {"cut \xe2\x82", "cut %E2%82"},
	    {"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct where w;

		where_start(&w, cases[i].name);
		assert_string_equal(w.path, cases[i].path);
	}
}

static void
joined_names_are_apart(void **state)
{
	struct where a, b;

	(void)state;
	where_start(&a, "mail.eml");
	where_join(&b, &a, "a/b.zip");
	assert_string_equal(b.path, "mail.eml/a%2Fb.zip");
	where_join_path(&a, &b, "c.zip/x%2Fy");
	assert_string_equal(a.path, "mail.eml/a%2Fb.zip/c.zip/x%2Fy");
	where_join(&a, &a, "z");
	assert_string_equal(a.path, "mail.eml/a%2Fb.zip/c.zip/x%2Fy/z");
}

static void
a_deep_path_keeps_its_end(void **state)
{
	struct where w;
	char name[200];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	where_start(&w, "outer");
	for (int i = 0; i < 20; i++) {
		where_join(&w, &w, name);
		assert_true(strlen(w.path) <= WHERE_MAX);
	}
	where_join(&w, &w, "x.exe");
	assert_memory_equal(w.path, "...", 3);
	assert_string_equal(w.path + strlen(w.path) - 6, "/x.exe");
}

static void
a_name_that_is_all_escapes_ends_whole(void **state)
{
	struct where w;
	char name[2000];

	(void)state;
	memset(name, '/', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	where_start(&w, name);
	assert_true(strlen(w.path) <= WHERE_MAX);
	assert_int_equal(strlen(w.path) % 3, 0);
	where_join(&w, &w, name);
	assert_string_equal(w.path + strlen(w.path) - 3, "%2F");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_is_one_step),
	    cmocka_unit_test(joined_names_are_apart),
	    cmocka_unit_test(a_deep_path_keeps_its_end),
	    cmocka_unit_test(a_name_that_is_all_escapes_ends_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
