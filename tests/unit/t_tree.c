/*
 * t_tree: a directory that somebody filled with ill will is emptied and
 * counted, and nothing beside it is touched.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/tree.h"

static char top[] = "/tmp/t_tree.XXXXXX";
static char dir[80], outside[80];

static void
make_file(const char *where, const char *name, off_t size)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", where, name);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	if (size > 0)
		assert_int_equal(posix_fallocate(fd, 0, size), 0);
	close(fd);
}

static void
make_dir(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int
plant(void **state)
{
	char path[200];

	(void)state;
	snprintf(dir, sizeof(dir), "%s/dir", top);
	snprintf(outside, sizeof(outside), "%s/outside", top);
	assert_int_equal(mkdir(dir, 0700), 0);
	mkdir(outside, 0700);
	make_file(outside, "precious", 0);
	make_dir("a");
	make_dir("a/b");
	make_file(dir, "a/b/file", 8192);
	make_file(dir, ".hidden", 4096);
	snprintf(path, sizeof(path), "%s/a/link", dir);
	assert_int_equal(symlink(outside, path), 0);
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	return 0;
}

static int
clear(void **state)
{
	char command[200];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static bool
is_there(const char *where, const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", where, name);
	return access(path, F_OK) == 0;
}

static void
links_are_removed_and_not_followed(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(tree_empty(dir, &e), 0);
	assert_true(is_there(top, "dir"));
	assert_false(is_there(dir, "a"));
	assert_false(is_there(dir, ".hidden"));
	assert_true(is_there(outside, "precious"));
	assert_int_equal(rmdir(dir), 0);
}

static void
the_directory_itself_goes_too(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(tree_remove(dir, &e), 0);
	assert_false(is_there(top, "dir"));
	/* Nothing there is as good as removed. */
	assert_int_equal(tree_remove(dir, &e), 0);
	assert_int_equal(tree_empty(dir, &e), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
}

static void
a_link_in_its_place_is_an_error(void **state)
{
	char path[200];
	struct err e = {""};

	(void)state;
	snprintf(path, sizeof(path), "%s/a/link", dir);
	assert_int_equal(tree_empty(path, &e), -1);
	assert_string_not_equal(e.text, "");
	assert_true(is_there(outside, "precious"));
}

static void
too_deep_is_an_error_and_ends(void **state)
{
	char path[1000] = "";
	struct err e = {""};
	size_t len;
	int deep;

	(void)state;
	snprintf(path, sizeof(path), "%s/d", dir);
	for (deep = 0; deep < 80; deep++) {
		assert_int_equal(mkdir(path, 0700), 0);
		len = strlen(path);
		snprintf(path + len, sizeof(path) - len, "/d");
	}
	assert_int_equal(tree_empty(dir, &e), -1);
	assert_string_not_equal(e.text, "");
}

static void
what_lies_there_is_counted(void **state)
{
	const struct tree_size any = {0, 0}, few = {0, 2}, little = {4096, 0};
	struct tree_size size;
	struct err e;

	(void)state;
	assert_int_equal(tree_measure(dir, &any, &size, &e), 0);
	assert_int_equal(size.files, 6);
	assert_true(size.bytes >= 12288);
	/* It does not go on once too much is known. */
	assert_int_equal(tree_measure(dir, &few, &size, &e), 0);
	assert_int_equal(size.files, 3);
	assert_int_equal(tree_measure(dir, &little, &size, &e), 0);
	assert_true(size.bytes > 4096);
}

/* Kept open, it sees what was not there when it was opened. */
static void
it_is_emptied_again_and_again(void **state)
{
	struct tree *t;
	struct err e;

	(void)state;
	t = tree_open(dir, &e);
	assert_non_null(t);
	assert_int_equal(tree_empty_again(t, &e), 0);
	assert_false(is_there(dir, "a"));
	assert_false(is_there(dir, ".hidden"));
	assert_true(is_there(outside, "precious"));
	assert_int_equal(tree_empty_again(t, &e), 0);
	for (int i = 0; i < 3; i++) {
		make_dir("late");
		make_file(dir, "late/file", 0);
		assert_int_equal(tree_empty_again(t, &e), 0);
		assert_false(is_there(dir, "late"));
	}
	tree_close(&t);
	assert_null(t);
	assert_null(tree_open("/nonexistent/t_tree", &e));
}

#define PLANTED(test) cmocka_unit_test_setup_teardown(test, plant, clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    PLANTED(links_are_removed_and_not_followed),
	    PLANTED(the_directory_itself_goes_too),
	    PLANTED(a_link_in_its_place_is_an_error),
	    PLANTED(too_deep_is_an_error_and_ends),
	    PLANTED(what_lies_there_is_counted),
	    PLANTED(it_is_emptied_again_and_again),
	};
	char command[100];
	int failed;

	if (mkdtemp(top) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return failed + (system(command) != 0);
}
