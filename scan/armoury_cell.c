/*
 * armoury_cell: forks one worker and shuts it in.  The same way for the
 * gateway, for `sallyport scan` and for the jail's own test.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/check.h"
#include "proxy/base/fdpass.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/base/proctitle.h"
#include "scan/armoury.h"

#define MEMORY_SPARE (UINT64_C(1) << 30) /* beyond engine and content */
#define NOBODY 65534
#define CONTROL_AT 3 /* where a cell has its control */

/* Who a worker becomes when this program was started by root. */
static void
plan_user(const struct conf *conf, struct jail_plan *p)
{
	const char *name = conf_str(conf, NULL, OPT_GATEWAY_USER);
	/* cppcheck-suppress getpwnamCalled ; one thread */
	const struct passwd *pw = getpwnam(name);

	p->uid = pw != NULL && pw->pw_uid != 0 ? pw->pw_uid : NOBODY;
	p->gid = pw != NULL && pw->pw_gid != 0 ? pw->pw_gid : NOBODY;
}

void
cell_plan(const struct conf *conf, struct jail_plan *plan_r)
{
	memset(plan_r, 0, sizeof(*plan_r));
	/* The words of the option stand in the order of the enum. */
	plan_r->temporary =
	    (enum jail_temporary)conf_int(conf, NULL, OPT_SCAN_TEMPORARY);
	plan_r->temporary_size =
	    (uint64_t)conf_int(conf, NULL, OPT_SCAN_TEMPORARY_SIZE);
	plan_r->memory =
	    (uint64_t)conf_int(conf, NULL, OPT_SCAN_MAX_SCAN_SIZE) +
	    MEMORY_SPARE;
	plan_r->descriptors = WORKER_DESCRIPTORS;
	if (geteuid() == 0)
		plan_user(conf, plan_r);
}

static void
own_signals(void)
{
	const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGUSR1};
	sigset_t none;

	/* They go to the whole group at a terminal; a worker ends with those
	 * it works for. */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Only what is meant for it: the ends of the others would hide a death. */
static void
own_descriptors(const struct cell *c)
{
	int null = open("/dev/null", O_RDWR);

	/* Above those that are about to be overwritten. */
	int control = fcntl(c->control, F_DUPFD, CONTROL_AT + 1);

	MUST(null >= 0 && control >= 0);
	if (c->say >= 0)
		MUST(dup2(c->say, 2) == 2);
	MUST(dup2(null, 0) == 0 && dup2(null, 1) == 1);
	MUST(dup2(control, CONTROL_AT) == CONTROL_AT);
	MUST(close_range(CONTROL_AT + 1, ~0u, 0) == 0);
}

static int
shut_in(const struct cell *c, struct jail *j, struct err *e)
{
	if (jail_enter(&c->plan, j, e) < 0)
		return -1;
	/* Names in it are walked dozens of times for each content: short ones
	 * from here, not the whole way from the root. */
	if (chdir(j->tmpdir) < 0)
		return err_set(e, "%s: %s", j->tmpdir, strerror(errno));
	if (inspector_enter(c->inspector, ".", e) < 0)
		return -1;
	return jail_shut(&c->plan, j, e);
}

static _Noreturn void
live(const struct cell *c)
{
	static struct scan_worker w;
	static struct jail j;
	struct cell_up up = {.ok = 1};
	struct err e;

	own_signals();
	own_descriptors(c);
	if (c->say >= 0)
		log_to(say_sink);
	proctitle_set("%s", c->title);
	if (shut_in(c, &j, &e) < 0) {
		up.ok = 0;
		copy_text(up.text, sizeof(up.text), e.text);
	} else {
		up.mounted = j.mounted;
		jail_text(&j, up.text);
	}
	if (fdpass_send(CONTROL_AT, &up, sizeof(up), NULL, 0) < 0 || !up.ok)
		_exit(CELL_NO_JAIL);
	scan_worker_init(&w, c->inspector, j.tmpdir);
	w.control = CONTROL_AT;
	/* Not exit(): what would run then is the armoury's. */
	_exit(c->work(&w, c->arg));
}

pid_t
cell_fork(const struct cell *c)
{
	pid_t pid = fork();

	if (pid == 0)
		live(c);
	return pid;
}
