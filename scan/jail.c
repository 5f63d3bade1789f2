/*
 * jail: takes away, in this order: root, the network and the mount table of
 * the others, the place for files of the others; then, when the engines are
 * ready, capabilities, limits, files (jail_landlock) and system calls
 * (jail_seccomp).  A part that this kernel lacks is left out and jail_text()
 * says so; a part that fails where it should not is an error.
 */
#include "scan/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <iconv.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/log.h"

#define TMPFS_FILES 200000 /* in one worker's tmpfs: inodes are memory too */
#define CAPS_MAX 64

/* Character sets that mail, archives and office files use.  libc loads a
 * module for each when it is first asked; later no file can be opened. */
static const char *const charsets[] = {"UTF-8", "UTF-16", "UTF-16LE",
    "UTF-16BE", "UTF-32", "UTF-32LE", "UTF-32BE", "UCS-2", "UCS-4", "UTF-7",
    "ISO-8859-1", "ISO-8859-2", "ISO-8859-5", "ISO-8859-7", "ISO-8859-9",
    "ISO-8859-15", "KOI8-R", "KOI8-U", "IBM437", "IBM850", "IBM866", "CP932",
    "SJIS", "EUC-JP", "ISO-2022-JP", "BIG5", "GBK", "GB18030", "EUC-KR", "UHC",
    "CP1250", "CP1251", "CP1252", "CP1253", "CP1254", "CP1255", "CP1256",
    "CP1257", "CP1258", "MACINTOSH", "US-ASCII"};

#define CHARSETS (sizeof(charsets) / sizeof(*charsets))

/* Kept for good: a module that nobody uses would be unloaded. */
static void *volatile kept[CHARSETS];

void
jail_warm_up(void)
{
	for (size_t i = 0; i < CHARSETS; i++)
		kept[i] = iconv_open("UTF-8", charsets[i]);
	tzset();
}

/* ---- entering ------------------------------------------------------------ */

static int
leave_root(const struct jail_plan *p, struct err *e)
{
	if (geteuid() != 0)
		return 0;
	if (p->uid == 0 || p->gid == 0)
		return err_set(e, "no user to become in place of root");
	if (setgroups(0, NULL) < 0 || setresgid(p->gid, p->gid, p->gid) < 0 ||
	    setresuid(p->uid, p->uid, p->uid) < 0)
		return err_set(e, "uid %u: %s", p->uid, strerror(errno));
	/* Else /proc/self belongs to root, and a user namespace needs it. */
	prctl(PR_SET_DUMPABLE, 1);
	return 0;
}

static int
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, len);
	close(fd);
	return n == (ssize_t)len ? 0 : -1;
}

/* A user namespace in which we are who we are, and what it allows to have. */
static int
new_namespaces(struct err *e)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) <
	    0)
		return err_set(e, "namespaces: %s", strerror(errno));
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	if (write_file("/proc/self/uid_map", map) < 0)
		return err_set(e, "uid_map: %s", strerror(errno));
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	if (write_file("/proc/self/setgroups", "deny") < 0 ||
	    write_file("/proc/self/gid_map", map) < 0)
		return err_set(e, "gid_map: %s", strerror(errno));
	return 0;
}

static int
mount_tmpfs(const struct jail_plan *p, struct err *e)
{
	char options[96];

	snprintf(options, sizeof(options), "size=%ju,nr_inodes=%d,mode=0700",
	    (uintmax_t)p->temporary_size, TMPFS_FILES);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("sallyport", p->dir, "tmpfs",
		MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME, options) < 0)
		return err_set(
		    e, "mount tmpfs %s: %s", p->dir, strerror(errno));
	return 0;
}

static int
make_directory(const struct jail_plan *p, struct jail *j, struct err *e)
{
	int n =
	    snprintf(j->tmpdir, sizeof(j->tmpdir), "%s/%u", p->dir, p->slot);

	if (n < 0 || (size_t)n >= sizeof(j->tmpdir))
		return err_set(e, "%s: too long a path", p->dir);
	if (mkdir(j->tmpdir, 0700) < 0 && errno != EEXIST)
		return err_set(e, "mkdir %s: %s", j->tmpdir, strerror(errno));
	return 0;
}

/* Sets j->no_net and j->mounted as far as it comes.  0: a tmpfs is there. */
static int
try_mount(const struct jail_plan *p, struct jail *j, struct err *e)
{
	if (new_namespaces(e) < 0)
		return -1;
	j->no_net = true;
	if (mount_tmpfs(p, e) < 0)
		return -1;
	j->mounted = true;
	if (snprintf(j->tmpdir, sizeof(j->tmpdir), "%s", p->dir) < JAIL_PATH)
		return 0;
	return err_set(e, "%s: too long a path", p->dir);
}

int
jail_enter(const struct jail_plan *p, struct jail *j_r, struct err *e)
{
	struct err why;

	memset(j_r, 0, sizeof(*j_r));
	umask(077);
	if (leave_root(p, e) < 0)
		return -1;
	if (p->temporary == JAIL_DIRECTORY)
		return make_directory(p, j_r, e);
	if (try_mount(p, j_r, &why) == 0)
		return 0;
	if (p->temporary == JAIL_MOUNT)
		return err_set(e, "%s", why.text);
	log_info(0, "jail has no tmpfs error=\"%s\"", log_quote(why.text));
	return make_directory(p, j_r, e);
}

/* ---- shutting ------------------------------------------------------------ */

static int
drop_capabilities(struct err *e)
{
	struct __user_cap_header_struct head = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof(none));
	/* Without CAP_SETPCAP this fails, and there is nothing to drop. */
	for (unsigned long cap = 0; cap < CAPS_MAX; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, none) < 0)
		return err_set(e, "capset: %s", strerror(errno));
	return 0;
}

static int
set_limit(int what, const char *word, uint64_t most, struct err *e)
{
	struct rlimit now, l;

	if (getrlimit((__rlimit_resource_t)what, &now) < 0)
		return err_set(e, "getrlimit %s: %s", word, strerror(errno));
	l.rlim_max = most < now.rlim_max ? most : now.rlim_max;
	l.rlim_cur = l.rlim_max;
	if (setrlimit((__rlimit_resource_t)what, &l) < 0)
		return err_set(e, "setrlimit %s: %s", word, strerror(errno));
	return 0;
}

/* What this process has mapped by now: the engine and its signatures. */
static uint64_t
mapped_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	char line[128];
	uint64_t pages = 0;

	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) != NULL)
		pages = strtoull(line, NULL, 10);
	fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int
set_limits(const struct jail_plan *p, struct err *e)
{
	uint64_t mapped = mapped_bytes();

	/* Past it a write fails with EFBIG and the engine says so. */
	signal(SIGXFSZ, SIG_IGN);
	if (set_limit(RLIMIT_CORE, "core", 0, e) < 0 ||
	    set_limit(RLIMIT_NPROC, "nproc", 0, e) < 0 ||
	    set_limit(RLIMIT_MEMLOCK, "memlock", 0, e) < 0 ||
	    set_limit(RLIMIT_MSGQUEUE, "msgqueue", 0, e) < 0 ||
	    set_limit(RLIMIT_NOFILE, "nofile", p->descriptors, e) < 0 ||
	    set_limit(RLIMIT_FSIZE, "fsize", p->temporary_size, e) < 0)
		return -1;
	/* AddressSanitizer maps terabytes. */
	if (WITH_ASAN || p->memory == 0 || mapped == 0)
		return 0;
	return set_limit(RLIMIT_AS, "as", mapped + p->memory, e);
}

int
jail_shut(const struct jail_plan *p, struct jail *j, struct err *e)
{
	if (set_limits(p, e) < 0 || drop_capabilities(e) < 0)
		return -1;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, "prctl: %s", strerror(errno));
	if (landlock_shut(j->tmpdir, &j->landlock, e) < 0)
		return -1;
	if (seccomp_shut(e) < 0)
		return -1;
	j->seccomp = true;
	return 0;
}

static int
bare_limits(struct err *e)
{
	if (set_limit(RLIMIT_CORE, "core", 0, e) < 0 ||
	    set_limit(RLIMIT_NPROC, "nproc", 0, e) < 0)
		return -1;
	return set_limit(RLIMIT_MSGQUEUE, "msgqueue", 0, e);
}

int
jail_bare(struct jail *j_r, struct err *e)
{
	memset(j_r, 0, sizeof(*j_r));
	if (geteuid() == 0)
		return err_set(e, "still root");
	if (bare_limits(e) < 0 || drop_capabilities(e) < 0)
		return -1;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, "prctl: %s", strerror(errno));
	if (landlock_shut(NULL, &j_r->landlock, e) < 0 || seccomp_bare(e) < 0)
		return -1;
	j_r->seccomp = true;
	return 0;
}

const char *
jail_text(const struct jail *j, char *to)
{
	snprintf(to, JAIL_TEXT, "seccomp=%s landlock=%d net=%s tmp=%s",
	    j->seccomp ? "yes" : "no", j->landlock,
	    j->no_net ? "none" : "seccomp", j->mounted ? "mount" : "directory");
	return to;
}
