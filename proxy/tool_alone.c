/*
 * tool_alone: --local: a mail is judged without a gateway, by the armoury's
 * one-shot mode and the policy of the configuration.  No event is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/clock.h"
#include "proxy/base/mem.h"
#include "proxy/tool.h"
#include "scan/facts.h"
#include "scan/wire.h"

#define FACTS_MAX (512 * 1024)

/* ---- the armoury ---- */

static _Noreturn void
become_armoury(int in, int out, char *fd)
{
	char name[] = "sallyport-armoury", scan[] = "--scan", mail[] = "--mail";
	char conf[] = "--conf-fd", wire[] = "--wire", stdin_name[] = "-";
	char *argv[] = {name, scan, mail, wire, conf, fd, stdin_name, NULL};

	if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0)
		execv(tool_armoury(), argv);
	fprintf(stderr, "sallyport: %s: %s\n", tool_armoury(), strerror(errno));
	_exit(127);
}

static pid_t
start_armoury(const struct conf *conf, int in, int *out_r)
{
	char text[TOOL_FD_TEXT];
	int ends[2], fd = tool_conf_fd(conf, text);
	pid_t pid;

	if (fd < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		become_armoury(in, ends[1], text);
	(void)close(fd); /* not COMMAND's */
	(void)close(ends[1]);
	*out_r = ends[0];
	return pid;
}

/* All it says until it ends; -1: late. */
static int
hear(int fd, int64_t until_ms, struct buf *b)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t left;
	char *room;
	ssize_t n;

	for (;;) {
		left = until_ms - clock_ms();
		if (poll(&p, 1, left > 0 ? (int)left : 0) == 0)
			return -1;
		room = buf_room(b, 4096);
		if (room == NULL)
			return 0; /* too much: no report */
		n = read(fd, room, 4096);
		if (n == 0)
			return 0;
		if (n > 0)
			buf_grew(b, (size_t)n);
		else if (errno != EINTR)
			return 0;
	}
}

static int
look(struct tool_job *j, const struct conf *conf, struct report *report_r,
    enum tool_no *why_r, struct err *e)
{
	int in = spool_fd(j->mail.bytes), out = -1, late;
	uint32_t number;
	struct buf b;
	pid_t pid;
	int done;

	*why_r = NO_ANSWER_BROKEN;
	if (in < 0 || lseek(in, (off_t)j->mail.from, SEEK_SET) < 0)
		return err_set(e, "the mail: %s", strerror(errno));
	pid = start_armoury(conf, in, &out);
	if (pid < 0)
		return err_set(e, "the armoury: %s", strerror(errno));
	buf_init(&b, WIRE_REPORT_MAX + 4096);
	late = hear(out, clock_ms() + j->timeout_ms, &b);
	if (late < 0)
		kill(pid, SIGTERM); /* it ends its worker and tidies up */
	(void)waitpid(pid, NULL, 0);
	(void)close(out);
	done = wire_get_report(buf_at(&b), b.len, &number, report_r);
	buf_free(&b);
	if (late < 0)
		*why_r = NO_ANSWER_LATE;
	if (late < 0 || done < 0)
		return err_set(
		    e, "the scan gave no report%s", late < 0 ? " in time" : "");
	return 0;
}

/* ---- the policy ---- */

/* The listener whose options hold: the first one with protocol local. */
static const struct conf_section *
find_listener(const struct conf *conf)
{
	const struct conf_section *s = NULL;

	while ((s = conf_next(conf, "listener", s)) != NULL) {
		if (strcmp(conf_word(conf, s, OPT_LISTENER_PROTOCOL),
			"local") == 0)
			return s;
	}
	return NULL;
}

/* Its [policy]; without one the first there is. */
static const char *
find_policy(const struct tool_job *j, const struct conf *conf,
    const struct conf_section *listener)
{
	const struct conf_section *s = conf_next(conf, "policy", NULL);

	if (j->policy != NULL)
		return conf_section(conf, "policy", j->policy) == NULL
		    ? NULL
		    : j->policy;
	if (listener != NULL)
		return conf_str(conf, listener, OPT_LISTENER_POLICY);
	return s == NULL ? NULL : conf_name(s);
}

static void
tell_facts(const struct tool_job *j, const struct conf_section *listener,
    const char *direction, struct facts *f)
{
	(void)facts_add(f, FIELD_PROTOCOL, "local");
	(void)facts_add(f, FIELD_CLIENT, "unix");
	(void)facts_add(f, FIELD_DIRECTION, direction);
	if (listener != NULL)
		(void)facts_add(f, FIELD_LISTENER, conf_name(listener));
	if (j->sender != NULL)
		(void)facts_add(f, FIELD_SENDER, j->sender);
	for (const struct tool_rcpt *r = j->rcpts; r != NULL; r = r->next)
		(void)facts_add(f, FIELD_RECIPIENT, r->text);
}

static int
decide(const struct tool_job *j, const struct conf *conf,
    const struct report *report, struct local_answer *a_r, struct err *e)
{
	const struct conf_section *listener = find_listener(conf);
	const char *policy = find_policy(j, conf, listener);
	struct local_words w = {
	    .reject = conf_str(conf, listener, OPT_SMTP_REJECT_TEXT),
	    .tempfail = conf_str(conf, listener, OPT_SMTP_TEMPFAIL_TEXT),
	    .add_headers = conf_int(conf, listener, OPT_SMTP_ADD_HEADERS) != 0,
	    .direction = listener == NULL
		? "inbound"
		: conf_word(conf, listener, OPT_LISTENER_DIRECTION),
	};
	struct decision d;
	struct policies *p;
	struct facts facts;
	char id[ULID_TEXT];

	if (policy == NULL)
		return err_set(e, "there is no [policy%s%s]",
		    j->policy == NULL ? "" : " ",
		    j->policy == NULL ? "" : j->policy);
	if (mail_text_check(w.reject, '5', e) < 0 ||
	    mail_text_check(w.tempfail, '4', e) < 0)
		return -1;
	p = policies_open(conf, e);
	if (p == NULL)
		return -1;
	facts_init(&facts, FACTS_MAX);
	tell_facts(j, listener, w.direction, &facts);
	policy_decide(p, policy, &facts, report, &d);
	ulid_make(id);
	local_answer_of(a_r, &d, report, id, &w);
	facts_free(&facts);
	policies_free(&p);
	return 0;
}

int
tool_alone(struct tool_job *j, struct local_answer *answer_r,
    enum tool_no *why_r, struct err *e)
{
	struct conf *conf = conf_load(j->config, stderr);
	struct report report;
	int done;

	*why_r = NO_ANSWER_BROKEN;
	if (conf == NULL)
		return err_set(e, "the configuration is wrong");
	if (j->mail.head.cuts > MAIL_CUTS_MAX) {
		conf_free(&conf);
		*answer_r = (struct local_answer){.action = DO_BLOCK,
		    .text = "5.6.0 Too many X-Sallyport fields"};
		return 0;
	}
	done = look(j, conf, &report, why_r, e);
	if (done == 0)
		done = decide(j, conf, &report, answer_r, e);
	conf_free(&conf);
	return done;
}
