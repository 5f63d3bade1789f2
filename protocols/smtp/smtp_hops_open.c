/*
 * smtp_hops_open: the life of the next hops of a place, its routes, and what
 * the next hops said they can do.
 */

#include "protocols/smtp/smtp_hops_own.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/loop.h"
#include "proxy/pool.h"
#include "proxy/session.h"

/* ---- what they can do ---- */

static void
probe_told(void *arg, struct smtp_hop *h, enum smtp_hop_event what)
{
	struct peer *p = arg;

	if (what == HOP_DRAINED)
		return;
	p->probe = NULL;
	if (what == HOP_READY) {
		hops_reached(p, h);
		hops_shelve(p, h);
		return;
	}
	hops_not_reached(p, h->why);
	hops_closed(p, h);
}

void
smtp_hops_learn(struct smtp_hops *hops)
{
	int64_t now = clock_ms();

	IS(hops, HOPS_MAGIC);
	for (size_t i = 0; i < hops->n; i++) {
		struct peer *p = hops->peers[i];

		if (p->caps.known || p->probe != NULL || p->used >= p->most ||
		    (p->asked_ms != 0 && now - p->asked_ms < SMTP_LEARN_MS))
			continue;
		p->asked_ms = now;
		p->probe = hops_dial(p, probe_told, p);
	}
}

void
smtp_hops_caps(const struct smtp_hops *hops, struct smtp_caps *c_r)
{
	*c_r = hops->peers[0]->caps;
	for (size_t i = 1; i < hops->n; i++)
		smtp_caps_least(c_r, &hops->peers[i]->caps);
}

uint64_t
smtp_hops_size(const struct smtp_hops *hops)
{
	uint64_t least = 0, size;

	for (size_t i = 0; i < hops->n; i++) {
		size = hops->peers[i]->caps.size;
		if (size != 0 && (least == 0 || size < least))
			least = size;
	}
	return least;
}

const struct smtp_next *
smtp_hops_next(const struct smtp_hops *hops, size_t index)
{
	MUST(index < hops->n);
	return &hops->peers[index]->next;
}

/* ---- routes ---- */

static struct peer *
open_peer(struct smtp_hops *hops, const struct smtp_hops_conf *c,
    const struct smtp_next *next)
{
	struct peer *p = xcalloc(1, sizeof(*p));

	p->hops = hops;
	p->last = &p->first;
	p->next = *next;
	p->most = c->most;
	p->retry = c->retry;
	p->conf = (struct smtp_hop_conf){
	    .host = p->next.host,
	    .port = p->next.port,
	    .lmtp = next->kind == NEXT_LMTP,
	    .gateway = c->gateway,
	    .connect_timeout = c->connect_timeout,
	    .timeout = c->timeout,
	    .counted = c->counted,
	    .data_timeout = c->data_timeout,
	};
	/* What does not leave this machine needs no TLS. */
	if (strncmp(p->next.host, "unix:", 5) != 0 && next->kind != NEXT_PIPE) {
		p->conf.tls_want = c->tls_want;
		p->conf.tls = c->tls;
	}
	if (next->kind == NEXT_MAILDIR)
		p->caps = (struct smtp_caps){
		    .known = true, .eightbit = true, .smtputf8 = true};
	return p;
}

/* The same next hop may have another conf in another route. */
static void
add_peer(struct smtp_hops *hops, struct peer *p)
{
	p->index = hops->n;
	(void)snprintf(
	    p->key, sizeof(p->key), "%zu %s", p->index, p->next.text);
	hops->peers = xrealloc(hops->peers, hops->n + 1, sizeof(void *));
	hops->peers[hops->n++] = p;
}

static bool
same_conf(const struct smtp_hops_conf *a, const struct smtp_hops_conf *b)
{
	return strcmp(a->gateway, b->gateway) == 0 && a->most == b->most &&
	    a->connect_timeout == b->connect_timeout &&
	    a->timeout == b->timeout && a->data_timeout == b->data_timeout &&
	    a->retry == b->retry && a->tls_want == b->tls_want &&
	    a->tls == b->tls;
}

static bool
same_route(const struct smtp_hops *hops, const struct route *r,
    const struct smtp_hops_conf *conf, const struct smtp_next *next, unsigned n)
{
	if (r->n != n || !same_conf(&r->conf, conf))
		return false;
	for (unsigned i = 0; i < n; i++) {
		const struct peer *p = hops->peers[r->first + i];

		if (strcmp(p->next.text, next[i].text) != 0)
			return false;
	}
	return true;
}

/* Reads the list.  How many there are; 0 with words. */
static unsigned
read_list(
    const char *const *list, size_t n, struct smtp_next *next, struct err *e)
{
	unsigned found = 0;
	size_t used;

	while (n > 0) {
		if (found == SMTP_ROUTE_HOPS_MAX) {
			(void)err_set(
			    e, "names more than %d", SMTP_ROUTE_HOPS_MAX);
			return 0;
		}
		used = smtp_next_take(list, n, &next[found], e);
		if (used == 0)
			return 0;
		for (unsigned i = 0; i < found; i++) {
			if (strcmp(next[i].text, next[found].text) != 0)
				continue;
			(void)err_set(e, "named twice: %s", next[i].text);
			return 0;
		}
		found++;
		list += used;
		n -= used;
	}
	if (found == 0)
		(void)err_set(e, "names no next hop");
	return found;
}

int
smtp_hops_add(struct smtp_hops *hops, const struct smtp_hops_conf *conf,
    const char *const *list, size_t n, struct err *e)
{
	struct smtp_next *next = xcalloc(SMTP_ROUTE_HOPS_MAX, sizeof(*next));
	unsigned found = read_list(list, n, next, e), r = 0;

	IS(hops, HOPS_MAGIC);
	if (found == 0) {
		free(next);
		return -1;
	}
	while (r < hops->routes_n &&
	    !same_route(hops, &hops->routes[r], conf, next, found))
		r++;
	if (r == hops->routes_n) {
		hops->routes =
		    xrealloc(hops->routes, r + 1, sizeof(hops->routes[0]));
		hops->routes[hops->routes_n++] =
		    (struct route){.conf = *conf, .first = hops->n, .n = found};
		for (unsigned i = 0; i < found; i++)
			add_peer(hops, open_peer(hops, conf, &next[i]));
	}
	free(next);
	return (int)r;
}

/* ---- life ---- */

struct smtp_hops *
smtp_hops_open(struct worker *worker)
{
	struct smtp_hops *hops = xcalloc(1, sizeof(*hops));

	hops->magic = HOPS_MAGIC;
	hops->worker = worker;
	if (worker == NULL)
		return hops;
	hops->pool = pool_open(SIZE_MAX, SMTP_IDLE_MS, "QUIT\r\n");
	hops->timer = timer_open(worker_loop(worker), hops_waited, hops);
	return hops;
}

static void
free_peer(struct peer *p)
{
	struct smtp_hop *h;

	smtp_hop_free(&p->probe);
	while ((h = p->resting) != NULL) {
		p->resting = h->next;
		smtp_hop_free(&h);
	}
	MUST(p->first == NULL); /* who waits has a session */
	free(p);
}

void
smtp_hops_free(struct smtp_hops **hp)
{
	struct smtp_hops *hops = *hp;

	*hp = NULL;
	if (hops == NULL)
		return;
	IS(hops, HOPS_MAGIC);
	pool_free(&hops->pool);
	for (size_t i = 0; i < hops->n; i++)
		free_peer(hops->peers[i]);
	timer_free(&hops->timer);
	hops->magic = 0;
	free(hops->peers);
	free(hops->routes);
	free(hops);
}
