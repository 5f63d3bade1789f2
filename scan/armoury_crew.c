/*
 * armoury_crew: the scan workers of one generation: forks them, makes their
 * pairs with the net workers, and puts another in the place of one that died.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
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
#include "proxy/base/words.h"
#include "scan/armoury.h"

#define LINE_MOST 4096
#define FILES_MOST 200000 /* in one worker's directory */

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static unsigned
how_many(const struct conf *conf, uint32_t first_slot)
{
	int64_t n = conf_int(conf, NULL, OPT_SCAN_WORKERS);
	unsigned room = SLOTS_MAX - first_slot;

	if (n == 0)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	if (n < 1)
		n = 1;
	if (n > room) {
		log_warn(0, "limit scan workers=%jd reached slots=%u",
		    (intmax_t)n, room);
		n = room;
	}
	return (unsigned)n;
}

/* The place for temporary files, which each worker covers with its own tmpfs
 * or where each has a directory. */
static int
make_dir(struct crew *c, struct err *e)
{
	int n = snprintf(c->dir, sizeof(c->dir), "%s/scan",
	    conf_str(c->conf, NULL, OPT_GATEWAY_RUNTIME_DIR));

	if (n < 0 || (size_t)n >= sizeof(c->dir))
		return err_set(e, "runtime_dir: too long a path");
	if (mkdir(c->dir, 0700) < 0 && errno != EEXIST)
		return err_set(e, "mkdir %s: %s", c->dir, strerror(errno));
	if (geteuid() == 0 && chown(c->dir, c->plan.uid, c->plan.gid) < 0)
		return err_set(e, "chown %s: %s", c->dir, strerror(errno));
	return 0;
}

int
crew_open(struct crew *c, uint32_t first_slot, struct err *e)
{
	cell_plan(c->conf, &c->plan);
	if (make_dir(c, e) < 0)
		return -1;
	c->plan.dir = c->dir;
	c->n = how_many(c->conf, first_slot);
	c->berths = xcalloc(c->n, sizeof(*c->berths));
	for (unsigned i = 0; i < c->n; i++) {
		struct berth *b = &c->berths[i];

		b->slot = first_slot + i;
		b->sequence = words_sequence(c->words, b->slot);
		b->pidfd = b->control = b->say = -1;
		buf_init(&b->line, LINE_MOST);
	}
	return 0;
}

/* ---- a new one ----------------------------------------------------------- */

/* A worker's directory, when it had none of its own that went with it. */
static void
empty_dir(const struct crew *c, const struct berth *b)
{
	char path[JAIL_PATH + 16];
	struct err e;

	snprintf(path, sizeof(path), "%s/%u", c->dir, b->slot);
	if (tree_remove(path, &e) < 0)
		log_warn(0, "temporary files error=%s", log_quote(e.text));
}

static int
serve_jobs(struct scan_worker *w, void *arg)
{
	(void)arg;
	return scan_worker_run(w);
}

static int
fork_worker(struct crew *c, struct berth *b, int control, int say)
{
	char title[32];
	struct cell cell = {.title = title,
	    .inspector = c->inspector,
	    .plan = c->plan,
	    .work = serve_jobs,
	    .control = control,
	    .say = say};

	snprintf(title, sizeof(title), "sallyportd: scan %u",
	    (unsigned)(b - c->berths) + 1);
	cell.plan.slot = b->slot;
	b->pid = cell_fork(&cell);
	if (b->pid < 0) {
		b->pid = 0;
		return -1;
	}
	b->pidfd = pidfd_open(b->pid, 0);
	return b->pidfd < 0 ? -1 : 0;
}

/* Its control and its voice; forks with the far ends. */
static int
start(struct crew *c, struct berth *b)
{
	int pair[2], voice[2], done;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	if (pipe2(voice, O_CLOEXEC) < 0) {
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	b->control = pair[0];
	b->say = voice[0];
	b->up = b->ordered = false;
	b->sequence++;
	words_set(c->words, b->slot, b->sequence, SLOT_GONE);
	empty_dir(c, b);
	done = fork_worker(c, b, pair[1], voice[1]);
	close(pair[1]);
	close(voice[1]);
	return done;
}

static void
begin_backoff(struct berth *b, int64_t now)
{
	b->backoff_ms = b->backoff_ms == 0        ? BACKOFF_LEAST_MS
	    : b->backoff_ms * 2 < BACKOFF_MOST_MS ? b->backoff_ms * 2
						  : BACKOFF_MOST_MS;
	b->start_ms = now + b->backoff_ms;
}

void
crew_start(struct crew *c)
{
	int64_t now = clock_ms();

	for (unsigned i = 0; i < c->n && !c->retiring; i++) {
		struct berth *b = &c->berths[i];

		if (b->pid != 0 || b->start_ms > now || start(c, b) == 0)
			continue;
		log_error(
		    0, "scan slot=%u start error=%s", b->slot, strerror(errno));
		if (b->pid == 0) {
			close_fd(&b->control);
			close_fd(&b->say);
		} else {
			kill(b->pid, SIGKILL);
		}
		begin_backoff(b, now);
	}
}

/* ---- pairs --------------------------------------------------------------- */

static int
hand_out(struct crew *c, struct berth *b, uint32_t net, const int *pair)
{
	struct control m = {.kind = CONTROL_PAIR,
	    .generation = c->generation,
	    .slot = b->slot,
	    .sequence = b->sequence,
	    .net = net};
	struct worker_pair to_worker = {net};
	int to_parent[CONTROL_FDS] = {pair[1], b->pidfd};

	if (control_pass(b->control, &to_worker, sizeof(to_worker), pair, 1) <
	    0)
		return -1;
	return control_send(c->parent, &m, to_parent, CONTROL_FDS);
}

static void
make_pair(struct crew *c, struct berth *b, uint32_t net)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		log_error(0, "scan slot=%u net=%u pair error=%s", b->slot, net,
		    strerror(errno));
		return;
	}
	if (hand_out(c, b, net, pair) < 0)
		log_warn(0, "scan slot=%u net=%u hand error=%s", b->slot, net,
		    strerror(errno));
	close(pair[0]);
	close(pair[1]);
}

static void
all_ready(struct crew *c)
{
	struct control m = {.kind = CONTROL_READY,
	    .generation = c->generation,
	    .workers = c->n};

	for (unsigned i = 0; i < c->n; i++) {
		if (!c->berths[i].up)
			return;
	}
	c->ready = true;
	copy_text(m.text, sizeof(m.text), inspector_version(c->inspector));
	log_debug(0, "ready generation=%u workers=%u engines=%s", c->generation,
	    c->n, log_quote(m.text));
	if (control_send(c->parent, &m, NULL, 0) < 0)
		log_warn(0, "parent error=%s", strerror(errno));
}

static void
now_up(struct crew *c, struct berth *b, const struct cell_up *up)
{
	log_info(0, "scan worker slot=%u pid=%d jail %s", b->slot, b->pid,
	    log_quote(up->text));
	b->up = true;
	b->mounted = up->mounted;
	words_set(c->words, b->slot, b->sequence, 0);
	for (uint32_t net = 1; net <= c->nets; net++)
		make_pair(c, b, net);
	if (!c->ready)
		all_ready(c);
}

void
crew_heard(struct crew *c, struct berth *b)
{
	struct cell_up up;
	unsigned n;
	ssize_t len = fdpass_recv(b->control, &up, sizeof(up), NULL, 0, &n);

	if (len != (ssize_t)sizeof(up) || b->up) {
		/* Its end, or it says what no worker of ours would. */
		close_fd(&b->control);
		kill(b->pid, SIGKILL);
		return;
	}
	up.text[sizeof(up.text) - 1] = '\0';
	if (up.ok) {
		now_up(c, b, &up);
		return;
	}
	log_error(
	    0, "scan slot=%u no jail error=%s", b->slot, log_quote(up.text));
	if (c->failed[0] == '\0')
		copy_text(c->failed, sizeof(c->failed), up.text);
}

void
crew_net_new(struct crew *c, uint32_t net)
{
	if (net > c->nets)
		c->nets = net;
	for (unsigned i = 0; i < c->n; i++) {
		if (c->berths[i].up)
			make_pair(c, &c->berths[i], net);
	}
}

/* ---- the end of one ------------------------------------------------------ */

static void
order_death(struct berth *b)
{
	b->ordered = true;
	if (kill(b->pid, SIGKILL) < 0)
		log_warn(
		    0, "scan slot=%u kill error=%s", b->slot, strerror(errno));
}

/* One that it was about to end says no more whose it was; who else is about to
 * end one has nothing against our help. */
void
crew_net_gone(struct crew *c, uint32_t net)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct berth *b = &c->berths[i];
		uint32_t owner = words_owner(c->words, b->slot, b->sequence);

		if (b->up && b->pid != 0 &&
		    (owner == net || owner == SLOT_ENDED))
			order_death(b);
	}
}

/* The ring of a slot's deaths: is its oldest within CRASH_TIME_MS? */
static bool
is_crash_loop(struct berth *b, int64_t now)
{
	int64_t *oldest = &b->died_ms[b->deaths % CRASHES_MAX];
	bool loop = b->deaths >= CRASHES_MAX && now - *oldest < CRASH_TIME_MS;

	*oldest = now;
	b->deaths++;
	return loop;
}

static void
count_death(struct crew *c, struct berth *b)
{
	int64_t now = clock_ms();

	if (b->start_ms + b->backoff_ms + CRASH_TIME_MS < now)
		b->backoff_ms = 0;
	if (!is_crash_loop(b, now))
		return;
	begin_backoff(b, now);
	if (!c->ready && c->failed[0] == '\0')
		copy_text(
		    c->failed, sizeof(c->failed), "scan workers die at once");
	log_error(0, "scan slot=%u crash loop deaths=%u next_in_ms=%jd",
	    b->slot, b->deaths, (intmax_t)b->backoff_ms);
}

static void
log_death(const struct crew *c, const struct berth *b, int status)
{
	const char *word =
	    WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;

	if (c->retiring && (b->ordered || status == 0))
		log_debug(
		    0, "scan worker ended slot=%u pid=%d", b->slot, b->pid);
	else if (WIFSIGNALED(status))
		log_warn(0, "scan worker died slot=%u pid=%d signal=%s%s",
		    b->slot, b->pid, word == NULL ? "?" : word,
		    b->ordered ? " ordered" : "");
	else
		log_warn(0, "scan worker died slot=%u pid=%d status=%d",
		    b->slot, b->pid, WEXITSTATUS(status));
}

static void
bury(struct crew *c, struct berth *b, int status)
{
	/* Its last words are in the pipe. */
	for (unsigned i = 0; i < 16 && b->say >= 0; i++)
		say_relay(b);
	/* Its scan took too long, or nobody waited for it: no crash. */
	if (words_owner(c->words, b->slot, b->sequence) == SLOT_ENDED)
		b->ordered = true;
	log_death(c, b, status);
	words_set(c->words, b->slot, b->sequence, SLOT_GONE);
	close_fd(&b->control);
	close_fd(&b->say);
	close_fd(&b->pidfd);
	buf_clear(&b->line);
	b->pid = 0;
	b->up = false;
	empty_dir(c, b);
	if (!b->ordered && !c->retiring)
		count_death(c, b);
}

void
crew_reap(struct crew *c)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned i = 0; i < c->n; i++) {
			if (c->berths[i].pid == pid)
				bury(c, &c->berths[i], status);
		}
	}
}

/* Without its control a worker ends with the last of its pairs. */
void
crew_retire(struct crew *c)
{
	c->retiring = true;
	for (unsigned i = 0; i < c->n; i++)
		close_fd(&c->berths[i].control);
}

void
crew_kill(struct crew *c)
{
	c->retiring = true;
	for (unsigned i = 0; i < c->n; i++) {
		struct berth *b = &c->berths[i];
		int status;

		if (b->pid == 0)
			continue;
		order_death(b);
		if (waitpid(b->pid, &status, 0) == b->pid)
			bury(c, b, status);
	}
}

/* In a directory only single files have a limit of the kernel's. */
void
crew_count_files(struct crew *c)
{
	const struct tree_size most = {c->plan.temporary_size, FILES_MOST};
	char path[JAIL_PATH + 16];
	struct tree_size size;
	struct err e;

	for (unsigned i = 0; i < c->n; i++) {
		struct berth *b = &c->berths[i];

		snprintf(path, sizeof(path), "%s/%u", c->dir, b->slot);
		if (!b->up || b->pid == 0 || b->mounted)
			continue;
		if (tree_measure(path, &most, &size, &e) == 0 &&
		    size.bytes <= most.bytes && size.files <= most.files)
			continue;
		log_warn(0,
		    "limit temporary_size reached slot=%u bytes=%ju"
		    " files=%ju",
		    b->slot, (uintmax_t)size.bytes, (uintmax_t)size.files);
		order_death(b);
	}
}

bool
crew_counts_files(const struct crew *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (c->berths[i].up && !c->berths[i].mounted)
			return true;
	}
	return false;
}

unsigned
crew_living(const struct crew *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n; i++)
		n += c->berths[i].pid != 0;
	return n;
}

int64_t
crew_next_ms(const struct crew *c)
{
	int64_t next = -1;

	for (unsigned i = 0; i < c->n && !c->retiring; i++) {
		const struct berth *b = &c->berths[i];

		if (b->pid == 0 && (next < 0 || b->start_ms < next))
			next = b->start_ms;
	}
	return next;
}
