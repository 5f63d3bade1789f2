/*
 * t_words: patterns of rules and lists against URLs and types.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scan/kinds.h"
#include "scan/words.h"

static const struct url_case {
	const char *pattern, *url;
	bool fits;
} urls[] = {
    /* the host alone */
    {"example.net", "http://example.net/", true},
    {"example.net", "http://example.net:8080/a/b?c", true},
    {"example.net", "https://example.net", true},
    {"example.net", "example.net:443", true}, /* CONNECT */
    {"example.net", "http://www.example.net/", false},
    {"example.net", "http://other.org/example.net", false},
    {"example.net", "http://example.net.evil.org/", false},
    {"example.net", "http://evil.org/?example.net", false},
    {"*.example.net", "http://www.example.net/", true},
    {"*.example.net", "http://example.net/", false},
    {"*.example.net", "http://evil.org/a.example.net", false},
    {"192.0.2.1", "http://192.0.2.1:81/", true},
    {"[2001:db8::1]", "http://[2001:db8::1]:81/", true},
    {"EXAMPLE.net", "http://example.NET/", true},
    /* behind the scheme */
    {"example.net/files/*", "http://example.net/files/a", true},
    {"example.net/files/*", "https://example.net/files/", true},
    {"example.net/files/*", "http://example.net:81/files/a", false},
    {"example.net/files/*", "http://example.net/file", false},
    {"*/x.exe", "http://example.net/a/x.exe", true},
    {"*/x.exe", "http://example.net/a/x.exe?y", false},
    /* all of it */
    {"http://example.net/*", "http://example.net/a", true},
    {"http://example.net/*", "https://example.net/a", false},
    {"*://example.net/*", "https://example.net/a", true},
    {"*", "http://example.net/a", true},
};

static void
every_url(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		const struct url_case *c = &urls[i];
		char *list[] = {(char *)(uintptr_t)c->pattern};
		struct words w = {list, 1};

		if ((words_find_url(&w, c->url) != NULL) != c->fits)
			fail_msg("%s with %s", c->url, c->pattern);
	}
}

static void
which_one(void **state)
{
	char a[] = "a.example", b[] = "*.example", empty[] = "<>";
	char *list[] = {a, b, empty};
	struct words w = {list, 3}, none = {NULL, 0};

	(void)state;
	assert_string_equal(words_find_url(&w, "http://b.example/"), b);
	assert_string_equal(words_find_url(&w, "http://a.example/"), a);
	assert_string_equal(words_find(&w, "c.example"), b);
	assert_string_equal(words_find(&w, ""), empty);
	assert_null(words_find(&w, "example"));
	assert_null(words_find(&none, ""));
	assert_null(words_find_url(&none, "http://a.example/"));
}

static void
known_kinds(void **state)
{
	static const char *const good[] = {
	    "exe", "DLL", "msi", "scr", "pe", "zip", "pdf", "java-class"};
	static const char *const bad[] = {"", "ex", "exes", "application"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(kinds_know(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(kinds_know(bad[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_url),
	    cmocka_unit_test(which_one),
	    cmocka_unit_test(known_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
