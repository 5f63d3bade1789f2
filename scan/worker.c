/*
 * worker: jobs in, reports out, one at a time.  See worker.h.  It runs in the
 * jail: what it calls here must be in the list of jail_seccomp.c.
 */
#include "scan/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/fdpass.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/base/tree.h"
#include "scan/wire.h"

#define CPU_GRACE 2      /* seconds beyond the deadline, then SIGXCPU */
#define CPU_STAYS_MS 999 /* so long it serves jobs of the same length */
#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

struct work {
	struct scan_worker *w;
	int sock; /* the pair the job came from */
	struct buf *out;
};

void
scan_worker_init(struct scan_worker *w, struct inspector *i, const char *tmpdir)
{
	*w = (struct scan_worker){.inspector = i, .tmpdir = tmpdir};
	w->control = -1;
	w->cpu_budget_s = -1;
	for (unsigned n = 0; n <= NET_WORKERS_MAX; n++)
		w->pair[n] = -1;
}

static void
drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- one job ------------------------------------------------------------- */

/*
 * RLIMIT_CPU counts all this process ever used: it is moved on.  What was set
 * for a job leaves it a second more than its budget, and in less than that the
 * jobs since have used less: so they need no limit of their own.
 */
static void
move_cpu_limit(struct scan_worker *w, int64_t budget_ms, int64_t now_ms)
{
	struct timespec used;
	struct rlimit l;

	if (w->cpu_budget_s == budget_ms / 1000 &&
	    now_ms - w->cpu_set_ms < CPU_STAYS_MS)
		return;
	w->cpu_budget_s = -1;
	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) < 0 ||
	    getrlimit(RLIMIT_CPU, &l) < 0)
		return;
	l.rlim_cur = (rlim_t)(used.tv_sec + budget_ms / 1000 + 1 + CPU_GRACE);
	if (l.rlim_cur > l.rlim_max)
		l.rlim_cur = l.rlim_max;
	if (setrlimit(RLIMIT_CPU, &l) < 0) {
		log_warn(0, "worker cpu limit error=%s", strerror(errno));
		return;
	}
	w->cpu_budget_s = budget_ms / 1000;
	w->cpu_set_ms = now_ms;
}

/* Bytes that stay as they are: a sealed memfd, or a file not open to us for
 * writing, of the size the job says: or of more, where the job is the beginning
 * of what is still growing. */
static bool
is_fixed(int fd, uint64_t size)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	int flags = fcntl(fd, F_GETFL);

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size < size || flags < 0)
		return false;
	if ((flags & O_ACCMODE) == O_RDONLY)
		return true;
	return seals >= 0 && (seals & SEALS) == SEALS;
}

static struct content *
job_content(const struct wire_job *job, int *fd)
{
	struct content *c;
	struct spool *s;

	if (job->inline_bytes != NULL)
		s = spool_over(job->inline_bytes, (size_t)job->size);
	else
		s = spool_over_file(*fd, job->size);
	if (s == NULL)
		return NULL;
	if (job->inline_bytes == NULL)
		*fd = -1; /* the spool's now */
	c = content_over(&s, job->kind, job->name);
	MUST(content_declare(c, job->codings, job->type) == 0);
	return c;
}

static void
tell_member(void *arg, const char *where, const char *type, uint64_t size,
    unsigned depth)
{
	struct work *k = arg;
	struct wire_member m = {.size = size, .depth = depth};

	copy_text(m.where, sizeof(m.where), where);
	copy_text(m.type, sizeof(m.type), type);
	buf_clear(k->out);
	MUST(wire_put_member(k->out, &m) == 0);
	(void)fdpass_send(k->sock, buf_at(k->out), k->out->len, NULL, 0);
}

static void
inspect_job(
    struct work *k, const struct wire_job *job, int *fd, struct report *r)
{
	struct inspector *i = k->w->inspector;
	struct budget b = inspector_budget(i, job->size);
	int64_t begin = clock_ms();
	struct content *c = job_content(job, fd);

	if (b.deadline_ms > begin + job->budget_ms)
		b.deadline_ms = begin + job->budget_ms;
	move_cpu_limit(k->w, b.deadline_ms - begin, begin);
	if (c == NULL) {
		report_init(r);
		report_add(r, FOUND_FAILED, "worker", job->name, "map: %s",
		    strerror(errno));
		r->unscanned_bytes = job->size;
	} else {
		inspect(i, c, b, k->w->members ? tell_member : NULL, k, r);
	}
	r->msec = (uint32_t)(clock_ms() - begin);
	content_free(&c);
}

/* Engines clean up after themselves but when they fail. */
static void
clean_up(struct scan_worker *w)
{
	struct err e;

	if (w->tmpdir == NULL)
		return;
	if (w->tmp == NULL)
		w->tmp = tree_open(w->tmpdir, &e);
	if (w->tmp == NULL || tree_empty_again(w->tmp, &e) < 0)
		log_warn(0, "worker temporary error=%s", log_quote(e.text));
}

static void
do_job(struct scan_worker *w, int *sock, const struct wire_job *job, int *fd)
{
	static struct report r;
	struct buf out;
	struct work k = {w, *sock, &out};

	buf_init(&out, WIRE_REPORT_MAX);
	inspect_job(&k, job, fd, &r);
	buf_clear(&out);
	MUST(wire_put_report(&out, job->number, &r) == 0);
	/* A net worker that has died wants no answer. */
	if (fdpass_send(*sock, buf_at(&out), out.len, NULL, 0) < 0)
		drop(sock);
	buf_free(&out);
	clean_up(w); /* nobody waits for that */
}

/* Returns false when the peer broke the rules. */
static bool
take_job(struct scan_worker *w, int *sock)
{
	static char bytes[WIRE_JOB_MAX];
	struct wire_job job;
	unsigned n;
	int fd = -1;
	ssize_t len = fdpass_recv(*sock, bytes, sizeof(bytes), &fd, 1, &n);
	bool ok;

	if (len < 0 && errno == EMSGSIZE)
		return false;
	if (len <= 0) {
		drop(sock);
		return true;
	}
	ok = wire_get_job(bytes, (size_t)len, &job) == 0 &&
	    n == (job.inline_bytes == NULL ? 1 : 0) &&
	    (n == 0 || is_fixed(fd, job.size));
	if (ok)
		do_job(w, sock, &job, &fd);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* ---- the loop ------------------------------------------------------------ */

static void
take_pair(struct scan_worker *w)
{
	struct worker_pair m;
	unsigned n;
	int fd;
	ssize_t len = fdpass_recv(w->control, &m, sizeof(m), &fd, 1, &n);

	if (len <= 0) {
		drop(&w->control);
		return;
	}
	MUST(len == sizeof(m) && n == 1);
	MUST(m.net >= 1 && m.net <= NET_WORKERS_MAX);
	drop(&w->pair[m.net]);
	w->pair[m.net] = fd;
}

static bool
is_needed(const struct scan_worker *w)
{
	if (w->control >= 0)
		return true;
	for (unsigned n = 1; n <= NET_WORKERS_MAX; n++) {
		if (w->pair[n] >= 0)
			return true;
	}
	return false;
}

/* Fills p with the control and the pairs up to the last there is, and waits;
 * poll(2) passes over descriptors below 0.  Returns how many. */
static unsigned
wait_for_any(const struct scan_worker *w, struct pollfd *p)
{
	unsigned last = 0;

	p[0] = (struct pollfd){.fd = w->control, .events = POLLIN};
	for (unsigned n = 1; n <= NET_WORKERS_MAX; n++) {
		p[n] = (struct pollfd){.fd = w->pair[n], .events = POLLIN};
		if (w->pair[n] >= 0)
			last = n;
	}
	while (poll(p, last + 1, -1) < 0)
		MUST(errno == EINTR || errno == EAGAIN);
	return last + 1;
}

int
scan_worker_run(struct scan_worker *w)
{
	struct pollfd p[NET_WORKERS_MAX + 1];
	unsigned polled;

	while (is_needed(w)) {
		polled = wait_for_any(w, p);
		for (unsigned n = 1; n < polled; n++) {
			if (p[n].revents == 0)
				continue;
			if (!take_job(w, &w->pair[n])) {
				log_error(0, "worker bad job net=%u", n);
				return WORKER_BAD_JOB;
			}
		}
		/* Last: a new pair takes the place of one that has ended. */
		if (p[0].revents != 0)
			take_pair(w);
	}
	return WORKER_DONE;
}
