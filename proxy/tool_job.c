/*
 * tool_job: what deliver, filter and qmail-queue have in common: options, whom
 * they ask, and how they run what comes next.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/value.h"
#include "proxy/base/mem.h"
#include "proxy/tool.h"

#define NOT_THERE 127 /* what a shell says of a command that is not there */

/* ---- options ---- */

void
tool_job_init(struct tool_job *j, const char *where)
{
	const char *socket = getenv("SALLYPORT_SOCKET");

	*j = (struct tool_job){.where = where,
	    .socket = socket != NULL && socket[0] != '\0' ? socket
							  : RUNTIMEDIR
		"/" TOOL_SOCKET,
	    .timeout_ms = TOOL_TIMEOUT_MS,
	    .fd = -1};
}

void
tool_job_free(struct tool_job *j)
{
	struct tool_rcpt *r;

	while ((r = j->rcpts) != NULL) {
		j->rcpts = r->next;
		free(r);
	}
	if (j->fd >= 0)
		(void)close(j->fd);
	tool_mail_free(&j->mail);
}

void
tool_job_rcpt(struct tool_job *j, const char *text)
{
	struct tool_rcpt **last = &j->rcpts;

	while (*last != NULL)
		last = &(*last)->next;
	*last = xcalloc(1, sizeof(**last));
	(*last)->text = text;
}

static int
take_timeout(struct tool_job *j, const char *text)
{
	static const struct opt_row row = {.key = "timeout",
	    .type = TYPE_TIME,
	    .unit = "time",
	    .least = 100,
	    .most = UNIT_H,
	    .words = ""};
	struct err e;

	if (value_number(&row, text, &j->timeout_ms, &e) == 0)
		return 0;
	fprintf(stderr, "sallyport: --timeout: %s\n", e.text);
	return -1;
}

static int
take_option(struct tool_job *j, int option)
{
	switch (option) {
	case 'f':
		j->sender = optarg;
		return 0;
	case 'd':
		tool_job_rcpt(j, optarg);
		return 0;
	case 'h':
		j->helo = optarg;
		return 0;
	case 'l':
		j->alone = true;
		return 0;
	case 's':
		j->socket = optarg;
		return 0;
	case 'c':
		j->config = optarg;
		return 0;
	case 'p':
		j->policy = optarg;
		return 0;
	case 't':
		return take_timeout(j, optarg);
	case 'n':
		j->next = optarg;
		return 0;
	default:
		return -1;
	}
}

int
tool_job_options(struct tool_job *j, int argc, char **argv, const char *more)
{
	static const struct option options[] = {
	    {"local", no_argument, NULL, 'l'},
	    {"socket", required_argument, NULL, 's'},
	    {"timeout", required_argument, NULL, 't'},
	    {"config", required_argument, NULL, 'c'},
	    {"policy", required_argument, NULL, 'p'},
	    {"helo", required_argument, NULL, 'h'},
	    {"next", required_argument, NULL, 'n'},
	    {NULL, 0, NULL, 0},
	};
	int option;

	/* "+": what stands behind the first word is COMMAND's */
	while ((option = getopt_long(argc, argv, more, options, NULL)) != -1) {
		if (option == 'n' && strchr(more, 'f') != NULL)
			option = '?'; /* only qmail-queue has a next one */
		if (take_option(j, option) < 0)
			return -1;
	}
	return 0;
}

int
tool_judge(struct tool_job *j, struct local_answer *answer_r,
    enum tool_no *why_r, struct err *e)
{
	return j->alone ? tool_alone(j, answer_r, why_r, e)
			: tool_ask(j, answer_r, why_r, e);
}

/* ---- what comes next ---- */

static volatile sig_atomic_t child;

/* Who ends us means what we run. */
static void
pass_on(int signo)
{
	int saved = errno;

	if (child > 0)
		kill((pid_t)child, signo);
	errno = saved;
}

static const int passed[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

#define PASSED (sizeof(passed) / sizeof(passed[0]))

/* Descriptors and signals as we found them, but for the mail. */
static _Noreturn void
become(char **argv, int in, int out, const struct sigaction *were,
    const sigset_t *mask)
{
	for (size_t i = 0; i < PASSED; i++)
		sigaction(passed[i], &were[i], NULL);
	sigaction(SIGCHLD, &were[PASSED], NULL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	/* killed outright we could not say to an agent that it is delivered */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (dup2(in, 0) < 0 || (out >= 0 && dup2(out, 1) < 0))
		_exit(NOT_THERE);
	execvp(argv[0], argv);
	fprintf(stderr, "sallyport: %s: %s\n", argv[0], strerror(errno));
	_exit(NOT_THERE);
}

static int
wait_for(pid_t pid, char how_r[TOOL_HOW])
{
	int status = 0;
	pid_t got;

	do {
		got = waitpid(pid, &status, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0 || WIFSIGNALED(status)) {
		(void)snprintf(how_r, TOOL_HOW, "signal %s",
		    got < 0 ? "?" : sigabbrev_np(WTERMSIG(status)));
		return -1;
	}
	(void)snprintf(how_r, TOOL_HOW, "exit %d", WEXITSTATUS(status));
	return WEXITSTATUS(status) == NOT_THERE ? -1 : WEXITSTATUS(status);
}

int
tool_run(char **argv, int in, int out, char how_r[TOOL_HOW])
{
	struct sigaction were[PASSED + 1];
	const struct sigaction on = {.sa_handler = pass_on},
			       plain = {.sa_handler = SIG_DFL};
	sigset_t all, mask;
	pid_t pid;

	/* until the child is known nothing may come that is meant for it */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	for (size_t i = 0; i < PASSED; i++)
		sigaction(passed[i], &on, &were[i]);
	sigaction(SIGCHLD, &plain, &were[PASSED]); /* or none is waited for */
	pid = fork();
	if (pid == 0)
		become(argv, in, out, were, &mask);
	child = pid;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (pid < 0) {
		(void)snprintf(how_r, TOOL_HOW, "fork: %s", strerror(errno));
		return -1;
	}
	return wait_for(pid, how_r);
}
