/*
 * parent: binds, starts net workers and the armoury, keeps them alive, reloads
 * on HUP, drains on TERM.  It is the only process that may be root.
 */
#include "proxy/parent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/base/proctitle.h"
#include "proxy/cache.h"
#include "proxy/notify.h"
#include "proxy/parent_own.h"
#include "proxy/quarantine_dir.h"
#include "proxy/quarantine_room.h"
#include "proxy/worker.h"

/* ---- telling net workers ----------------------------------------------------
 */

/* One that does not take its orders is stuck: it is ended and replaced. */
void
parent_tell(
    struct net_child *n, const struct order *o, const int *fds, unsigned nfds)
{
	if (n->control < 0 || order_send(n->control, o, fds, nfds) == 0)
		return;
	if (errno != EAGAIN)
		return; /* it has died: the signal is on its way */
	log_error(0, "child stuck name=\"%s\" pid=%d", n->child.name,
	    (int)n->child.pid);
	kill(n->child.pid, SIGKILL);
}

void
parent_tell_all(
    struct parent *p, const struct order *o, const int *fds, unsigned nfds)
{
	for (unsigned i = 0; i < p->workers; i++)
		parent_tell(&p->nets[i], o, fds, nfds);
}

static void
give_pair(void *arg, const struct control *m, const int *fds)
{
	struct parent *p = arg;
	struct order o = {.kind = ORDER_PAIR,
	    .a = m->generation,
	    .b = m->slot,
	    .c = m->sequence};

	parent_count_scan(p, m);
	if (m->net >= 1 && m->net <= p->workers)
		parent_tell(&p->nets[m->net - 1], &o, fds, CONTROL_FDS);
}

static void
give_signer(void *arg, unsigned net, int fd)
{
	struct parent *p = arg;
	struct order o = {.kind = ORDER_SIGNER};

	parent_tell(&p->nets[net - 1], &o, &fd, 1);
}

static void
serve(void *arg, uint32_t generation, const char *version)
{
	struct parent *p = arg;
	struct order o = {.kind = ORDER_GENERATION, .a = generation};

	copy_text(o.text, sizeof(o.text), version);
	parent_tell_all(p, &o, NULL, 0);
	stats_tell(p->stats, NULL, version);
	if (version[0] != '\0')
		stats_add(STAT_GENERATIONS);
}

/* ---- starting ---------------------------------------------------------------
 */

/* In the child: lets go of what is the parent's or another worker's. */
static void
let_go(struct parent *p, unsigned self)
{
	close(p->signals);
	for (unsigned i = 0; i < p->workers; i++) {
		if (p->nets[i].control >= 0)
			close(p->nets[i].control);
	}
	armouries_forget(p->armouries);
	signer_forget(p->signer);
	for (size_t d = 0; d < p->doors.n; d++) {
		struct door *door = &p->doors.list[d];

		for (unsigned i = 0; i < p->workers; i++) {
			if (i != self - 1 && !door->shared_fd)
				close(door->fds[i]);
		}
	}
}

static _Noreturn void
become_net(struct parent *p, unsigned self, int control)
{
	struct worker_start ws = {.self = self,
	    .count = p->workers,
	    .conf = p->conf,
	    .shared = p->shared,
	    .cache = p->cache,
	    .quarantine_room = p->quarantine_room,
	    .doors = &p->doors,
	    .control = control,
	    .sinks = p->sinks,
	    .tls_files = p->tls_files,
	    .tls_tickets = &p->tls_tickets};

	child_unblock_signals();
	let_go(p, self);
	who_become(&p->who);
	proctitle_set("sallyportd: net %u", self);
	stats_take(p->stats, self);
	stats_set(STAT_NETS, 1);
	worker_run(&ws);
}

static void
start_net(struct parent *p, unsigned self)
{
	struct net_child *n = &p->nets[self - 1];
	struct order o = {.kind = ORDER_GENERATION};
	const char *version;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    (pid = fork()) < 0) {
		log_error(0, "cannot start net worker: %s", strerror(errno));
		n->child.again_ms = clock_ms() + 1000;
		return;
	}
	if (pid == 0) {
		close(pair[0]);
		become_net(p, self, pair[1]);
	}
	close(pair[1]);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	n->control = pair[0];
	n->up = false;
	n->wanted = 0;
	child_started(&n->child, pid);
	armouries_net_new(p->armouries, self);
	signer_net_new(p->signer, self);
	o.a = armouries_serving(p->armouries, &version);
	if (o.a == 0)
		return;
	copy_text(o.text, sizeof(o.text), version);
	parent_tell(n, &o, NULL, 0);
}

/* Is everybody there?  Then the service manager may know. */
static void
check_ready(struct parent *p)
{
	const char *version;

	if (p->phase > SERVING || (p->phase == SERVING && !p->reloading) ||
	    armouries_serving(p->armouries, &version) == 0)
		return;
	for (unsigned i = 0; i < p->workers; i++) {
		if (!p->nets[i].up)
			return;
	}
	if (p->reloading) {
		p->reloading = false;
		log_info(0, "reloaded");
		stats_word(STAT_RELOADS, RELOAD_APPLIED);
	}
	if (p->phase == SERVING) {
		notify("READY=1\nSTATUS=Serving");
		return;
	}
	p->phase = SERVING;
	stats_tell(p->stats, "serving", NULL);
	log_info(
	    0, "ready workers=%u version=%s", p->workers, SALLYPORT_VERSION);
	notify("READY=1\nSTATUS=Serving");
}

static void
hopeless(void *arg, const char *why)
{
	struct parent *p = arg;

	log_error(0, "cannot start: %s", why);
	p->status = EX_UNAVAILABLE;
	p->phase = ENDING;
}

/* ---- signals ----------------------------------------------------------------
 */

static void
kill_nets(struct parent *p)
{
	for (unsigned i = 0; i < p->workers; i++) {
		if (p->nets[i].child.pid > 0)
			kill(p->nets[i].child.pid, SIGKILL);
	}
}

static void
terminate(struct parent *p)
{
	struct order o = {.kind = ORDER_DRAIN};

	if (p->phase == DRAINING || p->phase == ENDING) {
		log_warn(0, "second signal: ending at once");
		kill_nets(p);
		p->phase = ENDING;
		return;
	}
	log_info(0, "draining");
	stats_tell(p->stats, "draining", NULL);
	notify("STOPPING=1\nSTATUS=Draining");
	p->phase = DRAINING;
	p->drain_until =
	    clock_ms() + conf_int(p->conf, NULL, OPT_GATEWAY_DRAIN_TIMEOUT);
	parent_tell_all(p, &o, NULL, 0);
}

static void
net_ended(struct parent *p, unsigned i, int status)
{
	struct net_child *n = &p->nets[i];
	bool expected = p->phase == ENDING ||
	    (p->phase == DRAINING && WIFEXITED(status) &&
		WEXITSTATUS(status) == 0);

	child_ended(&n->child, status, expected);
	parent_count_net_end(p, i + 1, expected);
	close(n->control);
	n->control = -1;
	n->up = false;
	shared_clear(p->shared, i + 1);
	armouries_net_gone(p->armouries, i + 1);
}

static void
reap(struct parent *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (armouries_reap(p->armouries, pid, status) ||
		    signer_reap(p->signer, pid, status))
			continue;
		for (unsigned i = 0; i < p->workers; i++) {
			if (p->nets[i].child.pid == pid)
				net_ended(p, i, status);
		}
	}
}

static void
take_signals(struct parent *p)
{
	struct signalfd_siginfo si;

	while (read(p->signals, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		switch (si.ssi_signo) {
		case SIGHUP:
			parent_reload(p);
			break;
		case SIGUSR1:
			parent_reopen_logs(p);
			break;
		case SIGTERM:
		case SIGINT:
			terminate(p);
			break;
		default:
			reap(p);
		}
	}
}

/* ---- running ----------------------------------------------------------------
 */

static void
hear_net(struct parent *p, struct net_child *n)
{
	struct order o;
	int fds[ORDER_FDS];
	unsigned nfds;

	if (order_recv(n->control, &o, fds, &nfds) <= 0)
		return;
	for (unsigned i = 0; i < nfds; i++)
		close(fds[i]);
	if (o.kind == ORDER_UP && o.a == n->wanted)
		n->up = true;
	(void)p;
}

static int64_t
sooner(int64_t a, int64_t b)
{
	if (a < 0)
		return b;
	return b < 0 || a < b ? a : b;
}

/* Gives all net workers a new key for TLS session tickets, when it is time.
 * Returns how long until the next. */
static int64_t
tick_tickets(struct parent *p)
{
	int64_t now = clock_ms();
	struct order o = {.kind = ORDER_TICKET};
	struct tls_ticket_key k;

	if (now < p->tickets_until)
		return p->tickets_until - now;
	p->tickets_until = now + TLS_TICKET_ROTATE_MS;
	tls_ticket_make(&k);
	tls_tickets_add(&p->tls_tickets, &k);
	tls_ticket_text(&k, o.text);
	parent_tell_all(p, &o, NULL, 0);
	return TLS_TICKET_ROTATE_MS;
}

/* Starts whoever is missing.  Returns how long until something is due. */
static int64_t
tick(struct parent *p)
{
	int64_t wait = sooner(armouries_tick(p->armouries), tick_tickets(p));
	int64_t left;

	wait = sooner(wait, signer_tick(p->signer));
	for (unsigned i = 0; p->phase <= SERVING && i < p->workers; i++) {
		if (p->nets[i].child.pid > 0)
			continue;
		left = child_wait_ms(&p->nets[i].child);
		if (left == 0)
			start_net(p, i + 1);
		else
			wait = sooner(wait, left);
	}
	if (p->phase != DRAINING)
		return wait;
	left = p->drain_until - clock_ms();
	if (left > 0)
		return sooner(wait, left);
	log_warn(0, "limit drain_timeout reached: ending what is left");
	(void)stats_limit(0, "drain_timeout");
	p->phase = ENDING;
	kill_nets(p);
	return wait;
}

static bool
nets_gone(const struct parent *p)
{
	for (unsigned i = 0; i < p->workers; i++) {
		if (p->nets[i].child.pid > 0)
			return false;
	}
	return true;
}

static void
poll_once(struct parent *p, int64_t wait)
{
	struct pollfd at[1 + NET_WORKERS_MAX + ARMOURIES_MAX];
	struct net_child *who[NET_WORKERS_MAX];
	unsigned n = 1, nets = 0, armouries;

	at[0] = (struct pollfd){.fd = p->signals, .events = POLLIN};
	for (unsigned i = 0; i < p->workers; i++) {
		if (p->nets[i].control < 0 || p->nets[i].up)
			continue;
		who[nets++] = &p->nets[i];
		at[n++] =
		    (struct pollfd){.fd = p->nets[i].control, .events = POLLIN};
	}
	armouries = armouries_poll(p->armouries, at + n);
	if (poll(at, n + armouries, wait > INT32_MAX ? INT32_MAX : (int)wait) <=
	    0)
		return;
	armouries_polled(p->armouries, at + n, armouries);
	for (unsigned i = 0; i < nets; i++) {
		if ((at[i + 1].revents & POLLIN) != 0)
			hear_net(p, who[i]);
	}
	if (at[0].revents != 0)
		take_signals(p);
}

static void
run(struct parent *p)
{
	int64_t wait;

	for (;;) {
		wait = tick(p);
		if (p->phase >= DRAINING && nets_gone(p))
			break;
		poll_once(p, wait);
		check_ready(p);
		if (p->phase == ENDING)
			kill_nets(p);
	}
	p->phase = ENDING;
	armouries_stop(p->armouries);
	signer_stop(p->signer);
	while (!armouries_gone(p->armouries) || !signer_gone(p->signer))
		poll_once(p, 1000);
}

static int
raise_files(const struct conf *conf, struct err *e)
{
	rlim_t want =
	    4 * (rlim_t)conf_int(conf, NULL, OPT_GATEWAY_MAX_SESSIONS);
	struct rlimit r;
	rlim_t most;

	getrlimit(RLIMIT_NOFILE, &r);
	most = r.rlim_max;
	if (r.rlim_cur >= want)
		return 0;
	r.rlim_cur = want;
	if (r.rlim_max < want && geteuid() == 0)
		r.rlim_max = want;
	if (r.rlim_max >= want && setrlimit(RLIMIT_NOFILE, &r) == 0)
		return 0;
	return err_set(e,
	    "[gateway] max_sessions needs %ju open files, but the limit is "
	    "%ju: raise it (LimitNOFILE=) or lower max_sessions",
	    (uintmax_t)want, (uintmax_t)most);
}

/* What a gateway that was killed between two calls left behind. */
static void
sweep_spool(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		if (strncmp(entry->d_name, "spool.", 6) == 0)
			unlinkat(dirfd(d), entry->d_name, 0);
	}
	if (d != NULL)
		closedir(d);
}

int
parent_make_quarantine(
    const struct parent *p, const struct conf *conf, struct err *e)
{
	char path[PATH_MAX];

	if (!quarantine_wanted(conf))
		return 0;
	quarantine_path(conf, path);
	return who_make_dir(&p->who, path, 0700, e);
}

static int
make_dirs(struct parent *p, struct err *e)
{
	static const enum opt dirs[] = {OPT_GATEWAY_STATE_DIR,
	    OPT_GATEWAY_RUNTIME_DIR, OPT_GATEWAY_SPOOL_DIR};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (who_make_dir(
			&p->who, conf_str(p->conf, NULL, dirs[i]), 0750, e) < 0)
			return -1;
	}
	sweep_spool(conf_str(p->conf, NULL, OPT_GATEWAY_SPOOL_DIR));
	return parent_make_quarantine(p, p->conf, e);
}

static int
prepare(struct parent *p, struct err *e)
{
	const struct conf *c = p->conf;
	int fds[SINKS_MAX];

	p->workers = (unsigned)conf_int(c, NULL, OPT_GATEWAY_WORKERS);
	if (p->workers == 0)
		p->workers = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	if (p->workers > NET_WORKERS_MAX)
		p->workers = NET_WORKERS_MAX;
	if (who_find(c, &p->who, e) < 0 || raise_files(c, e) < 0 ||
	    doors_open(&p->doors, NULL, c, p->workers, e) < 0 ||
	    make_dirs(p, e) < 0 || sinks_open_files(c, fds, e) < 0 ||
	    parent_take_logs(p, c, fds, e) < 0)
		return -1;
	p->tls_files = parent_read_tls(c, stderr);
	if (p->tls_files == NULL)
		return err_set(e, "a TLS file has changed meanwhile");
	p->signals = child_block_signals(e);
	if (p->signals < 0)
		return -1;
	p->shared = shared_open(
	    p->workers, (unsigned)conf_int(c, NULL, OPT_GATEWAY_MAX_SESSIONS));
	p->quarantine_room = quarantine_room_open();
	if (p->shared == NULL || p->quarantine_room == NULL)
		return err_set(e, "shared memory: %s", strerror(errno));
	if (parent_open_stats(p, e) < 0)
		return -1;
	p->cache = cache_open((uint64_t)conf_int(c, NULL, OPT_SCAN_CACHE_SIZE),
	    conf_int(c, NULL, OPT_SCAN_CACHE_TTL));
	return 0;
}

static void
parent_free(struct parent **pp)
{
	struct parent *p = *pp;

	*pp = NULL;
	armouries_free(&p->armouries);
	signer_free(&p->signer);
	cache_free(&p->cache);
	shared_free(&p->shared);
	quarantine_room_free(&p->quarantine_room);
	stats_free(&p->stats);
	doors_close(&p->doors);
	sinks_free(&p->sinks);
	tls_files_free(&p->tls_files);
	conf_free(&p->conf);
	free(p);
}

int
parent_run(struct conf **confp, const char *path)
{
	static const struct armouries_ops ops = {
	    .pair = give_pair, .serve = serve, .hopeless = hopeless};
	static const struct signer_ops signs = {.give = give_signer};
	struct parent *p = xcalloc(1, sizeof(*p));
	struct err e;
	char name[16];
	int status;

	p->conf = *confp;
	*confp = NULL;
	p->path = path;
	for (unsigned i = 0; i < SINKS_MAX; i++)
		p->log_fds[i] = -1;
	if (prepare(p, &e) < 0) {
		fprintf(stderr, "sallyportd: %s\n", e.text);
		parent_free(&p);
		return EX_OSERR;
	}
	for (unsigned i = 0; i < NET_WORKERS_MAX; i++) {
		snprintf(name, sizeof(name), "net %u", i + 1);
		child_init(&p->nets[i].child, name);
		p->nets[i].control = -1;
	}
	p->armouries = armouries_open(
	    &p->who, shared_words_fd(p->shared), p->workers, &ops, p);
	armouries_renew(p->armouries, p->conf);
	p->signer = signer_open(&p->who, p->workers, &signs, p);
	signer_conf(p->signer, p->conf);
	run(p);
	stats_log_limits();
	log_info(0, "ended");
	status = p->status;
	parent_free(&p);
	return status;
}
