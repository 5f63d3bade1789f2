/*
 * Who was turned away is counted, by whichever process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/refused.h"

static char lines[512];

static void
take(enum log_level level, uint64_t id, const char *text)
{
	size_t n = strlen(lines);

	(void)level;
	(void)id;
	(void)snprintf(lines + n, sizeof(lines) - n, "%s\n", text);
}

static void
test_each_limit_has_its_own(void **state)
{
	struct refused *r = refused_open();

	(void)state;
	assert_non_null(r);
	assert_int_equal(refused_total(r, "max_errors"), 0);
	assert_int_equal(refused_count(r, "max_errors"), 1);
	assert_int_equal(refused_count(r, "max_errors"), 2);
	assert_int_equal(refused_count(r, "max_recipients"), 1);
	assert_int_equal(refused_total(r, "max_errors"), 2);
	assert_int_equal(refused_count(r, "no such limit"), 0);
	assert_int_equal(refused_total(r, "no such limit"), 0);
	refused_free(&r);
	assert_null(r);
}

/* Both at once, and one of them dies of it. */
static void
test_over_processes(void **state)
{
	struct refused *r = refused_open();
	pid_t pids[2];
	int status;

	(void)state;
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] > 0)
			continue;
		for (int n = 0; n < 100000; n++)
			(void)refused_count(r, "drain");
		if (i == 0)
			_exit(0);
		(void)kill(getpid(), SIGKILL);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
	assert_int_equal(refused_total(r, "drain"), 200000);
	refused_free(&r);
}

static void
test_all_of_it_is_said(void **state)
{
	struct refused *r = refused_open();

	(void)state;
	log_to(take);
	refused_log(r);
	assert_string_equal(lines, "");
	(void)refused_count(r, "max_recipients");
	(void)refused_count(r, "allow_from");
	(void)refused_count(r, "allow_from");
	refused_log(r);
	log_to(NULL);
	assert_string_equal(lines,
	    "refused limit=allow_from total=2\n"
	    "refused limit=max_recipients total=1\n");
	refused_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_limit_has_its_own),
	    cmocka_unit_test(test_over_processes),
	    cmocka_unit_test(test_all_of_it_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
