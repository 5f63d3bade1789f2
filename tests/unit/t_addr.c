/*
 * t_addr: an address as text, as the C library writes it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/base/addr.h"

/* Every number of an octet, at each place. */
static void
numbers_of_four(void **state)
{
	char wanted[ADDR_TEXT], got[ADDR_TEXT];

	(void)state;
	for (uint32_t i = 0; i < 1024; i++) {
		uint32_t octet = i / 4, at = i % 4;
		struct in_addr in = {htonl(
		    (0x0a00c863u & ~(0xffu << (8 * at))) | octet << (8 * at))};
		struct addr a;

		assert_non_null(
		    inet_ntop(AF_INET, &in, wanted, sizeof(wanted)));
		assert_int_equal(addr_number(wanted, 25, &a), 0);
		assert_string_equal(addr_host(&a, got), wanted);
	}
}

static void
numbers_of_six_and_none(void **state)
{
	struct addr a;
	char got[ADDR_TEXT];

	(void)state;
	assert_int_equal(addr_number("2001:db8::1", 25, &a), 0);
	assert_string_equal(addr_host(&a, got), "2001:db8::1");
	assert_int_equal(addr_parse("unix:/run/x", &a, NULL), 0);
	assert_string_equal(addr_host(&a, got), "unix");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_of_four),
	    cmocka_unit_test(numbers_of_six_and_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
