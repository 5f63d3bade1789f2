/*
 * t_milter_parse: what stands in packets: clients, addresses, macros, offers;
 * and what of an offer is taken.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/milter/milter_agree.h"
#include "protocols/milter/milter_macro.h"
#include "protocols/milter/milter_parse.h"

static struct slice
bytes(const char *at, size_t len)
{
	return (struct slice){at, len};
}

#define BYTES(text) bytes(text, sizeof(text) - 1)

static void
clients(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *name, *address; /* NULL: not of that form */
	} rows[] = {
#define ROW(text, name, address) {text, sizeof(text) - 1, name, address}
	    ROW("mx\0"
		"4\0\x19"
		"192.0.2.1\0",
		"mx", "192.0.2.1"),
	    ROW("mx\0"
		"6\0\x19"
		"2001:DB8::1\0",
		"mx", "2001:db8::1"),
	    ROW("mx\0"
		"6\0\x19"
		"IPv6:2001:db8::1\0",
		"mx", "2001:db8::1"),
	    ROW("mx\0"
		"6\0\x19::ffff:192.0.2.1\0",
		"mx", "192.0.2.1"),
	    ROW("localhost\0L\0\0/run/x\0", "localhost", "unix"),
	    ROW("mx\0U", "mx", "unknown"),
	    ROW("mx\0"
		"4\0\x19nonsense\0",
		"mx", "unknown"),
	    ROW("mx\0"
		"4\0\x19"
		"192.0.2.1",
		NULL, NULL),
	    ROW("mx\0"
		"4\0",
		NULL, NULL),
	    ROW("mx\0X\0\x19"
		"192.0.2.1\0",
		NULL, NULL),
	    ROW("mx\0", NULL, NULL),
	    ROW("mx", NULL, NULL),
	    ROW("", NULL, NULL),
#undef ROW
	};
	struct milter_client c;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool good =
		    milter_parse_client(bytes(rows[i].data, rows[i].len), &c);

		assert_int_equal(good, rows[i].name != NULL);
		if (!good)
			continue;
		assert_string_equal(c.name, rows[i].name);
		assert_string_equal(c.address, rows[i].address);
	}
}

static void
a_long_name_is_cut(void **state)
{
	static char data[1002];
	struct milter_client c;

	(void)state;
	memset(data, 'n', 1000);
	data[1001] = 'U';
	assert_true(milter_parse_client(bytes(data, sizeof(data)), &c));
	assert_int_equal(strlen(c.name), MILTER_NAME_MAX);
}

static void
addresses(void **state)
{
	static const struct {
		const char *text, *address;
	} rows[] = {
	    {"<a@b>", "a@b"},
	    {"a@b", "a@b"},
	    {" <a@b> ", "a@b"},
	    {"<>", ""},
	    {"", ""},
	    {"<", "<"},
	    {"<a", "<a"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice s = milter_address(slice_of(rows[i].text));

		assert_true(slice_is(s, rows[i].address));
	}
}

static void
macros(void **state)
{
	static struct milter_macros m;

	(void)state;
	assert_null(milter_macro(&m, MACRO_QUEUE_ID));
	assert_true(milter_macros_take(
	    &m, BYTES("H{tls_version}\0TLSv1.3\0{other}\0x\0cipher\0AES\0")));
	assert_string_equal(milter_macro(&m, MACRO_TLS_VERSION), "TLSv1.3");
	assert_string_equal(milter_macro(&m, MACRO_TLS_CIPHER), "AES");
	assert_true(
	    milter_macros_take(&m, BYTES("Mi\0Q1\0{auth_authen}\0a\0")));
	assert_string_equal(milter_macro(&m, MACRO_QUEUE_ID), "Q1");
	assert_string_equal(milter_macro(&m, MACRO_USER), "a");
	/* the same step again, without a user */
	assert_true(milter_macros_take(&m, BYTES("Mi\0Q2\0")));
	assert_string_equal(milter_macro(&m, MACRO_QUEUE_ID), "Q2");
	assert_null(milter_macro(&m, MACRO_USER));
	milter_macros_forget(&m, false);
	assert_null(milter_macro(&m, MACRO_QUEUE_ID));
	assert_string_equal(milter_macro(&m, MACRO_TLS_VERSION), "TLSv1.3");
	milter_macros_forget(&m, true);
	assert_null(milter_macro(&m, MACRO_TLS_VERSION));
}

static void
odd_macros(void **state)
{
	static struct milter_macros m;
	static char data[2000];

	(void)state;
	assert_true(milter_macros_take(&m, BYTES("C")));
	assert_true(milter_macros_take(&m, BYTES("C\0")));
	assert_false(milter_macros_take(&m, BYTES("")));
	assert_false(milter_macros_take(&m, BYTES("\0i\0x\0")));
	assert_false(milter_macros_take(&m, BYTES("Mi\0")));
	assert_false(milter_macros_take(&m, BYTES("Mi\0x")));
	assert_false(milter_macros_take(&m, BYTES("Mi")));
	memset(data, 'v', sizeof(data) - 1);
	data[0] = 'M';
	data[1] = 'i';
	data[2] = '\0';
	assert_true(milter_macros_take(&m, bytes(data, sizeof(data))));
	assert_int_equal(
	    strlen(milter_macro(&m, MACRO_QUEUE_ID)), MILTER_MACRO_MAX);
}

static void
offers(void **state)
{
	struct milter_offer o;

	(void)state;
	assert_true(
	    milter_parse_offer(BYTES("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"), &o));
	assert_int_equal(o.version, 6);
	assert_int_equal(o.actions, 0x1ff);
	assert_int_equal(o.steps, 0x1fffff);
	assert_false(
	    milter_parse_offer(BYTES("\0\0\0\6\0\0\1\xff\0\x1f\xff"), &o));
	assert_false(milter_parse_offer(BYTES(""), &o));
}

/* What each version can, and nothing that was not offered. */
static void
agreements(void **state)
{
	static const struct {
		struct milter_offer o;
		uint32_t version, actions, steps;
	} rows[] = {
	    {{2, 0x3f, 0x7f}, 2, 0x31, 0},
	    {{3, 0x3f, 0x1ff}, 3, 0x31, 0x100},
	    {{4, 0x3f, 0x3ff}, 4, 0x31, 0x300},
	    {{5, 0x3f, 0x3ff}, 5, 0x31, 0x300},
	    {{6, 0x1ff, 0x1fffff}, 6, 0x131, 0x1f7780},
	    {{6, 0, 0}, 6, 0, 0},
	    {{6, 0x100, 0x400}, 6, 0x100, 0x400},
	    {{6, 0, 0x10000000}, 6, 0, 0x10000000},
	    {{6, 0, 0x30000000}, 6, 0, 0x20000000},
	    {{7, 0xffffffff, 0xffffffff}, 6, 0x131, 0x201f7780},
	    /* bits that the version has no words for */
	    {{2, 0xffffffff, 0xffffffff}, 2, 0x31, 0},
	};
	struct milter_agreed a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(milter_agree(&rows[i].o, &a));
		assert_int_equal(a.version, rows[i].version);
		assert_int_equal(a.actions, rows[i].actions);
		assert_int_equal(a.steps, rows[i].steps);
		assert_int_equal(a.actions & ~rows[i].o.actions, 0);
		assert_int_equal(a.steps & ~rows[i].o.steps, 0);
	}
	assert_false(milter_agree(&(struct milter_offer){1, 0x3f, 0x7f}, &a));
	assert_false(milter_agree(&(struct milter_offer){0, 0, 0}, &a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(clients),
	    cmocka_unit_test(a_long_name_is_cut),
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(macros),
	    cmocka_unit_test(odd_macros),
	    cmocka_unit_test(offers),
	    cmocka_unit_test(agreements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
