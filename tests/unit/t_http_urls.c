/*
 * t_http_urls: what had a virus is remembered, for a while, and not for ever.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocols/http/http_urls.h"

static void
one_is_found_and_no_other(void **state)
{
	struct http_urls *u = http_urls_open(60000);

	(void)state;
	assert_null(http_urls_find(u, "http://a.example/x"));
	http_urls_add(u, "http://a.example/x", "Eicar");
	assert_string_equal(http_urls_find(u, "http://a.example/x"), "Eicar");
	assert_null(http_urls_find(u, "http://a.example/X"));
	http_urls_add(u, "http://a.example/x", "Other");
	assert_string_equal(http_urls_find(u, "http://a.example/x"), "Other");
	http_urls_free(&u);
	assert_null(u);
}

static void
the_oldest_gives_way(void **state)
{
	struct http_urls *u = http_urls_open(60000);
	char url[64];

	(void)state;
	for (int i = 0; i <= HTTP_URLS_MAX; i++) {
		snprintf(url, sizeof(url), "http://a.example/%d", i);
		http_urls_add(u, url, "x");
	}
	assert_null(http_urls_find(u, "http://a.example/0"));
	assert_non_null(http_urls_find(u, "http://a.example/1"));
	assert_non_null(http_urls_find(u, url));
	http_urls_free(&u);
}

static void
it_is_forgotten_in_time(void **state)
{
	struct http_urls *u = http_urls_open(1);

	(void)state;
	http_urls_add(u, "http://a.example/x", "Eicar");
	usleep(20000);
	assert_null(http_urls_find(u, "http://a.example/x"));
	http_urls_free(&u);
	u = http_urls_open(0);
	http_urls_add(u, "http://a.example/x", "Eicar");
	assert_null(http_urls_find(u, "http://a.example/x"));
	http_urls_free(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_is_found_and_no_other),
	    cmocka_unit_test(the_oldest_gives_way),
	    cmocka_unit_test(it_is_forgotten_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
