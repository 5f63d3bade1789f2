/*
 * t_conf_files: what comes from more than one place: included files, lists in
 * files, the environment.
 */
#include "tests/unit/conf_side.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "proxy/base/mem.h"

static char dir[64];

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/t_conf_files.XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
remove_dir(void **state)
{
	char path[400];
	DIR *d = opendir(dir);
	struct dirent *each;

	(void)state;
	while (d != NULL && (each = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, each->d_name);
		if (each->d_name[0] != '.')
			unlink(path);
	}
	if (d != NULL)
		closedir(d);
	return rmdir(dir);
}

static void
put(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Loads dir/main.ini; errors_r has dir written as D. */
static struct conf *
load(char **errors_r)
{
	char path[128], *at;
	size_t size, n = strlen(dir);
	FILE *f = open_memstream(errors_r, &size);
	struct conf *c;

	snprintf(path, sizeof(path), "%s/main.ini", dir);
	c = conf_load(path, f);
	fclose(f);
	while ((at = strstr(*errors_r, dir)) != NULL) {
		*at = 'D';
		memmove(at + 1, at + n, strlen(at + n) + 1);
	}
	return c;
}

static struct conf *
load_good(void)
{
	char *errors;
	struct conf *c = load(&errors);

	assert_string_equal(errors, "");
	assert_non_null(c);
	free(errors);
	return c;
}

static void
load_bad(const char *wanted)
{
	char *errors;

	assert_null(load(&errors));
	assert_string_equal(errors, wanted);
	free(errors);
}

/* ---- included files --------------------------------------------------------
 */

static void
includes_add_up(void **state)
{
	struct conf *c;
	const char *origin;

	(void)state;
	put("main.ini",
	    HOUSE "[include]\npath = *.inc\n[scan]\nmax_ratio = 9\n"
		  "[rule first]\naction = pass\n");
	put("2.inc", "[rule third]\naction = pass\n");
	put("1.inc", "[rule second]\naction = pass\n[scan]\nmax_depth = 9\n");
	c = load_good();
	assert_int_equal(conf_int(c, NULL, OPT_SCAN_MAX_DEPTH), 9);
	assert_int_equal(conf_int(c, NULL, OPT_SCAN_MAX_RATIO), 9);
	origin = conf_origin(c, NULL, OPT_SCAN_MAX_DEPTH);
	assert_memory_equal(origin, dir, strlen(dir));
	assert_string_equal(origin + strlen(dir), "/1.inc:4");
	/* In sorted order, behind what included them. */
	assert_string_equal(conf_name(conf_next(c, "rule", NULL)), "first");
	assert_string_equal(
	    conf_name(conf_next(c, "rule", conf_section(c, "rule", "first"))),
	    "second");
	assert_string_equal(
	    conf_name(conf_next(c, "rule", conf_section(c, "rule", "second"))),
	    "third");
	assert_false(conf_is_embedded(c));
	conf_free(&c);
}

static void
a_dump_of_includes_reads_back(void **state)
{
	struct conf *c;
	char *first, *second;

	(void)state;
	put("main.ini", HOUSE "[include]\npath = *.inc\n");
	put("1.inc", "[scan]\nmax_depth = 9\n");
	c = load_good();
	first = conf_dumped(c, false);
	conf_free(&c);
	/* One include more would give max_depth twice. */
	put("main.ini", first);
	c = load_good();
	second = conf_dumped(c, false);
	without_origins(first);
	without_origins(second);
	assert_string_equal(first, second);
	free(first);
	free(second);
	conf_free(&c);
}

static void
one_key_in_two_files(void **state)
{
	(void)state;
	put("main.ini",
	    HOUSE "[include]\npath = *.inc\n[scan]\n"
		  "max_depth = 3\n");
	put("1.inc", "[scan]\nmax_depth = 4\n");
	put("2.inc", "[policy ma-il]\n");
	put("3.inc", "[policy ma_il]\nx\n");
	load_bad(
	    "D/1.inc:2: max_depth was given before, at D/main.ini:16\n"
	    "D/3.inc:1: [policy ma_il] and [policy ma-il] (D/2.inc:1) have "
	    "one name in the environment, SALLYPORT_POLICY_MA_IL\n"
	    "D/3.inc:2: neither [section] nor key = value\n");
}

static void
includes_that_cannot_be(void **state)
{
	char *errors,
	    *text = xasprintf(HOUSE
		"[include]\n"
		"path = %s/none-*.ini, no.ini,\n  there/*.ini, %s\n",
		dir, dir);

	(void)state;
	put("main.ini", text);
	free(text);
	load_bad("D/main.ini:14: path: D/no.ini: No such file or directory\n"
		 "D/main.ini:15: D: not a regular file\n");
	put("main.ini", HOUSE "[include]\npath = 1.inc\n");
	put("1.inc", "[include]\npath = 2.inc\n");
	load_bad("D/1.inc:2: path was given before, at D/main.ini:14\n"
		 "D/1.inc:1: [include] in a file that was itself included\n");
	put("main.ini", HOUSE);
	put("1.inc", "");
	snprintf(dir + strlen(dir), 3, "/x");
	assert_null(load(&errors));
	assert_string_equal(errors, "D/main.ini: No such file or directory\n");
	free(errors);
	dir[strlen(dir) - 2] = '\0';
}

static void
lists_in_files(void **state)
{
	char *text =
	    xasprintf(HOUSE "[rule r]\naction = pass\n"
			    "sender = a, @%s/senders, @b\nclient = @%s/nets\n",
		dir, dir);
	const char *const *list;
	struct conf *c;
	char *errors;

	(void)state;
	put("main.ini", text);
	put("senders", "# who\nb c@x  ; why\n\n\"d;\"\r\n");
	put("nets", "10.0.0.0/8\n::1\n");
	c = load_good();
	assert_int_equal(
	    conf_list(c, conf_section(c, "rule", "r"), OPT_RULE_SENDER, &list),
	    4);
	assert_string_equal(list[0], "a");
	assert_string_equal(list[1], "b c@x");
	assert_string_equal(list[2], "d;");
	assert_string_equal(list[3], "@b");
	conf_free(&c);
	put("nets", "10.0.0.0/8\n10.0.0.0/33\n");
	assert_null(load(&errors));
	assert_non_null(strstr(errors, "D/nets:2: client: 10.0.0.0/33"));
	free(errors);
	put("nets", "");
	put("main.ini", HOUSE "[smtp]\nnext_hop = @/no/such/list\n");
	load_bad("D/main.ini:14: next_hop: /no/such/list: No such file or "
		 "directory\n");
	free(text);
}

/* ---- the environment --------------------------------------------------------
 */

static struct conf *
with(const char *name, const char *value, char **errors_r)
{
	struct conf *c;

	setenv(name, value, 1);
	c = conf_try(HOUSE "[smtp]\nmax_errors = 3\n",
	    strlen(HOUSE "[smtp]\nmax_errors = 3\n"), true, errors_r);
	unsetenv(name);
	return c;
}

static void
with_bad(const char *name, const char *value, const char *wanted)
{
	char *errors;

	assert_null(with(name, value, &errors));
	assert_string_equal(errors, wanted);
	free(errors);
}

static void
the_environment_wins(void **state)
{
	char *errors;
	struct conf *c = with("SALLYPORT_SMTP__MAX_ERRORS", "5", &errors);

	(void)state;
	assert_string_equal(errors, "");
	assert_int_equal(conf_int(c, NULL, OPT_SMTP_MAX_ERRORS), 5);
	assert_string_equal(
	    conf_origin(c, NULL, OPT_SMTP_MAX_ERRORS), "environment");
	free(errors);
	conf_free(&c);
	c = with(
	    "SALLYPORT_SMTP__NEXT_HOP", "maildir:/a__b, \"x ; y\"", &errors);
	assert_string_equal(errors, "");
	free(errors);
	conf_free(&c);
	c = with("SALLYPORT_LISTENER_IN__MAX_ERRORS", "6", &errors);
	assert_string_equal(errors, "");
	assert_int_equal(
	    conf_int(c, conf_section(c, "listener", "in"), OPT_SMTP_MAX_ERRORS),
	    6);
	assert_int_equal(conf_int(c, NULL, OPT_SMTP_MAX_ERRORS), 3);
	free(errors);
	conf_free(&c);
	/* Not one of ours. */
	c = with("SALLYPORT_BUILD", "/a__b", &errors);
	assert_string_equal(errors, "");
	free(errors);
	conf_free(&c);
}

static void
the_environment_is_checked(void **state)
{
	(void)state;
	with_bad("SALLYPORT_SMTP__MAX_ERROR", "5",
	    "environment: SALLYPORT_SMTP__MAX_ERROR is no key of any section "
	    "there is; did you mean \"SALLYPORT_SMTP__MAX_ERRORS\"?\n");
	with_bad("SALLYPORT_LISTENER_OUT__ADDRESS", "unix:/x",
	    "environment: SALLYPORT_LISTENER_OUT__ADDRESS is no key of any "
	    "section there is; did you mean "
	    "\"SALLYPORT_LISTENER_IN__ADDRESS\"?\n");
	with_bad("SALLYPORT_SMTP__MAX_ERRORS", "0",
	    "environment: SALLYPORT_SMTP__MAX_ERRORS: 0 is not within 1 to "
	    "10000\n");
	with_bad("SALLYPORT_SMTP__REJECT_TEXT", "554 a ; b",
	    "environment: SALLYPORT_SMTP__REJECT_TEXT: a comment or blanks at "
	    "the end: put the value in double quotes\n");
	with_bad("SALLYPORT_SMTP__REJECT_TEXT", "554\n",
	    "environment: SALLYPORT_SMTP__REJECT_TEXT: a control byte\n");
	with_bad("SALLYPORT_SMTP__REJECT_TEXT", "554 \"",
	    "environment: SALLYPORT_SMTP__REJECT_TEXT: a double quote is not "
	    "closed\n");
	with_bad("SALLYPORT_SMTP__REJECT_TEXT", "",
	    "environment: SALLYPORT_SMTP__REJECT_TEXT: there is no value\n");
}

static void
the_embedded_configuration(void **state)
{
	struct conf *c;
	const struct conf_section *in;

	(void)state;
	if (access(CONF_DEFAULT_PATH, F_OK) == 0)
		skip();
	c = conf_load(NULL, stderr);
	assert_non_null(c);
	assert_true(conf_is_embedded(c));
	in = conf_section(c, "listener", "mail-in");
	assert_non_null(in);
	assert_string_equal(conf_str(c, in, OPT_LISTENER_POLICY), "mail");
	conf_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
	    IN_DIR(includes_add_up),
	    IN_DIR(a_dump_of_includes_reads_back),
	    IN_DIR(one_key_in_two_files),
	    IN_DIR(includes_that_cannot_be),
	    IN_DIR(lists_in_files),
	    cmocka_unit_test(the_environment_wins),
	    cmocka_unit_test(the_environment_is_checked),
	    cmocka_unit_test(the_embedded_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
