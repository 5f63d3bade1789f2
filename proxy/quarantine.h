#ifndef PROXY_QUARANTINE_H
#define PROXY_QUARANTINE_H

#include <stdint.h>

#include "proxy/event.h"
#include "scan/content.h"

/*
 * quarantine: what a policy wants kept is on the disk before its decision's
 * event is written: its bytes as they were judged, and that event.  A net
 * worker has one thread for it, which waits for the disk in the loop's place.
 * A copy that cannot be made changes nothing about the refusal.
 */
struct conf;
struct keep; /* one copy on its way */
struct loop;
struct quarantine; /* of one net worker */
struct quarantine_room;

/* room is all net workers'; the first of them (self 1) also deletes what is
 * too old.  Reads [quarantine] now and at quarantine_conf(). */
struct quarantine *quarantine_open(struct loop *l, struct quarantine_room *room,
    unsigned self, const struct conf *conf);
void quarantine_conf(struct quarantine *q, const struct conf *conf);
void quarantine_free(struct quarantine **qp); /* nothing may be on its way */

/* How it went, in the word of the event: "kept", or why it was not (see
 * docs/quarantine.md), which has been logged.  Once, from the loop. */
typedef void quarantine_done(void *arg, const char *how);

/*
 * Keeps a sealed content, of which it becomes an owner, and ev as its note.
 * NULL with *how_r: it is not even tried; done is not called then.
 */
struct keep *quarantine_keep(struct quarantine *q, struct content *c,
    const struct event *ev, quarantine_done *done, void *arg,
    const char **how_r);

/* Nobody waits any more: it is given up, done is not called. */
void quarantine_cancel(struct keep **kp);

#endif
