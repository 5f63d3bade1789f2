/*
 * jail_seccomp: the system calls that are left, as an allow-list; any other
 * one kills the process.  The list is what the engines were seen to call over
 * the tests' corpus, and what libc may call in their place.  Descriptors come
 * in by recvmsg; nothing here makes a socket, a process or a name elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "scan/jail.h"

#define CALL(name) SCMP_SYS(name)
#define ARG_IS(n, value) SCMP_CMP64(n, SCMP_CMP_EQ, value, 0)

/* Of each group the first part was seen at work over the corpus; what follows
 * the mark is what libc, libclamav's Rust part and libarchive can call
 * in its place on another day. */
static const int allowed[] = {
    /* descriptors that are there */
    CALL(read), CALL(write), CALL(lseek), CALL(close), CALL(pread64),
    CALL(fcntl), CALL(poll), CALL(recvmsg), CALL(sendmsg),
    /* -- */
    CALL(readv), CALL(writev), CALL(pwrite64), CALL(dup), CALL(ftruncate),
    CALL(fsync), CALL(fstat),
    /* names: landlock says which */
    CALL(openat), CALL(newfstatat), CALL(getdents64), CALL(mkdir), CALL(rmdir),
    CALL(unlink), CALL(chmod),
    /* -- */
    CALL(open), CALL(stat), CALL(lstat), CALL(statx), CALL(access),
    CALL(unlinkat), CALL(rename), CALL(readlink), CALL(getcwd),
    /* memory; mmap and mprotect below */
    CALL(munmap), CALL(brk),
    /* -- */
    CALL(mremap), CALL(madvise),
    /* itself; prlimit64 below */
    CALL(clock_gettime), CALL(futex), CALL(getrandom), CALL(exit_group),
    /* -- */
    CALL(gettimeofday), CALL(time), CALL(times), CALL(getpid), CALL(gettid),
    CALL(getuid), CALL(geteuid), CALL(sysinfo), CALL(sched_getaffinity),
    CALL(sched_yield), CALL(restart_syscall), CALL(rt_sigreturn),
    CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(exit)};

/* No name, no file, nothing of anybody else's. */
static const int bare[] = {CALL(read), CALL(write), CALL(writev), CALL(close),
    CALL(poll), CALL(ppoll), CALL(recvfrom), CALL(recvmsg), CALL(sendto),
    CALL(sendmsg), CALL(munmap), CALL(brk), CALL(mremap), CALL(madvise),
    CALL(clock_gettime), CALL(gettimeofday), CALL(time), CALL(futex),
    CALL(getrandom), CALL(getpid), CALL(gettid), CALL(restart_syscall),
    CALL(rt_sigreturn), CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(exit),
    CALL(exit_group)};

/* Memory that can be executed: what is loaded by now is all there will be. */
static int
add_memory(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp plain =
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp exec =
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC);
	const int calls[] = {CALL(mmap), CALL(mprotect)};
	int failed = 0;

	for (size_t i = 0; i < 2 && failed == 0; i++) {
		failed = seccomp_rule_add_array(
		    f, SCMP_ACT_ALLOW, calls[i], 1, &plain);
		if (failed == 0)
			failed = seccomp_rule_add_array(
			    f, SCMP_ACT_ERRNO(EACCES), calls[i], 1, &exec);
	}
	return failed;
}

/* Its own CPU limit, which is moved on before each job. */
static int
add_limits(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp cpu[] = {ARG_IS(0, 0), ARG_IS(1, RLIMIT_CPU)};
	const struct scmp_arg_cmp ask[] = {ARG_IS(0, 0), ARG_IS(2, 0)};
	int failed =
	    seccomp_rule_add_array(f, SCMP_ACT_ALLOW, CALL(prlimit64), 2, cpu);

	if (failed == 0)
		failed = seccomp_rule_add_array(
		    f, SCMP_ACT_ALLOW, CALL(prlimit64), 2, ask);
	return failed;
}

/* abort() signals itself, so that the armoury sees SIGABRT. */
static int
add_abort(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp self = ARG_IS(0, (scmp_datum_t)getpid());

	return seccomp_rule_add_array(
	    f, SCMP_ACT_ALLOW, CALL(tgkill), 1, &self);
}

/*
 * isatty() and friends hear that nothing is a terminal.  A library that wants
 * threads hears that there are none (image decoders go on without); clone3's
 * flags cannot be seen from here, and libc tries clone after ENOSYS.  A new
 * process is the default: death.
 */
static int
add_polite(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp thread =
	    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
	int failed =
	    seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOTTY), CALL(ioctl), 0);

	if (failed == 0)
		failed = seccomp_rule_add(
		    f, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);
	if (failed == 0)
		failed = seccomp_rule_add_array(
		    f, SCMP_ACT_ERRNO(ENOSYS), CALL(clone), 1, &thread);
	return failed;
}

/* What AddressSanitizer calls to say what it found. */
static int
add_sanitizer(scmp_filter_ctx f)
{
	const int calls[] = {CALL(sigaltstack), CALL(getrusage), CALL(prctl)};
	int failed = 0;

	for (size_t i = 0; WITH_ASAN && i < 3 && failed == 0; i++)
		failed = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
	return failed;
}

static int
fill(scmp_filter_ctx f, const int *calls, size_t n)
{
	int failed = 0;

	for (size_t i = 0; i < n; i++) {
		if (failed == 0)
			failed =
			    seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
	}
	if (failed == 0)
		failed = add_memory(f);
	if (failed == 0)
		failed = add_abort(f);
	if (failed == 0)
		failed = add_polite(f);
	if (failed == 0)
		failed = add_sanitizer(f);
	return failed;
}

static int
shut(const int *calls, size_t n, bool limits, struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int failed;

	if (f == NULL)
		return err_set(e, "seccomp: out of memory");
	/* A tree instead of a list: a dozen comparisons for each call. */
	(void)seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	failed =
	    seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (failed == 0)
		failed = fill(f, calls, n);
	if (failed == 0 && limits)
		failed = add_limits(f);
	if (failed == 0)
		failed = seccomp_load(f);
	seccomp_release(f);
	return failed < 0 ? err_set(e, "seccomp: %s", strerror(-failed)) : 0;
}

int
seccomp_shut(struct err *e)
{
	return shut(allowed, sizeof(allowed) / sizeof(*allowed), true, e);
}

int
seccomp_bare(struct err *e)
{
	return shut(bare, sizeof(bare) / sizeof(*bare), false, e);
}
