/*
 * armoury_scan: `sallyport scan`: the pipeline of the gateway over files, with
 * the same jail and the same worker, and nobody listening.  A worker that a
 * file has killed is replaced for the next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/fdpass.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/base/tree.h"
#include "scan/armoury.h"
#include "scan/type.h"
#include "scan/wire.h"

#define GRACE_MS 2000           /* beyond the deadline, then it is killed */
#define PEEK (64 * 1024)        /* what tells a mail from other files */
#define STDIN_MEMORY (1u << 20) /* of what is read; then a file in /tmp */
#define MEMBERS_KEPT 100000     /* in one tree */
#define STDIN_NAME "stdin"
#define MAIL_NAME "mail.eml" /* as the gateway calls every mail */

struct oneshot {
	struct conf *conf;
	struct inspector *inspector;
	char dir[JAIL_PATH];
	struct jail_plan plan;
	struct spool_house house;
	uint64_t size_max;
	bool mail;
	pid_t pid; /* 0: no worker */
	int pair, control;
	uint32_t number;
};

static volatile sig_atomic_t stopped;

static void
stop(int signo)
{
	(void)signo;
	stopped = 1;
}

/* ---- the worker ---------------------------------------------------------- */

static int
serve_members(struct scan_worker *w, void *arg)
{
	(void)arg;
	w->members = true;
	return scan_worker_run(w);
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
end_worker(struct oneshot *o)
{
	close_fd(&o->pair);
	close_fd(&o->control);
	if (o->pid == 0)
		return;
	kill(o->pid, SIGKILL);
	waitpid(o->pid, NULL, 0);
	o->pid = 0;
}

/* It has closed its end: why?  Always returns -1. */
static int
say_death(struct oneshot *o, struct err *e)
{
	int status = 0;

	if (o->pid != 0 && waitpid(o->pid, &status, 0) == o->pid)
		o->pid = 0;
	if (WIFSIGNALED(status))
		return err_set(e, "the scan worker died of SIG%s",
		    sigabbrev_np(WTERMSIG(status)));
	return err_set(e, "the scan worker ended with %d", WEXITSTATUS(status));
}

/* Waits until it is shut in and hands it its one pair. */
static int
await_worker(struct oneshot *o, int worker_end, struct err *e)
{
	const struct worker_pair first = {1};
	struct cell_up up;
	unsigned n;
	ssize_t len = fdpass_recv(o->control, &up, sizeof(up), NULL, 0, &n);

	if (len != (ssize_t)sizeof(up))
		return say_death(o, e);
	up.text[sizeof(up.text) - 1] = '\0';
	if (!up.ok)
		return err_set(e, "scan worker: %s", up.text);
	log_info(0, "scan worker jail %s", up.text);
	if (fdpass_send(o->control, &first, sizeof(first), &worker_end, 1) < 0)
		return err_set(e, "scan worker: %s", strerror(errno));
	return 0;
}

static int
fork_worker(struct oneshot *o, int control, struct err *e)
{
	const struct cell cell = {.title = "sallyport: scan",
	    .inspector = o->inspector,
	    .plan = o->plan,
	    .work = serve_members,
	    .control = control,
	    .say = -1};
	pid_t pid = cell_fork(&cell);

	if (pid < 0)
		return err_set(e, "fork: %s", strerror(errno));
	o->pid = pid;
	return 0;
}

static int
start_worker(struct oneshot *o, struct err *e)
{
	int control[2], pair[2], done;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
		return err_set(e, "socketpair: %s", strerror(errno));
	o->control = control[0];
	done = fork_worker(o, control[1], e);
	close(control[1]);
	if (done < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, "socketpair: %s", strerror(errno));
	o->pair = pair[0];
	done = await_worker(o, pair[1], e);
	close(pair[1]);
	return done;
}

static int
need_worker(struct oneshot *o, struct err *e)
{
	if (o->pid != 0)
		return 0;
	if (start_worker(o, e) == 0)
		return 0;
	end_worker(o);
	return -1;
}

/* ---- one content --------------------------------------------------------- */

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL || slash[1] == '\0' ? path : slash + 1;
}

static enum content_kind
kind_of(int fd)
{
	char *bytes = xcalloc(1, PEEK);
	ssize_t n = pread(fd, bytes, PEEK, 0);
	enum file_type type = type_of(bytes, n > 0 ? (size_t)n : 0);

	free(bytes);
	return type == FILE_MAIL ? CONTENT_MAIL : CONTENT_FILE;
}

static int
send_job(struct oneshot *o, const char *name, int fd, uint64_t size,
    int64_t budget_ms)
{
	struct wire_job job = {.number = ++o->number,
	    .kind = o->mail ? CONTENT_MAIL : kind_of(fd),
	    .budget_ms = (uint32_t)budget_ms,
	    .size = size};
	struct buf b;
	int done;

	copy_text(job.name, sizeof(job.name), name);
	buf_init(&b, WIRE_JOB_MAX);
	MUST(wire_put_job(&b, &job) == 0);
	done = fdpass_send(o->pair, buf_at(&b), b.len, &fd, 1);
	buf_free(&b);
	return done;
}

static void
keep_member(struct scanned *s, const struct wire_member *m)
{
	struct member *one;

	if (s->n == MEMBERS_KEPT)
		return;
	if (s->n == s->cap) {
		s->cap = s->cap == 0 ? 64 : s->cap * 2;
		s->members = xrealloc(s->members, s->cap, sizeof(*s->members));
	}
	one = &s->members[s->n++];
	one->where = xstrdup(m->where);
	one->type = xstrdup(m->type);
	one->size = m->size;
	one->depth = m->depth;
}

static int
wait_for(int fd, int64_t until_ms, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t left = until_ms - clock_ms();
	int n = poll(&p, 1, left > 0 ? (int)left : 0);

	if (n > 0)
		return 0;
	if (n < 0 && errno == EINTR && !stopped)
		return wait_for(fd, until_ms, e);
	return err_set(e, n == 0 ? "timeout" : "interrupted");
}

/* Members, then the report. */
static int
take_answer(
    struct oneshot *o, struct scanned *s, int64_t until_ms, struct err *e)
{
	static char bytes[WIRE_REPORT_MAX];
	struct wire_member m;
	uint32_t number;
	unsigned n;
	ssize_t len;

	for (;;) {
		if (wait_for(o->pair, until_ms, e) < 0)
			return -1;
		len = fdpass_recv(o->pair, bytes, sizeof(bytes), NULL, 0, &n);
		if (len <= 0)
			return say_death(o, e);
		if (wire_get_member(bytes, (size_t)len, &m) == 0) {
			keep_member(s, &m);
			continue;
		}
		if (wire_get_report(bytes, (size_t)len, &number, &s->report) <
			0 ||
		    number != o->number)
			return err_set(e, "the scan worker talks nonsense");
		return 0;
	}
}

static int
scan_fd(struct oneshot *o, struct scanned *s, const char *name, int fd,
    struct err *e)
{
	struct budget b;
	struct stat st;
	int64_t now = clock_ms();

	if (fstat(fd, &st) < 0)
		return err_set(e, "%s", strerror(errno));
	if ((uint64_t)st.st_size > o->size_max) {
		report_add(
		    &s->report, FOUND_LIMIT, "scan", name, "max_scan_size");
		s->report.unscanned_bytes = (uint64_t)st.st_size;
		return 0;
	}
	if (need_worker(o, e) < 0)
		return -1;
	b = inspector_budget(o->inspector, (uint64_t)st.st_size);
	if (send_job(o, name, fd, (uint64_t)st.st_size, b.deadline_ms - now) <
	    0)
		return err_set(e, "the scan worker: %s", strerror(errno));
	return take_answer(o, s, b.deadline_ms + GRACE_MS, e);
}

/* ---- one file ------------------------------------------------------------ */

/* All of fd into c.  0, or -1 with words. */
static int
read_all(int fd, struct content *c, struct err *e)
{
	char *bytes = xcalloc(1, PEEK);
	ssize_t n;

	while ((n = read(fd, bytes, PEEK)) != 0) {
		if (n < 0 && errno == EINTR && !stopped)
			continue;
		if (n < 0 || content_write(c, bytes, (size_t)n) < 0)
			break;
	}
	free(bytes);
	if (n != 0 || content_seal(c) < 0)
		return err_set(e, "%s", strerror(errno));
	return 0;
}

/* What has no size yet is taken whole, as the gateway would. */
static int
scan_stream(struct oneshot *o, struct scanned *s, const char *name, int fd,
    struct err *e)
{
	struct content *c =
	    content_open(&o->house, CONTENT_FILE, name, o->size_max);
	int done = read_all(fd, c, e);

	if (done == 0 && content_fd(c) < 0)
		done = err_set(e, "%s", strerror(errno));
	if (done == 0)
		done = scan_fd(o, s, name, content_fd(c), e);
	content_free(&c);
	return done;
}

static int
scan_path(struct oneshot *o, struct scanned *s, struct err *e)
{
	struct stat st;
	int fd, done;

	if (strcmp(s->path, "-") == 0)
		return scan_stream(
		    o, s, o->mail ? MAIL_NAME : STDIN_NAME, 0, e);
	fd = open(s->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		done = err_set(e, "%s", strerror(errno));
	else if (S_ISDIR(st.st_mode))
		done = err_set(e, "%s", strerror(EISDIR));
	else if (S_ISREG(st.st_mode))
		done = scan_fd(o, s, base_name(s->path), fd, e);
	else
		done = scan_stream(o, s, base_name(s->path), fd, e);
	if (fd >= 0)
		close(fd);
	return done;
}

/* For `sallyport deliver --local`, which asks the policy itself. */
static void
print_wire(const struct report *r)
{
	struct buf b;

	buf_init(&b, WIRE_REPORT_MAX);
	if (wire_put_report(&b, 1, r) == 0)
		(void)fwrite(buf_at(&b), 1, b.len, stdout);
	buf_free(&b);
}

static int
scan_one(struct oneshot *o, const char *path, const struct armoury_args *a)
{
	struct scanned s = {.path = path};
	struct err e;
	int status;

	report_init(&s.report);
	if (scan_path(o, &s, &e) < 0) {
		report_init(&s.report);
		report_add(&s.report, FOUND_FAILED, "scan", base_name(path),
		    "%s", e.text);
		end_worker(o);
	}
	if (a->wire)
		print_wire(&s.report);
	else if (a->json)
		scanned_json(&s, stdout);
	else
		scanned_text(&s, stdout);
	status = scanned_status(&s.report);
	for (size_t i = 0; i < s.n; i++) {
		free(s.members[i].where);
		free(s.members[i].type);
	}
	free(s.members);
	return status;
}

/* ---- all of them --------------------------------------------------------- */

static int
make_dir(struct oneshot *o, struct err *e)
{
	const char *base = getenv("TMPDIR");
	int n = snprintf(o->dir, sizeof(o->dir), "%s/sallyport-scan.XXXXXX",
	    base != NULL && base[0] == '/' ? base : "/tmp");

	if (n < 0 || (size_t)n >= sizeof(o->dir) || mkdtemp(o->dir) == NULL) {
		o->dir[0] = '\0';
		return err_set(e, "TMPDIR: %s", strerror(errno));
	}
	if (geteuid() == 0 && chown(o->dir, o->plan.uid, o->plan.gid) < 0)
		return err_set(e, "chown %s: %s", o->dir, strerror(errno));
	return 0;
}

static int
prepare(struct oneshot *o, const struct armoury_args *a, struct err *e)
{
	/* conf_load() has said its own errors. */
	o->conf = a->conf_fd >= 0 ? conf_from_fd(a->conf_fd, e)
				  : conf_load(NULL, stderr);
	if (o->conf == NULL)
		return a->conf_fd >= 0 ? -1 : err_set(e, "configuration");
	o->inspector = inspector_open(o->conf, e);
	if (o->inspector == NULL)
		return -1;
	jail_warm_up();
	cell_plan(o->conf, &o->plan);
	if (make_dir(o, e) < 0)
		return -1;
	o->plan.dir = o->dir;
	o->mail = a->mail;
	o->size_max = (uint64_t)conf_int(o->conf, NULL, OPT_SCAN_MAX_SCAN_SIZE);
	o->house = (struct spool_house){.dir = o->dir,
	    .memory_each = STDIN_MEMORY,
	    .memory_max = STDIN_MEMORY,
	    .disk_max = o->size_max};
	return 0;
}

static void
put_away(struct oneshot *o)
{
	struct err e;

	end_worker(o);
	if (o->dir[0] != '\0' && tree_remove(o->dir, &e) < 0)
		log_warn(0, "temporary files: %s", e.text);
	inspector_close(&o->inspector);
	conf_free(&o->conf);
}

/* An error outweighs a find: nobody may take the answer for complete. */
static int
scan_all(struct oneshot *o, const struct armoury_args *a)
{
	int worst = SCAN_CLEAN, status;

	for (int i = 0; i < a->n_files && !stopped; i++) {
		status = scan_one(o, a->files[i], a);
		worst = status > worst ? status : worst;
	}
	if (fflush(stdout) != 0 || ferror(stdout) || stopped)
		return SCAN_ERROR;
	return worst;
}

int
armoury_scan(const struct armoury_args *a)
{
	static struct oneshot o = {.pair = -1, .control = -1};
	const struct sigaction on = {.sa_handler = stop};
	struct err e;
	int status = SCAN_ERROR;

	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGINT, &on, NULL);
	sigaction(SIGTERM, &on, NULL);
	if (prepare(&o, a, &e) == 0)
		status = scan_all(&o, a);
	else
		fprintf(stderr, "sallyport scan: %s\n", e.text);
	put_away(&o);
	return status;
}
