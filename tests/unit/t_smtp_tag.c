/*
 * t_smtp_tag: a tag on an address, taken off.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/smtp/smtp_tag.h"

/* What is left of an address. */
static void
untagged(const char *path, const char *tag, const char *want)
{
	struct smtp_addr a;
	struct slice rest;

	assert_int_equal(smtp_addr(slice_of(path), &a, &rest), ADDR_OK);
	smtp_untag(&a, tag);
	assert_int_equal(a.whole.len, strlen(want));
	assert_memory_equal(a.whole.at, want, a.whole.len);
	if (a.domain.len > 0)
		assert_ptr_equal(
		    a.domain.at + a.domain.len, a.whole.at + a.whole.len);
}

static void
the_tag_goes_and_nothing_else(void **state)
{
	(void)state;
	untagged("<a@b.example.scan-me>", ".scan-me", "a@b.example");
	untagged("<a@b.example.SCAN-Me>", ".scan-me", "a@b.example");
	untagged("<a@b.scan-me.scan-me>", ".scan-me", "a@b.scan-me");
	untagged("<\"x.scan-me\"@b>", ".scan-me", "\"x.scan-me\"@b");
	untagged("<x.scan-me@b>", ".scan-me", "x.scan-me@b");
	untagged("<a@bscan-me>", ".scan-me", "a@bscan-me");
	untagged("<a@b.example>", "", "a@b.example");
	untagged("<postmaster>", ".scan-me", "postmaster");
	untagged("<>", ".scan-me", "");
}

static void
a_tag_is_a_label(void **state)
{
	static const char *const bad[] = {"", ".", "x", "scan-me", ".-", ".a-",
	    ".a.b", ".a b", ".a@b", ".\xc3\xa4"};
	struct err e;

	(void)state;
	assert_int_equal(smtp_tag_check(".scan-me", &e), 0);
	assert_int_equal(smtp_tag_check(".x", &e), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(smtp_tag_check(bad[i], &e), -1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_tag_goes_and_nothing_else),
	    cmocka_unit_test(a_tag_is_a_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
