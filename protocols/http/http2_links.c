/*
 * http2_links: connections to origins that speak HTTP/2.
 */
#include "protocols/http/http2_links.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "protocols/http/http2.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/io.h"
#include "proxy/loop.h"
#include "proxy/stats.h"

/* So long one may take our last words. */
#define BYE_MS 2000

struct link {
	struct http2_links *all;
	TAILQ_ENTRY(link) entry;
	struct io *io;
	struct http2 *h;
	uint64_t moved; /* bytes both ways when last looked at */
	bool bye;       /* said */
	char key[];
};

#define LINKS_MAGIC 0x47790032u
struct http2_links {
	uint32_t magic;
	struct loop *loop;
	size_t head_max;
	int64_t idle_ms;
	TAILQ_HEAD(link_list, link) list; /* last used first */
	size_t n;
};

static uint64_t
moves(const struct link *k)
{
	return io_bytes_in(k->io) + io_bytes_out(k->io);
}

static void
set_deadline(struct link *k)
{
	k->moved = moves(k);
	io_deadline(k->io, k->all->idle_ms, "pool");
}

static void
drop(struct link *k)
{
	TAILQ_REMOVE(&k->all->list, k, entry);
	k->all->n--;
	http2_free(&k->h);
	io_finish(&k->io, BYE_MS);
	free(k);
}

/* ---- what a connection says ---- */

static void
opened(void *arg, struct io **iop)
{
	(void)arg;
	(void)iop;
	MUST(false); /* origins ask for nothing */
}

static void
busy(void *arg, bool is)
{
	struct link *k = arg;

	(void)is;
	set_deadline(k);
}

static void
over(void *arg)
{
	drop(arg);
}

/* Requests have times of their own; but what stands still for so long with
 * its output full has nobody at its other end. */
static void
late(struct link *k)
{
	bool idle = http2_streams(k->h) == 0;

	if (idle ? k->bye : io_full(k->io) && moves(k) == k->moved) {
		drop(k);
		return;
	}
	k->bye = idle;
	if (idle)
		http2_goodbye(k->h);
	set_deadline(k);
}

static void
told(void *arg, struct io *io, enum io_event what)
{
	struct link *k = arg;

	(void)io;
	if (what == IO_GONE)
		drop(k);
	else if (what == IO_LATE)
		late(k);
	else
		http2_says(k->h, what);
}

/* ---- all of them ---- */

struct http2_links *
http2_links_open(struct loop *l, size_t head_max, int64_t idle_ms)
{
	struct http2_links *all = xcalloc(1, sizeof(*all));

	all->magic = LINKS_MAGIC;
	all->loop = l;
	all->head_max = head_max;
	all->idle_ms = idle_ms;
	TAILQ_INIT(&all->list);
	return all;
}

void
http2_links_free(struct http2_links **lp)
{
	struct http2_links *all = *lp;

	*lp = NULL;
	if (all == NULL)
		return;
	IS(all, LINKS_MAGIC);
	while (!TAILQ_EMPTY(&all->list))
		drop(TAILQ_FIRST(&all->list));
	all->magic = 0;
	free(all);
}

struct io *
http2_links_ask(struct http2_links *all, const char *key)
{
	struct link *k;

	IS(all, LINKS_MAGIC);
	TAILQ_FOREACH(k, &all->list, entry)
	{
		if (strcmp(k->key, key) == 0 && http2_may_ask(k->h))
			break;
	}
	if (k == NULL)
		return NULL;
	TAILQ_REMOVE(&all->list, k, entry);
	TAILQ_INSERT_HEAD(&all->list, k, entry);
	return http2_ask(k->h);
}

/* The one that has been idle for longest.  False: none is. */
static void
make_room(struct http2_links *all)
{
	struct link *k;

	TAILQ_FOREACH_REVERSE(k, &all->list, link_list, entry)
	{
		if (http2_streams(k->h) == 0) {
			http2_goodbye(k->h);
			return;
		}
	}
	(void)stats_limit(0, "h2_links");
	log_warn(0, "http2 limit=h2_links exceeded n=%zu", all->n);
}

struct io *
http2_links_add(struct http2_links *all, const char *key, struct io **iop)
{
	static const struct http2_calls calls = {opened, busy, over};
	size_t len = strlen(key) + 1;
	struct link *k = xcalloc(1, sizeof(*k) + len);

	IS(all, LINKS_MAGIC);
	if (all->n >= HTTP2_LINKS_MAX)
		make_room(all);
	k->all = all;
	k->io = *iop;
	*iop = NULL;
	memcpy(k->key, key, len);
	TAILQ_INSERT_HEAD(&all->list, k, entry);
	all->n++;
	io_owner(k->io, told, k);
	io_resume(k->io);
	k->h = http2_open(false, all->loop, k->io, all->head_max, 0, &calls, k);
	set_deadline(k);
	http2_says(k->h, IO_INPUT);
	return http2_ask(k->h);
}
