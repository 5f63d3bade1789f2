/*
 * t_leaf_name: what may stand in a certificate, and in which form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/leaf_name.h"

#define LABEL_63 \
	"a23456789012345678901234567890123456789012345678901234567890123"

/* Its one form; "dns" or "ip" before it; "no". */
static const char *
form(const char *host)
{
	static char text[2 * LEAF_NAME_MAX];
	struct leaf_name n;

	if (!leaf_name_read(slice_of(host), &n))
		return "no";
	(void)snprintf(text, sizeof(text), "%s %s",
	    n.ip_len == 0       ? "dns"
		: n.ip_len == 4 ? "ip4"
				: "ip6",
	    n.text);
	return text;
}

static void
names(void **state)
{
	(void)state;
	assert_string_equal(form("example.org"), "dns example.org");
	assert_string_equal(form("WWW.Example.ORG"), "dns www.example.org");
	assert_string_equal(form("example.org."), "dns example.org");
	assert_string_equal(form("localhost"), "dns localhost");
	assert_string_equal(form("a_b.example.org"), "dns a_b.example.org");
	assert_string_equal(form("1.2.3.example"), "dns 1.2.3.example");
	assert_string_equal(form("3com.com"), "dns 3com.com");
	assert_string_equal(form(LABEL_63 ".org"), "dns " LABEL_63 ".org");
}

/* IDNA: as A-labels, and no other bytes. */
static void
idna(void **state)
{
	(void)state;
	assert_string_equal(
	    form("xn--bcher-kva.example"), "dns xn--bcher-kva.example");
	assert_string_equal(
	    form("XN--BCHER-KVA.example."), "dns xn--bcher-kva.example");
	assert_string_equal(form("b\xc3\xbc"
				 "cher.example"),
	    "no");
}

static void
addresses(void **state)
{
	(void)state;
	assert_string_equal(form("192.0.2.1"), "ip4 192.0.2.1");
	assert_string_equal(form("192.0.2.1."), "ip4 192.0.2.1");
	assert_string_equal(form("::1"), "ip6 ::1");
	assert_string_equal(form("[2001:DB8:0:0::0001]"), "ip6 2001:db8::1");
	assert_string_equal(form("[::ffff:192.0.2.1]"), "ip6 ::ffff:192.0.2.1");
}

static void
what_is_none(void **state)
{
	static const char *const none[] = {"", ".", "..", "a..b", ".a", "a..",
	    "-a.example", "a-.example", "a b.example", "a/b", "a:80", "*",
	    "*.example.org", "a.*.example", "[192.0.2.1]", "[", "[]", "[::1",
	    "::1]", "[::1]:443", "fe80::1%eth0", "a\nb", "a,b", "a=b",
	    LABEL_63 "4.org", "user@example.org", "\x7f"};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		if (strcmp(form(none[i]), "no") != 0)
			fail_msg("\"%s\" is %s", none[i], form(none[i]));
	}
	assert_false(
	    leaf_name_read((struct slice){"a\0b", 3}, &(struct leaf_name){0}));
}

/* A browser would take them for addresses in another form. */
static void
numbers_are_no_names(void **state)
{
	(void)state;
	assert_string_equal(form("127.1"), "no");
	assert_string_equal(form("2130706433"), "no");
	assert_string_equal(form("0x7f000001"), "no");
	assert_string_equal(form("192.0.2.256"), "no");
	assert_string_equal(form("127.0.0.0x1"), "no");
	assert_string_equal(form("example.0x"), "no");
}

static void
lengths(void **state)
{
	char host[LEAF_NAME_MAX + 3];

	(void)state;
	for (size_t i = 0; i < sizeof(host); i++)
		host[i] = i % 2 == 0 ? 'a' : '.';
	host[LEAF_NAME_MAX] = '\0';
	assert_int_equal(strlen(form(host)), 4 + LEAF_NAME_MAX);
	host[LEAF_NAME_MAX] = '.';
	host[LEAF_NAME_MAX + 1] = '\0';
	assert_int_equal(strlen(form(host)), 4 + LEAF_NAME_MAX);
	host[LEAF_NAME_MAX + 1] = 'a';
	host[LEAF_NAME_MAX + 2] = '\0';
	assert_string_equal(form(host), "no");
}

static void
several(void **state)
{
	struct leaf_names ns = {0};
	char key[LEAF_KEY_MAX];

	(void)state;
	assert_true(leaf_names_add(&ns, slice_of("Example.org")));
	assert_true(leaf_names_add(&ns, slice_of("example.org.")));
	assert_int_equal(ns.n, 1);
	assert_true(leaf_names_add(&ns, slice_of("[::1]")));
	assert_false(leaf_names_add(&ns, slice_of("*.example.org")));
	assert_true(leaf_names_add(&ns, slice_of("192.0.2.1")));
	assert_int_equal(
	    leaf_names_key(&ns, key), strlen("example.org\n::1\n192.0.2.1"));
	assert_string_equal(key, "example.org\n::1\n192.0.2.1");
	assert_true(leaf_names_add(&ns, slice_of("d")));
	assert_false(leaf_names_add(&ns, slice_of("e")));
	assert_int_equal(ns.n, LEAF_NAMES_MAX);
}

static void
the_longest_key_fits(void **state)
{
	struct leaf_names ns = {.n = LEAF_NAMES_MAX};
	char key[LEAF_KEY_MAX];

	(void)state;
	for (unsigned i = 0; i < LEAF_NAMES_MAX; i++)
		memset(ns.list[i].text, 'a' + (int)i, LEAF_NAME_MAX);
	assert_int_equal(leaf_names_key(&ns, key), LEAF_KEY_MAX - 1);
	assert_int_equal(strlen(key), LEAF_KEY_MAX - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(idna),
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(what_is_none),
	    cmocka_unit_test(numbers_are_no_names),
	    cmocka_unit_test(lengths),
	    cmocka_unit_test(several),
	    cmocka_unit_test(the_longest_key_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
