/*
 * hands: the scan workers as one net worker sees them.  A worker's death is an
 * end-of-file on its pair; a job that nobody waits for any more is ended, after
 * a short grace, by killing the worker by pidfd, and the armoury starts
 * another.
 */
#include "proxy/hands.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/fdpass.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/loop.h"
#include "proxy/shared.h"
#include "proxy/stats.h"
#include "scan/wire.h"

#define HAND_MAGIC 0x4a0d4a0du
#define GRACE_MS 250    /* a scan nobody waits for may end by itself */
#define ENGINE_SHARE 95 /* per cent of the limit the engines may use */

struct hand {
	uint32_t magic;
	struct hands *all;
	struct gate_pair id;
	int fd, pidfd;
	bool busy; /* it has a job of ours, wanted or not */
	void *job; /* who waits for it; NULL: nobody any more */
	uint32_t number;
	const char *over;   /* why nobody waits; NULL: somebody does */
	const char *killed; /* why we ended it; NULL: we did not */
	struct watch *watch;
	struct timer *limit;
};

struct hands {
	struct loop *loop;
	struct shared *shared;
	struct words *words;
	unsigned self;
	uint32_t generation;
	uint32_t numbers;
	hands_done *done;
	hands_free_one *freed;
	void *arg;
	struct hand *list[SLOTS_MAX]; /* by slot ... */
	unsigned end;                 /* ... none from here on */
	struct buf out;               /* a job on its way */
	char *in;                     /* a report that came */
};

struct hands *
hands_open(struct loop *l, struct shared *shared, unsigned self,
    hands_done *done, hands_free_one *freed, void *arg)
{
	struct hands *hs = xcalloc(1, sizeof(*hs));

	hs->loop = l;
	hs->shared = shared;
	hs->words = shared_words(shared);
	hs->self = self;
	hs->done = done;
	hs->freed = freed;
	hs->arg = arg;
	buf_init(&hs->out, WIRE_JOB_MAX);
	hs->in = xcalloc(1, WIRE_REPORT_MAX);
	return hs;
}

/* Forgets a hand; whoever waited for its job has been told. */
static void
forget(struct hand *h)
{
	if (h->all->list[h->id.slot] == h)
		h->all->list[h->id.slot] = NULL;
	watch_free(&h->watch);
	timer_free(&h->limit);
	close(h->fd);
	close(h->pidfd);
	h->magic = 0;
	free(h);
}

/* Its worker is gone, or no worker of ours: ends the job, if there is one. */
static void
lost(struct hand *h, const char *why)
{
	struct hands *hs = h->all;
	void *job = h->job;

	if (h->killed != NULL)
		why = h->killed;
	if (h->busy) {
		log_warn(0, "scan worker lost slot=%u why=%s", h->id.slot, why);
		stats_lost(why);
	}
	forget(h);
	if (job != NULL)
		hs->done(hs->arg, job, NULL, why);
}

static void
kill_worker(struct hand *h, const char *why)
{
	h->killed = why;
	if (syscall(SYS_pidfd_send_signal, h->pidfd, SIGKILL, NULL, 0) < 0 &&
	    errno != ESRCH)
		log_error(0, "scan worker kill slot=%u error=%s", h->id.slot,
		    strerror(errno));
}

/* Nobody waits for its job any more: it may still end by itself. */
static void
begin_grace(struct hand *h, const char *why)
{
	h->job = NULL;
	h->over = why;
	timer_set(h->limit, GRACE_MS);
}

/* The job's time is over, or the grace of one that nobody wants.  That it is
 * ended on purpose the armoury must know: it is no crash. */
static void
limit_passed(void *arg)
{
	struct hand *h = arg;
	struct hands *hs = h->all;
	void *job = h->job;

	IS(h, HAND_MAGIC);
	if (job != NULL) {
		begin_grace(h, "timeout");
		hs->done(hs->arg, job, NULL, "timeout");
		return;
	}
	words_pass(hs->words, h->id.slot, h->id.sequence, hs->self, SLOT_ENDED);
	kill_worker(h, h->over);
}

/* It is ours and has nothing to do. */
static void
offer(struct hand *h)
{
	struct hands *hs = h->all;

	if (h->id.generation == hs->generation) {
		hs->freed(hs->arg, h);
		return;
	}
	words_pass(hs->words, h->id.slot, h->id.sequence, hs->self, 0);
	forget(h);
}

static void
spoke(void *arg)
{
	struct hand *h = arg;
	struct hands *hs = h->all;
	static struct report report;
	uint32_t number;
	int fds[1];
	unsigned nfds;
	ssize_t len;
	void *job;

	IS(h, HAND_MAGIC);
	len = fdpass_recv(h->fd, hs->in, WIRE_REPORT_MAX, fds, 0, &nfds);
	if (len < 0 && errno == EAGAIN)
		return;
	if (len <= 0) {
		lost(h, "crash");
		return;
	}
	if (!h->busy || h->killed != NULL ||
	    wire_get_report(hs->in, (size_t)len, &number, &report) < 0 ||
	    number != h->number) {
		if (h->killed == NULL)
			kill_worker(h, "confused");
		lost(h, "confused");
		return;
	}
	timer_stop(h->limit);
	job = h->job;
	h->busy = false;
	h->job = NULL;
	/* First the next job, then the answer: a worker does not idle. */
	offer(h);
	if (job != NULL)
		hs->done(hs->arg, job, &report, NULL);
}

void
hands_add(struct hands *hs, const struct gate_pair *p, int fd, int pidfd)
{
	struct hand *h;

	if (p->slot >= SLOTS_MAX) {
		log_error(0, "scan worker slot=%u is out of range", p->slot);
		close(fd);
		close(pidfd);
		return;
	}
	if (hs->list[p->slot] != NULL)
		lost(hs->list[p->slot], "crash");
	h = xcalloc(1, sizeof(*h));
	h->magic = HAND_MAGIC;
	h->all = hs;
	h->id = *p;
	h->fd = fd;
	h->pidfd = pidfd;
	h->watch = loop_watch(hs->loop, fd, spoke, h);
	h->limit = timer_open(hs->loop, limit_passed, h);
	hs->list[p->slot] = h;
	if (hs->end <= p->slot)
		hs->end = p->slot + 1;
	if (words_owner(hs->words, p->slot, p->sequence) == hs->self)
		offer(h);
}

void
hands_generation(struct hands *hs, uint32_t generation)
{
	hs->generation = generation;
	for (unsigned i = 0; i < hs->end; i++) {
		struct hand *h = hs->list[i];

		if (h != NULL && h->id.generation < generation && !h->busy)
			forget(h);
	}
}

void
hands_granted(struct hands *hs)
{
	for (unsigned i = 0; i < hs->end; i++) {
		struct hand *h = hs->list[i];

		if (h != NULL && !h->busy &&
		    words_owner(hs->words, i, h->id.sequence) == hs->self)
			offer(h);
	}
}

struct hand *
hands_claim(struct hands *hs)
{
	for (unsigned i = 0; i < hs->end; i++) {
		struct hand *h = hs->list[i];

		if (h != NULL && !h->busy &&
		    h->id.generation == hs->generation &&
		    words_claim(hs->words, i, h->id.sequence, hs->self))
			return h;
	}
	return NULL;
}

/* Does the content go along as a descriptor, not as bytes? */
static bool
goes_as_fd(const struct content *c)
{
	return content_size(c) > WIRE_INLINE || content_memory(c) == NULL;
}

bool
hands_can_take(const struct content *c)
{
	return !goes_as_fd(c) || content_fd(c) >= 0;
}

/* The job as bytes in out, but for its content's: they go along from where they
 * lie, or by the descriptor that is returned. */
static int
pack(struct hand *h, const struct content *c, int64_t limit_ms,
    struct iovec part_r[2])
{
	struct hands *hs = h->all;
	struct wire_job job = {.number = h->number,
	    .kind = content_kind(c),
	    .budget_ms = (uint32_t)(limit_ms * ENGINE_SHARE / 100),
	    .size = content_size(c)};

	copy_text(job.name, sizeof(job.name), content_name(c));
	copy_text(job.codings, sizeof(job.codings), content_codings(c));
	copy_text(job.type, sizeof(job.type), content_type(c));
	if (!goes_as_fd(c))
		job.inline_bytes = content_memory(c);
	buf_clear(&hs->out);
	MUST(wire_put_job_head(&hs->out, &job) == 0);
	part_r[0] = (struct iovec){buf_at(&hs->out), hs->out.len};
	part_r[1] = (struct iovec){0};
	if (job.inline_bytes == NULL)
		return content_fd(c);
	part_r[1] = (struct iovec){
	    (void *)(uintptr_t)job.inline_bytes, (size_t)job.size};
	return -1;
}

bool
hand_give(struct hand *h, const struct content *c, int64_t limit_ms, void *job)
{
	struct hands *hs = h->all;
	struct iovec part[2];
	int fd;
	unsigned n;

	IS(h, HAND_MAGIC);
	MUST(!h->busy);
	h->number = ++hs->numbers;
	fd = pack(h, c, limit_ms, part);
	n = goes_as_fd(c);
	if (fdpass_send2(h->fd, part, &fd, n) < 0) {
		log_warn(0, "scan worker send slot=%u error=%s", h->id.slot,
		    strerror(errno));
		kill_worker(h, "crash");
		forget(h);
		return false;
	}
	stats_add(STAT_SCAN_JOBS);
	h->busy = true;
	h->job = job;
	h->over = NULL;
	timer_set(h->limit, limit_ms);
	return true;
}

void
hand_release(struct hand *h, unsigned to)
{
	struct hands *hs = h->all;

	IS(h, HAND_MAGIC);
	MUST(!h->busy);
	if (words_pass(hs->words, h->id.slot, h->id.sequence, hs->self, to) &&
	    to != 0)
		shared_wake(hs->shared, to);
}

void
hand_drop(struct hand *h)
{
	IS(h, HAND_MAGIC);
	begin_grace(h, "cancelled");
}

void
hands_free(struct hands **hp)
{
	struct hands *hs = *hp;

	*hp = NULL;
	if (hs == NULL)
		return;
	for (unsigned i = 0; i < hs->end; i++) {
		if (hs->list[i] != NULL)
			forget(hs->list[i]);
	}
	buf_free(&hs->out);
	free(hs->in);
	free(hs);
}
