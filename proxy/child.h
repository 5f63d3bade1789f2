#ifndef PROXY_CHILD_H
#define PROXY_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "proxy/base/err.h"

/*
 * child: one process under the parent's care, and how soon it may be started
 * again: at once, but in a crash loop later and later.
 */
struct child {
	pid_t pid; /* 0: none runs */
	int64_t started_ms;
	int64_t again_ms; /* not before; 0: at once */
	unsigned quick;   /* deaths in a row that came soon after a start */
	char name[32];    /* "net 1", "armoury" */
};

void child_init(struct child *c, const char *name);
void child_started(struct child *c, pid_t pid);

/* It has ended with this wait(2) status, which is logged unless expected. */
void child_ended(struct child *c, int status, bool expected);

/* How long until it may be started; 0: now. */
int64_t child_wait_ms(const struct child *c);

/* Who children are: [gateway] user and group when we are root. */
struct who {
	bool change; /* false: as we are */
	uid_t uid;
	gid_t gid;
	char name[64];
};

int who_find(const struct conf *conf, struct who *w_r, struct err *e);

/* In the child: becomes that user for good.  Ends the process if it cannot. */
void who_become(const struct who *w);

/* Makes dir and what is above it, as theirs with mode; there already: fine. */
int who_make_dir(
    const struct who *w, const char *dir, mode_t mode, struct err *e);

/* Where another program of ours lies, into to[PATH_MAX]: beside this one in a
 * build tree, else where it was installed. */
void child_program(const char *name, char *to);

/* Blocks the signals the parent takes by signalfd; -1 with words. */
int child_block_signals(struct err *e);

/* In a child: signals as they were, and end when the parent ends. */
void child_unblock_signals(void);

#endif
