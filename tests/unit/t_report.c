/*
 * t_report: what is kept, what gives way, and that nothing is kept twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan/report.h"

static void
a_finding_is_kept_as_it_was_said(void **state)
{
	struct report r;

	(void)state;
	report_init(&r);
	report_add(&r, FOUND_LIMIT, "scan", "a.zip/b", "max_%s", "depth");
	assert_int_equal(r.n, 1);
	assert_int_equal(r.seen, 1);
	assert_int_equal(r.found[0].kind, FOUND_LIMIT);
	assert_string_equal(r.found[0].engine, "scan");
	assert_string_equal(r.found[0].what, "max_depth");
	assert_string_equal(r.found[0].where, "a.zip/b");
	assert_true(report_has(&r, FOUND_LIMIT));
	assert_false(report_has(&r, FOUND_MALWARE));
}

static void
the_same_is_kept_once(void **state)
{
	struct report r;

	(void)state;
	report_init(&r);
	for (int i = 0; i < 5; i++)
		report_add(&r, FOUND_LIMIT, "scan", "a", "max_depth");
	report_add(&r, FOUND_LIMIT, "scan", "b", "max_depth");
	report_add(&r, FOUND_LIMIT, "scan", "a", "max_ratio");
	report_add(&r, FOUND_LIMIT, "unpack", "a", "max_depth");
	report_add(&r, FOUND_FAILED, "scan", "a", "max_depth");
	assert_int_equal(r.n, 5);
	assert_int_equal(r.seen, 5);
}

static void
the_less_severe_gives_way(void **state)
{
	struct report r;

	(void)state;
	report_init(&r);
	for (int i = 0; i < REPORT_MAX; i++)
		report_add(&r, FOUND_AMBIGUOUS, "mime", "m", "odd %d", i);
	assert_int_equal(r.n, REPORT_MAX);
	report_add(&r, FOUND_AMBIGUOUS, "mime", "m", "one too many");
	report_add(&r, FOUND_MALWARE, "clamav", "m", "bad");
	assert_int_equal(r.n, REPORT_MAX);
	assert_int_equal(r.seen, REPORT_MAX + 2);
	assert_true(report_has(&r, FOUND_MALWARE));
	assert_string_equal(r.found[0].what, "odd 0");
}

static void
the_more_severe_never_gives_way(void **state)
{
	struct report r;

	(void)state;
	report_init(&r);
	for (int i = 0; i < REPORT_MAX; i++)
		report_add(&r, FOUND_MALWARE, "clamav", "m", "bad %d", i);
	report_add(&r, FOUND_FAILED, "scan", "m", "timeout");
	assert_false(report_has(&r, FOUND_FAILED));
	assert_int_equal(r.seen, REPORT_MAX + 1);
}

static void
a_long_place_is_cut_from_the_left(void **state)
{
	struct report r;
	char where[600];

	(void)state;
	memset(where, 'x', sizeof(where));
	memcpy(where + sizeof(where) - 7, "/x.exe", 7);
	report_init(&r);
	report_add(&r, FOUND_MALWARE, "clamav", where, "bad");
	assert_int_equal(strlen(r.found[0].where), FINDING_WHERE_MAX);
	assert_memory_equal(r.found[0].where, "...x", 4);
	assert_string_equal(r.found[0].where + FINDING_WHERE_MAX - 6, "/x.exe");
}

static void
the_cut_never_splits_a_sign(void **state)
{
	struct report r;
	char where[601] = "";

	(void)state;
	for (int i = 0; i + 3 <= 600; i += 3)
		memcpy(where + i, "\xe2\x82\xac", 3);
	/* Whatever the length is, the cut falls between two of them. */
	for (size_t tail = 0; tail < 3; tail++) {
		memcpy(where + 540, "xx", tail + 1);
		where[540 + tail] = '\0';
		report_init(&r);
		report_add(&r, FOUND_TYPE, "x", where, "tail %zu", tail);
		assert_memory_equal(r.found[0].where, "...\xe2\x82\xac", 6);
	}
}

static void
long_words_are_cut(void **state)
{
	struct report r;
	char word[400];

	(void)state;
	memset(word, 'w', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	report_init(&r);
	report_add(&r, FOUND_MALWARE, word, "m", "%s", word);
	assert_int_equal(strlen(r.found[0].engine), FINDING_ENGINE_MAX);
	assert_int_equal(strlen(r.found[0].what), FINDING_WHAT_MAX);
}

static void
words_and_kinds_are_one_to_one(void **state)
{
	(void)state;
	for (unsigned k = 0; k < FOUND_KINDS; k++) {
		enum finding_kind kind = (enum finding_kind)k;

		assert_int_equal(finding_of_word(finding_word(kind)), kind);
	}
	assert_int_equal(finding_of_word("nothing"), FOUND_KINDS);
	assert_int_equal(finding_of_word(""), FOUND_KINDS);
}

static void
a_copy_has_all_there_is(void **state)
{
	struct report from, to;

	(void)state;
	report_init(&from);
	report_init(&to);
	report_add(&to, FOUND_FAILED, "gate", "", "was here before");
	for (int i = 0; i < REPORT_MAX + 2; i++)
		report_add(&from, FOUND_LIMIT, "scan", "a.zip", "%d", i);
	from.msec = 7;
	from.unscanned_bytes = 9;
	(void)snprintf(from.engines, sizeof(from.engines), "clamav/1");
	report_copy(&to, &from);
	assert_int_equal(to.n, REPORT_MAX);
	assert_int_equal(to.seen, REPORT_MAX + 2);
	assert_memory_equal(to.found, from.found, sizeof(to.found));
	assert_int_equal(to.msec, 7);
	assert_int_equal(to.unscanned_bytes, 9);
	assert_string_equal(to.engines, "clamav/1");
}

static void
the_order_of_severity(void **state)
{
	static const enum finding_kind down[] = {FOUND_MALWARE, FOUND_FAILED,
	    FOUND_LIMIT, FOUND_MALFORMED, FOUND_ENCRYPTED, FOUND_PATTERN,
	    FOUND_AMBIGUOUS};

	(void)state;
	for (size_t i = 1; i < sizeof(down) / sizeof(down[0]); i++)
		assert_true(
		    finding_severity(down[i - 1]) > finding_severity(down[i]));
	assert_int_equal(finding_severity(FOUND_AMBIGUOUS), 0);
}

static void
a_kind_is_forgotten(void **state)
{
	struct report r;

	(void)state;
	report_init(&r);
	report_add(&r, FOUND_MALFORMED, "a", "x", "1");
	report_add(&r, FOUND_LIMIT, "a", "x", "2");
	report_add(&r, FOUND_MALFORMED, "a", "x", "3");
	report_forget(&r, FOUND_MALFORMED);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.seen, 1);
	assert_string_equal(r.found[0].what, "2");
	report_forget(&r, FOUND_URL);
	assert_int_equal(r.n, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_finding_is_kept_as_it_was_said),
	    cmocka_unit_test(the_same_is_kept_once),
	    cmocka_unit_test(the_less_severe_gives_way),
	    cmocka_unit_test(the_more_severe_never_gives_way),
	    cmocka_unit_test(a_long_place_is_cut_from_the_left),
	    cmocka_unit_test(the_cut_never_splits_a_sign),
	    cmocka_unit_test(long_words_are_cut),
	    cmocka_unit_test(words_and_kinds_are_one_to_one),
	    cmocka_unit_test(a_copy_has_all_there_is),
	    cmocka_unit_test(the_order_of_severity),
	    cmocka_unit_test(a_kind_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
