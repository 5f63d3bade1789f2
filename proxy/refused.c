/*
 * refused: a number for each limit.  All net workers add to the same ones: it
 * is rare, and the sum is exact.
 */
#include "proxy/refused.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "proxy/base/check.h"
#include "proxy/base/log.h"

#define REFUSED_MAGIC 0x4ef05ed1u

static const char *const limits[] = {
    "gateway_max_sessions",
    "max_sessions",
    "max_sessions_per_client",
    "max_sessions_per_minute",
    "allow_from",
    "proxy_protocol_from",
    "drain",
    "max_errors",
    "max_messages_per_minute",
    "max_recipients",
};

#define LIMITS (sizeof(limits) / sizeof(limits[0]))

struct refused {
	uint32_t magic;
	_Atomic uint64_t n[LIMITS];
};

struct refused *
refused_open(void)
{
	struct refused *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (r == MAP_FAILED)
		return NULL;
	r->magic = REFUSED_MAGIC;
	return r;
}

void
refused_free(struct refused **rp)
{
	struct refused *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	IS(r, REFUSED_MAGIC);
	(void)munmap(r, sizeof(*r));
}

/* LIMITS: there is none of that name. */
static size_t
find(const char *limit)
{
	size_t i = 0;

	while (i < LIMITS && strcmp(limits[i], limit) != 0)
		i++;
	return i;
}

uint64_t
refused_count(struct refused *r, const char *limit)
{
	size_t i = find(limit);

	IS(r, REFUSED_MAGIC);
	return i == LIMITS ? 0 : atomic_fetch_add(&r->n[i], 1) + 1;
}

uint64_t
refused_total(const struct refused *r, const char *limit)
{
	size_t i = find(limit);

	IS(r, REFUSED_MAGIC);
	return i == LIMITS ? 0 : atomic_load(&r->n[i]);
}

void
refused_log(const struct refused *r)
{
	IS(r, REFUSED_MAGIC);
	for (size_t i = 0; i < LIMITS; i++) {
		uint64_t n = atomic_load(&r->n[i]);

		if (n > 0)
			log_info(
			    0, "refused limit=%s total=%" PRIu64, limits[i], n);
	}
}
