/*
 * t_report: findings are kept once, the severe ones longest, paths cut left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scan/report.h"

static struct report r;

static int
start(void **state)
{
	(void)state;
	report_init(&r);
	return 0;
}

static void
an_empty_report_has_nothing(void **state)
{
	(void)state;
	assert_int_equal(r.n, 0);
	assert_int_equal(r.seen, 0);
	for (int kind = 0; kind < FOUND_KINDS; kind++)
		assert_false(report_has(&r, (enum finding_kind)kind));
}

static void
a_finding_is_kept_as_it_was_said(void **state)
{
	(void)state;
	report_add(&r, FOUND_MALWARE, "clamav", "mail.eml/a.zip", "Test.%d", 7);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.found[0].kind, FOUND_MALWARE);
	assert_string_equal(r.found[0].engine, "clamav");
	assert_string_equal(r.found[0].what, "Test.7");
	assert_string_equal(r.found[0].where, "mail.eml/a.zip");
	assert_true(report_has(&r, FOUND_MALWARE));
	assert_false(report_has(&r, FOUND_LIMIT));
}

static void
the_same_finding_counts_once(void **state)
{
	(void)state;
	report_add(&r, FOUND_LIMIT, "scan", "a", "max_depth");
	report_add(&r, FOUND_LIMIT, "scan", "a", "max_depth");
	assert_int_equal(r.n, 1);
	assert_int_equal(r.seen, 1);
	report_add(&r, FOUND_LIMIT, "scan", "b", "max_depth");
	report_add(&r, FOUND_FAILED, "scan", "a", "max_depth");
	assert_int_equal(r.n, 3);
	assert_int_equal(r.seen, 3);
}

static void
a_full_report_gives_way_to_what_is_worse(void **state)
{
	(void)state;
	for (int i = 0; i < REPORT_MAX; i++)
		report_add(&r, FOUND_ENCRYPTED, "clamav", "a", "nr %d", i);
	assert_int_equal(r.n, REPORT_MAX);
	report_add(&r, FOUND_MALWARE, "clamav", "b", "late");
	assert_int_equal(r.n, REPORT_MAX);
	assert_int_equal(r.seen, REPORT_MAX + 1);
	assert_true(report_has(&r, FOUND_MALWARE));
	/* What is as severe as the rest, or less, finds no place. */
	report_add(&r, FOUND_ENCRYPTED, "clamav", "c", "later");
	report_add(&r, FOUND_AMBIGUOUS, "mime", "c", "latest");
	assert_int_equal(r.seen, REPORT_MAX + 3);
	assert_false(report_has(&r, FOUND_AMBIGUOUS));
	for (unsigned i = 0; i < r.n; i++)
		assert_string_not_equal(r.found[i].where, "c");
}

static void
a_long_path_loses_its_beginning(void **state)
{
	static const char tail[] = "/x.exe";
	char where[FINDING_WHERE_MAX * 2];

	(void)state;
	memset(where, 'd', sizeof(where));
	memcpy(where + sizeof(where) - sizeof(tail), tail, sizeof(tail));
	report_add(&r, FOUND_MALWARE, "clamav", where, "x");
	assert_int_equal(strlen(r.found[0].where), FINDING_WHERE_MAX);
	assert_memory_equal(r.found[0].where, "...d", 4);
	assert_string_equal(r.found[0].where + FINDING_WHERE_MAX - 6, tail);
}

static void
a_long_path_is_not_cut_inside_a_sign(void **state)
{
	char where[FINDING_WHERE_MAX * 2 + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(where); i++)
		where[i] = i % 2 == 0 ? '\xc3' : '\xa4';
	/* One byte more at the end moves the cut into a sign. */
	for (size_t more = 0; more < 2; more++) {
		where[FINDING_WHERE_MAX * 2] = more == 0 ? '\0' : 'x';
		where[FINDING_WHERE_MAX * 2 + more] = '\0';
		report_init(&r);
		report_add(&r, FOUND_LIMIT, "scan", where, "x");
		assert_memory_equal(r.found[0].where, "...\xc3\xa4", 5);
	}
}

static void
words_go_both_ways(void **state)
{
	(void)state;
	for (int kind = 0; kind < FOUND_KINDS; kind++) {
		const char *word = finding_word((enum finding_kind)kind);

		assert_int_equal(finding_of_word(word), kind);
	}
	assert_int_equal(finding_of_word("nonsense"), FOUND_KINDS);
	assert_int_equal(finding_of_word(""), FOUND_KINDS);
}

static void
every_kind_has_a_severity_of_its_own(void **state)
{
	uint32_t met = 0;

	(void)state;
	for (int kind = 0; kind < FOUND_KINDS; kind++)
		met |= 1u << finding_severity((enum finding_kind)kind);
	assert_int_equal(met, (1u << FOUND_KINDS) - 1);
	assert_int_equal(finding_severity(FOUND_MALWARE), FOUND_KINDS - 1);
	assert_true(
	    finding_severity(FOUND_FAILED) > finding_severity(FOUND_LIMIT));
	assert_true(
	    finding_severity(FOUND_LIMIT) > finding_severity(FOUND_MALFORMED));
	assert_int_equal(finding_severity(FOUND_AMBIGUOUS), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(an_empty_report_has_nothing, start),
	    cmocka_unit_test_setup(a_finding_is_kept_as_it_was_said, start),
	    cmocka_unit_test_setup(the_same_finding_counts_once, start),
	    cmocka_unit_test_setup(
		a_full_report_gives_way_to_what_is_worse, start),
	    cmocka_unit_test_setup(a_long_path_loses_its_beginning, start),
	    cmocka_unit_test_setup(a_long_path_is_not_cut_inside_a_sign, start),
	    cmocka_unit_test(words_go_both_ways),
	    cmocka_unit_test(every_kind_has_a_severity_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
