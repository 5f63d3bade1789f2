/*
 * t_policy: what a report becomes under tables and rules.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "scan/policy.h"

#define BASE \
	"[listener in]\nprotocol = smtp\naddress = 127.0.0.1:2500\n" \
	"policy = mail\n" \
	"[policy mail]\nencrypted = tag\n" \
	"[policy lax]\nmalware = tag\nfailed = pass\n" \
	"[engine clamav]\n"

static struct conf *
conf_of(const char *rules)
{
	char text[4096];
	struct conf *c;

	snprintf(text, sizeof(text), "%s%s", BASE, rules);
	c = conf_from_text("test.ini", text, strlen(text), false, stderr);
	assert_non_null(c);
	return c;
}

static struct policies *
policies_of(const char *rules)
{
	struct conf *c = conf_of(rules);
	struct policies *p;
	struct err e = {""};

	p = policies_open(c, &e);
	if (p == NULL)
		fail_msg("%s", e.text);
	conf_free(&c); /* they copied what they need */
	return p;
}

/* One mail: outbound, from boss@corp.example to two people. */
static void
mail(struct facts *f)
{
	facts_init(f, 4096);
	facts_add(f, FIELD_PROTOCOL, "smtp");
	facts_add(f, FIELD_DIRECTION, "outbound");
	facts_add(f, FIELD_CLIENT, "10.1.2.3:4711");
	facts_add(f, FIELD_SENDER, "Boss@Corp.Example");
	facts_add(f, FIELD_RECIPIENT, "a@one.example");
	facts_add(f, FIELD_RECIPIENT, "b@two.example");
}

static struct report found;

static void
nothing(void)
{
	report_init(&found);
}

static void
add(enum finding_kind kind, const char *what, const char *where)
{
	report_add(&found, kind, "test", where, "%s", what);
}

static struct decision
decide(const struct policies *p, const char *policy)
{
	struct decision d;
	struct facts f;

	mail(&f);
	policy_decide(p, policy, &f, &found, &d);
	facts_free(&f);
	return d;
}

/* What becomes of a mail with one malware finding under these rules? */
static void
expect(const char *rules, enum action action, const char *rule)
{
	struct policies *p = policies_of(rules);
	struct decision d = decide(p, "mail");

	assert_string_equal(action_word(d.action), action_word(action));
	assert_string_equal(d.rule, rule);
	policies_free(&p);
}

static void
the_table_speaks_when_no_rule_does(void **state)
{
	static const struct {
		enum finding_kind kind;
		enum action mail, lax;
	} rows[] = {
	    {FOUND_MALWARE, DO_BLOCK, DO_TAG},
	    {FOUND_ENCRYPTED, DO_TAG, DO_PASS},
	    {FOUND_LIMIT, DO_BLOCK, DO_BLOCK},
	    {FOUND_AMBIGUOUS, DO_PASS, DO_PASS},
	    {FOUND_MALFORMED, DO_BLOCK, DO_BLOCK},
	    {FOUND_FAILED, DO_TEMPFAIL, DO_PASS},
	    {FOUND_PATTERN, DO_PASS, DO_PASS},
	};
	struct policies *p = policies_of("");
	struct decision d;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		nothing();
		add(rows[i].kind, "what", "where");
		d = decide(p, "mail");
		assert_int_equal(d.action, rows[i].mail);
		assert_string_equal(d.verdict, finding_word(rows[i].kind));
		assert_string_equal(d.rule, "policy/mail");
		assert_string_equal(d.because.what, "what");
		d = decide(p, "lax");
		assert_int_equal(d.action, rows[i].lax);
		assert_string_equal(d.rule, "policy/lax");
	}
	policies_free(&p);
}

static void
clean_passes(void **state)
{
	struct policies *p = policies_of("");
	struct decision d;

	(void)state;
	nothing();
	d = decide(p, "mail");
	assert_int_equal(d.action, DO_PASS);
	assert_string_equal(d.verdict, "clean");
	assert_string_equal(d.rule, "policy/mail");
	assert_string_equal(d.because.what, "");
	policies_free(&p);
}

static void
the_strictest_action_holds_and_says_why(void **state)
{
	struct policies *p = policies_of("");
	struct decision d;

	(void)state;
	nothing();
	add(FOUND_ENCRYPTED, "zip", "a.zip");
	add(FOUND_FAILED, "timeout", "b");
	add(FOUND_MALWARE, "Worm", "c");
	add(FOUND_AMBIGUOUS, "odd", "d");
	d = decide(p, "mail");
	assert_int_equal(d.action, DO_BLOCK);
	assert_string_equal(d.because.what, "Worm");

	/* two that block: the worse one is the reason */
	nothing();
	add(FOUND_LIMIT, "depth", "a");
	add(FOUND_MALWARE, "Worm", "b");
	add(FOUND_MALFORMED, "base64", "c");
	assert_string_equal(decide(p, "mail").because.what, "Worm");
	policies_free(&p);
}

static void
the_first_rule_that_fits_wins(void **state)
{
	(void)state;
	nothing();
	add(FOUND_MALWARE, "Eicar", "mail.eml/a.ZIP/x.exe");
	expect("[rule one]\nfinding = encrypted\naction = pass\n"
	       "[rule two]\nfinding = limit malware\naction = discard\n"
	       "[rule three]\nfinding = malware\naction = pass\n",
	    DO_DISCARD, "rule/two");
}

static void
each_key_is_heeded(void **state)
{
	static const char *const fits[] = {"policy = lax mail",
	    "direction = outbound", "sender = *@corp.example",
	    "sender = x@y boss@*", "recipient = *@two.example",
	    "client = 192.0.2.1 10.0.0.0/8", "signature = e?car*",
	    "where = *.zip/*", "finding = malware",
	    "sender = boss@corp.example\nrecipient = a@*\nclient = any"};
	static const char *const fails[] = {"policy = lax",
	    "direction = inbound", "sender = corp.example",
	    "sender = boss@corp.exampl", "recipient = *@three.example",
	    "client = 10.1.2.4 192.0.2.0/24", "signature = Eicar?",
	    "where = *.7z/*", "finding = encrypted",
	    "sender = boss@corp.example\nrecipient = c@*",
	    "client = 10.1.2.3\nsender = <>"};
	char rules[256];

	(void)state;
	nothing();
	add(FOUND_MALWARE, "Eicar", "mail.eml/a.ZIP/x.exe");
	for (size_t i = 0; i < sizeof(fits) / sizeof(*fits); i++) {
		snprintf(rules, sizeof(rules), "[rule r]\n%s\naction = pass\n",
		    fits[i]);
		expect(rules, DO_PASS, "rule/r");
	}
	for (size_t i = 0; i < sizeof(fails) / sizeof(*fails); i++) {
		snprintf(rules, sizeof(rules), "[rule r]\n%s\naction = pass\n",
		    fails[i]);
		expect(rules, DO_BLOCK, "policy/mail");
	}
}

static void
a_rule_without_finding_speaks_of_clean_too(void **state)
{
	(void)state;
	nothing();
	expect("[rule r]\nsender = *@corp.example\naction = block\n", DO_BLOCK,
	    "rule/r");
	expect("[rule r]\nfinding = malware\naction = block\n", DO_PASS,
	    "policy/mail");
	expect("[rule r]\nsignature = *\naction = block\n", DO_PASS,
	    "policy/mail");
	expect("[rule r]\nwhere = *\naction = block\n", DO_PASS, "policy/mail");
}

static void
a_rule_excuses_its_finding_and_no_other(void **state)
{
	(void)state;
	nothing();
	add(FOUND_MALWARE, "False.Alarm", "a");
	add(FOUND_MALWARE, "Worm", "b");
	expect("[rule r]\nsignature = False.Alarm\naction = pass\n", DO_BLOCK,
	    "policy/mail");
	nothing();
	add(FOUND_MALWARE, "False.Alarm", "a");
	expect("[rule r]\nsignature = False.Alarm\naction = pass\n", DO_PASS,
	    "rule/r");
}

/* 32 excused findings must not hide the 33rd. */
static void
dropped_findings_are_not_excused(void **state)
{
	char where[16];

	(void)state;
	nothing();
	for (int i = 0; i < REPORT_MAX; i++) {
		snprintf(where, sizeof(where), "m%d", i);
		add(FOUND_MALWARE, "False.Alarm", where);
	}
	expect("[rule r]\nsignature = False.Alarm\naction = pass\n", DO_PASS,
	    "rule/r");
	add(FOUND_MALWARE, "Worm", "last");
	assert_true(found.seen > found.n);
	expect("[rule r]\nsignature = False.Alarm\naction = pass\n", DO_BLOCK,
	    "policy/mail");
}

static void
no_fact_no_match(void **state)
{
	struct policies *p =
	    policies_of("[rule r]\nrecipient = *\naction = pass\n"
			"[rule c]\nclient = any\naction = pass\n"
			"[rule d]\ndirection = inbound\naction = pass\n"
			"[rule s]\nsender = <>\naction = tag\n");
	struct decision d;
	struct facts f;

	(void)state;
	nothing();
	add(FOUND_MALWARE, "Worm", "a");
	facts_init(&f, 100);
	policy_decide(p, "mail", &f, &found, &d);
	assert_string_equal(d.rule, "policy/mail");
	facts_add(&f, FIELD_SENDER, "");
	policy_decide(p, "mail", &f, &found, &d);
	assert_string_equal(d.rule, "rule/s");
	assert_int_equal(d.action, DO_TAG);
	facts_free(&f);
	policies_free(&p);
}

static void
clients_in_every_writing(void **state)
{
	static const char *const in[] = {"2001:db8::7", "[2001:db8::7]:25",
	    "10.9.8.7", "10.9.8.7:25", "unix", "unix:/run/x"};
	struct policies *p = policies_of(
	    "[rule r]\n"
	    "client = 2001:db8::/32, 10.0.0.0/8, unix\naction = discard\n");
	struct decision d;
	struct facts f;

	(void)state;
	nothing();
	facts_init(&f, 100);
	for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++) {
		facts_clear(&f);
		facts_add(&f, FIELD_CLIENT, in[i]);
		policy_decide(p, "mail", &f, &found, &d);
		assert_string_equal(d.rule, "rule/r");
	}
	facts_clear(&f);
	facts_add(&f, FIELD_CLIENT, "garbage");
	policy_decide(p, "mail", &f, &found, &d);
	assert_string_equal(d.rule, "policy/mail");
	facts_free(&f);
	policies_free(&p);
}

static void
words_and_actions(void **state)
{
	(void)state;
	for (enum action a = 0; a < DO_ACTIONS; a++)
		assert_int_equal(action_of_word(action_word(a)), a);
	assert_int_equal(action_of_word("let it be"), DO_ACTIONS);
	assert_true(DO_PASS < DO_TAG && DO_TEMPFAIL < DO_BLOCK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_table_speaks_when_no_rule_does),
	    cmocka_unit_test(clean_passes),
	    cmocka_unit_test(the_strictest_action_holds_and_says_why),
	    cmocka_unit_test(the_first_rule_that_fits_wins),
	    cmocka_unit_test(each_key_is_heeded),
	    cmocka_unit_test(a_rule_without_finding_speaks_of_clean_too),
	    cmocka_unit_test(a_rule_excuses_its_finding_and_no_other),
	    cmocka_unit_test(dropped_findings_are_not_excused),
	    cmocka_unit_test(no_fact_no_match),
	    cmocka_unit_test(clients_in_every_writing),
	    cmocka_unit_test(words_and_actions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
