/*
 * jail_landlock: the kernel lets this process touch files below one directory
 * and none elsewhere.  Debian 12's header ends at version 2 of the interface;
 * what came later is defined here, and asked for where the kernel knows it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "scan/jail.h"

#define FS_TRUNCATE (1ULL << 14) /* version 3 */
#define NET_BIND_TCP (1ULL << 0) /* version 4 */
#define NET_CONNECT_TCP (1ULL << 1)
#define FS_IOCTL_DEV (1ULL << 15)       /* version 5 */
#define SCOPE_ABSTRACT_UNIX (1ULL << 0) /* version 6 */
#define SCOPE_SIGNAL (1ULL << 1)
#define VERSION_MAX 6

/* What the kernel calls landlock_ruleset_attr today. */
struct ruleset {
	uint64_t fs, net, scoped;
};

static uint64_t
all_fs(int version)
{
	uint64_t fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	if (version >= 2)
		fs |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		fs |= FS_TRUNCATE;
	if (version >= 5)
		fs |= FS_IOCTL_DEV;
	return fs;
}

/* No execution, no devices, sockets, pipes or links, not even below tmpdir. */
static uint64_t
own_fs(int version)
{
	return all_fs(version) &
	    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
		LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
		LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER |
		FS_TRUNCATE);
}

static int
make_ruleset(int version)
{
	struct ruleset r = {.fs = all_fs(version)};
	size_t size = sizeof(r.fs);

	if (version >= 4) {
		r.net = NET_BIND_TCP | NET_CONNECT_TCP;
		size = 2 * sizeof(r.fs);
	}
	if (version >= 6) {
		r.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
		size = sizeof(r);
	}
	return (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
}

static int
allow_below(int rules, const char *dir, uint64_t access)
{
	struct landlock_path_beneath_attr below = {.allowed_access = access};
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), done;

	if (fd < 0)
		return -1;
	below.parent_fd = fd;
	done = (int)syscall(SYS_landlock_add_rule, rules,
	    LANDLOCK_RULE_PATH_BENEATH, &below, 0);
	close(fd);
	return done;
}

int
landlock_shut(const char *tmpdir, int *version_r, struct err *e)
{
	int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	int rules, failed;

	*version_r = 0;
	if (version < 1)
		return 0; /* this kernel has none, or it is switched off */
	if (version > VERSION_MAX)
		version = VERSION_MAX;
	rules = make_ruleset(version);
	if (rules < 0)
		return err_set(e, "landlock rules: %s", strerror(errno));
	failed = (tmpdir != NULL &&
		     allow_below(rules, tmpdir, own_fs(version)) < 0) ||
	    syscall(SYS_landlock_restrict_self, rules, 0) < 0;
	if (failed)
		err_set(e, "landlock %s: %s", tmpdir == NULL ? "" : tmpdir,
		    strerror(errno));
	close(rules);
	if (failed)
		return -1;
	*version_r = version;
	return 0;
}
