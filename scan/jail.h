#ifndef SCAN_JAIL_H
#define SCAN_JAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proxy/base/err.h"

/*
 * jail: what a scan worker may still do once it looks at strangers' bytes:
 * compute, read the descriptors it was given, answer on them, and keep
 * temporary files in a place of its own.  No network, no other file, no other
 * process, nothing to execute.
 *
 *   jail_warm_up()   before fork: what libc would open late is opened now
 *   jail_enter()     after fork: user, namespaces, the place for files
 *   jail_shut()      when engines have entered: no way back from here
 */
enum jail_temporary { JAIL_AUTO, JAIL_MOUNT, JAIL_DIRECTORY };

struct jail_plan {
	enum jail_temporary temporary;
	const char *dir; /* is there; a tmpfs of its own is put over it */
	unsigned slot;   /* else a directory with this name below it */
	uint64_t temporary_size; /* of all files; of each one in a directory */
	uint64_t memory;      /* address space beyond what there is; 0: any */
	unsigned descriptors; /* may be open at one time */
	uid_t uid;            /* who to become when root */
	gid_t gid;
};

#define JAIL_PATH 256

struct jail {
	char tmpdir[JAIL_PATH]; /* where the engines' files go */
	bool mounted;           /* tmpdir is a tmpfs that only we see */
	bool no_net;            /* a network namespace with nothing in it */
	bool seccomp;
	int landlock; /* its version in this kernel; 0: none */
};

void jail_warm_up(void);

/* One thread, no way back.  0, or -1 with words: the process is of no use. */
int jail_enter(const struct jail_plan *p, struct jail *j_r, struct err *e);
int jail_shut(const struct jail_plan *p, struct jail *j, struct err *e);

/*
 * The same in one step for a process that has a secret and no files: what is
 * left is memory, reading, writing and waiting on descriptors it has or is
 * sent.  The caller is not root any more.
 */
int jail_bare(struct jail *j_r, struct err *e);

#define JAIL_TEXT 80

/* "seccomp=yes landlock=6 net=none tmp=mount" into to[JAIL_TEXT]. */
const char *jail_text(const struct jail *j, char *to);

/* jail_shut()'s and jail_bare()'s parts, each a file's idea.  Without a tmpdir
 * no file is left. */
int landlock_shut(const char *tmpdir, int *version_r, struct err *e);
int seccomp_shut(struct err *e);
int seccomp_bare(struct err *e);

#endif
