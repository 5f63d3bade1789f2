/*
 * t_clock: what time is written, also when it is asked for again within the
 * second, and when the clock was set back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/base/clock.h"

#define NOON INT64_C(1795435200000) /* 2026-11-23 12:00:00 */

static void
is_iso(int64_t wall_ms, const char *wanted)
{
	char text[CLOCK_TEXT];

	clock_iso(wall_ms, text);
	assert_string_equal(text, wanted);
}

static void
is_mail(int64_t wall_ms, const char *wanted)
{
	char text[CLOCK_TEXT];

	clock_mail(wall_ms, text);
	assert_string_equal(text, wanted);
}

static void
for_machines(void **state)
{
	(void)state;
	is_iso(NOON, "2026-11-23T12:00:00.000Z");
	is_iso(NOON + 7, "2026-11-23T12:00:00.007Z");
	is_iso(NOON + 999, "2026-11-23T12:00:00.999Z");
	is_iso(NOON + 1000, "2026-11-23T12:00:01.000Z");
	is_iso(NOON - 1, "2026-11-23T11:59:59.999Z");
	is_iso(NOON + 120, "2026-11-23T12:00:00.120Z");
}

static void
for_mail(void **state)
{
	(void)state;
	is_mail(NOON, "Mon, 23 Nov 2026 12:00:00 +0000");
	is_mail(NOON + 999, "Mon, 23 Nov 2026 12:00:00 +0000");
	is_mail(NOON + 1000, "Mon, 23 Nov 2026 12:00:01 +0000");
	is_mail(NOON - 1, "Mon, 23 Nov 2026 11:59:59 +0000");
	is_mail(
	    NOON - INT64_C(86400000) * 20, "Tue, 3 Nov 2026 12:00:00 +0000");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(for_machines),
	    cmocka_unit_test(for_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
