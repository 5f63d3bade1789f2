/*
 * t_jail_bare: what the signer can still do: talk over what it has, and have
 * memory.  Each attempt runs in a jailed child of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/fdpass.h"
#include "scan/jail.h"

#define NOBODY 65534
#define COULD 0
#define NO_JAIL 251 /* exit status of the child */
#define KILLED(s) (1000 + (s))

static int pair[2]; /* pair[1] is the child's */
static pid_t myself;

typedef int attempt(void); /* COULD or an errno */

static _Noreturn void
in_jail(attempt *a)
{
	struct jail j;
	struct err e;

	if (geteuid() == 0 &&
	    (setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0))
		_exit(NO_JAIL);
	if (jail_bare(&j, &e) < 0) {
		dprintf(2, "no jail: %s\n", e.text);
		_exit(NO_JAIL);
	}
	_exit(a());
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

/* ---- what it is there for ---- */

static int
talk(void)
{
	struct pollfd p = {.fd = pair[1], .events = POLLIN};
	char text[16];
	unsigned n;
	int fd;

	if (poll(&p, 1, 5000) != 1 ||
	    fdpass_recv(pair[1], text, sizeof(text), &fd, 1, &n) != 5 || n != 1)
		return errno == 0 ? EIO : errno;
	if (write(fd, "well", 4) != 4 || close(fd) < 0 ||
	    send(pair[1], text, 5, MSG_DONTWAIT | MSG_NOSIGNAL) != 5)
		return errno;
	return COULD;
}

static void
test_talks_and_takes_descriptors(void **state)
{
	char text[16] = "";
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fdpass_send(pair[0], "hello", 5, &ends[1], 1), 0);
	assert_int_equal(outcome(talk), COULD);
	assert_int_equal(read(ends[0], text, sizeof(text)), 4);
	assert_int_equal(recv(pair[0], text, sizeof(text), 0), 5);
	close(ends[0]);
	close(ends[1]);
}

static int
have_memory(void)
{
	char *large = malloc(8u << 20), *small = malloc(100);
	unsigned char random[16];

	if (large == NULL || small == NULL)
		return ENOMEM;
	memset(large, 1, 8u << 20);
	free(large);
	free(small);
	if (getrandom(random, sizeof(random), 0) != sizeof(random) ||
	    time(NULL) < 0)
		return errno;
	return COULD;
}

static void
test_has_memory_time_and_chance(void **state)
{
	(void)state;
	assert_int_equal(outcome(have_memory), COULD);
}

/* ---- and nothing else ---- */

static int
open_file(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 ? errno : COULD;
}

static int
look_at_file(void)
{
	struct stat st;

	return stat("/etc/passwd", &st) < 0 ? errno : COULD;
}

static int
make_file(void)
{
	return open("/tmp/t_jail_bare", O_WRONLY | O_CREAT, 0600) < 0 ? errno
								      : COULD;
}

static int
make_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : COULD;
}

static int
make_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : COULD;
}

static int
fork_one(void)
{
	return fork() < 0 ? errno : COULD;
}

static int
run_program(void)
{
	char *const argv[] = {(char[]){"true"}, NULL};

	return execv("/bin/true", argv) < 0 ? errno : COULD;
}

static int
kill_parent(void)
{
	return kill(myself, SIGTERM) < 0 ? errno : COULD;
}

static int
trace_parent(void)
{
	return ptrace(PTRACE_SEIZE, myself, 0, 0) < 0 ? errno : COULD;
}

static int
be_dumped(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ? errno : COULD;
}

static void
test_is_killed_over_it(void **state)
{
	static const struct {
		const char *what;
		attempt *a;
	} tries[] = {{"open", open_file}, {"stat", look_at_file},
	    {"create", make_file}, {"socket", make_socket},
	    {"unix socket", make_unix_socket}, {"fork", fork_one},
	    {"exec", run_program}, {"kill", kill_parent},
	    {"ptrace", trace_parent}};

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		int is = outcome(tries[i].a);

		if (is != KILLED(SIGSYS))
			fail_msg("%s: %d", tries[i].what, is);
	}
	/* AddressSanitizer needs that call itself */
	if (!WITH_ASAN)
		assert_int_equal(outcome(be_dumped), KILLED(SIGSYS));
}

static int
get_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : COULD;
}

static void
test_gets_nothing_to_execute(void **state)
{
	(void)state;
	assert_int_equal(outcome(get_executable), EACCES);
}

static int
never(void)
{
	return COULD;
}

/* Who is still root has forgotten something. */
static void
test_root_is_refused(void **state)
{
	struct jail j;
	struct err e;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(jail_bare(&j, &e), -1);
	assert_string_equal(e.text, "still root");
	assert_int_equal(outcome(never), COULD);
}

static int
set_up(void **state)
{
	(void)state;
	myself = getpid();
	return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_talks_and_takes_descriptors),
	    cmocka_unit_test(test_has_memory_time_and_chance),
	    cmocka_unit_test(test_is_killed_over_it),
	    cmocka_unit_test(test_gets_nothing_to_execute),
	    cmocka_unit_test(test_root_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
