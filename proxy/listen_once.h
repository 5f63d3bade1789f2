#ifndef PROXY_LISTEN_ONCE_H
#define PROXY_LISTEN_ONCE_H

#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/err.h"

struct io;
struct listen_once;
struct loop;

/*
 * listen_once: waits at a port of its own for one connection from one host, as
 * dial goes out for one.  Whoever else comes is closed without a word.
 */

/* io is NULL when the time was over; then why says it in words for a log. */
typedef void listen_once_done(void *arg, struct io *io, const char *why);

struct listen_once_want {
	const struct addr *local; /* its host; the port does not count */
	const struct addr *from;  /* its host alone may come */
	uint16_t least, most;     /* ports; both 0: the kernel's choice */
	int64_t timeout_ms;
};

/*
 * Listens at once.  done is called once, from the loop; the object is gone
 * then and the callee owns io.  NULL with words: no port is free.
 */
struct listen_once *listen_once_open(struct loop *l,
    const struct listen_once_want *want, listen_once_done *done, void *arg,
    struct err *e);

/* Where it listens. */
const struct addr *listen_once_at(const struct listen_once *lo);

/* Waits so long from now on. */
void listen_once_wait(struct listen_once *lo, int64_t ms);

/* Forgets it: done is not called.  NULL is fine. */
void listen_once_cancel(struct listen_once **lp);

#endif
