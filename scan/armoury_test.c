/*
 * armoury_test: `sallyport-armoury --self-test-jail`: what a real scan worker,
 * engines entered and all, can still do.  Each attempt has a worker of its
 * own, for most end it; the answers go to standard output, one a line.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/check.h"
#include "proxy/base/fdpass.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/base/tree.h"
#include "scan/armoury.h"

#define FILL_STEP (1u << 20)
#define TEST_TEMPORARY (UINT64_C(16) << 20) /* so that it is soon full */

struct trial {
	int memfd, file; /* contents as a gateway hands them over */
	const struct jail_plan *plan;
	pid_t outside; /* our own process, which it may not signal */
};

/* What an attempt says of itself: the errno it met; 0: it could. */
typedef int attempt(const struct trial *t, const char *tmpdir);

/* Of a call that gives a descriptor; nothing is closed: it ends soon. */
static int
refused(int fd)
{
	return fd < 0 ? errno : 0;
}

static int
unmapped(const void *p)
{
	return p == MAP_FAILED ? errno : 0;
}

static int
try_socket(const struct trial *t, const char *tmpdir)
{
	(void)t;
	(void)tmpdir;
	return refused(socket(AF_INET, SOCK_STREAM, 0));
}

static int
try_unix_socket(const struct trial *t, const char *tmpdir)
{
	(void)t;
	(void)tmpdir;
	return refused(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int
try_passwd(const struct trial *t, const char *tmpdir)
{
	(void)t;
	(void)tmpdir;
	return refused(open("/etc/passwd", O_RDONLY));
}

static int
try_make_outside(const struct trial *t, const char *tmpdir)
{
	(void)t;
	(void)tmpdir;
	return refused(
	    open("/tmp/sallyport-escaped", O_WRONLY | O_CREAT, 0600));
}

static int
write_to(int fd)
{
	return pwrite(fd, "X", 1, 0) < 0 ? errno : 0;
}

static int
try_write_memfd(const struct trial *t, const char *tmpdir)
{
	(void)tmpdir;
	return write_to(t->memfd);
}

static int
try_write_file(const struct trial *t, const char *tmpdir)
{
	(void)tmpdir;
	return write_to(t->file);
}

static int
try_cut_memfd(const struct trial *t, const char *tmpdir)
{
	(void)tmpdir;
	return ftruncate(t->memfd, 0) < 0 ? errno : 0;
}

static int
try_cut_file(const struct trial *t, const char *tmpdir)
{
	(void)tmpdir;
	return ftruncate(t->file, 0) < 0 ? errno : 0;
}

/* A new opening of the same file, by the door that /proc has. */
static int
try_reopen_file(const struct trial *t, const char *tmpdir)
{
	char path[64];

	(void)tmpdir;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", t->file);
	return refused(open(path, O_RDWR));
}

static int
try_map_memfd(const struct trial *t, const char *tmpdir)
{
	(void)tmpdir;
	return unmapped(
	    mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, t->memfd, 0));
}

static int
try_exec(const struct trial *t, const char *tmpdir)
{
	char *const argv[] = {"true", NULL};

	(void)t;
	(void)tmpdir;
	return execv("/bin/true", argv) < 0 ? errno : 0;
}

static int
try_fork(const struct trial *t, const char *tmpdir)
{
	(void)t;
	(void)tmpdir;
	return fork() < 0 ? errno : 0;
}

static int
try_kill(const struct trial *t, const char *tmpdir)
{
	(void)tmpdir;
	return kill(t->outside, 0) < 0 ? errno : 0;
}

static int
try_ptrace(const struct trial *t, const char *tmpdir)
{
	(void)tmpdir;
	return ptrace(PTRACE_ATTACH, t->outside, 0, 0) < 0 ? errno : 0;
}

static int
try_code(const struct trial *t, const char *tmpdir)
{
	(void)t;
	(void)tmpdir;
	return unmapped(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static int
open_in(const char *tmpdir, int nth)
{
	char path[JAIL_PATH + 16];

	snprintf(path, sizeof(path), "%s/%d", tmpdir, nth);
	return open(path, O_RDWR | O_CREAT, 0600);
}

static int
try_temporary(const struct trial *t, const char *tmpdir)
{
	int fd = open_in(tmpdir, 0);
	char back = 0;

	(void)t;
	if (fd < 0 || write_to(fd) != 0 || pread(fd, &back, 1, 0) != 1)
		return errno;
	return back == 'X' ? 0 : EIO;
}

/* The errno that ends one file which only grows. */
static int
fill(int fd, uint64_t most)
{
	char *bytes = xcalloc(1, FILL_STEP);
	uint64_t done = 0;
	ssize_t n = 0;
	int error = 0;

	while (error == 0 && done <= most) {
		n = write(fd, bytes, FILL_STEP);
		error = n < 0 ? errno : 0;
		done += n > 0 ? (uint64_t)n : 0;
	}
	free(bytes);
	return error;
}

static int
try_fill(const struct trial *t, const char *tmpdir)
{
	int fd = open_in(tmpdir, 0);

	return fd < 0 ? errno : fill(fd, t->plan->temporary_size);
}

/* Several files, none of which is too large; a tmpfs is full some time, in a
 * directory the armoury counts. */
static int
try_fill_many(const struct trial *t, const char *tmpdir)
{
	int error = 0;

	for (int i = 0; i < 8 && error == 0; i++) {
		int fd = open_in(tmpdir, i);

		error = fd < 0 ? errno : fill(fd, t->plan->temporary_size / 2);
	}
	return error;
}

/* ---- around them --------------------------------------------------------- */

static const struct {
	const char *name;
	attempt *attempt;
} attempts[] = {
    {"socket-inet", try_socket},
    {"socket-unix", try_unix_socket},
    {"open-etc-passwd", try_passwd},
    {"create-outside", try_make_outside},
    {"write-memfd", try_write_memfd},
    {"truncate-memfd", try_cut_memfd},
    {"map-memfd-writable", try_map_memfd},
    {"write-spool-file", try_write_file},
    {"truncate-spool-file", try_cut_file},
    {"reopen-spool-file", try_reopen_file},
    {"exec", try_exec},
    {"fork", try_fork},
    {"kill-armoury", try_kill},
    {"ptrace-armoury", try_ptrace},
    {"map-code", try_code},
    {"temporary-file", try_temporary},
    {"fill-temporary", try_fill},
    {"fill-temporary-many", try_fill_many},
};

struct call {
	attempt *attempt;
	struct trial trial;
};

/* The descriptors come as a gateway would send them. */
static int
work(struct scan_worker *w, void *arg)
{
	struct call *c = arg;
	int fds[2], error;
	unsigned n;
	char go;

	if (fdpass_recv(w->control, &go, 1, fds, 2, &n) != 1 || n != 2)
		return WORKER_BAD_JOB;
	c->trial.memfd = fds[0];
	c->trial.file = fds[1];
	error = c->attempt(&c->trial, w->tmpdir);
	if (fdpass_send(w->control, &error, sizeof(error), NULL, 0) < 0)
		return WORKER_BAD_JOB;
	return WORKER_DONE;
}

static void
print_answer(const char *name, int control, pid_t pid)
{
	int error, status;
	unsigned n;
	ssize_t len = fdpass_recv(control, &error, sizeof(error), NULL, 0, &n);

	MUST(waitpid(pid, &status, 0) == pid);
	printf("%s: ", name);
	if (len == (ssize_t)sizeof(error) && error == 0)
		printf("ok\n");
	else if (len == (ssize_t)sizeof(error))
		printf("%s\n", strerrorname_np(error));
	else if (WIFSIGNALED(status))
		printf("killed SIG%s\n", sigabbrev_np(WTERMSIG(status)));
	else
		printf("status %d\n", WEXITSTATUS(status));
}

static int
run_one(size_t nth, struct cell *cell, struct call *call, const int *fds)
{
	struct cell_up up;
	unsigned n;
	int pair[2];
	pid_t pid;

	call->attempt = attempts[nth].attempt;
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	cell->control = pair[1];
	fflush(stdout);
	pid = cell_fork(cell);
	close(pair[1]);
	if (pid < 0 ||
	    fdpass_recv(pair[0], &up, sizeof(up), NULL, 0, &n) !=
		(ssize_t)sizeof(up) ||
	    !up.ok) {
		printf("no jail: %s\n", up.text);
		return -1;
	}
	if (nth == 0)
		printf("jail: %s\n", up.text);
	MUST(fdpass_send(pair[0], "g", 1, fds, 2) == 0);
	print_answer(attempts[nth].name, pair[0], pid);
	close(pair[0]);
	return 0;
}

/* Two sealed spools: one in memory, one in a file. */
static struct spool *
sealed(struct spool_house *house, size_t size)
{
	struct spool *s = spool_open(house, size);
	char *bytes = xcalloc(1, size);

	MUST(spool_write(s, bytes, size) == 0 && spool_seal(s) == 0);
	free(bytes);
	return s;
}

static void
run_all(struct cell *cell)
{
	struct spool_house house = {.dir = cell->plan.dir,
	    .memory_each = 4096,
	    .memory_max = 1 << 20,
	    .disk_max = 1 << 20};
	struct spool *small = sealed(&house, 1000);
	struct spool *large = sealed(&house, 100000);
	static struct call call;
	const int fds[2] = {spool_fd(small), spool_fd(large)};

	call.trial.plan = &cell->plan;
	call.trial.outside = getpid();
	cell->work = work;
	cell->arg = &call;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
		if (run_one(i, cell, &call, fds) < 0)
			break;
	}
	spool_free(&small);
	spool_free(&large);
}

int
armoury_self_test(const struct armoury_args *a)
{
	struct cell cell = {.title = "sallyport: jail", .say = -1};
	struct conf *conf = a->conf_fd >= 0 ? conf_from_fd(a->conf_fd, NULL)
					    : conf_load(NULL, stderr);
	char dir[] = "/tmp/sallyport-jail.XXXXXX";
	struct err e;

	cell.inspector = conf == NULL ? NULL : inspector_open(conf, &e);
	if (cell.inspector == NULL || mkdtemp(dir) == NULL)
		return SCAN_ERROR;
	jail_warm_up();
	cell_plan(conf, &cell.plan);
	cell.plan.dir = dir;
	cell.plan.temporary_size = TEST_TEMPORARY;
	if (a->temporary != NULL)
		cell.plan.temporary = strcmp(a->temporary, "mount") == 0
		    ? JAIL_MOUNT
		    : JAIL_DIRECTORY;
	if (geteuid() == 0)
		MUST(chown(dir, cell.plan.uid, cell.plan.gid) == 0);
	run_all(&cell);
	if (tree_remove(dir, &e) < 0)
		log_warn(0, "temporary files: %s", e.text);
	inspector_close(&cell.inspector);
	conf_free(&conf);
	return 0;
}
