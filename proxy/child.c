/*
 * child: processes under the parent's care: who they are, how often they may
 * be started.
 */
#include "proxy/child.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

#define QUICK_MS 10000    /* a death this soon after the start ... */
#define QUICK_FREE 3      /* ... more often than this is a crash loop */
#define BACKOFF_MS 200    /* then it waits, and twice as long each time, */
#define BACKOFF_MAX 30000 /* but never longer than this */

void
child_init(struct child *c, const char *name)
{
	memset(c, 0, sizeof(*c));
	copy_text(c->name, sizeof(c->name), name);
}

void
child_started(struct child *c, pid_t pid)
{
	c->pid = pid;
	c->started_ms = clock_ms();
}

static void
log_end(const struct child *c, int status)
{
	if (WIFSIGNALED(status))
		log_warn(0, "child died name=\"%s\" pid=%d signal=%s", c->name,
		    (int)c->pid, sigabbrev_np(WTERMSIG(status)));
	else
		log_warn(0, "child died name=\"%s\" pid=%d status=%d", c->name,
		    (int)c->pid, WEXITSTATUS(status));
}

void
child_ended(struct child *c, int status, bool expected)
{
	int64_t wait = BACKOFF_MS;

	if (!expected)
		log_end(c, status);
	c->pid = 0;
	c->again_ms = 0;
	if (expected || clock_ms() - c->started_ms > QUICK_MS) {
		c->quick = 0;
		return;
	}
	if (++c->quick <= QUICK_FREE)
		return;
	for (unsigned i = QUICK_FREE + 1; i < c->quick && wait < BACKOFF_MAX;
	     i++)
		wait *= 2;
	if (wait > BACKOFF_MAX)
		wait = BACKOFF_MAX;
	c->again_ms = clock_ms() + wait;
	log_error(0, "crash loop name=\"%s\" deaths=%u: next start in %jd ms",
	    c->name, c->quick, (intmax_t)wait);
}

int64_t
child_wait_ms(const struct child *c)
{
	int64_t left = c->again_ms - clock_ms();

	return c->again_ms == 0 || left < 0 ? 0 : left;
}

int
who_find(const struct conf *conf, struct who *w_r, struct err *e)
{
	const char *user = conf_str(conf, NULL, OPT_GATEWAY_USER);
	const char *group = conf_str(conf, NULL, OPT_GATEWAY_GROUP);
	const struct passwd *pw;
	const struct group *gr;

	memset(w_r, 0, sizeof(*w_r));
	if (geteuid() != 0)
		return 0;
	pw = getpwnam(user);
	gr = getgrnam(group);
	if (pw == NULL || gr == NULL)
		return err_set(e,
		    "[gateway] no %s %s: make it with: adduser --system "
		    "--group --no-create-home --home /nonexistent "
		    "--force-badname %s",
		    pw == NULL ? "user" : "group", pw == NULL ? user : group,
		    user);
	if (pw->pw_uid == 0)
		return err_set(e, "[gateway] user must not be root");
	w_r->change = true;
	w_r->uid = pw->pw_uid;
	w_r->gid = gr->gr_gid;
	copy_text(w_r->name, sizeof(w_r->name), user);
	return 0;
}

void
who_become(const struct who *w)
{
	if (!w->change)
		return;
	if (initgroups(w->name, w->gid) < 0 ||
	    setresgid(w->gid, w->gid, w->gid) < 0 ||
	    setresuid(w->uid, w->uid, w->uid) < 0 || setuid(0) == 0) {
		log_error(0, "cannot become user=%s error=%s", w->name,
		    strerror(errno));
		_exit(71);
	}
}

/* One folder; those above are there. */
static int
make_one(const struct who *w, const char *dir, mode_t mode)
{
	if (mkdir(dir, mode) < 0)
		return errno == EEXIST ? 0 : -1;
	if (chmod(dir, mode) < 0)
		return -1;
	return w->change ? chown(dir, w->uid, w->gid) : 0;
}

int
who_make_dir(const struct who *w, const char *dir, mode_t mode, struct err *e)
{
	static const struct who nobody;
	char *path = xstrdup(dir);
	int rc;

	for (char *p = path + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		(void)make_one(&nobody, path, 0755);
		*p = '/';
	}
	rc = make_one(w, path, mode);
	free(path);
	if (rc < 0)
		return err_set(e, "cannot make %s: %s", dir, strerror(errno));
	return 0;
}

void
child_program(const char *name, char *to)
{
	const size_t room = PATH_MAX - strlen(name) - 1;
	ssize_t n = readlink("/proc/self/exe", to, room);
	char *slash;

	if (n > 0 && (size_t)n < room) {
		to[n] = '\0';
		slash = strrchr(to, '/');
		copy_text(slash + 1, strlen(name) + 1, name);
		if (access(to, X_OK) == 0)
			return;
	}
	(void)snprintf(to, PATH_MAX, "%s/%s", LIBEXECDIR, name);
}

static const int taken[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1};

int
child_block_signals(struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		sigaddset(&set, taken[i]);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_set(e, "signalfd: %s", strerror(errno));
	return fd;
}

void
child_unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The terminal's ^C and a group's HUP are for the parent alone. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
}
