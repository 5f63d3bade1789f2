#ifndef PROXY_SHARED_H
#define PROXY_SHARED_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/words.h"

/*
 * shared: memory that the parent makes and all net workers share: the words of
 * the scan workers, the length of the queues, the sessions per client.  What a
 * net worker writes lies in its own part, so that the parent can clear it when
 * that worker dies.  The armoury maps the words alone; scan workers map none.
 */
struct shared;

/* Anonymous shared memory for workers net workers of at most sessions each.
 * NULL with errno. */
struct shared *shared_open(unsigned workers, unsigned sessions);
void shared_free(struct shared **sp);
int shared_words_fd(const struct shared *s); /* a memfd: for the armoury */
struct words *shared_words(const struct shared *s);

/* The queue of each net worker, as all see it. */
void shared_set_queue(
    struct shared *s, unsigned self, uint32_t length, int64_t oldest_ms);
uint32_t shared_queued(const struct shared *s); /* over all */
/* The net worker whose oldest job waits longest and before before_ms; 0:
 * none.  self is not asked. */
unsigned shared_hungriest(
    const struct shared *s, unsigned self, int64_t before_ms);
int shared_wake_fd(const struct shared *s, unsigned self); /* an eventfd */
void shared_wake(const struct shared *s, unsigned whom);

/*
 * Sessions.  Adds one for this client (on this listener, by its name) and
 * returns how many there are now over all net workers, this one included.
 * Counts of others may be a moment old.  UINT32_MAX: there was no room to
 * count it; leaving is allowed then as always.
 */
uint32_t shared_client_enter(
    struct shared *s, unsigned self, const struct addr *client);
void shared_client_leave(
    struct shared *s, unsigned self, const struct addr *client);
uint32_t shared_listener_enter(
    struct shared *s, unsigned self, const char *name);
void shared_listener_leave(struct shared *s, unsigned self, const char *name);
/* What is counted by the minute. */
enum shared_rate { RATE_SESSIONS = 2, RATE_MESSAGES };

/* May this client begin one more, when it may begin `most` a minute?  If so it
 * is counted, over all net workers. */
bool shared_client_rate(struct shared *s, unsigned self,
    const struct addr *client, enum shared_rate rate, uint32_t most);

void shared_sessions(struct shared *s, unsigned self, int change);
uint32_t shared_session_count(const struct shared *s); /* over all */

/* The parent, when net worker self has died: forgets what it had, but for the
 * words. */
void shared_clear(struct shared *s, unsigned self);

#endif
