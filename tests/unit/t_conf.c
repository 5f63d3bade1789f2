/*
 * t_conf: what a configuration says when it is asked, and what one that is
 * wrong says of itself: each error with its exact text.
 */
#include "tests/unit/conf_side.h"

static const char *
one(const struct conf *c, const struct conf_section *s, enum opt opt, size_t n)
{
	const char *const *list;

	assert_int_equal(conf_list(c, s, opt, &list), n);
	return n == 0 ? NULL : list[n - 1];
}

static void
values_and_defaults(void **state)
{
	struct conf *c = conf_good(HOUSE "[scan]\nmax_depth = 3\n"
					 "[smtp]\nreject_text = \"554  no\"\n");

	(void)state;
	assert_int_equal(conf_int(c, NULL, OPT_SCAN_MAX_DEPTH), 3);
	assert_int_equal(conf_int(c, NULL, OPT_SCAN_TIMEOUT), 60000);
	assert_int_equal(conf_int(c, NULL, OPT_SCAN_CACHE_SIZE), 64 << 20);
	assert_int_equal(conf_int(c, NULL, OPT_SMTP_ADD_HEADERS), 1);
	assert_string_equal(conf_str(c, NULL, OPT_SMTP_REJECT_TEXT), "554  no");
	assert_string_equal(
	    conf_word(c, NULL, OPT_SMTP_BARE_NEWLINE), "reject");
	assert_string_equal(one(c, NULL, OPT_SCAN_ENGINES, 1), "clamav");
	assert_true(conf_given(c, NULL, OPT_SCAN_MAX_DEPTH));
	assert_false(conf_given(c, NULL, OPT_SCAN_TIMEOUT));
	assert_string_equal(
	    conf_origin(c, NULL, OPT_SCAN_MAX_DEPTH), "t.ini:14");
	assert_string_equal(conf_origin(c, NULL, OPT_SCAN_TIMEOUT), "default");
	assert_string_not_equal(conf_str(c, NULL, OPT_GATEWAY_NAME), "");
	assert_false(conf_is_embedded(c));
	conf_free(&c);
	assert_null(c);
}

/* Asked of a listener: its own, else [smtp]'s, else the default. */
static void
a_listener_overrides_its_protocol(void **state)
{
	struct conf *c =
	    conf_good(HOUSE "[smtp]\nmax_recipients = 9\n"
			    "max_received = 4\nnext_hop = smtp:a:1\n"
			    "[listener out]\nprotocol = smtp\n"
			    "address = [::1]:2501, unix:/s\n"
			    "policy = mail\n"
			    "next_hop = smtp:b:2, smtp:c:3\n");
	const struct conf_section *in = conf_section(c, "listener", "in");
	const struct conf_section *out = conf_section(c, "listener", "out");

	(void)state;
	assert_int_equal(conf_int(c, in, OPT_SMTP_MAX_RECIPIENTS), 7);
	assert_int_equal(conf_int(c, out, OPT_SMTP_MAX_RECIPIENTS), 9);
	assert_int_equal(conf_int(c, NULL, OPT_SMTP_MAX_RECIPIENTS), 9);
	assert_int_equal(conf_int(c, in, OPT_SMTP_MAX_RECEIVED), 4);
	assert_int_equal(conf_int(c, in, OPT_SMTP_MAX_ERRORS), 20);
	assert_string_equal(one(c, in, OPT_SMTP_NEXT_HOP, 1), "smtp:a:1");
	assert_string_equal(one(c, out, OPT_SMTP_NEXT_HOP, 2), "smtp:c:3");
	assert_string_equal(one(c, out, OPT_LISTENER_ADDRESS, 2), "unix:/s");
	conf_free(&c);
}

static void
sections_in_file_order(void **state)
{
	struct conf *c = conf_good(HOUSE "[rule z]\naction = pass\n"
					 "[log l]\n[rule a]\naction = block\n");
	const struct conf_section *s = NULL;

	(void)state;
	s = conf_next(c, "rule", s);
	assert_string_equal(conf_name(s), "z");
	assert_ptr_equal(s, conf_section(c, "rule", "z"));
	s = conf_next(c, "rule", s);
	assert_string_equal(conf_name(s), "a");
	assert_null(conf_next(c, "rule", s));
	assert_null(conf_section(c, "rule", "b"));
	assert_non_null(conf_section(c, "gateway", ""));
	/* [engine clamav] has no key at all, and is there. */
	assert_non_null(conf_section(c, "engine", "clamav"));
	conf_free(&c);
}

static void
what_a_rule_does_not_say(void **state)
{
	struct conf *c = conf_good(HOUSE "[rule r]\naction = tag\n"
					 "finding = malware, limit\n"
					 "sender = \"\", \"a b\"@x, *@y\n");
	const struct conf_section *r = conf_section(c, "rule", "r");
	const char *const *list;

	(void)state;
	assert_string_equal(conf_word(c, r, OPT_RULE_ACTION), "tag");
	assert_false(conf_given(c, r, OPT_RULE_DIRECTION));
	assert_int_equal(conf_int(c, r, OPT_RULE_DIRECTION), -1);
	assert_string_equal(conf_word(c, r, OPT_RULE_DIRECTION), "");
	assert_int_equal(conf_list(c, r, OPT_RULE_CLIENT, &list), 0);
	assert_string_equal(one(c, r, OPT_RULE_FINDING, 2), "limit");
	assert_int_equal(conf_list(c, r, OPT_RULE_SENDER, &list), 3);
	assert_string_equal(list[0], "");
	assert_string_equal(list[1], "\"a b\"@x");
	conf_free(&c);
}

static void
lists(void **state)
{
	struct conf *c = conf_good(HOUSE "[rule r]\naction = tag\n"
					 "sender = a,b  c ,\n  d ; no\n"
					 "# no\n  \"e, f\"\n"
					 "recipient = none\n");
	const struct conf_section *r = conf_section(c, "rule", "r");
	const char *const *list;

	(void)state;
	assert_int_equal(conf_list(c, r, OPT_RULE_SENDER, &list), 5);
	assert_string_equal(list[0], "a");
	assert_string_equal(list[2], "c");
	assert_string_equal(list[3], "d");
	assert_string_equal(list[4], "e, f");
	assert_null(list[5]);
	assert_int_equal(conf_list(c, r, OPT_RULE_RECIPIENT, &list), 0);
	assert_true(conf_given(c, r, OPT_RULE_RECIPIENT));
	conf_free(&c);
}

static void
unknown_names(void **state)
{
	(void)state;
	conf_bad(HOUSE "[smpt]\nnext_hop = x\n",
	    "t.ini:13: no section is called [smpt]; did you mean \"smtp\"?\n");
	conf_bad(HOUSE "[xylophone]\n",
	    "t.ini:13: no section is called [xylophone]\n");
	conf_bad(HOUSE "[smtp]\nnexthop = x\n",
	    "t.ini:14: [smtp] has no key \"nexthop\"; did you mean "
	    "\"next_hop\"?\n");
	conf_bad(HOUSE "[smtp]\nmax_depth = 3\n",
	    "t.ini:14: [smtp] has no key \"max_depth\"; [scan] has one\n");
	conf_bad(HOUSE "[listener x]\nprotocol = smtp\naddress = unix:/x\n"
		       "policy = mail\nmax_recipient = 3\n",
	    "t.ini:17: [listener x] has no key \"max_recipient\"; did you "
	    "mean \"max_recipients\"?\n");
	conf_bad(HOUSE "[scan]\nNEXT = 3\n",
	    "t.ini:14: [scan] has no key "
	    "\"NEXT\"\n");
	/* What a later version knows is unknown now. */
	conf_bad(HOUSE "[notices]\nadmin = a@example.org\n",
	    "t.ini:13: no section is called [notices]\n");
	conf_bad(HOUSE "[policy p]\nmalware = defang\n",
	    "t.ini:14: malware: \"defang\" is none of: pass tag discard "
	    "tempfail block quarantine\n");
}

static void
section_titles(void **state)
{
	(void)state;
	conf_bad(HOUSE "[listener]\n",
	    "t.ini:13: [listener] needs a name: [listener NAME]\n");
	conf_bad(HOUSE "[smtp x]\n", "t.ini:13: [smtp] takes no name\n");
	conf_bad(HOUSE "[rule a b]\n",
	    "t.ini:13: [rule a b]: a name is "
	    "letters, digits, dots, - and _\n");
	conf_bad(HOUSE "[rule a\n",
	    "t.ini:13: a section is [kind] or [kind "
	    "name], alone on its line\n");
}

static void
given_twice(void **state)
{
	(void)state;
	conf_bad(HOUSE "[scan]\nmax_depth = 3\nmax_depth = 3\n",
	    "t.ini:15: max_depth was given before, at t.ini:14\n");
	conf_bad(HOUSE "[scan]\nmax_depth = 3\n[scan]\nmax_ratio = 9\n",
	    "t.ini:15: [scan] was begun before, at t.ini:13\n");
	conf_bad(HOUSE "[policy ma-il]\n[policy ma_il]\n",
	    "t.ini:14: [policy ma_il] and [policy ma-il] (t.ini:13) have one "
	    "name in the environment, SALLYPORT_POLICY_MA_IL\n");
}

static void
values_out_of_their_range(void **state)
{
	(void)state;
	conf_bad(HOUSE "[scan]\nmax_depth = 65\n",
	    "t.ini:14: max_depth: 65 is not within 1 to 64\n");
	conf_bad(HOUSE "[scan]\ntimeout = 60\n",
	    "t.ini:14: timeout: 60 needs a unit: ms, s, m, h or d\n");
	conf_bad(HOUSE "[smtp]\nreject_text =\n",
	    "t.ini:14: reject_text: there is no value\n");
	conf_bad(HOUSE "[smtp]\nreject_text =;x\n",
	    "t.ini:14: reject_text: a value that begins with ; or # stands "
	    "in double quotes\n");
	conf_bad(HOUSE "[smtp]\nnext_hop = ,\n",
	    "t.ini:14: next_hop: there is no entry; \"none\" is the empty "
	    "list\n");
	conf_bad(HOUSE "[smtp]\nnext_hop = none, smtp:a:1\n",
	    "t.ini:14: next_hop: \"none\" stands alone or not at all\n");
	conf_bad(HOUSE "[smtp]\nnext_hop = a,;b\n",
	    "t.ini:14: next_hop: an entry that begins with ; or # stands in "
	    "double quotes\n");
	conf_bad(HOUSE "[log l]\noutput = syslog\n",
	    "t.ini:14: output: \"syslog\" is none of: stderr, stdout, "
	    "file:/path\n");
	conf_bad(HOUSE "[gateway]\nname = a b\n",
	    "t.ini:14: name: \"a b\" is not a host's name\n");
	conf_bad(HOUSE "[gateway]\nspool_memory = 2M\n"
		       "spool_memory_total = 1M\n",
	    "t.ini:14: spool_memory is more than spool_memory_total "
	    "(t.ini:15)\n");
}

/* An entry's error names the line it stands on. */
static void
entries_of_several_lines(void **state)
{
	(void)state;
	conf_bad(HOUSE "[rule r]\naction = pass\nfinding = limit\n"
		       "  # why\n  malwar, encrypted\n",
	    "t.ini:17: finding: \"malwar\" is none of: malware encrypted "
	    "limit ambiguous malformed failed url name type; did you mean "
	    "\"malware\"?\n");
	conf_bad(HOUSE "[smtp]\nnext_hop = a\n  max_errors = 3\n",
	    "t.ini:15: \"max_errors\" goes on with the value above, for it is "
	    "indented: begin it at the line's start\n");
	conf_bad(HOUSE "[smtp]\nreject_text = a\n  [scan]\n",
	    "t.ini:15: \"[scan\" goes on with the value above, for it is "
	    "indented: begin it at the line's start\n");
}

static void
names_that_name_nothing(void **state)
{
	(void)state;
	conf_bad(HOUSE "[listener b]\nprotocol = smtp\naddress = unix:/b\n"
		       "policy = mial\n",
	    "t.ini:16: [listener b] policy: there is no [policy mial]; did "
	    "you mean \"mail\"?\n");
	conf_bad(HOUSE "[scan]\nengines = clamav yara\n",
	    "t.ini:14: [scan] engines: there is no [engine yara]\n");
	conf_bad(HOUSE "[rule r]\naction = pass\npolicy = mail web\n",
	    "t.ini:15: [rule r] policy: there is no [policy web]\n");
	conf_bad(HOUSE "[route a.example]\nnext_hop = b:25\nlistener = c\n",
	    "t.ini:15: [route a.example] listener: there is no [listener c]\n");
	conf_bad("[smtp]\n",
	    "default: [scan] engines: there is no [engine clamav]\n");
}

static void
what_a_section_needs(void **state)
{
	(void)state;
	conf_bad(HOUSE "[listener b]\n",
	    "t.ini:13: [listener b] has no protocol, and needs one\n"
	    "t.ini:13: [listener b] has no address, and needs one\n"
	    "t.ini:13: [listener b] has no policy, and needs one\n");
	conf_bad(HOUSE "[rule r]\n",
	    "t.ini:13: [rule r] has no action, and needs one\n");
	conf_bad(HOUSE "[route *.a.example]\nnext_hop_timeout = 1s\n",
	    "t.ini:13: [route *.a.example] has no next_hop, and needs one\n");
	conf_bad(HOUSE "[listener b]\nprotocol = smtp\naddress = none\n"
		       "policy = mail\n",
	    "t.ini:15: [listener b] address: a listener needs at least "
	    "one\n");
}

#define SECOND "[listener b]\nprotocol = smtp\npolicy = mail\naddress = "

static void
two_at_one_door(void **state)
{
	struct conf *c;

	(void)state;
	conf_bad(HOUSE SECOND "[::1]:5, 127.0.0.1:2500\n",
	    "t.ini:16: [listener b] address: 127.0.0.1:2500 is already that "
	    "of [listener in] (t.ini:3)\n");
	conf_bad(HOUSE SECOND "[::1]:5, [0::1]:5\n",
	    "t.ini:16: [listener b] address: [0::1]:5 is already that of "
	    "[listener b] (t.ini:16)\n");
	c = conf_good(HOUSE SECOND "127.0.0.1:2500\nenabled = no\n");
	conf_free(&c);
}

static void
all_errors_in_one_run(void **state)
{
	(void)state;
	conf_bad("[listener in]\nprotocol = smpt\naddress = here\n"
		 "policy = mail\n[policy mail]\nmalware = blok\n\x01\n"
		 "[engine clamav]\nwatch = 5\n",
	    "t.ini:7: a control byte\n"
	    "t.ini:2: protocol: \"smpt\" is none of: smtp milter local ftp "
	    "http; did you mean \"smtp\"?\n"
	    "t.ini:3: address: here: want ADDRESS:PORT, [ADDRESS]:PORT or "
	    "unix:/path\n"
	    "t.ini:6: malware: \"blok\" is none of: pass tag discard tempfail "
	    "block quarantine; did you mean \"block\"?\n"
	    "t.ini:9: watch: 5 needs a unit: ms, s, m, h or d\n");
}

static void
same(void **state)
{
	struct conf *a = conf_good(HOUSE "[scan]\nmax_depth = 16\n");
	struct conf *b = conf_good(HOUSE "[smtp]\nmax_errors = 3\n"
					 "[rule r]\naction = pass\n");

	(void)state;
	/* 16 is the default: it is the value that counts. */
	assert_true(conf_same(a, b, "scan"));
	assert_true(conf_same(a, b, "engine"));
	assert_false(conf_same(a, b, "smtp"));
	assert_false(conf_same(a, b, "rule"));
	/* What [smtp] says is what the listener does. */
	assert_false(conf_same(a, b, "listener"));
	assert_true(conf_same(a, a, "listener"));
	conf_free(&a);
	conf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_and_defaults),
	    cmocka_unit_test(a_listener_overrides_its_protocol),
	    cmocka_unit_test(sections_in_file_order),
	    cmocka_unit_test(what_a_rule_does_not_say),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(unknown_names),
	    cmocka_unit_test(section_titles),
	    cmocka_unit_test(given_twice),
	    cmocka_unit_test(values_out_of_their_range),
	    cmocka_unit_test(entries_of_several_lines),
	    cmocka_unit_test(names_that_name_nothing),
	    cmocka_unit_test(what_a_section_needs),
	    cmocka_unit_test(two_at_one_door),
	    cmocka_unit_test(all_errors_in_one_run),
	    cmocka_unit_test(same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
