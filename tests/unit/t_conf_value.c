/*
 * t_conf_value: what a value's text is worth, what is refused and in which
 * words, and how a number is written back.
 */
#include "tests/unit/conf_side.h"

#include "conf/value.h"

static void
is(enum opt opt, const char *text, int64_t wanted)
{
	struct err e = {""};
	int64_t n = -1;

	value_number(schema_opt(opt), text, &n, &e);
	assert_string_equal(e.text, "");
	assert_int_equal(n, wanted);
}

static void
is_not(enum opt opt, const char *text, const char *wanted)
{
	struct err e = {""};
	int64_t n;

	assert_int_equal(value_number(schema_opt(opt), text, &n, &e), -1);
	assert_string_equal(e.text, wanted);
}

static void
numbers(void **state)
{
	(void)state;
	is(OPT_SCAN_MAX_DEPTH, "1", 1);
	is(OPT_SCAN_MAX_DEPTH, "64", 64);
	is_not(OPT_SCAN_MAX_DEPTH, "0", "0 is not within 1 to 64");
	is_not(OPT_SCAN_MAX_DEPTH, "65", "65 is not within 1 to 64");
	is_not(OPT_SCAN_MAX_DEPTH, "-1", "\"-1\" is not a whole number");
	is_not(OPT_SCAN_MAX_DEPTH, "0x10", "\"0x10\" is not a whole number");
	is_not(OPT_SCAN_MAX_DEPTH, "5M", "\"5M\" is not a whole number");
	is_not(OPT_SCAN_MAX_DEPTH, "1.5", "\"1.5\" is not a whole number");
	is_not(OPT_SCAN_MAX_DEPTH, "none", "\"none\" is not a whole number");
	is_not(OPT_SCAN_MAX_DEPTH, "99999999999999999999",
	    "\"99999999999999999999\" is not a whole number");
}

static void
sizes(void **state)
{
	(void)state;
	is(OPT_SCAN_CACHE_SIZE, "7B", 7);
	is(OPT_SCAN_CACHE_SIZE, "3k", 3 * 1024);
	is(OPT_SCAN_CACHE_SIZE, "3M", 3 * 1024 * 1024);
	is(OPT_SCAN_CACHE_SIZE, "3G", INT64_C(3221225472));
	is(OPT_SCAN_CACHE_SIZE, "0", 0);
	is(OPT_SCAN_CACHE_SIZE, "none", 0);
	is_not(OPT_SCAN_CACHE_SIZE, "64", "64 needs a unit: B, k, M or G");
	is_not(OPT_SCAN_CACHE_SIZE, "64K", "\"64K\": the unit is B, k, M or G");
	is_not(
	    OPT_SCAN_CACHE_SIZE, "64MB", "\"64MB\": the unit is B, k, M or G");
	is_not(
	    OPT_SCAN_CACHE_SIZE, "64 M", "\"64 M\": the unit is B, k, M or G");
	is_not(OPT_SCAN_CACHE_SIZE, "much",
	    "\"much\" is not a whole number with a unit: B, k, M or G");
	is_not(OPT_SCAN_CACHE_SIZE, "65G", "65G is not within 0 to 64G");
	/* 2^63 bytes and more must not come out small or negative. */
	is_not(OPT_SCAN_CACHE_SIZE, "9223372036854775807G",
	    "9223372036854775807G is not within 0 to 64G");
	/* 2^64 bytes and one G more must not come out as one G. */
	is_not(OPT_SCAN_CACHE_SIZE, "17179869185G",
	    "17179869185G is not within 0 to 64G");
	is_not(
	    OPT_SMTP_MAX_MESSAGE_SIZE, "none", "0 is not within 1k to 1024G");
}

static void
times_and_percent(void **state)
{
	(void)state;
	is(OPT_ENGINE_WATCH, "250ms", 250);
	is(OPT_ENGINE_WATCH, "10s", 10000);
	is(OPT_ENGINE_WATCH, "5m", 300000);
	is(OPT_ENGINE_WATCH, "2h", 7200000);
	is(OPT_ENGINE_WATCH, "1d", 86400000);
	is(OPT_ENGINE_WATCH, "0", 0);
	is_not(OPT_ENGINE_WATCH, "10", "10 needs a unit: ms, s, m, h or d");
	is_not(
	    OPT_ENGINE_WATCH, "10M", "\"10M\": the unit is ms, s, m, h or d");
	is_not(OPT_ENGINE_WATCH, "25h", "25h is not within 0 to 1d");
	is(OPT_GATEWAY_SPOOL_MIN_FREE, "5%", 5);
	is(OPT_GATEWAY_SPOOL_MIN_FREE, "0", 0);
	is_not(OPT_GATEWAY_SPOOL_MIN_FREE, "5", "5 needs a unit: %");
	is_not(OPT_GATEWAY_SPOOL_MIN_FREE, "91%", "91% is not within 0 to 90%");
}

static void
words(void **state)
{
	(void)state;
	is(OPT_SMTP_BARE_NEWLINE, "reject", 0);
	is(OPT_SMTP_BARE_NEWLINE, "normalize", 1);
	is_not(OPT_SMTP_BARE_NEWLINE, "rejct",
	    "\"rejct\" is none of: reject normalize; did you mean "
	    "\"reject\"?");
	is_not(OPT_SMTP_BARE_NEWLINE, "reject normalize",
	    "\"reject normalize\" is none of: reject normalize");
	is_not(OPT_SMTP_BARE_NEWLINE, "", "\"\" is none of: reject normalize");
	is(OPT_SMTP_ADD_HEADERS, "yes", 1);
	is(OPT_SMTP_ADD_HEADERS, "no", 0);
	is_not(OPT_SMTP_ADD_HEADERS, "true", "\"true\" is neither yes nor no");
	is(OPT_GATEWAY_SPOOL_DIR, "/a b", 0);
	is_not(OPT_GATEWAY_SPOOL_DIR, "spool",
	    "\"spool\" is not a path that begins with /");
}

static void
written_back(void **state)
{
	char to[32];

	(void)state;
	assert_string_equal(
	    value_print(schema_opt(OPT_SCAN_CACHE_SIZE), 65536, to), "64k");
	assert_string_equal(
	    value_print(schema_opt(OPT_SCAN_CACHE_SIZE), 65537, to), "65537B");
	assert_string_equal(
	    value_print(schema_opt(OPT_ENGINE_WATCH), 90000, to), "90s");
	assert_string_equal(
	    value_print(schema_opt(OPT_SMTP_BARE_NEWLINE), 1, to), "normalize");
}

/* Every default is what its own row allows, and reads back as it is printed. */
static void
defaults(void **state)
{
	char to[32];

	(void)state;
	for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
		const struct opt_row *row = schema_opt(opt);
		struct err e = {""};
		int64_t n, again;

		assert_string_not_equal(row->sentence, "");
		if (row->def == REQUIRED || row->def[0] == '\0' ||
		    schema_is_list(row->type))
			continue;
		if (value_number(row, row->def, &n, &e) < 0)
			fail_msg("%s: %s", row->key, e.text);
		if (row->type == TYPE_STRING || row->type == TYPE_PATH)
			continue;
		assert_int_equal(
		    value_number(row, value_print(row, n, to), &again, &e), 0);
		assert_int_equal(n, again);
	}
}

/* OPT_SMTP_NEXT_HOP is "next_hop": the environment's names hang on it. */
static void
names_are_mechanical(void **state)
{
	(void)state;
	for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
		const struct opt_row *row = schema_opt(opt);

		assert_int_equal(strcasecmp(row->id, row->key), 0);
		assert_null(strstr(row->key, "__"));
		assert_int_equal(schema_find_key(row->kind, row->key), opt);
	}
}

static void
quotes_come_back(const char *text)
{
	struct buf b;
	char *again;

	buf_init(&b, 4096);
	value_quote(&b, text);
	again = value_text(buf_text(&b));
	assert_string_equal(again, text);
	free(again);
	buf_free(&b);
}

static void
texts(void **state)
{
	char *text = value_text("one\ntwo\n\n");

	(void)state;
	assert_string_equal(text, "one two");
	free(text);
	quotes_come_back("plain");
	quotes_come_back("");
	quotes_come_back(" a ");
	quotes_come_back("a ; b");
	quotes_come_back("# a");
	quotes_come_back("a \"b ; c\" d");
	quotes_come_back("\"a\" \"b\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(times_and_percent),
	    cmocka_unit_test(words),
	    cmocka_unit_test(written_back),
	    cmocka_unit_test(defaults),
	    cmocka_unit_test(names_are_mechanical),
	    cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
