#ifndef PROXY_SIGNER_H
#define PROXY_SIGNER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "proxy/child.h"

/*
 * signer: the parent's side of the signer, the one process that has the CA's
 * key: started when [tls-inspection] is enabled, replaced when it dies or when
 * its files are others.  It is a program of its own, so that neither the parent
 * nor a net worker has ever had the key in its memory.
 *
 * It is started as
 *   sallyport-signer --serve
 * with the descriptors below, as who the parent is; it reads its files, becomes
 * [gateway] user and shuts itself in.  For each net worker the parent sends it
 * a byte with one end of a pair; leaf_wire is spoken there.  It ends with 0
 * when the parent's end is closed.  With --check it looks at the files, prints
 * what is wrong to standard output and ends with 0 or 1.
 */
#define SIGNER_PROGRAM "sallyport-signer"
#define SIGNER_CONTROL_FD 3 /* a SOCK_SEQPACKET pair */
#define SIGNER_CONF_FD 4    /* conf_to_fd() */

struct signer;

struct signer_ops {
	/* fd is net worker's end of a pair, borrowed; it may not live. */
	void (*give)(void *arg, unsigned net, int fd);
};

struct signer *signer_open(const struct who *who, unsigned nets,
    const struct signer_ops *ops, void *arg);
/* It has gone by now (signer_gone()). */
void signer_free(struct signer **sp);

/* This configuration is in force (borrowed until the next): starts, replaces
 * or ends it as it says. */
void signer_conf(struct signer *s, const struct conf *conf);

/* A net worker was started. */
void signer_net_new(struct signer *s, unsigned net);

/* In another child: closes what is the parent's. */
void signer_forget(struct signer *s);

/* A process has ended: true when it was this one. */
bool signer_reap(struct signer *s, pid_t pid, int status);

/* Does what is due; returns how many ms until something will be; -1: never. */
int64_t signer_tick(struct signer *s);

/* Closes its control socket: it ends. */
void signer_stop(struct signer *s);
bool signer_gone(const struct signer *s);

/* Has the program look at the CA of conf, if that is asked for.  What is wrong
 * or odd is printed to out as `file:line: text`; 0, or -1 when it is wrong. */
int signer_check(const struct conf *conf, FILE *out);

#endif
