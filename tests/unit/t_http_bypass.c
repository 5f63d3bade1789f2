/*
 * t_http_bypass: which hosts are passed on, and for whom one is learned.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "protocols/http/http_bypass.h"
#include "proxy/base/addr.h"

static const char *const list[] = {
    "bank.example", "*.health.example", "192.0.2.1"};
#define N (sizeof(list) / sizeof(*list))

static struct addr
client(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a, NULL), 0);
	return a;
}

static void
the_list_has_patterns(void **state)
{
	static const char *const in[] = {"bank.example", "BANK.example",
	    "a.health.example", "a.b.health.example", "192.0.2.1"};
	static const char *const out[] = {"a.bank.example", "health.example",
	    "bank.example.evil.example", "xbank.example", "192.0.2.11", ""};
	struct http_bypass *b = http_bypass_open(list, N, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++)
		assert_true(http_bypass_has(b, in[i]));
	for (size_t i = 0; i < sizeof(out) / sizeof(*out); i++)
		assert_false(http_bypass_has(b, out[i]));
	http_bypass_free(&b);
	assert_null(b);
	http_bypass_free(&b);
}

static void
one_is_learned_for_one_client_and_host(void **state)
{
	struct http_bypass *b = http_bypass_open(list, N, 60000);
	struct addr a = client("192.0.2.7:1000"), a2 = client("192.0.2.7:2000");
	struct addr other = client("[2001:db8::7]:1000");

	(void)state;
	assert_false(http_bypass_learned(b, &a, "pinned.example"));
	http_bypass_learn(b, &a, "pinned.example");
	assert_true(http_bypass_learned(b, &a, "pinned.example"));
	assert_true(http_bypass_learned(b, &a2, "pinned.example"));
	assert_false(http_bypass_learned(b, &other, "pinned.example"));
	assert_false(http_bypass_learned(b, &a, "www.pinned.example"));
	assert_false(http_bypass_has(b, "pinned.example"));
	http_bypass_free(&b);
}

/* Once is chance; twice is not, unless something was said in between. */
static void
silence_is_learned_from_the_second_time_on(void **state)
{
	struct http_bypass *b = http_bypass_open(list, N, 60000);
	struct addr a = client("192.0.2.7:1000");
	struct addr other = client("192.0.2.8:1000");

	(void)state;
	assert_int_equal(HTTP_BYPASS_SILENT, 2);
	http_bypass_trust(b, &a, "pinned.example"); /* nothing is there yet */
	http_bypass_doubt(b, &a, "pinned.example");
	assert_false(http_bypass_learned(b, &a, "pinned.example"));
	http_bypass_trust(b, &a, "pinned.example");
	http_bypass_doubt(b, &a, "pinned.example");
	http_bypass_trust(b, &other, "pinned.example");
	http_bypass_trust(b, &a, "www.pinned.example");
	http_bypass_doubt(b, &other, "pinned.example");
	http_bypass_doubt(b, &a, "www.pinned.example");
	assert_false(http_bypass_learned(b, &a, "pinned.example"));
	http_bypass_doubt(b, &a, "pinned.example");
	assert_true(http_bypass_learned(b, &a, "pinned.example"));
	assert_false(http_bypass_learned(b, &other, "pinned.example"));
	assert_false(http_bypass_learned(b, &a, "www.pinned.example"));
	/* what is said there now is in a tunnel: it is still true */
	http_bypass_trust(b, &a, "pinned.example");
	assert_true(http_bypass_learned(b, &a, "pinned.example"));
	http_bypass_free(&b);
}

static void
silence_counts_from_none_once_it_was_forgotten(void **state)
{
	struct http_bypass *b = http_bypass_open(NULL, 0, 30);
	struct addr a = client("192.0.2.7:1000");

	(void)state;
	http_bypass_doubt(b, &a, "pinned.example");
	http_bypass_doubt(b, &a, "pinned.example");
	usleep(60 * 1000);
	assert_false(http_bypass_learned(b, &a, "pinned.example"));
	http_bypass_doubt(b, &a, "pinned.example");
	assert_false(http_bypass_learned(b, &a, "pinned.example"));
	http_bypass_free(&b);
}

static void
none_is_learned_where_that_is_off(void **state)
{
	struct http_bypass *b = http_bypass_open(NULL, 0, 0);
	struct addr a = client("192.0.2.7:1000");

	(void)state;
	http_bypass_learn(b, &a, "pinned.example");
	http_bypass_doubt(b, &a, "pinned.example");
	http_bypass_doubt(b, &a, "pinned.example");
	http_bypass_trust(b, &a, "pinned.example");
	assert_false(http_bypass_learned(b, &a, "pinned.example"));
	http_bypass_free(&b);
}

static void
what_is_learned_is_forgotten(void **state)
{
	struct http_bypass *b = http_bypass_open(NULL, 0, 30);
	struct addr a = client("192.0.2.7:1000");

	(void)state;
	http_bypass_learn(b, &a, "pinned.example");
	usleep(60 * 1000);
	assert_false(http_bypass_learned(b, &a, "pinned.example"));
	http_bypass_free(&b);
}

/* One too many takes the place of the oldest; one seen again takes none. */
static void
there_is_an_end_to_it(void **state)
{
	struct http_bypass *b = http_bypass_open(NULL, 0, 60000);
	struct addr a = client("192.0.2.7:1000");
	char host[32];

	(void)state;
	for (int i = 0; i <= HTTP_BYPASS_MAX; i++) {
		(void)snprintf(host, sizeof(host), "h%d.example", i);
		http_bypass_learn(b, &a, host);
		http_bypass_learn(b, &a, host);
	}
	assert_false(http_bypass_learned(b, &a, "h0.example"));
	assert_true(http_bypass_learned(b, &a, "h1.example"));
	assert_true(http_bypass_learned(b, &a, host));
	http_bypass_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_list_has_patterns),
	    cmocka_unit_test(one_is_learned_for_one_client_and_host),
	    cmocka_unit_test(silence_is_learned_from_the_second_time_on),
	    cmocka_unit_test(silence_counts_from_none_once_it_was_forgotten),
	    cmocka_unit_test(none_is_learned_where_that_is_off),
	    cmocka_unit_test(what_is_learned_is_forgotten),
	    cmocka_unit_test(there_is_an_end_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
