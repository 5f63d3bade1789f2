/*
 * quarantine_room: how full the quarantine is, as all net workers see it.
 */
#include "proxy/quarantine_room.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

#include "proxy/base/check.h"
#include "proxy/base/words.h"

struct quarantine_room {
	_Atomic uint64_t counted; /* in the folder, the last time */
	_Atomic uint64_t since;   /* kept since that count began */
	_Atomic uint64_t coming[NET_WORKERS_MAX + 1];
};

struct quarantine_room *
quarantine_room_open(void)
{
	struct quarantine_room *r = mmap(NULL, sizeof(*r),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (r == MAP_FAILED)
		return NULL;
	return r;
}

void
quarantine_room_free(struct quarantine_room **rp)
{
	if (*rp != NULL)
		munmap(*rp, sizeof(**rp));
	*rp = NULL;
}

void
quarantine_room_begin(struct quarantine_room *r, unsigned self)
{
	MUST(self <= NET_WORKERS_MAX);
	atomic_store(&r->coming[self], 0);
}

static uint64_t
taken(const struct quarantine_room *r)
{
	uint64_t n = atomic_load(&r->counted) + atomic_load(&r->since);

	for (unsigned i = 0; i <= NET_WORKERS_MAX; i++)
		n += atomic_load(&r->coming[i]);
	return n;
}

bool
quarantine_room_take(
    struct quarantine_room *r, unsigned self, uint64_t size, uint64_t max_size)
{
	MUST(self <= NET_WORKERS_MAX);
	atomic_fetch_add(&r->coming[self], size);
	if (taken(r) <= max_size)
		return true;
	atomic_fetch_sub(&r->coming[self], size);
	return false;
}

void
quarantine_room_kept(struct quarantine_room *r, unsigned self, uint64_t size)
{
	atomic_fetch_add(&r->since, size);
	atomic_fetch_sub(&r->coming[self], size);
}

void
quarantine_room_give(struct quarantine_room *r, unsigned self, uint64_t size)
{
	atomic_fetch_sub(&r->coming[self], size);
}

uint64_t
quarantine_room_count(const struct quarantine_room *r)
{
	return atomic_load(&r->since);
}

void
quarantine_room_counted(
    struct quarantine_room *r, uint64_t before, uint64_t size)
{
	atomic_store(&r->counted, size);
	atomic_fetch_sub(&r->since, before);
}
