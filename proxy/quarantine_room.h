#ifndef PROXY_QUARANTINE_ROOM_H
#define PROXY_QUARANTINE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * quarantine_room: how many bytes are kept, over all net workers: memory that
 * the parent makes and all of them share.  Never less than there are, a moment
 * too many at most: while the folder is counted, what comes is counted twice.
 * Any thread may call.
 */
struct quarantine_room;

struct quarantine_room *quarantine_room_open(void); /* NULL with errno */
void quarantine_room_free(struct quarantine_room **rp);

/* A net worker begins: what its predecessor had under way is not coming. */
void quarantine_room_begin(struct quarantine_room *r, unsigned self);

/* May size bytes more come?  Then they are on their way until one of the other
 * two is called. */
bool quarantine_room_take(
    struct quarantine_room *r, unsigned self, uint64_t size, uint64_t max_size);
void quarantine_room_kept(
    struct quarantine_room *r, unsigned self, uint64_t size);
void quarantine_room_give(
    struct quarantine_room *r, unsigned self, uint64_t size);

/* Around a count of the folder, which one net worker alone makes: what the
 * first gave goes to the second. */
uint64_t quarantine_room_count(const struct quarantine_room *r);
void quarantine_room_counted(
    struct quarantine_room *r, uint64_t before, uint64_t size);

#endif
