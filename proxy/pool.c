/*
 * pool: idle connections to servers by key, newest first.  There are few of
 * them (next_hop_max_connections), so a list does.
 */
#include "proxy/pool.h"

#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/io.h"
#include "proxy/stats.h"

#define POOL_MAGIC 0x9001cafeu

/* What is said last has so long to be sent. */
#define BYE_MS 2000

struct idle {
	struct pool *pool;
	struct idle *next;
	struct io *io;
	void *tag;
	void (*free_tag)(void *tag);
	char key[]; /* NUL-ended */
};

struct pool {
	uint32_t magic;
	size_t each;
	int64_t idle_ms;
	const char *bye;
	struct idle *first;
	size_t n, all; /* under all keys: how many, and at most */
};

struct pool *
pool_open(size_t each, int64_t idle_ms, const char *bye)
{
	struct pool *p = xcalloc(1, sizeof(*p));

	p->magic = POOL_MAGIC;
	p->each = each;
	p->all = SIZE_MAX;
	p->idle_ms = idle_ms;
	p->bye = bye;
	return p;
}

void
pool_cap(struct pool *p, size_t all)
{
	IS(p, POOL_MAGIC);
	p->all = all;
}

static struct idle **
link_of(struct pool *p, const struct idle *i)
{
	struct idle **link = &p->first;

	while (*link != i)
		link = &(*link)->next;
	return link;
}

/* Politely where the other side still listens. */
static void
drop(struct idle **link, bool polite)
{
	struct idle *i = *link;

	*link = i->next;
	i->pool->n--;
	if (i->free_tag != NULL)
		i->free_tag(i->tag);
	if (polite) {
		if (i->pool->bye != NULL)
			io_puts(i->io, i->pool->bye);
		io_finish(&i->io, BYE_MS);
	} else {
		io_free(&i->io);
	}
	free(i);
}

static void
told(void *arg, struct io *io, enum io_event what)
{
	struct idle *i = arg;

	(void)io;
	if (what == IO_DRAINED)
		return;
	/* It said something nobody asked for, a 421 perhaps: not to be
	 * mistaken for the answer to the next one's first question. */
	drop(link_of(i->pool, i), what == IO_LATE);
}

void
pool_free(struct pool **pp)
{
	struct pool *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	IS(p, POOL_MAGIC);
	while (p->first != NULL)
		drop(&p->first, true);
	free(p);
}

size_t
pool_count(const struct pool *p, const char *key)
{
	size_t n = 0;

	IS(p, POOL_MAGIC);
	for (const struct idle *i = p->first; i != NULL; i = i->next) {
		if (strcmp(i->key, key) == 0)
			n++;
	}
	return n;
}

/* key NULL: of all. */
static void
drop_oldest(struct pool *p, const char *key)
{
	struct idle **oldest = NULL;

	for (struct idle **link = &p->first; *link != NULL;
	     link = &(*link)->next) {
		if (key == NULL || strcmp((*link)->key, key) == 0)
			oldest = link;
	}
	if (oldest != NULL)
		drop(oldest, true);
}

void
pool_put(struct pool *p, const char *key, struct io **iop, void *tag,
    void (*free_tag)(void *tag))
{
	size_t len = strlen(key) + 1;
	struct idle *i = xcalloc(1, sizeof(*i) + len);

	IS(p, POOL_MAGIC);
	i->pool = p;
	i->io = *iop;
	*iop = NULL;
	i->tag = tag;
	i->free_tag = free_tag;
	memcpy(i->key, key, len);
	i->next = p->first;
	p->first = i;
	p->n++;
	if (io_input(i->io).len > 0 || io_ended(i->io)) {
		drop(&p->first, false);
		return;
	}
	io_owner(i->io, told, i);
	io_resume(i->io);
	io_deadline(i->io, p->idle_ms, "pool");
	if (p->n > p->each && pool_count(p, key) > p->each)
		drop_oldest(p, key);
	if (p->n > p->all)
		drop_oldest(p, NULL);
}

struct io *
pool_take(struct pool *p, const char *key, void **tag_r)
{
	struct idle **link = &p->first;
	struct idle *i;
	struct io *io;

	IS(p, POOL_MAGIC);
	while (*link != NULL && strcmp((*link)->key, key) != 0)
		link = &(*link)->next;
	i = *link;
	if (i == NULL)
		return NULL;
	*link = i->next;
	p->n--;
	io = i->io;
	*tag_r = i->tag;
	free(i);
	io_owner(io, NULL, NULL);
	io_deadline(io, 0, NULL);
	stats_word(STAT_DIALS, DIAL_REUSED);
	return io;
}
