/*
 * t_engine_clamav: loading of signatures: given ones, none, too few, broken
 * ones; what the version says of them; and what matches then.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/base/tree.h"
#include "scan/clamav_db.h"
#include "scan/inspect.h"
#include "tests/unit/pack.h"

/* "sallyport-one" and "sallyport-two" */
#define SIGNATURE_ONE "Test.One:0:*:73616c6c79706f72742d6f6e65\n"
#define SIGNATURE_TWO "Test.Two:0:*:73616c6c79706f72742d74776f\n"

static char dir[] = "/tmp/t_engine_clamav.XXXXXX";
static char db[64]; /* a new folder for each test */
static struct inspector *inspector;
static struct report r;
static struct err e;
static char warning[512]; /* the last that was logged */

static void
keep_warning(enum log_level level, uint64_t id, const char *text)
{
	(void)id;
	if (level == LOG_WARN_)
		copy_text(warning, sizeof(warning), text);
}

static void
put(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", db, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

/* Opens with this database; more: further lines of [engine clamav]. */
static struct inspector *
open_with(const char *path, const char *more)
{
	struct inspector *i;
	struct conf *conf;
	char text[512];
	int n = snprintf(text, sizeof(text),
	    "[engine clamav]\ntype = clamav\ndatabase = %s\n%s", path, more);

	conf = conf_from_text("test", text, (size_t)n, false, stderr);
	assert_non_null(conf);
	i = inspector_open(conf, &e);
	conf_free(&conf);
	return i;
}

static void
reopen(const char *path)
{
	inspector_close(&inspector);
	inspector = open_with(path, "");
	assert_non_null(inspector);
	assert_int_equal(inspector_enter(inspector, dir, &e), 0);
}

static const char *
look(const char *bytes)
{
	struct spool *s = spool_over(bytes, strlen(bytes));
	struct content *c = content_over(&s, CONTENT_FILE, "a");

	inspect(inspector, c, inspector_budget(inspector, strlen(bytes)), NULL,
	    NULL, &r);
	content_free(&c);
	return r.n == 0 ? "" : r.found[0].what;
}

static int
new_folder(void **state)
{
	static int n;

	(void)state;
	warning[0] = '\0';
	snprintf(db, sizeof(db), "%s/db%d", dir, n++);
	return mkdir(db, 0700);
}

static void
without_signatures_eicar_is_found_and_it_warns(void **state)
{
	(void)state;
	reopen("/nonexistent");
	assert_non_null(strstr(warning, "apt-get install clamav-freshclam"));
	assert_string_equal(look(eicar()), "Eicar-Test-Signature.UNOFFICIAL");
	assert_string_equal(look("sallyport-one"), "");
	warning[0] = '\0';
	put("readme.txt", "no signatures here");
	reopen(db);
	assert_non_null(strstr(warning, "apt-get install clamav-freshclam"));
	assert_string_equal(look(eicar()), "Eicar-Test-Signature.UNOFFICIAL");
}

static void
given_ones_count_alone(void **state)
{
	(void)state;
	put("a.ndb", SIGNATURE_ONE);
	reopen(db);
	assert_string_equal(warning, "");
	assert_string_equal(look("a sallyport-one b"), "Test.One.UNOFFICIAL");
	assert_string_equal(look("a sallyport-two b"), "");
	assert_string_equal(look(eicar()), "");
}

static void
a_file_will_do(void **state)
{
	char path[128];

	(void)state;
	put("a.ndb", SIGNATURE_ONE SIGNATURE_TWO);
	snprintf(path, sizeof(path), "%s/a.ndb", db);
	reopen(path);
	assert_string_equal(look("a sallyport-two b"), "Test.Two.UNOFFICIAL");
}

static void
the_version_changes_with_the_signatures(void **state)
{
	char before[96];

	(void)state;
	put("a.ndb", SIGNATURE_ONE);
	reopen(db);
	copy_text(before, sizeof(before), inspector_version(inspector));
	assert_memory_equal(before, "clamav/1.", 9);
	reopen(db);
	assert_string_equal(inspector_version(inspector), before);
	/* As many, as long, in the same second. */
	put("a.ndb", SIGNATURE_TWO);
	reopen(db);
	assert_string_not_equal(inspector_version(inspector), before);
	put("a.ndb", SIGNATURE_ONE);
	reopen(db);
	assert_string_equal(inspector_version(inspector), before);
	put("b.ndb", SIGNATURE_TWO);
	reopen(db);
	assert_string_not_equal(inspector_version(inspector), before);
}

static void
too_few_are_refused(void **state)
{
	struct inspector *i;

	(void)state;
	put("a.ndb", SIGNATURE_ONE SIGNATURE_TWO);
	assert_null(open_with(db, "min_signatures = 3\n"));
	assert_non_null(strstr(e.text, "min_signatures"));
	i = open_with(db, "min_signatures = 2\n");
	assert_non_null(i);
	inspector_close(&i);
	assert_null(open_with("/nonexistent", "min_signatures = 2\n"));
}

/* What the library prints by itself would spoil `scan --json`. */
static off_t
bytes_printed_while_opening(void)
{
	char path[128];
	struct stat st;
	int to, out = dup(1), err = dup(2);

	snprintf(path, sizeof(path), "%s/printed", dir);
	to = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(to >= 0 && out >= 0 && err >= 0);
	fflush(stdout);
	dup2(to, 1);
	dup2(to, 2);
	inspector_close(&inspector);
	inspector = open_with(db, "");
	fflush(stdout);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	assert_int_equal(fstat(to, &st), 0);
	close(to);
	return st.st_size;
}

static void
a_broken_one_is_refused_in_words(void **state)
{
	(void)state;
	put("a.ndb", "this is no signature\n");
	assert_int_equal(bytes_printed_while_opening(), 0);
	assert_memory_equal(warning, "clamav message=", 15);
	assert_null(inspector);
	assert_non_null(strstr(e.text, db));
	put("a.ndb", SIGNATURE_ONE);
	reopen(db);
	assert_string_equal(look("sallyport-one"), "Test.One.UNOFFICIAL");
}

static void
a_name_tells_what_is_there(void **state)
{
	(void)state;
	assert_false(clamav_db_is_there("/nonexistent"));
	assert_false(clamav_db_is_there(db));
	put("notes.txt", "x");
	put(".ndb", "x");
	assert_false(clamav_db_is_there(db));
	put("daily.cld", "x");
	assert_true(clamav_db_is_there(db));
}

static void
the_built_in_one_is_taken_away(void **state)
{
	char built[CLAMAV_DB_DIR], line[256], path[128];
	struct stat st;
	FILE *f;

	(void)state;
	assert_int_equal(clamav_db_built_in(built, &e), 0);
	assert_true(clamav_db_is_there(built));
	snprintf(path, sizeof(path), "%s/sallyport.ndb", built);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	assert_memory_equal(line, "Eicar-Test-Signature:0:*:", 25);
	assert_int_equal(strlen(line), 25 + 2 * 68 + 1);
	clamav_db_remove(built);
	assert_int_equal(stat(built, &st), -1);
}

/* What the engine calls a virus is not always one. */
static void
a_heuristic_is_what_it_says(void **state)
{
	static const struct entry in = {"a.txt", "some secret words", 17};
	struct packed p =
	    pack_all("zip", NULL, "zip:encryption=aes256", &in, 1);
	struct spool *s = spool_over(p.bytes, p.len);
	struct content *c = content_over(&s, CONTENT_FILE, "a.zip");

	(void)state;
	reopen("/nonexistent");
	inspect(
	    inspector, c, inspector_budget(inspector, p.len), NULL, NULL, &r);
	assert_int_equal(r.found[0].kind, FOUND_ENCRYPTED);
	assert_string_equal(r.found[0].engine, "clamav");
	assert_string_equal(r.found[0].what, "Heuristics.Encrypted.Zip");
	assert_false(report_has(&r, FOUND_MALWARE));
	content_free(&c);
	free(p.bytes);
}

static int
open_all(void **state)
{
	(void)state;
	log_setup(LOG_WARN_, "t_engine_clamav");
	log_to(keep_warning);
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
close_all(void **state)
{
	(void)state;
	inspector_close(&inspector);
	return tree_remove(dir, &e);
}

#define T(test) cmocka_unit_test_setup(test, new_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(without_signatures_eicar_is_found_and_it_warns),
	    T(given_ones_count_alone),
	    T(a_file_will_do),
	    T(the_version_changes_with_the_signatures),
	    T(too_few_are_refused),
	    T(a_broken_one_is_refused_in_words),
	    T(a_name_tells_what_is_there),
	    T(the_built_in_one_is_taken_away),
	    T(a_heuristic_is_what_it_says),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
