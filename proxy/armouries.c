/*
 * armouries: which generation of the armoury serves, which is being loaded,
 * which is ending; what they say and what becomes of them.
 */
#include "proxy/armouries.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/base/words.h"

enum state { NOBODY, LOADING, SERVING, ENDING };

struct armoury {
	enum state state;
	pid_t pid;
	int control;
	uint32_t generation;
	unsigned first, slots; /* its part of the words */
	char version[CONTROL_TEXT];
};

struct armouries {
	const struct who *who;
	int words_fd;
	unsigned nets;
	const struct armouries_ops *ops;
	void *arg;
	const struct conf *conf;
	struct armoury list[ARMOURIES_MAX];
	struct child health; /* how often one may be started */
	uint32_t generation; /* of the last one that was started */
	unsigned next_slot;  /* behind the last part of the words given */
	bool wanted;         /* another generation is to be started */
	bool after;          /* ... once the old one has ended (lean) */
	bool stopping;
};

struct armouries *
armouries_open(const struct who *who, int words_fd, unsigned nets,
    const struct armouries_ops *ops, void *arg)
{
	struct armouries *as = xcalloc(1, sizeof(*as));

	as->who = who;
	as->words_fd = words_fd;
	as->nets = nets;
	as->ops = ops;
	as->arg = arg;
	child_init(&as->health, "armoury");
	return as;
}

void
armouries_free(struct armouries **asp)
{
	MUST(*asp == NULL || armouries_gone(*asp));
	free(*asp);
	*asp = NULL;
}

static struct armoury *
find(struct armouries *as, enum state state)
{
	for (unsigned i = 0; i < ARMOURIES_MAX; i++) {
		if (as->list[i].state == state)
			return &as->list[i];
	}
	return NULL;
}

static unsigned
slots_wanted(const struct conf *conf)
{
	unsigned n = (unsigned)conf_int(conf, NULL, OPT_SCAN_WORKERS);

	return n > 0 ? n : (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
}

static bool
slots_free(const struct armouries *as, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < ARMOURIES_MAX; i++) {
		const struct armoury *a = &as->list[i];

		if (a->state != NOBODY && first < a->first + a->slots &&
		    a->first < first + n)
			return false;
	}
	return true;
}

/*
 * A part of the words that none of them has; -1: all is taken.  It is looked
 * for behind the last one given: the scan workers of an armoury that has died
 * still work in theirs.
 */
static int
free_slots(const struct armouries *as, unsigned n)
{
	for (unsigned i = 0; i < SLOTS_MAX; i++) {
		unsigned first = (as->next_slot + i) % SLOTS_MAX;

		if (first + n <= SLOTS_MAX && slots_free(as, first, n))
			return (int)first;
	}
	return -1;
}

/* The armoury's program lies beside ours in a build tree, else where it was
 * installed. */
static const char *
program(void)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	char *slash;

	if (n <= 0)
		return LIBEXECDIR "/sallyport-armoury";
	path[n] = '\0';
	slash = strrchr(path, '/');
	copy_text(slash + 1, 32, "sallyport-armoury");
	return access(path, X_OK) == 0 ? path : LIBEXECDIR "/sallyport-armoury";
}

/* Puts fds[i] at 3 + i, wherever they are now. */
static void
place_fds(int *fds, int n)
{
	for (int i = 0; i < n; i++)
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3 + n);
	for (int i = 0; i < n; i++)
		dup2(fds[i], 3 + i);
}

static _Noreturn void
become_armoury(
    const struct armouries *as, const struct armoury *a, int control, int conf)
{
	int fds[3] = {control, conf, as->words_fd};
	char generation[16], nets[16], first[16];

	child_unblock_signals();
	who_become(as->who);
	place_fds(fds, 3);
	snprintf(generation, sizeof(generation), "%u", a->generation);
	snprintf(nets, sizeof(nets), "%u", as->nets);
	snprintf(first, sizeof(first), "%u", a->first);
	execl(program(), "sallyport-armoury", "--serve", "--generation",
	    generation, "--net", nets, "--first-slot", first, (char *)NULL);
	log_error(0, "cannot start %s: %s", program(), strerror(errno));
	_exit(ARMOURY_FAILED);
}

static int
spawn(struct armouries *as, struct armoury *a, struct err *e)
{
	int pair[2], conf;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, "socketpair: %s", strerror(errno));
	conf = conf_to_fd(as->conf, e);
	pid = conf < 0 ? -1 : fork();
	if (pid == 0)
		become_armoury(as, a, pair[1], conf);
	if (pid < 0 && conf >= 0)
		err_set(e, "fork: %s", strerror(errno));
	close(pair[1]);
	if (conf >= 0)
		close(conf);
	if (pid < 0) {
		close(pair[0]);
		return -1;
	}
	a->pid = pid;
	a->control = pair[0];
	child_started(&as->health, pid);
	return 0;
}

static void
start(struct armouries *as)
{
	struct armoury *a = find(as, NOBODY);
	unsigned slots = slots_wanted(as->conf);
	int first = free_slots(as, slots);
	struct err e;

	if (a == NULL || first < 0)
		return; /* until one that is ending has ended */
	memset(a, 0, sizeof(*a));
	a->generation = ++as->generation;
	a->first = (unsigned)first;
	a->slots = slots;
	if (spawn(as, a, &e) < 0) {
		log_error(0, "cannot start the armoury: %s", e.text);
		as->health.again_ms = clock_ms() + 1000;
		return;
	}
	a->state = LOADING;
	as->next_slot = a->first + slots;
	as->wanted = false;
	log_info(0, "armoury loading generation=%u pid=%d", a->generation,
	    (int)a->pid);
}

static void
say(struct armoury *a, uint32_t kind, uint32_t net)
{
	struct control m = {
	    .kind = kind, .generation = a->generation, .net = net};

	if (control_send(a->control, &m, NULL, 0) < 0)
		log_warn(0, "armoury generation=%u does not listen: %s",
		    a->generation, strerror(errno));
}

static void
retire(struct armoury *a)
{
	a->state = ENDING;
	say(a, CONTROL_RETIRE, 0);
}

static bool
is_lean(const struct conf *conf)
{
	const struct conf_section *s = NULL;

	while ((s = conf_next(conf, "engine", s)) != NULL) {
		if (strcmp(conf_word(conf, s, OPT_ENGINE_RELOAD), "lean") == 0)
			return true;
	}
	return false;
}

void
armouries_renew(struct armouries *as, const struct conf *conf)
{
	struct armoury *old = find(as, SERVING);

	as->conf = conf;
	as->wanted = true;
	if (old == NULL || !is_lean(conf))
		return;
	/* Nobody gets jobs until the new one is there: they wait. */
	as->after = true;
	as->ops->serve(as->arg, ++as->generation, "");
	retire(old);
}

void
armouries_conf(struct armouries *as, const struct conf *conf)
{
	as->conf = conf;
}

void
armouries_forget(struct armouries *as)
{
	for (unsigned i = 0; i < ARMOURIES_MAX; i++) {
		if (as->list[i].state != NOBODY && as->list[i].control >= 0)
			close(as->list[i].control);
	}
}

static void
ready(struct armouries *as, struct armoury *a, const struct control *m)
{
	struct armoury *old = find(as, SERVING);

	copy_text(a->version, sizeof(a->version), m->text);
	a->state = SERVING;
	log_info(0,
	    "armoury ready generation=%u workers=%u version=\"%s\" ms=%jd",
	    a->generation, m->workers, a->version,
	    (intmax_t)(clock_ms() - as->health.started_ms));
	as->ops->serve(as->arg, a->generation, a->version);
	if (old != NULL)
		retire(old);
}

/* It could not load.  What serves goes on; the first one's failure is ours. */
static void
failed(struct armouries *as, struct armoury *a, const char *why)
{
	struct armoury *old = find(as, SERVING);

	a->state = ENDING;
	log_error(0, "armoury generation=%u: %s%s", a->generation, why,
	    old == NULL ? "" : ": the old signatures stay in force");
	if (old == NULL && a->generation == 1)
		as->ops->hopeless(as->arg, why);
	else if (old == NULL)
		as->wanted = true;
}

static void
heard(struct armouries *as, struct armoury *a, const struct control *m,
    const int *fds, unsigned n)
{
	if (m->kind == CONTROL_PAIR && n == CONTROL_FDS)
		as->ops->pair(as->arg, m, fds);
	else if (m->kind == CONTROL_READY && a->state == LOADING)
		ready(as, a, m);
	else if (m->kind == CONTROL_CHANGED && a->state == SERVING)
		armouries_renew(as, as->conf);
	else if (m->kind == CONTROL_FAILED)
		failed(as, a, m->text);
}

/* One message; at its end the process is waited for elsewhere. */
static void
listen_to(struct armouries *as, struct armoury *a)
{
	struct control m;
	int fds[CONTROL_FDS];
	unsigned n;
	int rc = control_recv(a->control, &m, fds, &n);

	if (rc <= 0) {
		close(a->control);
		a->control = -1;
		return;
	}
	heard(as, a, &m, fds, n);
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

unsigned
armouries_poll(const struct armouries *as, struct pollfd *to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ARMOURIES_MAX; i++) {
		const struct armoury *a = &as->list[i];

		if (a->state != NOBODY && a->control >= 0)
			to[n++] =
			    (struct pollfd){.fd = a->control, .events = POLLIN};
	}
	return n;
}

void
armouries_polled(struct armouries *as, const struct pollfd *at, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; at[i].revents != 0 && j < ARMOURIES_MAX;
		     j++) {
			struct armoury *a = &as->list[j];

			if (a->state == NOBODY || a->control != at[i].fd)
				continue;
			listen_to(as, a);
			break;
		}
	}
}

bool
armouries_reap(struct armouries *as, pid_t pid, int status)
{
	for (unsigned i = 0; i < ARMOURIES_MAX; i++) {
		struct armoury *a = &as->list[i];

		if (a->state == NOBODY || a->pid != pid)
			continue;
		as->health.pid = pid;
		child_ended(
		    &as->health, status, as->stopping || a->state == ENDING);
		if (a->state != ENDING)
			as->wanted = true;
		if (a->control >= 0)
			close(a->control);
		a->state = NOBODY;
		return true;
	}
	return false;
}

int64_t
armouries_tick(struct armouries *as)
{
	int64_t wait = child_wait_ms(&as->health);

	if (!as->wanted || as->stopping || find(as, LOADING) != NULL)
		return -1;
	if (as->after && find(as, ENDING) != NULL)
		return -1;
	if (wait > 0)
		return wait;
	as->after = false;
	start(as);
	wait = child_wait_ms(&as->health);
	return as->wanted && wait > 0 ? wait : -1;
}

static void
say_all(struct armouries *as, uint32_t kind, uint32_t net)
{
	for (unsigned i = 0; i < ARMOURIES_MAX; i++) {
		if (as->list[i].state != NOBODY && as->list[i].control >= 0)
			say(&as->list[i], kind, net);
	}
}

void
armouries_net_new(struct armouries *as, unsigned net)
{
	say_all(as, CONTROL_NET_NEW, net);
}

void
armouries_net_gone(struct armouries *as, unsigned net)
{
	say_all(as, CONTROL_NET_GONE, net);
}

uint32_t
armouries_serving(const struct armouries *as, const char **version_r)
{
	for (unsigned i = 0; i < ARMOURIES_MAX; i++) {
		if (as->list[i].state != SERVING)
			continue;
		*version_r = as->list[i].version;
		return as->list[i].generation;
	}
	return 0;
}

void
armouries_stop(struct armouries *as)
{
	as->stopping = true;
	for (unsigned i = 0; i < ARMOURIES_MAX; i++) {
		struct armoury *a = &as->list[i];

		if (a->state == NOBODY || a->control < 0)
			continue;
		close(a->control);
		a->control = -1;
		a->state = ENDING;
	}
}

bool
armouries_gone(const struct armouries *as)
{
	for (unsigned i = 0; i < ARMOURIES_MAX; i++) {
		if (as->list[i].state != NOBODY)
			return false;
	}
	return true;
}
