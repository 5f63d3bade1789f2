#ifndef PROXY_DOORS_H
#define PROXY_DOORS_H

#include <stdbool.h>

#include "conf/conf.h"
#include "proxy/base/err.h"
#include "proxy/shared.h"

/*
 * doors: the listening sockets, which the parent binds and keeps: one
 * SO_REUSEPORT socket per address and net worker, so that the kernel spreads
 * connections and a new worker inherits its predecessor's backlog.  A unix
 * socket, and one that systemd handed over, is one for all workers.
 */
#define DOOR_NAME 64
#define DOOR_TEXT 320

struct door {
	char listener[DOOR_NAME];
	char text[DOOR_TEXT]; /* "mail-in 127.0.0.1:25" */
	int fds[NET_WORKERS_MAX];
	bool shared_fd; /* one descriptor, in fds[0] */
};

struct doors {
	struct door *list;
	size_t n;
	unsigned workers;
};

/* Takes LISTEN_FDS by LISTEN_FDNAMES (sd_listen_fds(3)): to be called once,
 * before anything else opens descriptors.  The names are listeners. */
void doors_inherit(void);

/*
 * Opens a door for each address of each enabled [listener] of conf.  Those in
 * old that are still wanted move over; what is then left in old is closed.
 * old may be NULL.  On failure old is as it was.  0, or -1 with words.
 */
int doors_open(struct doors *d_r, struct doors *old, const struct conf *conf,
    unsigned workers, struct err *e);
void doors_close(struct doors *d);

/* The descriptor of net worker self (from 1). */
int door_fd(const struct door *d, unsigned self);

#endif
