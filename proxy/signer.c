/*
 * signer: starts the signer, gives net workers their pairs, keeps it alive.
 */
#include "proxy/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/fdpass.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

#define SIGNER_FAILED 69 /* exit status; EX_UNAVAILABLE */

/* Which files it has read: enough to see that they are others. */
struct seen {
	struct stat cert, key;
};

struct signer {
	const struct who *who;
	unsigned nets;
	const struct signer_ops *ops;
	void *arg;
	const struct conf *conf; /* NULL: no signer is wanted */
	struct child child;
	int control; /* -1: it was told to end, or none runs */
	struct seen seen;
	bool stopping; /* its end is expected */
};

struct signer *
signer_open(const struct who *who, unsigned nets, const struct signer_ops *ops,
    void *arg)
{
	struct signer *s = xcalloc(1, sizeof(*s));

	s->who = who;
	s->nets = nets;
	s->ops = ops;
	s->arg = arg;
	s->control = -1;
	child_init(&s->child, "signer");
	return s;
}

void
signer_free(struct signer **sp)
{
	MUST(*sp == NULL || signer_gone(*sp));
	free(*sp);
	*sp = NULL;
}

/* ---- starting ---- */

/* In the child.  Signals are as anybody's, but for those of a terminal. */
static _Noreturn void
become(const char *how, int control, int conf)
{
	char path[PATH_MAX];
	int fds[] = {control, conf};

	child_unblock_signals();
	for (int i = 0; i < 2; i++)
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 5);
	for (int i = 0; i < 2; i++)
		(void)dup2(fds[i], SIGNER_CONTROL_FD + i);
	child_program(SIGNER_PROGRAM, path);
	execl(path, SIGNER_PROGRAM, how, (char *)NULL);
	log_error(0, "cannot start %s: %s", path, strerror(errno));
	_exit(SIGNER_FAILED);
}

static int
spawn(struct signer *s, struct err *e)
{
	int pair[2], conf;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, "socketpair: %s", strerror(errno));
	conf = conf_to_fd(s->conf, e);
	pid = conf < 0 ? -1 : fork();
	if (pid == 0)
		become("--serve", pair[1], conf);
	if (pid < 0 && conf >= 0)
		(void)err_set(e, "fork: %s", strerror(errno));
	close(pair[1]);
	if (conf >= 0)
		close(conf);
	if (pid < 0) {
		close(pair[0]);
		return -1;
	}
	s->control = pair[0];
	child_started(&s->child, pid);
	return 0;
}

/* One end of a pair to the signer, the other one to a net worker. */
static void
give_pair(struct signer *s, unsigned net)
{
	unsigned char byte = 0;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		log_error(0, "signer: socketpair: %s", strerror(errno));
		return;
	}
	if (fdpass_send(s->control, &byte, sizeof(byte), &pair[0], 1) == 0)
		s->ops->give(s->arg, net, pair[1]);
	else
		log_warn(0, "signer does not listen: %s", strerror(errno));
	close(pair[0]);
	close(pair[1]);
}

static void
look(const struct conf *conf, struct seen *seen_r)
{
	memset(seen_r, 0, sizeof(*seen_r));
	(void)stat(conf_str(conf, NULL, OPT_TLS_INSPECTION_CA_CERT_FILE),
	    &seen_r->cert);
	(void)stat(
	    conf_str(conf, NULL, OPT_TLS_INSPECTION_CA_KEY_FILE), &seen_r->key);
}

static void
start(struct signer *s)
{
	struct err e;

	look(s->conf, &s->seen);
	if (spawn(s, &e) < 0) {
		log_error(0, "cannot start the signer: %s", e.text);
		s->child.again_ms = clock_ms() + 1000;
		return;
	}
	s->stopping = false;
	log_info(0, "signer started pid=%d", (int)s->child.pid);
	for (unsigned i = 1; i <= s->nets; i++)
		give_pair(s, i);
}

/* ---- its life ---- */

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0;
}

/* It has read these files, and was told this. */
static bool
is_current(
    const struct signer *s, const struct conf *old, const struct conf *conf)
{
	struct seen seen;

	look(conf, &seen);
	return old != NULL && conf_same(old, conf, "tls-inspection") &&
	    same_file(&seen.cert, &s->seen.cert) &&
	    same_file(&seen.key, &s->seen.key);
}

void
signer_stop(struct signer *s)
{
	if (s->control >= 0)
		close(s->control);
	s->control = -1;
	s->conf = NULL;
	s->stopping = true;
}

/* It makes no leaf with the old key any more, and has nothing to lose. */
static void
end_now(struct signer *s)
{
	int status;

	signer_stop(s);
	if (s->child.pid == 0)
		return;
	kill(s->child.pid, SIGKILL);
	if (waitpid(s->child.pid, &status, 0) == s->child.pid)
		child_ended(&s->child, status, true);
}

void
signer_conf(struct signer *s, const struct conf *conf)
{
	bool wanted = conf_int(conf, NULL, OPT_TLS_INSPECTION_ENABLED) != 0;

	if (!wanted || !is_current(s, s->conf, conf))
		end_now(s);
	s->conf = wanted ? conf : NULL;
}

void
signer_net_new(struct signer *s, unsigned net)
{
	if (s->control >= 0)
		give_pair(s, net);
}

void
signer_forget(struct signer *s)
{
	if (s->control >= 0)
		close(s->control);
}

bool
signer_reap(struct signer *s, pid_t pid, int status)
{
	if (s->child.pid != pid)
		return false;
	child_ended(&s->child, status, s->stopping);
	if (s->control >= 0)
		close(s->control);
	s->control = -1;
	return true;
}

int64_t
signer_tick(struct signer *s)
{
	int64_t wait;

	if (s->conf == NULL || s->child.pid > 0)
		return -1;
	wait = child_wait_ms(&s->child);
	if (wait > 0)
		return wait;
	start(s);
	return s->child.pid > 0 ? -1 : child_wait_ms(&s->child);
}

bool
signer_gone(const struct signer *s)
{
	return s->child.pid == 0;
}

/* ---- looking at the files ---- */

/* What it prints is printed. */
static void
pass_on(int fd, FILE *out)
{
	FILE *in = fdopen(fd, "r");
	char line[1024];

	MUST(in != NULL);
	while (fgets(line, sizeof(line), in) != NULL)
		fputs(line, out);
	fclose(in);
}

int
signer_check(const struct conf *conf, FILE *out)
{
	struct err e;
	int says[2], fd, status;
	pid_t pid;

	if (conf_int(conf, NULL, OPT_TLS_INSPECTION_ENABLED) == 0)
		return 0;
	fd = conf_to_fd(conf, &e);
	if (fd < 0 || pipe2(says, O_CLOEXEC) < 0) {
		fprintf(out, "[tls-inspection] %s\n",
		    fd < 0 ? e.text : strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0 && dup2(says[1], STDOUT_FILENO) >= 0)
		become("--check", says[1], fd);
	close(says[1]);
	close(fd);
	pass_on(says[0], out);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) <= 1)
		return WEXITSTATUS(status) == 0 ? 0 : -1;
	fprintf(out, "[tls-inspection] %s does not work\n", SIGNER_PROGRAM);
	return -1;
}
