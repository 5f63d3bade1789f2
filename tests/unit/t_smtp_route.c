/*
 * t_smtp_route: which route a recipient's domain has, and which recipients
 * mail may come in for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/smtp/smtp_route.h"

static struct smtp_route list[] = {
    {"*.example.org", 1},
    {"Example.org", 2},
    {"*.deep.example.org", 3},
    {"x.deep.example.org", 4},
    {"*.org", 5},
};
static const struct smtp_routes routes = {
    .list = list, .n = sizeof(list) / sizeof(list[0])};

static unsigned
route(const char *domain)
{
	return smtp_route_of(&routes, slice_of(domain));
}

static void
test_routes(void **state)
{
	(void)state;
	assert_int_equal(route("example.org"), 2);
	assert_int_equal(route("EXAMPLE.ORG"), 2);
	assert_int_equal(route("a.example.org"), 1);
	assert_int_equal(route("a.b.Example.Org"), 1);
	assert_int_equal(route("deep.example.org"), 1);
	assert_int_equal(route("a.deep.example.org"), 3);
	assert_int_equal(route("x.deep.example.org"), 4);
	assert_int_equal(route("y.x.deep.example.org"), 3);
	assert_int_equal(route("notexample.org"), 5);
	assert_int_equal(route("org"), 0);
	assert_int_equal(route(".org"), 0);
	assert_int_equal(route("example.net"), 0);
	assert_int_equal(route("example.org.net"), 0);
	assert_int_equal(route(""), 0);
}

static void
test_how_well(void **state)
{
	(void)state;
	assert_int_equal(smtp_route_fits("a.org", slice_of("A.ORG")), SIZE_MAX);
	assert_int_equal(
	    smtp_route_fits("*.a.org", slice_of("x.a.org")), strlen(".a.org"));
	assert_int_equal(smtp_route_fits("*.a.org", slice_of("a.org")), 0);
	assert_int_equal(smtp_route_fits("*.a.org", slice_of(".a.org")), 0);
	assert_int_equal(smtp_route_fits("a.org", slice_of("x.a.org")), 0);
}

static void
test_domains(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(smtp_route_check("example.org", &e), 0);
	assert_int_equal(smtp_route_check("*.example.org", &e), 0);
	assert_int_equal(smtp_route_check("", &e), -1);
	assert_int_equal(smtp_route_check("*", &e), -1);
	assert_int_equal(smtp_route_check("*.", &e), -1);
	assert_int_equal(smtp_route_check("*.*.org", &e), -1);
	assert_int_equal(smtp_route_check("mail.*", &e), -1);
	assert_int_equal(smtp_route_check("a@example.org", &e), -1);
}

static bool
takes(const struct smtp_routes *r, const char *path)
{
	struct smtp_addr a;
	struct slice rest;

	assert_int_equal(smtp_addr(slice_of(path), &a, &rest), ADDR_OK);
	return smtp_route_takes(r, &a);
}

static void
test_relay(void **state)
{
	static const char *const domains[] = {"example.org", "*.example.org"};
	struct smtp_routes some = {.relay = domains, .relay_n = 2};
	struct smtp_routes all = {.relay_all = true};
	struct smtp_routes none = {.relay_all = false};

	(void)state;
	assert_true(takes(&some, "<a@example.org>"));
	assert_true(takes(&some, "<a@Example.Org>"));
	assert_true(takes(&some, "<a@x.example.org>"));
	assert_true(takes(&some, "<postmaster>"));
	assert_false(takes(&some, "<a@example.net>"));
	assert_false(takes(&some, "<a@notexample.org>"));
	assert_false(takes(&some, "<a%example.net@example.org>"));
	assert_false(takes(&some, "<net!a@example.org>"));
	assert_false(takes(&some, "<\"a@example.net\"@example.org>"));
	assert_true(takes(&all, "<a%b@example.net>"));
	assert_false(takes(&none, "<a@example.org>"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_routes),
	    cmocka_unit_test(test_how_well),
	    cmocka_unit_test(test_domains),
	    cmocka_unit_test(test_relay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
