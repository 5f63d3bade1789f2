/*
 * t_jail: what a process can still do once it is shut in.  Each attempt runs
 * in a jailed child of its own, in both modes of temporary files.  The same is
 * asked of a real scan worker by tests/e2e/test_scan_jail.py.
 */
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/tree.h"
#include "scan/jail.h"

#define NOBODY 65534
#define TEMPORARY_SIZE (4u << 20)
#define COULD 0     /* an attempt that went through */
#define NO_JAIL 251 /* exit status of the child */
#define KILLED(s) (1000 + (s))

static enum jail_temporary mode;
static char dir[] = "/tmp/t_jail.XXXXXX";
static int sealed_memfd, readonly_file;
static pid_t myself;

typedef int attempt(const struct jail *j); /* COULD or an errno */

static struct jail_plan
plan(void)
{
	return (struct jail_plan){.temporary = mode,
	    .dir = dir,
	    .slot = 7,
	    .temporary_size = TEMPORARY_SIZE,
	    .memory = 256u << 20,
	    .descriptors = 64,
	    .uid = NOBODY,
	    .gid = NOBODY};
}

static _Noreturn void
in_jail(attempt *a)
{
	struct jail_plan p = plan();
	struct jail j;
	struct err e;

	if (jail_enter(&p, &j, &e) < 0 || jail_shut(&p, &j, &e) < 0) {
		dprintf(2, "no jail: %s\n", e.text);
		_exit(NO_JAIL);
	}
	_exit(a(&j));
}

/* The errno it met, COULD, or KILLED(signal). */
static int
outcome(attempt *a)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		in_jail(a);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return KILLED(WTERMSIG(status));
	assert_int_not_equal(WEXITSTATUS(status), NO_JAIL);
	return WEXITSTATUS(status);
}

/* ---- network, processes -------------------------------------------------- */

static int
make_socket(const struct jail *j)
{
	(void)j;
	return socket(AF_INET, SOCK_DGRAM, 0) < 0 ? errno : COULD;
}

static int
make_pair(const struct jail *j)
{
	int pair[2];

	(void)j;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ? errno : COULD;
}

static int
run_program(const struct jail *j)
{
	char *const argv[] = {(char[]){"true"}, NULL};

	(void)j;
	return execv("/bin/true", argv) < 0 ? errno : COULD;
}

static int
fork_one(const struct jail *j)
{
	(void)j;
	return fork() < 0 ? errno : COULD;
}

static void *
in_thread(void *arg)
{
	return arg;
}

static int
start_thread(const struct jail *j)
{
	pthread_t t;

	(void)j;
	return pthread_create(&t, NULL, in_thread, NULL);
}

static int
kill_parent(const struct jail *j)
{
	(void)j;
	return kill(myself, 0) < 0 ? errno : COULD;
}

static int
abort_itself(const struct jail *j)
{
	(void)j;
	abort();
}

static void
no_network_and_no_process(void **state)
{
	(void)state;
	assert_int_equal(outcome(make_socket), KILLED(SIGSYS));
	assert_int_equal(outcome(make_pair), KILLED(SIGSYS));
	assert_int_equal(outcome(run_program), KILLED(SIGSYS));
	assert_int_equal(outcome(fork_one), KILLED(SIGSYS));
	assert_int_equal(outcome(kill_parent), KILLED(SIGSYS));
	/* No thread either, but that one may ask for. */
	assert_int_equal(outcome(start_thread), ENOSYS);
	/* It may end itself, so that its death has the right name. */
	assert_int_equal(outcome(abort_itself), KILLED(SIGABRT));
}

/* ---- files --------------------------------------------------------------- */

static int
read_passwd(const struct jail *j)
{
	(void)j;
	return open("/etc/passwd", O_RDONLY) < 0 ? errno : COULD;
}

static int
list_root(const struct jail *j)
{
	(void)j;
	return open("/", O_RDONLY | O_DIRECTORY) < 0 ? errno : COULD;
}

static int
write_beside(const struct jail *j)
{
	char path[JAIL_PATH + 16];

	/* In a directory: its neighbour's; in a tmpfs: above it. */
	snprintf(path, sizeof(path), "%s/../escaped", j->tmpdir);
	return open(path, O_WRONLY | O_CREAT, 0600) < 0 ? errno : COULD;
}

static int
link_out(const struct jail *j)
{
	char path[JAIL_PATH + 16];

	snprintf(path, sizeof(path), "%s/link", j->tmpdir);
	return symlink("/etc/passwd", path) < 0 ? errno : COULD;
}

/* What archives' names and mails need, in both directions. */
static int
convert(const struct jail *j)
{
	char *in = (char[]){"\x83\x65"}, out[8], *to = out;
	size_t left = 2, room = sizeof(out);
	iconv_t from = iconv_open("UTF-16LE", "CP932");
	iconv_t plain = iconv_open("ANSI_X3.4-1968", "GB18030");

	(void)j;
	if (from == (iconv_t)-1 || plain == (iconv_t)-1 ||
	    iconv(from, &in, &left, &to, &room) == (size_t)-1)
		return errno;
	return memcmp(out, "\xc6\x30", 2) == 0 ? COULD : EILSEQ;
}

static void
what_libc_opens_late_is_there(void **state)
{
	(void)state;
	assert_int_equal(outcome(convert), COULD);
}

static void
no_file_of_others(void **state)
{
	(void)state;
	assert_int_equal(outcome(read_passwd), EACCES);
	assert_int_equal(outcome(list_root), EACCES);
	assert_int_equal(outcome(write_beside), EACCES);
	assert_int_equal(outcome(link_out), KILLED(SIGSYS));
}

static int
overwrite(int fd)
{
	return pwrite(fd, "X", 1, 0) < 0 ? errno : COULD;
}

static int
overwrite_memfd(const struct jail *j)
{
	(void)j;
	return overwrite(sealed_memfd);
}

static int
overwrite_file(const struct jail *j)
{
	(void)j;
	return overwrite(readonly_file);
}

static int
cut_memfd(const struct jail *j)
{
	(void)j;
	return ftruncate(sealed_memfd, 0) < 0 ? errno : COULD;
}

static int
cut_file(const struct jail *j)
{
	(void)j;
	return ftruncate(readonly_file, 0) < 0 ? errno : COULD;
}

static int
reopen_file(const struct jail *j)
{
	char path[64];

	(void)j;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", readonly_file);
	return open(path, O_WRONLY) < 0 ? errno : COULD;
}

static int
read_both(const struct jail *j)
{
	char a, b;

	(void)j;
	if (pread(sealed_memfd, &a, 1, 0) != 1 ||
	    pread(readonly_file, &b, 1, 0) != 1)
		return errno;
	return a == 'c' && b == 'c' ? COULD : EIO;
}

static void
a_content_can_be_read_and_not_changed(void **state)
{
	(void)state;
	assert_int_equal(outcome(read_both), COULD);
	assert_int_equal(outcome(overwrite_memfd), EPERM);
	assert_int_equal(outcome(cut_memfd), EPERM);
	assert_int_equal(outcome(overwrite_file), EBADF);
	assert_int_equal(outcome(cut_file), EINVAL);
	assert_int_equal(outcome(reopen_file), EACCES);
}

/* ---- temporary files ----------------------------------------------------- */

static int
open_in(const struct jail *j, const char *name)
{
	char path[JAIL_PATH + 64];

	snprintf(path, sizeof(path), "%s/%s", j->tmpdir, name);
	return open(path, O_RDWR | O_CREAT, 0600);
}

static int
use_temporary(const struct jail *j)
{
	char path[JAIL_PATH + 16], moved[JAIL_PATH + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/sub", j->tmpdir);
	if (mkdir(path, 0700) < 0)
		return errno;
	fd = open_in(j, "sub/file");
	if (fd < 0 || overwrite(fd) != COULD || ftruncate(fd, 0) < 0)
		return errno;
	snprintf(path, sizeof(path), "%s/sub/file", j->tmpdir);
	snprintf(moved, sizeof(moved), "%s/moved", j->tmpdir);
	if (rename(path, moved) < 0 || unlink(moved) < 0)
		return errno;
	snprintf(path, sizeof(path), "%s/sub", j->tmpdir);
	return rmdir(path) < 0 ? errno : COULD;
}

static int
fill(int fd, size_t most)
{
	static char bytes[65536];

	for (size_t done = 0; done < most; done += sizeof(bytes)) {
		if (write(fd, bytes, sizeof(bytes)) < 0)
			return errno;
	}
	return COULD;
}

static int
fill_one(const struct jail *j)
{
	return fill(open_in(j, "one"), TEMPORARY_SIZE * 2);
}

static int
fill_many(const struct jail *j)
{
	char name[2] = "a";
	int error = COULD;

	for (; error == COULD && name[0] < 'e'; name[0]++)
		error = fill(open_in(j, name), TEMPORARY_SIZE / 2);
	return error;
}

static void
temporary_files_have_a_place_and_an_end(void **state)
{
	(void)state;
	assert_int_equal(outcome(use_temporary), COULD);
	assert_int_equal(outcome(fill_one), EFBIG);
	if (mode == JAIL_MOUNT)
		assert_int_equal(outcome(fill_many), ENOSPC);
}

/* ---- memory, CPU, descriptors -------------------------------------------- */

static int
take_memory(const struct jail *j)
{
	(void)j;
	return mmap(NULL, 512u << 20, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
	    ? errno
	    : COULD;
}

static int
make_code(const struct jail *j)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)j;
	return mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0 ? errno : COULD;
}

static int
many_descriptors(const struct jail *j)
{
	(void)j;
	for (int i = 0; i < 100; i++) {
		if (dup(0) < 0)
			return errno;
	}
	return COULD;
}

static int
spin(const struct jail *j)
{
	struct rlimit l = {1, RLIM_INFINITY};

	(void)j;
	if (setrlimit(RLIMIT_CPU, &l) < 0)
		return errno;
	for (;;)
		continue;
}

static int
raise_limit(const struct jail *j)
{
	struct rlimit l = {1 << 30, 1 << 30};

	(void)j;
	return setrlimit(RLIMIT_FSIZE, &l) < 0 ? errno : COULD;
}

static void
memory_time_and_descriptors_have_an_end(void **state)
{
	(void)state;
	if (!WITH_ASAN)
		assert_int_equal(outcome(take_memory), ENOMEM);
	assert_int_equal(outcome(make_code), EACCES);
	assert_int_equal(outcome(many_descriptors), EMFILE);
	assert_int_equal(outcome(spin), KILLED(SIGXCPU));
	assert_int_equal(outcome(raise_limit), KILLED(SIGSYS));
}

/* ---- who it is ----------------------------------------------------------- */

static int
is_root(const struct jail *j)
{
	(void)j;
	return geteuid() == 0 ? COULD : EPERM;
}

static int
says_what_is_in_force(const struct jail *j)
{
	char text[JAIL_TEXT];
	const char *expected = mode == JAIL_MOUNT
	    ? " net=none tmp=mount"
	    : " net=seccomp tmp=directory";

	jail_text(j, text);
	return strncmp(text, "seccomp=yes landlock=", 21) == 0 &&
		strstr(text, expected) != NULL
	    ? COULD
	    : EINVAL;
}

static void
it_is_not_root_and_says_what_holds(void **state)
{
	(void)state;
	assert_int_equal(outcome(is_root), EPERM);
	assert_int_equal(outcome(says_what_is_in_force), COULD);
}

/* ---- around them --------------------------------------------------------- */

static int
make_contents(void **state)
{
	char path[64];
	int fd = memfd_create("content", MFD_ALLOW_SEALING);

	(void)state;
	myself = getpid();
	assert_int_equal(write(fd, "content", 7), 7);
	assert_int_equal(
	    fcntl(fd, F_ADD_SEALS,
		F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL),
	    0);
	sealed_memfd = fd;
	assert_non_null(mkdtemp(dir));
	/* Open to all: it is the descriptor that is read-only. */
	snprintf(path, sizeof(path), "%s/content", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0666);
	assert_int_equal(write(fd, "content", 7), 7);
	assert_int_equal(fchmod(fd, 0666), 0);
	close(fd);
	readonly_file = open(path, O_RDONLY);
	if (geteuid() == 0)
		assert_int_equal(chown(dir, NOBODY, NOBODY), 0);
	return 0;
}

static int
remove_all(void **state)
{
	struct err e;

	(void)state;
	return tree_remove(dir, &e);
}

static bool
can_mount(void)
{
	int status;
	pid_t pid;

	mode = JAIL_MOUNT;
	pid = fork();
	if (pid == 0) {
		struct jail_plan p = plan();
		struct jail j;

		_exit(jail_enter(&p, &j, NULL) < 0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static int
use_mount(void **state)
{
	(void)state;
	mode = JAIL_MOUNT;
	return 0;
}

static int
use_directory(void **state)
{
	(void)state;
	mode = JAIL_DIRECTORY;
	return 0;
}

#define IN(which, test) \
	{ \
#which " " #test, test, use_##which, NULL, NULL \
	}

int
main(void)
{
	const struct CMUnitTest mounted[] = {
	    IN(mount, no_network_and_no_process),
	    IN(mount, no_file_of_others),
	    IN(mount, what_libc_opens_late_is_there),
	    IN(mount, a_content_can_be_read_and_not_changed),
	    IN(mount, temporary_files_have_a_place_and_an_end),
	    IN(mount, memory_time_and_descriptors_have_an_end),
	    IN(mount, it_is_not_root_and_says_what_holds),
	};
	const struct CMUnitTest in_directory[] = {
	    IN(directory, no_network_and_no_process),
	    IN(directory, no_file_of_others),
	    IN(directory, what_libc_opens_late_is_there),
	    IN(directory, a_content_can_be_read_and_not_changed),
	    IN(directory, temporary_files_have_a_place_and_an_end),
	    IN(directory, memory_time_and_descriptors_have_an_end),
	    IN(directory, it_is_not_root_and_says_what_holds),
	};
	int failed;

	jail_warm_up();
	failed = cmocka_run_group_tests(in_directory, make_contents, NULL);

	/* Where the kernel forbids it there is nothing more to see. */
	if (can_mount())
		failed += cmocka_run_group_tests(mounted, NULL, NULL);
	else
		print_message("no tmpfs may be mounted here: not tested\n");
	return failed + (remove_all(NULL) < 0);
}
