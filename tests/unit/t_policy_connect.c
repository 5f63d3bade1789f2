/*
 * t_policy_connect: rules that speak of a CONNECT: the first that fits, and
 * none of them about a content.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "scan/policy.h"

#define BASE \
	"[listener web]\nprotocol = http\naddress = 127.0.0.1:3128\n" \
	"policy = web\n[policy web]\n[policy lax]\n[engine clamav]\n"

static struct policies *
policies_of(const char *rules)
{
	char text[4096];
	struct err e = {""};
	struct policies *p;
	struct conf *c;

	snprintf(text, sizeof(text), "%s%s", BASE, rules);
	c = conf_from_text("test.ini", text, strlen(text), false, stderr);
	assert_non_null(c);
	p = policies_open(c, &e);
	if (p == NULL)
		fail_msg("%s", e.text);
	conf_free(&c);
	return p;
}

static void
connect_to(struct facts *f, const char *host)
{
	facts_init(f, 4096);
	facts_add(f, FIELD_CLIENT, "10.1.2.3:4711");
	facts_add(f, FIELD_METHOD, "CONNECT");
	facts_add(f, FIELD_HOST, host);
}

static void
expect(const char *rules, const char *host, enum policy_connect want)
{
	struct policies *p = policies_of(rules);
	struct facts f;

	connect_to(&f, host);
	assert_int_equal(policy_connect(p, "web", &f), want);
	facts_free(&f);
	policies_free(&p);
}

static void
the_first_that_fits_speaks(void **state)
{
	static const char rules[] =
	    "[rule a]\nhost = *.bank.example\naction = tunnel\n"
	    "[rule b]\nhost = x.bank.example y.example\naction = inspect\n"
	    "[rule c]\npolicy = lax\naction = tunnel\n"
	    "[rule d]\nhost = z.example\nclient = 10.9.0.0/16\n"
	    "action = tunnel\n";

	(void)state;
	expect(rules, "x.bank.example", CONNECT_TUNNEL);
	expect(rules, "y.example", CONNECT_INSPECT);
	expect(rules, "z.example", CONNECT_UNSAID);
	expect("", "y.example", CONNECT_UNSAID);
}

/* Who lets contents pass, whatever they are, has not said that nobody need
 * look at them. */
static void
other_actions_say_nothing_of_it(void **state)
{
	(void)state;
	expect("[rule a]\nhost = y.example\naction = pass\n", "y.example",
	    CONNECT_UNSAID);
	expect("[rule a]\naction = block\n"
	       "[rule b]\nhost = y.example\naction = tunnel\n",
	    "y.example", CONNECT_TUNNEL);
}

static void
they_say_nothing_of_contents(void **state)
{
	struct policies *p =
	    policies_of("[rule a]\nhost = y.example\naction = tunnel\n");
	static struct report found;
	struct decision d;
	struct facts f;

	(void)state;
	connect_to(&f, "y.example");
	report_init(&found);
	policy_decide(p, "web", &f, &found, &d);
	assert_string_equal(d.rule, "policy/web");
	report_add(&found, FOUND_MALWARE, "test", "", "%s", "Virus");
	policy_decide(p, "web", &f, &found, &d);
	assert_int_equal(d.action, DO_BLOCK);
	facts_free(&f);
	policies_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_that_fits_speaks),
	    cmocka_unit_test(other_actions_say_nothing_of_it),
	    cmocka_unit_test(they_say_nothing_of_contents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
