#ifndef PROXY_TOOL_H
#define PROXY_TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "protocols/local/local_packet.h"
#include "proxy/base/err.h"
#include "proxy/base/spool.h"
#include "proxy/mail_head.h"

struct conf;

/*
 * tool: what the files of the program `sallyport` share.  The program is the
 * roof, as main.c is: it alone knows the protocol it speaks to the gateway.
 */

/* ---- commands: argv[0] is the command's own word; they return the status */

int tool_scan(int argc, char **argv);
int tool_status(int argc, char **argv);
int tool_deliver(int argc, char **argv);
int tool_filter(int argc, char **argv);
int tool_qmail_queue(int argc, char **argv);
int tool_ca(int argc, char **argv);
int tool_quarantine(int argc, char **argv);

/* Says how the tool is used; returns status. */
int tool_usage(FILE *out, int status);

/* ---- tool_scan: the armoury, for those who need it */

/* In a build tree beside this program, else where it was installed. */
const char *tool_armoury(void);

/* The configuration as a descriptor that the armoury inherits, and as text in
 * to[TOOL_FD_TEXT].  -1: there is none; why was said. */
#define TOOL_FD_TEXT 16
int tool_conf_fd(const struct conf *conf, char *to);

/* ---- tool_mail: the mail as it came in */

struct tool_mail {
	struct spool_house house;
	struct spool *bytes; /* all of it, sealed */
	uint64_t from;       /* the mail itself begins behind a "From " line */
	bool crlf;           /* its first line ends so */
	struct mail_head head;
};

/* Why a mail could not be taken. */
enum tool_mail_is { MAIL_TAKEN, MAIL_UNREADABLE, MAIL_NO_ROOM };

/* Reads fd to its end.  TMPDIR is where what is large lies. */
enum tool_mail_is tool_mail_take(struct tool_mail *m_r, int fd, struct err *e);

/*
 * A descriptor, at its begin, with the mail as it is delivered: a "From " line,
 * mark as the first field ("" none), then its own bytes, without the
 * X-Sallyport fields that came with it.  *copy_r holds it.  -1 with words.
 */
int tool_mail_copy(struct tool_mail *m, const char *mark, struct spool **copy_r,
    struct err *e);
void tool_mail_free(struct tool_mail *m);

/* ---- tool_ask and tool_alone: two ways to have it judged */

struct tool_rcpt {
	const char *text;
	struct tool_rcpt *next;
};

struct tool_job {
	const char *where;  /* "deliver:/usr/bin/procmail", for the event */
	const char *sender; /* NULL: not known */
	const char *helo;   /* NULL: not known */
	struct tool_rcpt *rcpts;
	struct tool_mail mail;

	bool alone;         /* --local: in processes of our own */
	const char *socket; /* of the gateway */
	const char *config; /* for --local; NULL: the installed one */
	const char *policy; /* for --local; NULL: that of [listener] local */
	const char *next;   /* qmail-queue's: the real one */
	int64_t timeout_ms; /* from the first step to the answer */

	int fd; /* to the gateway, while it wants to hear how it ended; -1 */
};

/* Why there is no answer. */
enum tool_no { NO_ANSWER_AWAY, NO_ANSWER_LATE, NO_ANSWER_BROKEN };

/* 0, or -1 with *why_r and words. */
int tool_ask(struct tool_job *j, struct local_answer *answer_r,
    enum tool_no *why_r, struct err *e);
int tool_alone(struct tool_job *j, struct local_answer *answer_r,
    enum tool_no *why_r, struct err *e);

/* Tells the gateway, if it wants to hear it: "delivered", "exit 0". */
void tool_tell(struct tool_job *j, const char *result, const char *words);

/* ---- tool_job: what deliver, filter and qmail-queue have in common */

#define TOOL_TIMEOUT_MS (2 * 60 * 1000) /* --timeout when not given */
#define TOOL_SOCKET "local.sock"        /* below the runtime folder */

void tool_job_init(struct tool_job *j, const char *where);
void tool_job_free(struct tool_job *j);
void tool_job_rcpt(struct tool_job *j, const char *text);

/* Takes the options that all three have and those of `more` (getopt's short
 * ones: "f:d:"); -1: a wrong one, and it was said. */
int tool_job_options(
    struct tool_job *j, int argc, char **argv, const char *more);

/* By the one way or the other. */
int tool_judge(struct tool_job *j, struct local_answer *answer_r,
    enum tool_no *why_r, struct err *e);

/*
 * Runs argv with in as its descriptor 0 and, unless it is -1, out as its
 * descriptor 1, and waits.  Its exit status, or -1: it was ended by a signal or
 * was not there; how_r says it in words ("exit 1", "signal KILL").
 */
#define TOOL_HOW 64
int tool_run(char **argv, int in, int out, char how_r[TOOL_HOW]);

#endif
