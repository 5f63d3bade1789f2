/*
 * t_qmail_envelope: the envelope that qmail-queue(8) is given: what is taken,
 * and how what is not is told apart.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proxy/qmail_envelope.h"

struct seen {
	char text[256];
	size_t len;
};

static void
took(void *arg, bool rcpt, const char *address)
{
	struct seen *s = arg;

	s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len,
	    "%c%s|", rcpt ? 'T' : 'F', address);
}

static enum qmail_is
look(const char *bytes, size_t len, struct seen *s_r)
{
	*s_r = (struct seen){{0}, 0};
	return qmail_envelope((struct slice){bytes, len}, took, s_r);
}

#define LOOK(text, s) look(text, sizeof(text) - 1, s)

static void
what_is_an_envelope(void **state)
{
	struct seen s;

	(void)state;
	assert_int_equal(LOOK("Fa@b\0Tc@d\0Te@f\0\0", &s), QMAIL_OK);
	assert_string_equal(s.text, "Fa@b|Tc@d|Te@f|");
	assert_int_equal(LOOK("F\0Tc@d\0\0", &s), QMAIL_OK); /* a bounce */
	assert_string_equal(s.text, "F|Tc@d|");
	/* qmail-queue takes both: nobody, and what it does not read */
	assert_int_equal(LOOK("Fa\0\0", &s), QMAIL_OK);
	assert_int_equal(LOOK("Fa\0Tb\0\0more", &s), QMAIL_OK);
	assert_string_equal(s.text, "Fa|Tb|");
}

static void
what_is_none(void **state)
{
	struct seen s;

	(void)state;
	assert_int_equal(LOOK("", &s), QMAIL_SHORT);
	assert_int_equal(LOOK("Fa", &s), QMAIL_SHORT);
	assert_int_equal(LOOK("Fa\0", &s), QMAIL_SHORT);
	assert_int_equal(LOOK("Fa\0Tb\0", &s), QMAIL_SHORT);
	assert_int_equal(LOOK("Fa\0Tb", &s), QMAIL_SHORT);
	assert_int_equal(LOOK("Ta\0\0", &s), QMAIL_BAD);
	assert_int_equal(LOOK("\0", &s), QMAIL_BAD);
	assert_int_equal(LOOK("fa\0\0", &s), QMAIL_BAD);
	assert_int_equal(LOOK("Fa\0Fb\0\0", &s), QMAIL_BAD);
	assert_int_equal(LOOK("Fa\0b\0\0", &s), QMAIL_BAD);
}

static void
an_address_has_a_limit(void **state)
{
	char bytes[QMAIL_ADDR_MAX + 5];
	struct seen s;

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	bytes[0] = 'F';
	bytes[QMAIL_ADDR_MAX] = '\0'; /* 1002 bytes of address */
	bytes[QMAIL_ADDR_MAX + 1] = '\0';
	assert_int_equal(
	    look(bytes, QMAIL_ADDR_MAX + 2, &(struct seen){{0}, 0}), QMAIL_OK);
	bytes[QMAIL_ADDR_MAX] = 'a';
	bytes[QMAIL_ADDR_MAX + 1] = '\0';
	bytes[QMAIL_ADDR_MAX + 2] = '\0';
	assert_int_equal(look(bytes, QMAIL_ADDR_MAX + 3, &s), QMAIL_LONG);
	assert_int_equal(look(bytes, QMAIL_ADDR_MAX + 1, &s), QMAIL_LONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_an_envelope),
	    cmocka_unit_test(what_is_none),
	    cmocka_unit_test(an_address_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
