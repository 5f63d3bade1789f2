/*
 * program: starts programs, listens to their standard error, ends and buries
 * them.  Each is known by its pidfd, so that no other process is ever meant.
 */
#include "proxy/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/base/addr.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/io.h"
#include "proxy/loop.h"
#include "proxy/stats.h"

#define PROGRAMS_MAGIC 0xc411d001u
#define PROGRAM_WORDS_MAX 32
#define PROGRAM_COMMAND_MAX 1024

/* Its connection is closed: so long until SIGTERM, and then until SIGKILL. */
#define PROGRAM_END_MS 5000
#define PROGRAM_KILL_MS 2000

/* Of standard error: a longer line is cut, later lines are not logged. */
#define PROGRAM_LINE_MAX 512
#define PROGRAM_LINES_MAX 100

struct program {
	struct programs *all;
	struct program *next, **link;
	char name[128]; /* of the program */
	pid_t pid;
	int pidfd;
	struct watch *ends;
	struct timer *timer;
	bool closed; /* its connection is */
	bool termed; /* SIGTERM was sent */
	bool ended;  /* it is buried, its connection is not closed */

	/* standard error */
	int err;
	struct watch *says;
	size_t len;
	char line[PROGRAM_LINE_MAX];
	unsigned lines;
};

struct programs {
	uint32_t magic;
	struct loop *loop;
	struct program *first;
};

/* ---- what it says ---- */

static void
log_line(struct program *c)
{
	c->line[c->len] = '\0';
	c->len = 0;
	if (c->line[0] == '\0')
		return;
	c->lines++;
	if (c->lines <= PROGRAM_LINES_MAX)
		log_warn(0, "program says program=%s pid=%d text=\"%s\"",
		    c->name, (int)c->pid, log_quote(c->line));
	if (c->lines == PROGRAM_LINES_MAX) {
		(void)stats_limit(0, "PROGRAM_LINES_MAX");
		log_warn(0,
		    "program says more program=%s pid=%d "
		    "limit=PROGRAM_LINES_MAX",
		    c->name, (int)c->pid);
	}
}

static void
take_bytes(struct program *c, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n')
			log_line(c);
		else if (c->len < PROGRAM_LINE_MAX - 1)
			c->line[c->len++] = bytes[i];
	}
}

static void
close_err(struct program *c)
{
	watch_free(&c->says);
	if (c->err >= 0)
		(void)close(c->err);
	c->err = -1;
	log_line(c);
}

/* False: there is nothing now. */
static bool
read_err(struct program *c)
{
	char bytes[4096];
	ssize_t n = read(c->err, bytes, sizeof(bytes));

	if (n > 0) {
		take_bytes(c, bytes, (size_t)n);
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_err(c);
	return false;
}

static void
on_err(void *arg)
{
	(void)read_err(arg);
}

/* ---- its end ---- */

static void
free_program(struct program *c)
{
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	close_err(c);
	watch_free(&c->ends);
	timer_free(&c->timer);
	if (c->pidfd >= 0)
		(void)close(c->pidfd);
	free(c);
}

static void
log_end(const struct program *c, const siginfo_t *how)
{
	bool exited = how->si_code == CLD_EXITED;

	if (exited && how->si_status == 0)
		log_debug(
		    0, "program ended program=%s pid=%d", c->name, (int)c->pid);
	else
		log_warn(0, "program ended program=%s pid=%d %s=%d", c->name,
		    (int)c->pid, exited ? "status" : "signal", how->si_status);
}

static void
on_end(void *arg)
{
	struct program *c = arg;
	siginfo_t how = {.si_pid = 0};

	if (waitid(P_PIDFD, (id_t)c->pidfd, &how, WEXITED | WNOHANG) < 0 ||
	    how.si_pid == 0)
		return;
	for (int i = 0; i < PROGRAM_LINES_MAX && c->err >= 0 && read_err(c);
	     i++)
		;
	log_end(c, &how);
	c->ended = true;
	if (c->closed) {
		free_program(c);
		return;
	}
	close_err(c);
	watch_free(&c->ends);
	timer_stop(c->timer);
}

/* The program and what it has started in its group. */
static void
send_signal(const struct program *c, int signo)
{
	/* It is not buried: its number is nobody else's. */
	if (kill(-c->pid, signo) < 0)
		(void)pidfd_send_signal(c->pidfd, signo, NULL, 0);
}

static void
on_time(void *arg)
{
	struct program *c = arg;
	const char *limit = c->termed ? "PROGRAM_KILL_MS" : "PROGRAM_END_MS";

	(void)stats_limit(0, limit);
	log_warn(0, "program does not end program=%s pid=%d limit=%s", c->name,
	    (int)c->pid, limit);
	send_signal(c, c->termed ? SIGKILL : SIGTERM);
	if (!c->termed)
		timer_set(c->timer, PROGRAM_KILL_MS);
	c->termed = true;
}

/* Its connection is closed; it has read the end of its input. */
static void
on_closed(void *arg)
{
	struct program *c = arg;

	c->closed = true;
	if (c->ended)
		free_program(c);
	else
		timer_set(c->timer, PROGRAM_END_MS);
}

/* ---- its begin ---- */

/* Cuts text into words.  0, or -1 with words. */
static int
cut(char *text, char **words, struct err *e)
{
	size_t n = 0;
	char *rest = text, *word;

	while ((word = strsep(&rest, " ")) != NULL) {
		if (word[0] == '\0')
			continue;
		if (n == PROGRAM_WORDS_MAX)
			return err_set(
			    e, "more than %d words", PROGRAM_WORDS_MAX);
		words[n++] = word;
	}
	words[n] = NULL;
	return n > 0 ? 0 : err_set(e, "no program");
}

/* What it has when it starts: three descriptors, / as its directory, every
 * signal as usual, a group of its own. */
static int
spawn(char **words, int in_out, int err, pid_t *pid_r)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char locale[] = "LC_ALL=C";
	char *env[] = {path, locale, NULL};
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t all, none;
	int rc;

	MUST(words[0] != NULL);
	sigfillset(&all);
	sigemptyset(&none);
	MUST(posix_spawn_file_actions_init(&fa) == 0);
	MUST(posix_spawnattr_init(&attr) == 0);
	MUST(posix_spawn_file_actions_adddup2(&fa, in_out, 0) == 0);
	MUST(posix_spawn_file_actions_adddup2(&fa, in_out, 1) == 0);
	MUST(posix_spawn_file_actions_adddup2(&fa, err, 2) == 0);
	MUST(posix_spawn_file_actions_addclosefrom_np(&fa, 3) == 0);
	MUST(posix_spawn_file_actions_addchdir_np(&fa, "/") == 0);
	MUST(posix_spawnattr_setsigdefault(&attr, &all) == 0);
	MUST(posix_spawnattr_setsigmask(&attr, &none) == 0);
	MUST(posix_spawnattr_setpgroup(&attr, 0) == 0);
	MUST(posix_spawnattr_setflags(&attr,
		 POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
		     POSIX_SPAWN_SETPGROUP) == 0);
	rc = posix_spawn(pid_r, words[0], &fa, &attr, words, env);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	return rc;
}

/* Without a handle on it it must not live. */
static int
take_hold(struct program *c, pid_t pid)
{
	c->pid = pid;
	c->pidfd = pidfd_open(pid, 0);
	if (c->pidfd >= 0)
		return 0;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return -1;
}

static void
keep(struct programs *all, struct program *c)
{
	c->all = all;
	c->next = all->first;
	c->link = &all->first;
	if (c->next != NULL)
		c->next->link = &c->next;
	all->first = c;
	c->ends = loop_watch(all->loop, c->pidfd, on_end, c);
	c->says = loop_watch(all->loop, c->err, on_err, c);
	c->timer = timer_open(all->loop, on_time, c);
}

/* Starts it with one end of each; its ends are closed here. */
static int
begin(struct program *c, char **words, int *in_out, int *err, struct err *e)
{
	pid_t pid;
	int rc = spawn(words, in_out[1], err[1], &pid);

	(void)close(in_out[1]);
	(void)close(err[1]);
	if (rc != 0)
		return err_set(e, "%s: %s", words[0], strerror(rc));
	if (take_hold(c, pid) < 0)
		return err_set(e, "pidfd_open: %s", strerror(errno));
	return 0;
}

static int
make_pairs(int *in_out, int *err, struct err *e)
{
	int type = SOCK_STREAM | SOCK_CLOEXEC;

	if (socketpair(AF_UNIX, type, 0, in_out) < 0)
		return err_set(e, "socketpair: %s", strerror(errno));
	if (pipe2(err, O_CLOEXEC) < 0) {
		(void)err_set(e, "pipe: %s", strerror(errno));
		(void)close(in_out[0]);
		(void)close(in_out[1]);
		return -1;
	}
	MUST(fcntl(in_out[0], F_SETFL, O_NONBLOCK) == 0);
	MUST(fcntl(err[0], F_SETFL, O_NONBLOCK) == 0);
	return 0;
}

struct io *
program_start(struct programs *all, const char *command, struct err *e)
{
	struct addr peer = {
	    .ss.ss_family = AF_UNIX, .len = sizeof(sa_family_t)};
	char text[PROGRAM_COMMAND_MAX], *words[PROGRAM_WORDS_MAX + 1];
	int in_out[2] = {-1, -1}, err[2] = {-1, -1};
	struct program *c;
	struct io *io;

	IS(all, PROGRAMS_MAGIC);
	if (copy_text(text, sizeof(text), command) >= sizeof(text)) {
		(void)err_set(
		    e, "longer than %d bytes", PROGRAM_COMMAND_MAX - 1);
		return NULL;
	}
	if (cut(text, words, e) < 0 || make_pairs(in_out, err, e) < 0)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	copy_text(c->name, sizeof(c->name), words[0]);
	c->err = err[0];
	if (begin(c, words, in_out, err, e) < 0) {
		(void)close(in_out[0]);
		(void)close(err[0]);
		free(c);
		return NULL;
	}
	keep(all, c);
	io = io_open(all->loop, &in_out[0], &peer);
	io_when_closed(io, on_closed, c);
	log_debug(0, "program begins program=%s pid=%d", c->name, (int)c->pid);
	return io;
}

/* ---- all of them ---- */

struct programs *
programs_open(struct loop *l)
{
	struct programs *all = xcalloc(1, sizeof(*all));

	all->magic = PROGRAMS_MAGIC;
	all->loop = l;
	return all;
}

bool
programs_left(const struct programs *all)
{
	return all->first != NULL;
}

void
programs_free(struct programs **cp)
{
	struct programs *all = *cp;
	struct program *next;

	*cp = NULL;
	if (all == NULL)
		return;
	IS(all, PROGRAMS_MAGIC);
	for (struct program *c = all->first; c != NULL; c = next) {
		next = c->next;
		MUST(c->closed); /* who has the connection goes first */
		send_signal(c, SIGKILL);
		(void)waitid(P_PIDFD, (id_t)c->pidfd, &(siginfo_t){0}, WEXITED);
		free_program(c);
	}
	all->magic = 0;
	free(all);
}
