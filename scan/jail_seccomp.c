/*
 * jail_seccomp: the system calls that are left, as an allow-list; any other
 * one kills the process.  The list is what the engines were seen to call over
 * the tests' corpus, and what libc may call in their place.  Descriptors come
 * in by recvmsg; nothing here makes a socket, a process or a name elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "scan/jail.h"

#define CALL(name) SCMP_SYS(name)

static const int allowed[] = {
    /* descriptors */
    CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(pread64),
    CALL(pwrite64), CALL(lseek), CALL(close), CALL(dup), CALL(fcntl),
    CALL(fstat), CALL(ftruncate), CALL(fsync), CALL(poll), CALL(ppoll),
    CALL(recvmsg), CALL(sendmsg), CALL(recvfrom), CALL(sendto),
    /* names; landlock says which */
    CALL(open), CALL(openat), CALL(stat), CALL(lstat), CALL(newfstatat),
    CALL(statx), CALL(access), CALL(faccessat), CALL(faccessat2), CALL(unlink),
    CALL(unlinkat), CALL(mkdir), CALL(mkdirat), CALL(rmdir), CALL(rename),
    CALL(renameat), CALL(renameat2), CALL(chmod), CALL(fchmod), CALL(fchmodat),
    CALL(getdents64), CALL(getcwd), CALL(readlink), CALL(readlinkat),
    CALL(umask), CALL(utimensat), CALL(statfs), CALL(fstatfs),
    /* memory */
    CALL(munmap), CALL(mremap), CALL(madvise), CALL(brk), CALL(membarrier),
    /* time and self */
    CALL(clock_gettime), CALL(clock_getres), CALL(gettimeofday), CALL(time),
    CALL(times), CALL(getrusage), CALL(clock_nanosleep), CALL(nanosleep),
    CALL(getrandom), CALL(getpid), CALL(gettid), CALL(getuid), CALL(geteuid),
    CALL(getgid), CALL(getegid), CALL(uname), CALL(sysinfo), CALL(sched_yield),
    CALL(sched_getaffinity), CALL(futex), CALL(set_robust_list), CALL(rseq),
    CALL(restart_syscall), CALL(rt_sigreturn), CALL(rt_sigaction),
    CALL(rt_sigprocmask), CALL(sigaltstack), CALL(exit), CALL(exit_group)};

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
	const struct scmp_arg_cmp cpu[] = {
	    SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A1(SCMP_CMP_EQ, RLIMIT_CPU)};
	const struct scmp_arg_cmp ask[] = {
	    SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0)};
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
	const struct scmp_arg_cmp self =
	    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid());

	return seccomp_rule_add_array(
	    f, SCMP_ACT_ALLOW, CALL(tgkill), 1, &self);
}

/* isatty() and friends hear that nothing is a terminal. */
static int
add_polite(scmp_filter_ctx f)
{
	return seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOTTY), CALL(ioctl), 0);
}

static int
fill(scmp_filter_ctx f)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
		if (failed == 0)
			failed =
			    seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
	}
	if (failed == 0)
		failed = add_memory(f);
	if (failed == 0)
		failed = add_limits(f);
	if (failed == 0)
		failed = add_abort(f);
	if (failed == 0)
		failed = add_polite(f);
	return failed;
}

int
seccomp_shut(struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int failed;

	if (f == NULL)
		return err_set(e, "seccomp: out of memory");
	/* A tree instead of a list: a dozen comparisons for each call. */
	(void)seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	failed = seccomp_attr_set(
	    f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (failed == 0)
		failed = fill(f);
	if (failed == 0)
		failed = seccomp_load(f);
	seccomp_release(f);
	return failed < 0 ? err_set(e, "seccomp: %s", strerror(-failed)) : 0;
}
