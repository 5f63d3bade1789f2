/*
 * smtp_hops: the next hops of a place: what each said it can do, how many
 * connections there are to each, who waits for one, and which are idle.
 *
 * A connection counts from the dial to its end, idle ones included.  Those who
 * wait do so in the order they came.
 */

#include "protocols/smtp/smtp_hops.h"

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/loop.h"
#include "proxy/pool.h"
#include "proxy/session.h"
#include "protocols/smtp/smtp_hop.h"
#include "protocols/smtp/smtp_maildir.h"
#include "protocols/smtp/smtp_next.h"

#define HOPS_MAGIC 0x570b0002u
#define CLOSED_WAITING "" /* nobody waits */

struct peer {
	struct smtp_hops *hops;
	struct smtp_next next;
	struct smtp_hop_conf conf;
	struct smtp_caps caps;
	struct smtp_hop *probe; /* asks what it can do */
	int64_t asked_ms;       /* when the last probe began; 0: never */
	unsigned used;          /* connections */
	struct smtp_want *first, **last; /* who wait */
	struct smtp_hop *resting; /* those whose RSET is not answered yet */
};

struct smtp_hops {
	uint32_t magic;
	struct smtp_hops_conf conf;
	char *gateway;
	struct pool *pool;
	struct timer *timer; /* for the one who waits longest */
	size_t n;
	struct peer peer[];
};

static void go_on(struct smtp_want *w);
static void serve(struct peer *p);
