#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include <stdbool.h>

/*
 * worker: one net worker: a loop, and what all sessions in it use.
 */
struct cache;
struct conf;
struct dialer;
struct doors;
struct gate;
struct leaf_link;
struct loop;
struct quarantine;
struct quarantine_room;
struct shared;
struct sinks;
struct spool_house;
struct tls_files;
struct tls_tickets;
struct worker;

/* What the parent gives a new net worker; all of it is the worker's own from
 * then on, as a copy that fork(2) made. */
struct worker_start {
	unsigned self, count;
	struct conf *conf;
	struct shared *shared;
	struct cache *cache;
	struct quarantine_room *quarantine_room;
	struct doors *doors; /* those of the others are closed */
	struct sinks *sinks;
	struct tls_files *tls_files;
	const struct tls_tickets *tls_tickets;
	int control; /* orders come here */
};

/* Runs until drained or until the parent has gone. */
_Noreturn void worker_run(const struct worker_start *ws);

struct loop *worker_loop(const struct worker *w);
struct dialer *worker_dialer(const struct worker *w);
struct gate *worker_gate(const struct worker *w);
struct leaf_link *worker_leaf_link(const struct worker *w);
struct quarantine *worker_quarantine(const struct worker *w);
struct sinks *worker_sinks(const struct worker *w);
struct spool_house *worker_spool(const struct worker *w);
struct shared *worker_shared(const struct worker *w);
unsigned worker_self(const struct worker *w);  /* its number, from 1 */
unsigned worker_count(const struct worker *w); /* net workers in all */
bool worker_draining(const struct worker *w);

#endif
