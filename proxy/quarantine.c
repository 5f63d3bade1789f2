/*
 * quarantine: one net worker's side of it: contents wait here for a thread
 * that writes them to the disk one after the other, and nobody waits longer
 * than a scan may take.
 */
#include "proxy/quarantine.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/loop.h"
#include "proxy/quarantine_copy.h"
#include "proxy/quarantine_dir.h"
#include "proxy/quarantine_note.h"

#define QUARANTINE_MAGIC 0x90a7a471u
#define KEEP_MAGIC 0x4ee94ee9u
#define WAITING_MAX 1000 /* one more is not kept */
#define SWEEP_MS (60 * 1000)
#define NOTE_MAX (8u << 20) /* the facts of a mail, escaped */

/* Something for the thread: a copy, or the folder is swept. */
struct keep {
	uint32_t magic;
	struct quarantine *q;
	struct keep *next;
	bool sweep;
	char *dir;
	/* a copy */
	char id[ULID_TEXT];
	uint64_t session;
	struct content *content;
	struct buf note;
	struct quarantine_copy copy;
	struct timer *limit;
	quarantine_done *done; /* NULL: nobody waits */
	void *arg;
	/* a sweep */
	int64_t max_age;
	struct quarantine_swept swept;
	/* how it went */
	const char *how;
	int error;
};

struct keeps {
	struct keep *first, *last;
};

struct quarantine {
	uint32_t magic;
	struct loop *loop;
	struct quarantine_room *room;
	unsigned self;
	char *dir;
	int64_t max_age, timeout_ms;
	uint64_t max_size, timeout_rate;
	unsigned min_free_pct;
	unsigned waiting;     /* with the thread, sweeps too */
	bool used;            /* a policy wants it, or it was there before */
	bool sweeping, again; /* a new configuration came meanwhile */
	struct timer *sweep;
	struct watch *watch;
	int woken; /* an eventfd: something is ready */
	bool running;
	pthread_t thread;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t some;
	struct keeps todo, ready;
	bool ending;
};

static void
put(struct keeps *l, struct keep *k)
{
	k->next = NULL;
	if (l->last != NULL)
		l->last->next = k;
	else
		l->first = k;
	l->last = k;
}

static struct keep *
take(struct keeps *l)
{
	struct keep *k = l->first;

	if (k == NULL)
		return NULL;
	l->first = k->next;
	if (l->first == NULL)
		l->last = NULL;
	return k;
}

/* ---- in the thread ---- */

static void
work(struct keep *k)
{
	struct quarantine *q = k->q;
	uint64_t before;

	if (!k->sweep) {
		k->how = quarantine_copy(&k->copy, &k->error);
		return;
	}
	before = quarantine_room_count(q->room);
	if (quarantine_sweep(k->dir, k->max_age, &k->swept) < 0)
		k->error = errno;
	if (k->error == 0 || k->error == ENOENT)
		quarantine_room_counted(q->room, before, k->swept.bytes);
}

/* NULL: it is over. */
static struct keep *
next_one(struct quarantine *q, struct keep *ready)
{
	const uint64_t one = 1;
	struct keep *k;

	(void)pthread_mutex_lock(&q->lock);
	if (ready != NULL) {
		put(&q->ready, ready);
		(void)!write(q->woken, &one, sizeof(one));
	}
	while (!q->ending && q->todo.first == NULL)
		(void)pthread_cond_wait(&q->some, &q->lock);
	k = q->ending ? NULL : take(&q->todo);
	(void)pthread_mutex_unlock(&q->lock);
	return k;
}

static void *
run(void *arg)
{
	struct keep *k = NULL;

	while ((k = next_one(arg, k)) != NULL)
		work(k);
	return NULL;
}

/* ---- in the loop ---- */

static int
start_thread(struct quarantine *q)
{
	sigset_t all, before;

	if (q->running)
		return 0;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&q->thread, NULL, run, q);
	q->running = errno == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return q->running ? 0 : -1;
}

static void
hand_over(struct quarantine *q, struct keep *k)
{
	q->waiting++;
	(void)pthread_mutex_lock(&q->lock);
	put(&q->todo, k);
	(void)pthread_cond_signal(&q->some);
	(void)pthread_mutex_unlock(&q->lock);
}

static struct keep *
keep_new(struct quarantine *q)
{
	struct keep *k = xcalloc(1, sizeof(*k));

	k->magic = KEEP_MAGIC;
	k->q = q;
	k->dir = xstrdup(q->dir);
	buf_init(&k->note, NOTE_MAX);
	return k;
}

static void
keep_free(struct keep *k)
{
	IS(k, KEEP_MAGIC);
	timer_free(&k->limit);
	content_free(&k->content);
	buf_free(&k->note);
	free(k->dir);
	k->magic = 0;
	free(k);
}

static void
log_failed(const struct keep *k, const char *why, int error)
{
	log_error(k->session,
	    "quarantine not kept why=%s id=%s size=%ju dir=%s error=\"%s\"",
	    why, k->id, (uintmax_t)k->copy.size, k->dir,
	    error == 0 ? "none" : strerror(error));
}

static void
answer(struct keep *k, const char *how, int error)
{
	quarantine_done *done = k->done;

	if (done == NULL)
		return;
	k->done = NULL;
	if (strcmp(how, "kept") != 0)
		log_failed(k, how, error);
	done(k->arg, how);
}

/* The disk hangs, or all of it is more than the disk can take. */
static void
late(void *arg)
{
	struct keep *k = arg;

	IS(k, KEEP_MAGIC);
	atomic_store(&k->copy.unwanted, true);
	answer(k, "timeout", 0);
}

static void
swept(struct quarantine *q, const struct keep *k)
{
	q->sweeping = false;
	timer_set(q->sweep, q->again ? 0 : SWEEP_MS);
	q->again = false;
	if (k->error != 0 && k->error != ENOENT)
		log_error(0, "quarantine dir=%s error=\"%s\"", k->dir,
		    strerror(k->error));
	if (k->swept.failed > 0)
		log_error(0, "quarantine not deleted=%ju dir=%s",
		    (uintmax_t)k->swept.failed, k->dir);
	if (k->swept.gone > 0)
		log_info(0,
		    "quarantine max_age deleted=%ju left=%ju bytes=%ju dir=%s",
		    (uintmax_t)k->swept.gone, (uintmax_t)k->swept.stay,
		    (uintmax_t)k->swept.bytes, k->dir);
}

static void
some_ready(void *arg)
{
	struct quarantine *q = arg;
	struct keeps ready;
	struct keep *k;
	uint64_t n;

	IS(q, QUARANTINE_MAGIC);
	(void)!read(q->woken, &n, sizeof(n));
	(void)pthread_mutex_lock(&q->lock);
	ready = q->ready;
	q->ready = (struct keeps){0};
	(void)pthread_mutex_unlock(&q->lock);
	while ((k = take(&ready)) != NULL) {
		q->waiting--;
		if (k->sweep)
			swept(q, k);
		else
			answer(k, k->how, k->error);
		keep_free(k);
	}
}

/* No thread is begun where nothing is kept. */
static void
sweep(void *arg)
{
	struct quarantine *q = arg;
	struct keep *k;

	q->again = q->sweeping;
	if (q->sweeping || !q->used)
		return;
	if (start_thread(q) < 0) {
		timer_set(q->sweep, SWEEP_MS);
		return;
	}
	q->sweeping = true;
	k = keep_new(q);
	k->sweep = true;
	k->max_age = q->max_age;
	hand_over(q, k);
}

/* ---- one content ---- */

/* What the thread is told of it. */
static void
fill_copy(struct keep *k, const struct content *c)
{
	const struct quarantine *q = k->q;
	struct quarantine_copy *to = &k->copy;

	to->dir = k->dir;
	to->id = k->id;
	to->bytes = content_memory(c);
	to->file = to->bytes == NULL ? content_file(c) : -1;
	to->size = content_size(c);
	to->note = (struct slice){buf_at(&k->note), k->note.len};
	to->max_size = q->max_size;
	to->min_free_pct = q->min_free_pct;
	to->room = q->room;
	to->self = q->self;
	atomic_init(&to->unwanted, false);
}

static int64_t
limit_of(const struct quarantine *q, uint64_t size)
{
	return q->timeout_ms + (int64_t)(size * 1000 / q->timeout_rate);
}

struct keep *
quarantine_keep(struct quarantine *q, struct content *c, const struct event *ev,
    quarantine_done *done, void *arg, const char **how_r)
{
	struct keep *k;

	IS(q, QUARANTINE_MAGIC);
	k = keep_new(q);
	copy_text(k->id, sizeof(k->id), ev->id);
	k->session = ev->session;
	k->copy.size = content_size(c);
	*how_r = NULL;
	if (q->waiting >= WAITING_MAX)
		*how_r = "queue";
	else if (start_thread(q) < 0 ||
	    quarantine_note(&k->note, ev, clock_wall_ms()) < 0)
		*how_r = "error";
	if (*how_r != NULL) {
		log_failed(k, *how_r, errno);
		keep_free(k);
		return NULL;
	}
	k->content = content_share(c);
	k->done = done;
	k->arg = arg;
	fill_copy(k, c);
	k->limit = timer_open(q->loop, late, k);
	timer_set(k->limit, limit_of(q, k->copy.size));
	hand_over(q, k);
	return k;
}

void
quarantine_cancel(struct keep **kp)
{
	struct keep *k = *kp;

	*kp = NULL;
	if (k == NULL)
		return;
	IS(k, KEEP_MAGIC);
	k->done = NULL;
	timer_stop(k->limit);
	atomic_store(&k->copy.unwanted, true);
}

/* ---- all of it ---- */

void
quarantine_conf(struct quarantine *q, const struct conf *conf)
{
	char path[PATH_MAX];

	IS(q, QUARANTINE_MAGIC);
	quarantine_path(conf, path);
	free(q->dir);
	q->dir = xstrdup(path);
	q->max_age = conf_int(conf, NULL, OPT_QUARANTINE_MAX_AGE);
	q->max_size = (uint64_t)conf_int(conf, NULL, OPT_QUARANTINE_MAX_SIZE);
	q->min_free_pct =
	    (unsigned)conf_int(conf, NULL, OPT_GATEWAY_SPOOL_MIN_FREE);
	q->timeout_ms = conf_int(conf, NULL, OPT_SCAN_TIMEOUT);
	q->timeout_rate = (uint64_t)conf_int(conf, NULL, OPT_SCAN_TIMEOUT_RATE);
	q->used = quarantine_wanted(conf) || access(path, F_OK) == 0;
	if (q->self == 1)
		timer_set(q->sweep, 0);
}

struct quarantine *
quarantine_open(struct loop *l, struct quarantine_room *room, unsigned self,
    const struct conf *conf)
{
	struct quarantine *q = xcalloc(1, sizeof(*q));

	q->magic = QUARANTINE_MAGIC;
	q->loop = l;
	q->room = room;
	q->self = self;
	q->woken = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	MUST(q->woken >= 0);
	MUST(pthread_mutex_init(&q->lock, NULL) == 0);
	MUST(pthread_cond_init(&q->some, NULL) == 0);
	q->watch = loop_watch(l, q->woken, some_ready, q);
	q->sweep = timer_open(l, sweep, q);
	quarantine_room_begin(room, self);
	quarantine_conf(q, conf);
	return q;
}

void
quarantine_free(struct quarantine **qp)
{
	struct quarantine *q = *qp;
	struct keep *k;

	*qp = NULL;
	if (q == NULL)
		return;
	IS(q, QUARANTINE_MAGIC);
	(void)pthread_mutex_lock(&q->lock);
	q->ending = true;
	(void)pthread_cond_signal(&q->some);
	(void)pthread_mutex_unlock(&q->lock);
	if (q->running)
		(void)pthread_join(q->thread, NULL);
	while ((k = take(&q->todo)) != NULL || (k = take(&q->ready)) != NULL)
		keep_free(k);
	(void)pthread_cond_destroy(&q->some);
	(void)pthread_mutex_destroy(&q->lock);
	watch_free(&q->watch);
	timer_free(&q->sweep);
	(void)close(q->woken);
	free(q->dir);
	q->magic = 0;
	free(q);
}
