#ifndef SCAN_ARMOURY_H
#define SCAN_ARMOURY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "proxy/base/buf.h"
#include "proxy/base/err.h"
#include "proxy/base/log.h"
#include "scan/control.h"
#include "scan/inspect.h"
#include "scan/jail.h"
#include "scan/worker.h"

/*
 * armoury: what the files of the program sallyport-armoury share.  It loads
 * the engines once and forks the scan workers; it reads no peer's bytes.
 */
struct conf;
struct words;

/* ---- armoury_cell: one worker in its jail -------------------------------- */

#define CELL_NO_JAIL 4 /* exit status: it could not be shut in */

/* What a cell says on its control when it is shut, or that it cannot be. */
struct cell_up {
	uint32_t ok;
	uint32_t mounted; /* its temporary files lie in a tmpfs of its own */
	char text[CONTROL_TEXT]; /* jail_text(), or why not */
};

typedef int cell_work(
    struct scan_worker *w, void *arg); /* returns the status */

struct cell {
	const char *title; /* "sallyportd: scan 1" */
	struct inspector *inspector;
	struct jail_plan plan;
	cell_work *work;
	void *arg;
	int control; /* the child's end of a SOCK_SEQPACKET pair */
	int say;     /* becomes its standard error; -1: stays what it is */
};

/* [scan]'s and [gateway]'s part of the plan; dir and slot are the caller's. */
void cell_plan(const struct conf *conf, struct jail_plan *plan_r);

/* Forks; in the child all descriptors but control, say and those to
 * /dev/null are closed, and it never comes back.  The pid, or -1. */
pid_t cell_fork(const struct cell *c);

/* ---- armoury_crew: the scan workers of one generation -------------------- */

#define CRASHES_MAX 5         /* deaths of one slot in ... */
#define CRASH_TIME_MS 10000   /* ... this time are a crash loop */
#define BACKOFF_LEAST_MS 1000 /* then a new one waits, longer each time */
#define BACKOFF_MOST_MS 30000

struct berth {
	uint32_t slot, sequence;
	pid_t pid; /* 0: none lives here */
	int pidfd, control, say;
	bool up;         /* shut in and paired */
	bool mounted;    /* as its jail says */
	bool ordered;    /* we killed it, or a net worker on purpose */
	struct buf line; /* of what it says */
	unsigned lines;  /* said since lines_ms */
	int64_t lines_ms;
	int64_t died_ms[CRASHES_MAX]; /* a ring */
	unsigned deaths;
	int64_t backoff_ms, start_ms; /* when the next one is due */
};

struct crew {
	struct conf *conf;
	struct inspector *inspector;
	struct words *words;
	int parent; /* the control socket */
	uint32_t generation;
	unsigned nets;
	char dir[JAIL_PATH];
	struct jail_plan plan;
	struct berth *berths;
	unsigned n;
	bool ready;                /* all were up once */
	bool retiring;             /* nobody is replaced any more */
	char failed[CONTROL_TEXT]; /* the first could not be shut in: why */
};

int crew_open(struct crew *c, uint32_t first_slot, struct err *e);
void crew_start(struct crew *c);                  /* forks whoever is due */
void crew_reap(struct crew *c);                   /* after SIGCHLD */
void crew_heard(struct crew *c, struct berth *b); /* b->control can be read */
void crew_net_new(struct crew *c, uint32_t net);
void crew_net_gone(struct crew *c, uint32_t net);
void crew_retire(struct crew *c);
void crew_kill(struct crew *c);               /* all, and waits for them */
bool crew_counts_files(const struct crew *c); /* some lie in directories */
void crew_count_files(struct crew *c);
unsigned crew_living(const struct crew *c);
int64_t crew_next_ms(const struct crew *c); /* the next start; -1: none */

/* ---- armoury_say: what workers write to standard error ------------------- */

/* The sink of a worker's log: lines that say_relay() knows again. */
void say_sink(enum log_level level, uint64_t id, const char *text);

/* Takes what there is from b->say and logs it, so much and no more. */
void say_relay(struct berth *b);

/* ---- armoury_watch: has the database changed? ---------------------------- */

struct watched {
	const char *path;
	int64_t every_ms, next_ms;
	uint64_t known, seen; /* fingerprints: loaded or told of; last look */
};

struct watches {
	struct watched list[8];
	size_t n;
};

/* Before the engines load: what changes from now on has changed. */
void watch_open(struct watches *w, const struct conf *conf);

/* Looks where it is time; true: a changed database has settled.  It says so
 * once for every state. */
bool watch_look(struct watches *w, int64_t now_ms);
int64_t watch_next_ms(const struct watches *w); /* -1: never */

/* ---- armoury_print: what `sallyport scan` says --------------------------- */

struct member {
	char *where, *type;
	uint64_t size;
	uint32_t depth;
};

/* One file, looked at. */
struct scanned {
	const char *path; /* as it was given */
	struct report report;
	struct member *members;
	size_t n, cap;
};

#define SCAN_CLEAN 0 /* exit status of `sallyport scan` */
#define SCAN_FOUND 1
#define SCAN_ERROR 2

/* What the findings of a report come to: one of the above. */
int scanned_status(const struct report *r);
void scanned_text(const struct scanned *s, FILE *out);
void scanned_json(const struct scanned *s, FILE *out);

/* ---- the modes ----------------------------------------------------------- */

struct armoury_args {
	uint32_t generation, first_slot;
	unsigned nets;
	bool json;
	bool mail;   /* what is read is a mail, whatever it looks like */
	bool wire;   /* the report alone, as wire.h has it */
	int conf_fd; /* -1: none, the file or the defaults */
	const char *temporary; /* --self-test-jail: "mount" or "directory" */
	char **files;
	int n_files;
};

int armoury_serve(const struct armoury_args *a);
int armoury_scan(const struct armoury_args *a);
int armoury_self_test(const struct armoury_args *a);

#endif
