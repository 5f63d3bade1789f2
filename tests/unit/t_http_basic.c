/*
 * t_http_basic: user and password of the Basic scheme (RFC 7617).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocols/http/http_basic.h"

static const struct good_case {
	const char *value, *user, *password;
} good[] = {
    {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"},
    {"basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"},
    {"Basic   dGVzdDoxMjPCow==", "test", "123\xc2\xa3"},
    {"Basic YTo=", "a", ""},
    {"Basic YTpiOmM=", "a", "b:c"},
};

static const char *const bad[] = {
    "", "Basic", "Basic ", "Basic =", "Basic ====", "Basic YTpi YTpi",
    "Bearer YTpi", "BasicYTpi", "Basic YTpi=", "Basic YTp",
    "Basic YWI=",     /* no colon */
    "Basic OmI=",     /* no user */
    "Basic YTo",      /* no padding */
    "Basic YTp=",     /* bits that count for nothing */
    "Basic YT==YTpi", /* padding inside */
    "Basic YTpi\n", "Basic YTp-", "Basic YTp_", "Basic YQ06Yg==", /* CR in it */
    "Basic YTpiAGM=",                                             /* NUL */
    "Basic YTpifw==",                                             /* DEL */
};

static void
what_is_good(void **state)
{
	struct http_basic b;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (http_basic_read(slice_of(good[i].value), &b) < 0)
			fail_msg("refused: %s", good[i].value);
		assert_string_equal(b.user, good[i].user);
		assert_string_equal(b.password, good[i].password);
	}
}

static void
what_is_bad(void **state)
{
	struct http_basic b;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (http_basic_read(slice_of(bad[i]), &b) == 0)
			fail_msg("taken: %s", bad[i]);
	}
}

/* The longest there may be, and one more of each. */
static void
lengths(void **state)
{
	char user[HTTP_USER_MAX + 2], password[HTTP_PASSWORD_MAX + 2];
	struct http_basic b;
	struct buf text;

	(void)state;
	for (int more = 0; more < 4; more++) {
		memset(user, 'u', sizeof(user));
		memset(password, 'p', sizeof(password));
		user[HTTP_USER_MAX + (more & 1)] = '\0';
		password[HTTP_PASSWORD_MAX + (more >> 1)] = '\0';
		buf_init(&text, 4096);
		assert_int_equal(http_basic_put(&text, user, password), 0);
		assert_int_equal(
		    http_basic_read(
			(struct slice){buf_at(&text), text.len}, &b),
		    more == 0 ? 0 : -1);
		buf_free(&text);
	}
}

static void
what_is_written(void **state)
{
	struct buf text;

	(void)state;
	for (size_t i = 1; i < sizeof(good) / sizeof(good[0]); i++) {
		struct http_basic b;

		buf_init(&text, 4096);
		assert_int_equal(
		    http_basic_put(&text, good[i].user, good[i].password), 0);
		assert_int_equal(
		    http_basic_read(slice_of(buf_text(&text)), &b), 0);
		assert_string_equal(b.user, good[i].user);
		assert_string_equal(b.password, good[i].password);
		buf_free(&text);
	}
	buf_init(&text, 8);
	assert_int_equal(http_basic_put(&text, "Aladdin", "sesame"), -1);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_good),
	    cmocka_unit_test(what_is_bad),
	    cmocka_unit_test(lengths),
	    cmocka_unit_test(what_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
