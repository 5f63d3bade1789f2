#ifndef PROXY_LOOP_OWN_H
#define PROXY_LOOP_OWN_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "proxy/loop.h"

/*
 * What is in a loop, for loop.c and io*.c alone.
 */
#define LOOP_MAGIC 0x100b0001u

/* One read takes at most so much, into a buffer all connections share. */
#define LOOP_SCRATCH (64 * 1024)

struct io;
struct io_pipe;

struct loop {
	uint32_t magic;
	bool stop;
	struct event_base *base;
	struct job later, next; /* heads of rings */
	struct signal_watch *signals;
	char *scratch;
	struct io *finishing; /* those without an owner; io.c's */
	unsigned finishing_n;
	struct io_pipe *pipes; /* spare ones; io_pipe.c's, as what follows */
	unsigned pipes_spare, pipes_n; /* pipes_n: those in use, too */
	int64_t pipes_rest_ms;         /* until then the kernel is not asked */
};

/* Of io.c: closes what io_finish() has taken over. */
void io_finish_now(struct loop *l);

#endif
