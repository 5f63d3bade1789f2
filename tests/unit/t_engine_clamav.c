/*
 * t_engine_clamav: loading: which signatures are in force, by which name, and
 * what is refused.  What it finds is in t_inspect.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan/clamav_db.h"
#include "scan/engine.h"
#include "tests/unit/scan_house.h"

extern const struct engine engine_clamav;

static int
open_engine(struct scan_house *h, void **engine_r, struct err *e)
{
	return engine_clamav.open(
	    h->conf, conf_section(h->conf, "engine", "clamav"), engine_r, e);
}

static char *
version_of(struct scan_house *h)
{
	void *engine;
	struct err e;
	char *version;

	assert_int_equal(open_engine(h, &engine, &e), 0);
	version = xstrdup(engine_clamav.version(engine));
	engine_clamav.close(engine);
	return version;
}

static void
the_version_changes_when_signatures_do(void **state)
{
	struct scan_house h;
	char *a, *b, *c, *d;

	(void)state;
	house_open(&h, "");
	a = version_of(&h);
	b = version_of(&h);
	assert_string_equal(a, b);
	assert_memory_equal(a, "clamav/", 7);
	assert_string_equal(a, inspector_version(h.inspector));
	/* As many signatures, of the same size, by another text. */
	house_put_signature(&h, "marker", MARK MARK "sallyport unit marker. ");
	c = version_of(&h);
	assert_string_not_equal(a, c);
	house_put_signature(&h, "second", "another one altogether");
	d = version_of(&h);
	assert_string_not_equal(c, d);
	free(a);
	free(b);
	free(c);
	free(d);
	house_close(&h);
}

static void
no_database_is_the_built_in_one(void **state)
{
	struct scan_house h = {.dir = "/nonexistent"};
	char *version;

	(void)state;
	house_configure(&h, "");
	version = version_of(&h);
	assert_non_null(strstr(version, "/1-")); /* one signature */
	free(version);
	conf_free(&h.conf);
}

static void
a_broken_database_is_refused(void **state)
{
	struct scan_house h;
	char *path;
	void *engine;
	struct err e;
	FILE *f;

	(void)state;
	house_open(&h, "");
	path = xasprintf("%s/db/broken.ndb", h.dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("this is no signature\n", f);
	fclose(f);
	assert_int_equal(open_engine(&h, &engine, &e), -1);
	assert_non_null(strstr(e.text, h.dir));
	free(path);
	house_close(&h);
}

static void
too_few_signatures_are_refused(void **state)
{
	struct scan_house h;
	char *more;
	void *engine;
	struct err e;

	(void)state;
	house_open(&h, "");
	for (int least = 1; least <= 2; least++) {
		int rc = least == 1 ? 0 : -1;

		more = xasprintf("[engine few]\ndatabase = %s/db\n"
				 "min_signatures = %d\n",
		    h.dir, least);
		conf_free(&h.conf);
		house_configure(&h, more);
		free(more);
		assert_int_equal(
		    engine_clamav.open(h.conf,
			conf_section(h.conf, "engine", "few"), &engine, &e),
		    rc);
		if (rc == 0)
			engine_clamav.close(engine);
	}
	assert_non_null(strstr(e.text, "min_signatures is 2"));
	house_close(&h);
}

static void
a_database_is_there_or_not(void **state)
{
	struct scan_house h;
	char *db, *file;

	(void)state;
	house_open(&h, "");
	db = xasprintf("%s/db", h.dir);
	file = xasprintf("%s/db/marker.ndb", h.dir);
	assert_true(clamav_db_is_there(db));
	assert_true(clamav_db_is_there(file));
	assert_false(clamav_db_is_there(h.dir)); /* a folder, no signatures */
	assert_false(clamav_db_is_there("/nonexistent"));
	free(db);
	free(file);
	house_close(&h);
}

static void
the_built_in_one_leaves_nothing_behind(void **state)
{
	char dir[CLAMAV_DB_DIR];
	struct err e;

	(void)state;
	assert_int_equal(clamav_db_built_in(dir, &e), 0);
	assert_true(clamav_db_is_there(dir));
	clamav_db_remove(dir);
	assert_int_equal(access(dir, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_version_changes_when_signatures_do),
	    cmocka_unit_test(no_database_is_the_built_in_one),
	    cmocka_unit_test(a_broken_database_is_refused),
	    cmocka_unit_test(too_few_signatures_are_refused),
	    cmocka_unit_test(a_database_is_there_or_not),
	    cmocka_unit_test(the_built_in_one_leaves_nothing_behind),
	};

	log_setup(LOG_ERROR_, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
