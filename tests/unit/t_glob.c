/*
 * t_glob: which texts fit which patterns, and that bad ones stay cheap.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/base/clock.h"
#include "proxy/base/glob.h"

static void
what_fits(void **state)
{
	(void)state;
	assert_true(glob_fits("", ""));
	assert_true(glob_fits("*", ""));
	assert_true(glob_fits("***", "abc"));
	assert_true(glob_fits("a@b", "A@B"));
	assert_true(glob_fits("*@example.org", "x@EXAMPLE.org"));
	assert_true(glob_fits("a*b*c", "a-b-b-c"));
	assert_true(glob_fits("?b?", "abc"));
	assert_true(glob_fits("*.zip/*", "mail.eml/a.zip/x"));
	assert_true(glob_fits("*aab", "aaaab"));
}

static void
what_does_not(void **state)
{
	(void)state;
	assert_false(glob_fits("", "a"));
	assert_false(glob_fits("a", ""));
	assert_false(glob_fits("?", ""));
	assert_false(glob_fits("a*", "ba"));
	assert_false(glob_fits("*a", "ab"));
	assert_false(glob_fits("[ab]", "a"));
	assert_false(glob_fits("a*b*c", "a-c-b"));
	assert_false(glob_fits("*@example.org", "x@example.org.evil"));
}

static void
no_pattern_is_expensive(void **state)
{
	char pattern[201], text[2001];
	int64_t began = clock_ms();

	(void)state;
	for (int i = 0; i < 200; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[199] = 'b';
	pattern[200] = '\0';
	memset(text, 'a', 2000);
	text[2000] = '\0';
	assert_false(glob_fits(pattern, text));
	assert_true(clock_ms() - began < 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_fits),
	    cmocka_unit_test(what_does_not),
	    cmocka_unit_test(no_pattern_is_expensive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
