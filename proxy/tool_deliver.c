/*
 * tool_deliver: `sallyport deliver`, the wrapper around a delivery agent, and
 * `sallyport filter`, the same as a pipe.  Both read all, ask, and only then
 * pass on a byte.  What is neither yes nor no is EX_TEMPFAIL: the mail stays
 * with whoever called us.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "proxy/base/mem.h"
#include "proxy/tool.h"

#define PIECE (32 * 1024)

/* What a mail transfer agent tells of the envelope where options do not. */
static void
look_around(struct tool_job *j)
{
	const char *rcpt = getenv("RECIPIENT");

	if (j->sender == NULL)
		j->sender = getenv("SENDER");
	if (j->helo == NULL)
		j->helo = getenv("CLIENT_HELO");
	if (j->rcpts == NULL && rcpt != NULL)
		tool_job_rcpt(j, rcpt);
}

/* One line: agents put it into the bounce. */
static int
say_no(const struct local_answer *a)
{
	if (a->action == DO_DISCARD)
		return EX_OK;
	fprintf(stderr, "%s\n", a->text);
	return a->action == DO_TEMPFAIL ? EX_TEMPFAIL : EX_NOPERM;
}

static int
say_later(const struct err *e)
{
	fprintf(stderr, "4.3.0 %s\n", e->text);
	return EX_TEMPFAIL;
}

/* ---- the two ways on ---- */

/* The status of a command: what is not its own is for later. */
static int
run_command(struct tool_job *j, char **argv, int fd)
{
	char how[TOOL_HOW];
	int status = tool_run(argv, fd, -1, how);

	if (status == EX_OK) {
		tool_tell(j, "delivered", how);
		return EX_OK;
	}
	if (status < 0)
		fprintf(stderr, "4.3.0 %s: %s\n", argv[0], how);
	tool_tell(j,
	    status < 0 || status == EX_TEMPFAIL ? "deferred" : "refused", how);
	return status < 0 ? EX_TEMPFAIL : status;
}

static int
copy_out(int fd)
{
	char piece[PIECE];
	ssize_t n, put, at;

	while ((n = read(fd, piece, sizeof(piece))) > 0) {
		for (at = 0; at < n; at += put) {
			put = write(1, piece + at, (size_t)(n - at));
			if (put < 0 && errno != EINTR)
				return -1;
			put = put < 0 ? 0 : put;
		}
	}
	return n < 0 ? -1 : 0;
}

static int
write_out(struct tool_job *j, int fd)
{
	struct err e;

	signal(SIGPIPE, SIG_IGN);
	if (copy_out(fd) == 0) {
		tool_tell(j, "delivered", "written");
		return EX_OK;
	}
	err_set(&e, "standard output: %s", strerror(errno));
	tool_tell(j, "deferred", e.text);
	return say_later(&e);
}

/* argv NULL: to standard output. */
static int
go_on(struct tool_job *j, char **argv, const struct local_answer *a)
{
	struct spool *copy;
	struct err e;
	int fd = tool_mail_copy(&j->mail, a->mark, &copy, &e);
	int status;

	if (fd < 0) {
		tool_tell(j, "deferred", e.text);
		status = say_later(&e);
	} else if (argv == NULL) {
		status = write_out(j, fd);
	} else {
		status = run_command(j, argv, fd);
	}
	spool_free(&copy);
	return status;
}

static int
work(struct tool_job *j, char **argv)
{
	struct local_answer a;
	enum tool_no why;
	struct err e;

	if (tool_mail_take(&j->mail, 0, &e) != MAIL_TAKEN ||
	    tool_judge(j, &a, &why, &e) < 0)
		return say_later(&e);
	if (!local_delivers(&a))
		return say_no(&a);
	return go_on(j, argv, &a);
}

int
tool_deliver(int argc, char **argv)
{
	char where[LOCAL_TEXT_MAX + 1] = "";
	struct tool_job j;
	int status;

	tool_job_init(&j, where);
	if (tool_job_options(&j, argc, argv, "+f:d:") < 0 || optind == argc) {
		tool_job_free(&j);
		return tool_usage(stderr, EX_USAGE);
	}
	(void)snprintf(where, sizeof(where), "deliver:%s", argv[optind]);
	look_around(&j);
	status = work(&j, argv + optind);
	tool_job_free(&j);
	return status;
}

int
tool_filter(int argc, char **argv)
{
	struct tool_job j;
	int status;

	tool_job_init(&j, "filter:stdout");
	if (tool_job_options(&j, argc, argv, "+f:d:") < 0 || optind != argc) {
		tool_job_free(&j);
		return tool_usage(stderr, EX_USAGE);
	}
	look_around(&j);
	status = work(&j, NULL);
	tool_job_free(&j);
	return status;
}
