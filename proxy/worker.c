/*
 * worker: one net worker: a loop, the listeners, and what all sessions in it
 * use.  It does what the parent orders and ends when it is drained.
 */
#include "proxy/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/base/spool.h"
#include "proxy/dial.h"
#include "proxy/doors.h"
#include "proxy/event.h"
#include "proxy/gate.h"
#include "proxy/io.h"
#include "proxy/leaf.h"
#include "proxy/listener.h"
#include "proxy/loop.h"
#include "proxy/orders.h"
#include "proxy/place.h"
#include "proxy/quarantine.h"
#include "proxy/shared.h"
#include "proxy/tls.h"
#include "scan/policy.h"

#define DOORS_MAX 256

struct house;

/* A place, which outlives its retirement while somebody is in it. */
struct room {
	struct house *house;
	struct place *place;
	bool gone;
};

/*
 * One configuration with its places.  It is current, or its last sessions are
 * ending; then it goes.
 */
struct house {
	LIST_ENTRY(house) link;
	struct worker *worker;
	struct conf *conf;
	struct policies *policies;
	struct tls_files *tls_files;
	struct room rooms[DOORS_MAX];
	unsigned n, left; /* left: rooms that have not gone */
	bool retired;
};

/* A listening socket by its name, "mail-in 127.0.0.1:25". */
struct entry {
	char text[ORDER_TEXT];
	struct listener *listener;
	bool named; /* in the orders since ORDER_CONF */
	int fd;     /* came with them, not opened yet; -1 */
};

struct worker {
	unsigned self, count;
	struct loop *loop;
	struct dialer *dialer;
	struct gate *gate;
	struct leaf_link *leaf_link;
	struct quarantine *quarantine;
	struct sinks *sinks;
	struct tls_tickets tls_tickets;
	struct shared *shared;
	struct spool_house spool;
	char *spool_dir;
	LIST_HEAD(, house) houses;
	struct house *house, *coming; /* coming: between CONF and APPLY */
	struct entry *entries;
	size_t n;
	int control;
	struct watch *orders;
	struct timer *ending; /* looks whether all have gone */
	bool draining;
};

struct loop *
worker_loop(const struct worker *w)
{
	return w->loop;
}

struct dialer *
worker_dialer(const struct worker *w)
{
	return w->dialer;
}

struct gate *
worker_gate(const struct worker *w)
{
	return w->gate;
}

struct leaf_link *
worker_leaf_link(const struct worker *w)
{
	return w->leaf_link;
}

struct quarantine *
worker_quarantine(const struct worker *w)
{
	return w->quarantine;
}

struct sinks *
worker_sinks(const struct worker *w)
{
	return w->sinks;
}

struct spool_house *
worker_spool(const struct worker *w)
{
	return (struct spool_house *)(uintptr_t)&w->spool;
}

struct shared *
worker_shared(const struct worker *w)
{
	return w->shared;
}

unsigned
worker_self(const struct worker *w)
{
	return w->self;
}

unsigned
worker_count(const struct worker *w)
{
	return w->count;
}

bool
worker_draining(const struct worker *w)
{
	return w->draining;
}

/* ---- configurations ---------------------------------------------------------
 */

static void
house_free(struct house *h)
{
	LIST_REMOVE(h, link);
	policies_free(&h->policies);
	tls_files_free(&h->tls_files);
	conf_free(&h->conf);
	free(h);
}

static void
one_gone(void *arg)
{
	struct room *r = arg;
	struct house *h = r->house;

	r->gone = true;
	if (--h->left == 0)
		house_free(h);
}

/* No session begins in it any more; it goes with the last one. */
static void
house_retire(struct house *h)
{
	struct place *p;

	h->retired = true;
	h->left = h->n + 1;
	for (unsigned i = 0; i < h->n; i++) {
		p = h->rooms[i].place;
		place_renew(p);
		place_retire(&p, one_gone, &h->rooms[i]);
	}
	if (--h->left == 0)
		house_free(h);
}

static void
house_drain(struct house *h)
{
	for (unsigned i = 0; i < h->n; i++) {
		if (!h->rooms[i].gone)
			place_drain(h->rooms[i].place);
	}
}

static int
open_rooms(struct house *h, struct err *e)
{
	const struct conf_section *s = NULL;
	struct tls_kit kit = {h->tls_files, &h->worker->tls_tickets};
	struct room *r;

	while ((s = conf_next(h->conf, "listener", s)) != NULL) {
		if (conf_int(h->conf, s, OPT_LISTENER_ENABLED) == 0)
			continue;
		MUST(h->n < DOORS_MAX);
		r = &h->rooms[h->n];
		r->house = h;
		r->place =
		    place_open(h->worker, h->conf, s, h->policies, &kit, e);
		if (r->place == NULL)
			return -1;
		h->n++;
	}
	return 0;
}

/* Takes conf and files.  NULL with words. */
static struct house *
house_open(
    struct worker *w, struct conf **cp, struct tls_files **fp, struct err *e)
{
	struct house *h = xcalloc(1, sizeof(*h));

	h->worker = w;
	h->conf = *cp;
	h->tls_files = *fp;
	*cp = NULL;
	*fp = NULL;
	LIST_INSERT_HEAD(&w->houses, h, link);
	h->policies = policies_open(h->conf, e);
	if (h->policies != NULL && open_rooms(h, e) == 0)
		return h;
	house_retire(h);
	return NULL;
}

/* The place of "mail-in 127.0.0.1:25"; NULL: there is none. */
static struct place *
house_place(const struct house *h, const char *text)
{
	size_t len = strcspn(text, " ");

	for (unsigned i = 0; i < h->n; i++) {
		struct place *p = h->rooms[i].place;

		if (strlen(p->name) == len && strncmp(p->name, text, len) == 0)
			return p;
	}
	return NULL;
}

static void
spool_conf(struct worker *w, const struct conf *c)
{
	free(w->spool_dir);
	w->spool_dir = xstrdup(conf_str(c, NULL, OPT_GATEWAY_SPOOL_DIR));
	w->spool.dir = w->spool_dir;
	w->spool.memory_each =
	    (size_t)conf_int(c, NULL, OPT_GATEWAY_SPOOL_MEMORY);
	w->spool.memory_max =
	    (uint64_t)conf_int(c, NULL, OPT_GATEWAY_SPOOL_MEMORY_TOTAL) /
	    w->count;
	w->spool.disk_max =
	    (uint64_t)conf_int(c, NULL, OPT_GATEWAY_SPOOL_MAX_SIZE) / w->count;
	w->spool.min_free_pct =
	    (unsigned)conf_int(c, NULL, OPT_GATEWAY_SPOOL_MIN_FREE);
}

/* ---- doors ------------------------------------------------------------------
 */

static struct entry *
find_entry(struct worker *w, const char *text)
{
	for (size_t i = 0; i < w->n; i++) {
		if (strcmp(w->entries[i].text, text) == 0)
			return &w->entries[i];
	}
	return NULL;
}

/* Takes fd. */
static void
name_door(struct worker *w, const char *text, int fd)
{
	struct entry *en = find_entry(w, text);

	if (en == NULL) {
		w->entries =
		    xrealloc(w->entries, w->n + 1, sizeof(*w->entries));
		en = &w->entries[w->n++];
		*en = (struct entry){.fd = -1};
		copy_text(en->text, sizeof(en->text), text);
	}
	en->named = true;
	if (en->listener != NULL || en->fd >= 0)
		close(fd); /* we have it */
	else
		en->fd = fd;
}

/* Opens, moves or closes one listener for the configuration in force. */
static bool
apply_door(struct worker *w, struct entry *en)
{
	struct place *place =
	    en->named ? house_place(w->house, en->text) : NULL;

	en->named = false;
	if (place == NULL) {
		if (en->fd >= 0)
			close(en->fd);
		listener_free(&en->listener);
		return false;
	}
	if (en->listener != NULL)
		listener_place(en->listener, place);
	else
		en->listener = listener_open(w, place, &en->fd);
	en->fd = -1;
	return true;
}

static void
apply_doors(struct worker *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++) {
		if (apply_door(w, &w->entries[i]))
			w->entries[kept++] = w->entries[i];
	}
	w->n = kept;
}

static void
close_doors(struct worker *w)
{
	for (size_t i = 0; i < w->n; i++)
		listener_free(&w->entries[i].listener);
	w->n = 0;
}

/* ---- orders -----------------------------------------------------------------
 */

static void
order_pair(struct worker *w, const struct order *o, int *fds, unsigned n)
{
	struct gate_pair p = {
	    .generation = o->a, .slot = o->b, .sequence = o->c};

	if (n != 2)
		return;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	gate_pair(w->gate, &p, fds[0], fds[1]);
	fds[0] = fds[1] = -1;
}

static void
order_signer(struct worker *w, const struct order *o, int *fds, unsigned n)
{
	(void)o;
	if (n != 1)
		return;
	leaf_link_take(w->leaf_link, fds[0]);
	fds[0] = -1;
}

static void
order_generation(struct worker *w, const struct order *o, int *fds, unsigned n)
{
	(void)fds;
	(void)n;
	gate_generation(w->gate, o->a, o->text);
}

static void
order_conf(struct worker *w, const struct order *o, int *fds, unsigned n)
{
	struct err e = {"two descriptors did not come"};
	struct tls_files *f = n == 2 ? tls_files_from_fd(fds[1], &e) : NULL;
	struct conf *c = f == NULL ? NULL : conf_from_fd(fds[0], &e);

	(void)o;
	if (w->coming != NULL)
		house_retire(w->coming);
	w->coming = c == NULL ? NULL : house_open(w, &c, &f, &e);
	tls_files_free(&f);
	if (w->coming == NULL)
		log_error(0, "reload: %s", e.text);
}

static void
order_door(struct worker *w, const struct order *o, int *fds, unsigned n)
{
	if (n != 1)
		return;
	name_door(w, o->text, fds[0]);
	fds[0] = -1;
}

static void
order_apply(struct worker *w, const struct order *o, int *fds, unsigned n)
{
	struct order done = {.kind = ORDER_UP, .a = o->a};
	struct house *old = w->house;

	(void)fds;
	(void)n;
	if (w->coming != NULL && !w->draining) {
		w->house = w->coming;
		w->coming = NULL;
		gate_conf(w->gate, w->house->conf);
		quarantine_conf(w->quarantine, w->house->conf);
		spool_conf(w, w->house->conf);
		apply_doors(w);
		house_retire(old);
	}
	(void)order_send(w->control, &done, NULL, 0);
}

static void
order_logs(struct worker *w, const struct order *o, int *fds, unsigned n)
{
	const struct conf *c =
	    w->coming != NULL ? w->coming->conf : w->house->conf;
	int by_sink[SINKS_MAX];
	struct sinks *sinks;
	struct err e;
	unsigned next = 0;

	for (unsigned i = 0; i < SINKS_MAX; i++) {
		by_sink[i] = -1;
		if ((o->a >> i & 1) == 0 || next >= n)
			continue;
		by_sink[i] = fds[next];
		fds[next++] = -1;
	}
	sinks = sinks_open(c, by_sink, &e);
	if (sinks == NULL) {
		log_error(0, "logs: %s", e.text);
		return;
	}
	sinks_take_log(sinks);
	sinks_free(&w->sinks);
	w->sinks = sinks;
}

static void
order_ticket(struct worker *w, const struct order *o, int *fds, unsigned n)
{
	struct tls_ticket_key k;

	(void)fds;
	(void)n;
	if (tls_ticket_parse(o->text, &k) == 0)
		tls_tickets_add(&w->tls_tickets, &k);
}

#define END_LOOK_MS \
	20 /* how often a draining worker looks whether all left \
	    */

static void
order_drain(struct worker *w, const struct order *o, int *fds, unsigned n)
{
	struct house *h;

	(void)o;
	(void)fds;
	(void)n;
	if (w->draining)
		return;
	w->draining = true;
	close_doors(w);
	LIST_FOREACH(h, &w->houses, link)
	house_drain(h);
	house_retire(w->house);
	timer_set(w->ending, 1);
}

/* Drained: nobody is in and nothing is on its way out. */
static void
look_for_end(void *arg)
{
	struct worker *w = arg;

	if (LIST_EMPTY(&w->houses) && io_finishing(w->loop) == 0 &&
	    !dialer_busy(w->dialer))
		loop_stop(w->loop);
	else
		timer_set(w->ending, END_LOOK_MS);
}

static void (*const acts[ORDER_KINDS])(
    struct worker *, const struct order *, int *, unsigned) = {
    [ORDER_PAIR] = order_pair,
    [ORDER_SIGNER] = order_signer,
    [ORDER_GENERATION] = order_generation,
    [ORDER_CONF] = order_conf,
    [ORDER_DOOR] = order_door,
    [ORDER_APPLY] = order_apply,
    [ORDER_LOGS] = order_logs,
    [ORDER_DRAIN] = order_drain,
    [ORDER_TICKET] = order_ticket,
};

static void
take_order(void *arg)
{
	struct worker *w = arg;
	struct order o;
	int fds[ORDER_FDS];
	unsigned n;
	int rc = order_recv(w->control, &o, fds, &n);

	if (rc == 0) {
		log_error(0, "the parent has gone: ending");
		_exit(1);
	}
	if (rc < 0)
		return;
	/* A draining worker has no configuration to change any more. */
	if (acts[o.kind] != NULL &&
	    (!w->draining || o.kind <= ORDER_GENERATION))
		acts[o.kind](w, &o, fds, n);
	for (unsigned i = 0; i < n; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/* ---- running ----------------------------------------------------------------
 */

static void
open_first(struct worker *w, const struct worker_start *ws)
{
	struct conf *conf = ws->conf;
	struct tls_files *files = ws->tls_files;
	struct err e;

	w->house = house_open(w, &conf, &files, &e);
	if (w->house == NULL) {
		log_error(0, "%s", e.text);
		_exit(78);
	}
	for (size_t i = 0; i < ws->doors->n; i++)
		name_door(w, ws->doors->list[i].text,
		    door_fd(&ws->doors->list[i], w->self));
	apply_doors(w);
}

_Noreturn void
worker_run(const struct worker_start *ws)
{
	struct worker *w = xcalloc(1, sizeof(*w));
	struct order up = {.kind = ORDER_UP};
	char who[32];

	snprintf(who, sizeof(who), "net %u", ws->self);
	log_setup(log_wants(LOG_DEBUG_) ? LOG_DEBUG_ : LOG_INFO_, who);
	w->self = ws->self;
	w->count = ws->count;
	w->shared = ws->shared;
	w->control = ws->control;
	w->sinks = ws->sinks;
	w->tls_tickets = *ws->tls_tickets;
	sinks_take_log(w->sinks);
	w->loop = loop_open();
	w->dialer = dialer_open(w->loop);
	w->gate = gate_open(w->loop, w->shared, w->self, ws->cache, ws->conf);
	w->leaf_link = leaf_link_open(w->loop);
	w->quarantine =
	    quarantine_open(w->loop, ws->quarantine_room, w->self, ws->conf);
	w->ending = timer_open(w->loop, look_for_end, w);
	spool_conf(w, ws->conf);
	open_first(w, ws);
	w->orders = loop_watch(w->loop, w->control, take_order, w);
	(void)order_send(w->control, &up, NULL, 0);
	loop_run(w->loop);
	_exit(0);
}
