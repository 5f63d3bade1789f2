#ifndef SCAN_WORKER_H
#define SCAN_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/words.h"
#include "scan/inspect.h"

struct tree;

/*
 * worker: the life of a scan worker in its jail: it waits on its pairs, one
 * for each net worker, inspects one content at a time and answers with a
 * report.  It distrusts its peers; one that sends what is no job has lost the
 * worker, as a crash would.
 */
struct scan_worker {
	struct inspector *inspector;
	const char *tmpdir;
	int control;                   /* from the armoury; -1: none */
	int pair[NET_WORKERS_MAX + 1]; /* by net worker, from 1; -1: none */
	bool members;                  /* sends each member before the report */
	struct tree *tmp;              /* tmpdir, once a job was done */
	int64_t cpu_set_ms;            /* when the CPU limit was moved ... */
	int64_t cpu_budget_s;          /* ... for jobs of so many seconds */
};

/* Descriptors a worker may have open: its pairs, a job's, the engines'. */
#define WORKER_DESCRIPTORS 512

#define WORKER_DONE 0    /* nobody needs it any more */
#define WORKER_BAD_JOB 3 /* a peer sent what is no job */

/*
 * What the armoury sends over control: the number of a net worker, and with it
 * that one's pair.
 */
struct worker_pair {
	uint32_t net;
};

/* All descriptors -1. */
void scan_worker_init(
    struct scan_worker *w, struct inspector *i, const char *tmpdir);

/*
 * Works until its control and all its pairs are at their end of file.  Returns
 * the status to exit with.
 */
int scan_worker_run(struct scan_worker *w);

#endif
