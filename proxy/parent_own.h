#ifndef PROXY_PARENT_OWN_H
#define PROXY_PARENT_OWN_H

#include <stdint.h>

#include "proxy/armouries.h"
#include "proxy/child.h"
#include "proxy/doors.h"
#include "proxy/event.h"
#include "proxy/orders.h"
#include "proxy/shared.h"
#include "proxy/signer.h"
#include "proxy/stats.h"
#include "proxy/tls.h"

/* What parent.c and reload.c share, and nobody else. */
enum phase { STARTING, SERVING, DRAINING, ENDING };

struct net_child {
	struct child child;
	int control;     /* -1: it does not run */
	bool up;         /* it serves what it was told of last */
	uint32_t wanted; /* its ORDER_UP has this a: reloads, or 0 */
};

struct parent {
	enum phase phase;
	struct conf *conf;
	const char *path;
	struct who who;
	unsigned workers;
	struct shared *shared;
	struct stats *stats;
	uint32_t scans[SLOTS_MAX]; /* the sequence last seen in each slot */
	struct cache *cache;
	struct quarantine_room *quarantine_room;
	struct doors doors;
	uint32_t reloads;
	bool reloading; /* not all net workers have applied the last one */
	int log_fds[SINKS_MAX];
	struct sinks *sinks;
	struct tls_files *tls_files;
	struct tls_tickets tls_tickets;
	int64_t tickets_until; /* then a new key comes */
	struct net_child nets[NET_WORKERS_MAX];
	struct armouries *armouries;
	struct signer *signer;
	int signals;
	int64_t drain_until;
	int status;
};

/* Gives an order to one net worker, or to all; descriptors stay ours. */
void parent_tell(
    struct net_child *n, const struct order *o, const int *fds, unsigned nfds);
void parent_tell_all(
    struct parent *p, const struct order *o, const int *fds, unsigned nfds);

/* HUP: reads the configuration again; a wrong one changes nothing. */
void parent_reload(struct parent *p);

/* The files that TLS needs, read and looked at.  What is wrong is printed to
 * out as `file:line: text`: then NULL. */
struct tls_files *parent_read_tls(const struct conf *conf, FILE *out);

/* Makes the counters' file.  0, or -1 with words. */
int parent_open_stats(struct parent *p, struct err *e);

/* A pair with a scan worker, and a net worker that has ended, are counted. */
void parent_count_scan(struct parent *p, const struct control *m);
void parent_count_net_end(struct parent *p, unsigned self, bool expected);

/* USR1: opens the log files again, for logrotate(8). */
void parent_reopen_logs(struct parent *p);

/* Makes the folder of [quarantine] where a policy wants it.  0, or -1. */
int parent_make_quarantine(
    const struct parent *p, const struct conf *conf, struct err *e);

/* Takes the files of the [log] sections (sinks_open_files()) and sends our
 * own lines there too.  0, or -1 with words: then fds are the caller's. */
int parent_take_logs(struct parent *p, const struct conf *conf,
    const int fds[SINKS_MAX], struct err *e);

#endif
