#ifndef PROXY_ARMOURIES_H
#define PROXY_ARMOURIES_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "proxy/child.h"
#include "scan/control.h"

/*
 * armouries: the parent's side of the armoury: one generation serves, a new
 * one is loaded beside it when signatures or options change, and the old one
 * ends with its last job.  Nobody waits and nothing is refused meanwhile.
 */
#define ARMOURIES_MAX 4

struct shared;

/* What the parent does with what they say. */
struct armouries_ops {
	/* fds are a pair's end and a pidfd, borrowed. */
	void (*pair)(void *arg, const struct control *m, const int *fds);
	/* Jobs go to this generation from now on; version "": to nobody. */
	void (*serve)(void *arg, uint32_t generation, const char *version);
	/* The first one could not load; why is in words. */
	void (*hopeless)(void *arg, const char *why);
};

struct armouries;

struct armouries *armouries_open(const struct who *who, int words_fd,
    unsigned nets, const struct armouries_ops *ops, void *arg);
/* All of them are gone by now (armouries_gone()). */
void armouries_free(struct armouries **asp);

/* Starts a generation with this configuration (borrowed until the next). */
void armouries_renew(struct armouries *as, const struct conf *conf);

/* The same for later starts only: nothing that matters has changed. */
void armouries_conf(struct armouries *as, const struct conf *conf);

/* In another child: closes what is the parent's. */
void armouries_forget(struct armouries *as);

/* Descriptors to poll; returns how many were put there. */
unsigned armouries_poll(const struct armouries *as, struct pollfd *to);
void armouries_polled(
    struct armouries *as, const struct pollfd *at, unsigned n);

/* A process has ended: true when it was one of them. */
bool armouries_reap(struct armouries *as, pid_t pid, int status);

/* Does what is due; returns how many ms until something will be; -1: never. */
int64_t armouries_tick(struct armouries *as);

void armouries_net_new(struct armouries *as, unsigned net);
void armouries_net_gone(struct armouries *as, unsigned net);

/* The generation that serves and its version; 0: none yet. */
uint32_t armouries_serving(const struct armouries *as, const char **version_r);

/* Closes the control sockets: they kill their workers and end. */
void armouries_stop(struct armouries *as);
bool armouries_gone(const struct armouries *as);

#endif
