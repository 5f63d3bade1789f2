/*
 * t_quarantine: what is kept, how full it may be, what is given up, and what
 * goes when it is old.
 */
#include "tests/unit/quarantine_house.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proxy/quarantine_dir.h"

#define ID2 "01KATE0000ZZZZZZZZZZZZZZZ0"

static char dir[64];
static int fd_of_dir;

static int
setup(void **state)
{
	(void)state;
	copy_text(dir, sizeof(dir), "/tmp/t_quarantine.XXXXXX");
	assert_non_null(mkdtemp(dir));
	fd_of_dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd_of_dir >= 0);
	log_to(NULL);
	return 0;
}

static int
teardown(void **state)
{
	const struct dirent *entry;
	DIR *d = fdopendir(fd_of_dir);

	(void)state;
	assert_non_null(d);
	rewinddir(d);
	while ((entry = readdir(d)) != NULL)
		(void)unlinkat(fd_of_dir, entry->d_name, 0);
	closedir(d);
	return rmdir(dir);
}

static unsigned
files(void)
{
	const struct dirent *entry;
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(d);
	return n;
}

/* A file of the folder, as a string; "" it is not there. */
static const char *
holds(const char *name)
{
	static char text[4096];
	int fd = openat(fd_of_dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static void
put(const char *name, const char *text, int64_t seconds_ago)
{
	struct timespec when[2] = {{.tv_nsec = UTIME_OMIT}};
	int fd = openat(fd_of_dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &when[1]), 0);
	when[1].tv_sec -= seconds_ago;
	assert_int_equal(futimens(fd, when), 0);
	close(fd);
}

/* ---- a copy ---- */

static struct quarantine_copy
a_copy(struct quarantine_room *room)
{
	return (struct quarantine_copy){.dir = dir,
	    .id = ID,
	    .bytes = "abc",
	    .file = -1,
	    .size = 3,
	    .note = slice_of("{}\n"),
	    .max_size = 100,
	    .room = room,
	    .self = 1};
}

static void
both_are_there(void **state)
{
	struct quarantine_room *room = quarantine_room_open();
	struct quarantine_copy c = a_copy(room);
	struct stat st;
	int error;

	(void)state;
	assert_string_equal(quarantine_copy(&c, &error), "kept");
	assert_string_equal(holds(ID), "abc");
	assert_string_equal(holds(ID QUARANTINE_NOTE), "{}\n");
	assert_int_equal(files(), 2);
	assert_int_equal(fstatat(fd_of_dir, ID, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	quarantine_room_free(&room);
}

/* The first bytes of a file that holds more, beyond one piece. */
static void
out_of_a_file(void **state)
{
	enum { SIZE = 3 * 1024 * 1024 + 7 };
	struct quarantine_room *room = quarantine_room_open();
	struct quarantine_copy c = a_copy(room);
	char path[] = "/tmp/t_quarantine_from.XXXXXX", *was, *is;
	int from = mkostemp(path, O_CLOEXEC), to, error;

	(void)state;
	was = xcalloc(1, SIZE + 9);
	is = xcalloc(1, SIZE);
	for (size_t i = 0; i < SIZE + 9; i++)
		was[i] = (char)(i * 2654435761u >> 24);
	assert_int_equal(write(from, was, SIZE + 9), SIZE + 9);
	c.bytes = NULL;
	c.file = from;
	c.size = SIZE;
	c.max_size = SIZE + 3;
	assert_string_equal(quarantine_copy(&c, &error), "kept");
	to = openat(fd_of_dir, ID, O_RDONLY | O_CLOEXEC);
	assert_int_equal(lseek(to, 0, SEEK_END), SIZE);
	assert_int_equal(pread(to, is, SIZE, 0), SIZE);
	assert_memory_equal(is, was, SIZE);
	close(to);
	/* shorter than it is said to be: never half a copy */
	c.id = ID2;
	c.size = SIZE + 10;
	c.max_size = 1u << 30;
	assert_string_equal(quarantine_copy(&c, &error), "error");
	assert_int_equal(error, EIO);
	assert_int_equal(files(), 2);
	close(from);
	unlink(path);
	free(was);
	free(is);
	quarantine_room_free(&room);
}

static void
nothing_is_left_of_what_failed(void **state)
{
	struct quarantine_room *room = quarantine_room_open();
	struct quarantine_copy c = a_copy(room);
	int error;

	(void)state;
	c.max_size = 5;
	assert_string_equal(quarantine_copy(&c, &error), "max_size");
	assert_int_equal(error, 0);
	c.max_size = 6;
	c.min_free_pct = 101; /* more than there can be */
	assert_string_equal(quarantine_copy(&c, &error), "spool_min_free");
	c.min_free_pct = 0;
	atomic_store(&c.unwanted, true);
	assert_string_equal(quarantine_copy(&c, &error), "aborted");
	atomic_store(&c.unwanted, false);
	c.dir = "/dev/null";
	assert_string_equal(quarantine_copy(&c, &error), "error");
	assert_int_equal(error, ENOTDIR);
	/* its note has no place: the bytes do not stay alone */
	c.dir = dir;
	assert_int_equal(mkdirat(fd_of_dir, ID QUARANTINE_NOTE, 0700), 0);
	assert_string_equal(quarantine_copy(&c, &error), "error");
	assert_int_equal(files(), 1);
	assert_int_equal(
	    unlinkat(fd_of_dir, ID QUARANTINE_NOTE, AT_REMOVEDIR), 0);
	/* each of them has given its room back */
	assert_string_equal(quarantine_copy(&c, &error), "kept");
	quarantine_room_free(&room);
}

/* ---- room ---- */

static void
room_is_shared(void **state)
{
	struct quarantine_room *r = quarantine_room_open();
	uint64_t before;

	(void)state;
	assert_true(quarantine_room_take(r, 1, 60, 100));
	assert_false(quarantine_room_take(r, 2, 41, 100));
	assert_true(quarantine_room_take(r, 2, 40, 100));
	quarantine_room_give(r, 1, 60);
	assert_true(quarantine_room_take(r, 1, 60, 100));
	quarantine_room_kept(r, 1, 60);
	assert_false(quarantine_room_take(r, 1, 1, 100));
	/* the second dies over its 40 */
	quarantine_room_begin(r, 2);
	assert_true(quarantine_room_take(r, 1, 10, 100));
	quarantine_room_kept(r, 1, 10);
	/* 60 are found to be gone; what comes meanwhile is not forgotten */
	before = quarantine_room_count(r);
	assert_true(quarantine_room_take(r, 1, 5, 100));
	quarantine_room_kept(r, 1, 5);
	quarantine_room_counted(r, before, 10);
	assert_false(quarantine_room_take(r, 1, 86, 100));
	assert_true(quarantine_room_take(r, 1, 85, 100));
	quarantine_room_free(&r);
}

/* ---- the folder ---- */

static void
names(void **state)
{
	(void)state;
	assert_int_equal(quarantine_is(ID), QUARANTINE_IS_BYTES);
	assert_int_equal(quarantine_is(ID ".json"), QUARANTINE_IS_NOTE);
	assert_int_equal(quarantine_is(ID ".part"), QUARANTINE_IS_PART);
	assert_int_equal(quarantine_is(ID ".json.part"), QUARANTINE_IS_PART);
	assert_int_equal(quarantine_is(""), QUARANTINE_IS_NONE);
	assert_int_equal(quarantine_is(".."), QUARANTINE_IS_NONE);
	assert_int_equal(quarantine_is(ID "0"), QUARANTINE_IS_NONE);
	assert_int_equal(quarantine_is(ID ".jso"), QUARANTINE_IS_NONE);
	assert_int_equal(quarantine_is(ID ".json~"), QUARANTINE_IS_NONE);
	assert_int_equal(quarantine_is("../" ID), QUARANTINE_IS_NONE);
	assert_int_equal(
	    quarantine_is("01kate0000zzzzzzzzzzzzzzzz"), QUARANTINE_IS_NONE);
}

static void
what_is_old_goes(void **state)
{
	struct quarantine_swept w;

	(void)state;
	put(ID, "four", 100);
	put(ID ".json", "{}", 100);
	put(ID2, "fours", 10);
	put(ID2 ".json", "{}", 10);
	put("01KATE0000ZZZZZZZZZZZZZZZ1.part", "x", 3700);
	put("01KATE0000ZZZZZZZZZZZZZZZ2.part", "x", 100);
	put("mine", "x", 100000);
	assert_int_equal(quarantine_sweep(dir, 50 * 1000, &w), 0);
	assert_int_equal(w.gone, 1);
	assert_int_equal(w.stay, 1);
	assert_int_equal(w.bytes, 7);
	assert_int_equal(w.failed, 0);
	assert_string_equal(holds(ID), "");
	assert_string_equal(holds(ID2), "fours");
	assert_string_equal(holds("mine"), "x");
	assert_int_equal(files(), 4);
	/* for ever */
	assert_int_equal(quarantine_sweep(dir, 0, &w), 0);
	assert_int_equal(files(), 4);
	assert_int_equal(quarantine_sweep("/nonexistent", 1, &w), -1);
	assert_int_equal(errno, ENOENT);
}

/* ---- a net worker's ---- */

static void
a_mail_is_kept(void **state)
{
	struct house h;
	const char *note;

	(void)state;
	open_house(&h, dir, "");
	(void)keep(&h);
	/* its other owner may go at once */
	content_free(&h.content);
	loop_run(h.loop);
	assert_string_equal(told.how, "kept");
	assert_string_equal(holds(ID), "abc");
	note = holds(ID QUARANTINE_NOTE);
	assert_memory_equal(note, "{\"@timestamp\":\"", 15);
	assert_non_null(strstr(note, "\"quarantine\":\"kept\""));
	assert_non_null(strstr(note,
	    ",\"envelope\":{\"from\":\"a\\\"@example.org\",\"to\":["
	    "\"b@example.org\",\"c@example.org\"]}}\n"));
	assert_int_equal(told.times, 1);
	close_house(&h);
}

/* Whoever does not wait is not told, and the copy is given up or made. */
static void
cancelled(void **state)
{
	struct house h;
	struct keep *k;

	(void)state;
	open_house(&h, dir, "");
	k = keep(&h);
	quarantine_cancel(&k);
	assert_null(k);
	quarantine_cancel(&k);
	h.ev.id = ID2;
	(void)keep(&h);
	loop_run(h.loop); /* one after the other: the first is done with */
	assert_int_equal(told.times, 1);
	assert_string_equal(holds(ID2), "abc");
	assert_true(files() == 2 || files() == 4);
	close_house(&h);
}

/* It can never be written: its own words, once. */
static void
an_error(void **state)
{
	struct house h;

	(void)state;
	open_house(&h, dir, "");
	h.ev.id = "there/is/none";
	(void)keep(&h);
	loop_run(h.loop);
	assert_string_equal(told.how, "error");
	assert_int_equal(told.times, 1);
	assert_int_equal(files(), 0);
	close_house(&h);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(both_are_there),
	    TEST(out_of_a_file),
	    TEST(nothing_is_left_of_what_failed),
	    TEST(room_is_shared),
	    TEST(names),
	    TEST(what_is_old_goes),
	    TEST(a_mail_is_kept),
	    TEST(cancelled),
	    TEST(an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
