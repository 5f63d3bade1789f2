/*
 * t_smtp_maildir: a mail in a maildir: whole, under a name of its own, in new/
 * and nowhere else; and nothing is left of one that failed.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocols/smtp/smtp_maildir.h"
#include "proxy/mail_head.h"

static char base[64], box[96];

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(base, sizeof(base), "/tmp/t_smtp_maildir.XXXXXX");
	assert_non_null(mkdtemp(base));
	(void)snprintf(box, sizeof(box), "%s/box", base);
	return 0;
}

/* How many files are in box/folder; the last one's path in path_r. */
static unsigned
count(const char *folder, char path_r[512], bool remove)
{
	char dir[128];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	(void)snprintf(dir, sizeof(dir), "%s/%s", box, folder);
	d = opendir(dir);
	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path_r, 512, "%s/%s", dir, e->d_name);
		if (remove)
			assert_int_equal(unlink(path_r), 0);
		n++;
	}
	(void)closedir(d);
	return n;
}

static int
teardown(void **state)
{
	static const char *const folders[] = {"tmp", "new", "cur"};
	char path[512];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		(void)count(folders[i], path, true);
		(void)snprintf(path, sizeof(path), "%s/%s", box, folders[i]);
		(void)rmdir(path);
	}
	(void)rmdir(box);
	return rmdir(base);
}

static struct content *
a_content(const char *text, size_t len)
{
	struct spool *s = spool_over(text, len);

	return content_over(&s, CONTENT_MAIL, "mail.eml");
}

static int
put(const char *text, const struct mail_head *head, struct err *e)
{
	struct content *c = a_content(text, strlen(text));
	int is = smtp_maildir_put(box, slice_of("Top: 1\r\n"), c, head, e);
	int why = errno;

	content_free(&c);
	errno = why;
	return is;
}

static void
folders_are_made(void **state)
{
	char path[128];
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(smtp_maildir_make(box, &e), 0);
	assert_int_equal(smtp_maildir_make(box, &e), 0);
	(void)snprintf(path, sizeof(path), "%s/new", box);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(smtp_maildir_make("/proc/no/such/place", &e), -1);
	assert_non_null(strstr(e.text, "/proc/no/such/place"));
}

static void
a_mail_is_whole(void **state)
{
	const char *mail = "A: 1\r\nX-Sallyport: x\r\nB: 2\r\n\r\n.body\r\n";
	const char *want = "Top: 1\r\nA: 1\r\nB: 2\r\n\r\n.body\r\n";
	struct mail_head h;
	char path[512], text[512];
	struct err e;
	ssize_t n;
	int fd;

	(void)state;
	assert_int_equal(smtp_maildir_make(box, &e), 0);
	mail_head_init(&h);
	mail_head(&h, mail, strlen(mail));
	mail_head_end(&h);
	assert_int_equal(put(mail, &h, &e), 0);
	assert_int_equal(count("new", path, false), 1);
	assert_int_equal(count("tmp", text, false), 0);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(text, want, (size_t)n);
}

static void
names_are_unique(void **state)
{
	struct mail_head h;
	char path[512];
	struct err e;

	(void)state;
	mail_head_init(&h);
	assert_int_equal(smtp_maildir_make(box, &e), 0);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(put("a\r\n", &h, &e), 0);
	assert_int_equal(count("new", path, false), 50);
	assert_non_null(strrchr(path, '/'));
	assert_null(strchr(strrchr(path, '/'), ':'));
}

static void
a_failure_leaves_nothing(void **state)
{
	struct rlimit before, small;
	struct mail_head h;
	char path[512];
	struct err e;
	int is, why;

	(void)state;
	mail_head_init(&h);
	errno = 0;
	assert_int_equal(put("a\r\n", &h, &e), -1); /* no folders yet */
	assert_int_equal(errno, ENOENT);
	assert_int_equal(smtp_maildir_make(box, &e), 0);
	/* a file that must not grow stands for a disk that is full */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 10;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	is = put("more than ten bytes\r\n", &h, &e);
	why = errno;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(is, -1);
	assert_int_equal(why, EFBIG);
	assert_int_equal(count("tmp", path, false), 0);
	assert_int_equal(count("new", path, false), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(folders_are_made, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_mail_is_whole, setup, teardown),
	    cmocka_unit_test_setup_teardown(names_are_unique, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_failure_leaves_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
