/*
 * http2_links: connections to origins that speak HTTP/2.
 */
#include "protocols/http/http2_links.h"

#include <stdlib.h>
#include <string.h>

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
	struct link *next;
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
	struct link *first; /* last used first */
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
unlink_it(struct link *k)
{
	struct link **at = &k->all->first;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	k->all->n--;
}

static void
put_first(struct link *k)
{
	k->next = k->all->first;
	k->all->first = k;
	k->all->n++;
}

static void
close_it(struct link *k)
{
	http2_free(&k->h);
	io_finish(&k->io, BYE_MS);
	free(k);
}

static void
drop(struct link *k)
{
	unlink_it(k);
	close_it(k);
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
	return all;
}

void
http2_links_free(struct http2_links **lp)
{
	struct http2_links *all = *lp;
	struct link *k, *next;

	*lp = NULL;
	if (all == NULL)
		return;
	IS(all, LINKS_MAGIC);
	for (k = all->first; k != NULL; k = next) {
		next = k->next;
		close_it(k);
	}
	all->magic = 0;
	free(all);
}

struct io *
http2_links_ask(struct http2_links *all, const char *key)
{
	struct link *k = all->first;

	IS(all, LINKS_MAGIC);
	while (k != NULL && (strcmp(k->key, key) != 0 || !http2_may_ask(k->h)))
		k = k->next;
	if (k == NULL)
		return NULL;
	unlink_it(k);
	put_first(k);
	return http2_ask(k->h);
}

/* The one that has been idle for longest.  False: none is. */
static void
make_room(struct http2_links *all)
{
	struct link *idle = NULL;

	for (struct link *k = all->first; k != NULL; k = k->next) {
		if (http2_streams(k->h) == 0)
			idle = k;
	}
	if (idle != NULL) {
		http2_goodbye(idle->h);
		return;
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
	put_first(k);
	io_owner(k->io, told, k);
	io_resume(k->io);
	k->h = http2_open(false, all->loop, k->io, all->head_max, 0, &calls, k);
	set_deadline(k);
	http2_says(k->h, IO_INPUT);
	return http2_ask(k->h);
}
