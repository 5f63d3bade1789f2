/*
 * tool_qmail: `sallyport qmail-queue`, which stands where qmail-queue(8) did:
 * a message on descriptor 0, its envelope on descriptor 1.  The real one gets
 * both when the mail may go, and its status is ours.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/mem.h"
#include "proxy/qmail_envelope.h"
#include "proxy/tool.h"

#define NEXT "/var/qmail/bin/qmail-queue.orig"
#define ENVELOPE_MAX (16u << 20)
#define PIECE (32 * 1024)

/* qmail-queue(8); from 11 to 40 it is for ever, else for now. */
enum status {
	QQ_OK = 0,
	QQ_ADDRESS = 11,  /* address too long */
	QQ_REFUSED = 31,  /* by our policy */
	QQ_WRITE = 53,    /* no room for it */
	QQ_READ = 54,     /* the message or the envelope */
	QQ_TEMPFAIL = 71, /* by our policy */
	QQ_LATE = 72,     /* sallyportd does not answer in time */
	QQ_AWAY = 73,     /* nor at all */
	QQ_BROKEN = 74,   /* it breaks off */
	QQ_BUG = 81,      /* also: the real one was killed, our options */
	QQ_ENVELOPE = 91,
	QQ_NO_EXEC = 120 /* what qmail.c says when there is no qmail-queue */
};

static enum status
say(enum status status, const char *text)
{
	fprintf(stderr, "sallyport qmail-queue: %s\n", text);
	return status;
}

/* ---- the envelope ---- */

/* 0, or what it ends with. */
static enum status
read_envelope(struct buf *b)
{
	char *room;
	ssize_t n;

	for (;;) {
		room = buf_room(b, PIECE);
		if (room == NULL)
			return say(QQ_WRITE, "too large an envelope");
		n = read(1, room, PIECE);
		if (n == 0)
			return QQ_OK;
		if (n < 0 && errno != EINTR)
			return say(QQ_READ, "cannot read the envelope");
		buf_grew(b, n < 0 ? 0 : (size_t)n);
	}
}

static void
took(void *arg, bool rcpt, const char *address)
{
	struct tool_job *j = arg;

	if (rcpt)
		tool_job_rcpt(j, address);
	else
		j->sender = address;
}

static enum status
take_envelope(struct tool_job *j, struct buf *b)
{
	enum status status = read_envelope(b);

	if (status != QQ_OK)
		return status;
	switch (qmail_envelope((struct slice){buf_at(b), b->len}, took, j)) {
	case QMAIL_OK:
		return QQ_OK;
	case QMAIL_SHORT:
		return say(QQ_READ, "the envelope ends too early");
	case QMAIL_LONG:
		return say(QQ_ADDRESS, "an address is too long");
	default:
		return say(QQ_ENVELOPE, "that is no envelope");
	}
}

static enum status
take_mail(struct tool_job *j)
{
	struct err e;

	switch (tool_mail_take(&j->mail, 0, &e)) {
	case MAIL_TAKEN:
		return QQ_OK;
	case MAIL_UNREADABLE:
		return say(QQ_READ, e.text);
	default:
		return say(QQ_WRITE, e.text);
	}
}

/* ---- the verdict ---- */

static enum status
judge(struct tool_job *j, struct local_answer *a)
{
	static const enum status no[] = {[NO_ANSWER_AWAY] = QQ_AWAY,
	    [NO_ANSWER_LATE] = QQ_LATE,
	    [NO_ANSWER_BROKEN] = QQ_BROKEN};
	enum tool_no why;
	struct err e;

	if (tool_judge(j, a, &why, &e) < 0)
		return say(no[why], e.text);
	if (a->action == DO_TEMPFAIL)
		return say(QQ_TEMPFAIL, a->text);
	if (a->action == DO_DISCARD || local_delivers(a))
		return QQ_OK;
	return say(QQ_REFUSED, a->text);
}

/* ---- the real one ---- */

static enum status
run_next(struct tool_job *j, int mail, int envelope)
{
	char *argv[] = {NULL, NULL}, how[TOOL_HOW];
	struct err e;
	int status;

	if (access(j->next, X_OK) < 0) {
		err_set(&e, "%.150s: %s", j->next, strerror(errno));
		tool_tell(j, "deferred", e.text);
		return say(QQ_NO_EXEC, e.text);
	}
	argv[0] = xstrdup(j->next);
	status = tool_run(argv, mail, envelope, how);
	free(argv[0]);
	if (status == QQ_OK)
		tool_tell(j, "delivered", how);
	else
		tool_tell(j,
		    status >= 11 && status <= 40 ? "refused" : "deferred", how);
	if (status < 0)
		return say(QQ_BUG, how);
	return (enum status)status;
}

static enum status
hand_over(struct tool_job *j, const struct local_answer *a, struct buf *b)
{
	struct spool *copy, *envelope = spool_over(buf_at(b), b->len);
	struct err e;
	int mail = tool_mail_copy(&j->mail, a->mark, &copy, &e);
	int fd = spool_fd(envelope);
	enum status status;

	if (mail < 0 || fd < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		tool_tell(j, "deferred", "no room");
		status = say(QQ_WRITE, mail < 0 ? e.text : strerror(errno));
	} else {
		status = run_next(j, mail, fd);
	}
	spool_free(&copy);
	spool_free(&envelope);
	return status;
}

static enum status
work(struct tool_job *j, struct buf *b)
{
	struct local_answer a = {0};
	enum status status = take_mail(j);

	if (status == QQ_OK)
		status = take_envelope(j, b);
	if (status == QQ_OK)
		status = judge(j, &a);
	if (status != QQ_OK || a.action == DO_DISCARD)
		return status;
	return hand_over(j, &a, b);
}

int
tool_qmail_queue(int argc, char **argv)
{
	char where[LOCAL_TEXT_MAX + 1] = "";
	enum status status;
	struct tool_job j;
	struct buf b;

	tool_job_init(&j, where);
	j.next = getenv("SALLYPORT_QMAIL_QUEUE");
	if (tool_job_options(&j, argc, argv, "+") < 0 || optind != argc) {
		tool_job_free(&j);
		return tool_usage(stderr, QQ_BUG);
	}
	if (j.next == NULL || j.next[0] == '\0')
		j.next = NEXT;
	(void)snprintf(where, sizeof(where), "qmail-queue:%s", j.next);
	buf_init(&b, ENVELOPE_MAX);
	status = work(&j, &b);
	buf_free(&b);
	tool_job_free(&j);
	return (int)status;
}
