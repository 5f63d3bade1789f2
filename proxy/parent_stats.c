/*
 * parent_stats: the parent's part of what is counted: it makes the file, and
 * sees who is started.
 */
#include "proxy/base/check.h"
#include "proxy/parent_own.h"
#include "proxy/protocol.h"

int
parent_open_stats(struct parent *p, struct err *e)
{
	const char *names[STATS_PROTOCOLS] = {NULL};
	struct stats_start how = {
	    .dir = conf_str(p->conf, NULL, OPT_GATEWAY_RUNTIME_DIR),
	    .protocols = names,
	    .workers = p->workers,
	    .group = p->who.change ? p->who.gid : (gid_t)-1};

	for (size_t i = 0; protocols[i] != NULL; i++) {
		MUST(i + 1 < STATS_PROTOCOLS);
		names[i] = protocols[i]->name;
	}
	p->stats = stats_open(&how, e);
	if (p->stats == NULL)
		return -1;
	stats_take(p->stats, 0);
	stats_tell(p->stats, "starting", NULL);
	return 0;
}

void
parent_count_scan(struct parent *p, const struct control *m)
{
	/* each net worker gets a pair with it */
	if (m->slot >= SLOTS_MAX || p->scans[m->slot] == m->sequence)
		return;
	p->scans[m->slot] = m->sequence;
	stats_add(STAT_SCAN_WORKERS);
}

void
parent_count_net_end(struct parent *p, unsigned self, bool expected)
{
	stats_clear(p->stats, self);
	if (!expected)
		stats_add(STAT_NETS_LOST);
}
