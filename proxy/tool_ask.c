/*
 * tool_ask: asks the gateway about a mail, over its unix socket.  Everything
 * that is not a clear answer in time is no answer, and nothing is delivered.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/mem.h"
#include "proxy/tool.h"

#define ANSWER_MAX 4096 /* all frames of one */
#define ENVELOPE_MAX (8u << 20)
#define TELL_MS 2000 /* how it ended: the gateway has so long to take it */

struct asking {
	int fd;
	int64_t until_ms;
	enum tool_no *why_r;
	struct err *e;
	struct local_answer *answer;
	struct buf in;
	bool answered;
};

static int
no(struct asking *a, enum tool_no why, const char *what)
{
	*a->why_r = why;
	return err_set(a->e, "%s", what);
}

static int
broken(struct asking *a)
{
	return no(a, NO_ANSWER_BROKEN, strerror(errno));
}

/* Until events; 0, or -1. */
static int
wait_for(struct asking *a, short events, short *got_r)
{
	struct pollfd p = {.fd = a->fd, .events = events};
	int64_t left = a->until_ms - clock_ms();
	int n = poll(&p, 1, left > 0 ? (int)left : 0);

	if (n < 0 && errno == EINTR)
		return wait_for(a, events, got_r);
	if (n < 0)
		return broken(a);
	if (n == 0)
		return no(a, NO_ANSWER_LATE, "no answer in time");
	*got_r = p.revents;
	return 0;
}

/* ---- connecting ---- */

static int
connect_to(struct asking *a, const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int64_t pause = 10;

	if (strlen(path) >= sizeof(un.sun_path))
		return no(a, NO_ANSWER_AWAY, "its path is too long");
	copy_text(un.sun_path, sizeof(un.sun_path), path);
	a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->fd < 0)
		return no(a, NO_ANSWER_AWAY, strerror(errno));
	while (connect(a->fd, (const struct sockaddr *)&un, sizeof(un)) < 0) {
		/* EAGAIN: its backlog is full; there is nothing to poll for */
		if (errno != EAGAIN && errno != EINTR)
			return no(a, NO_ANSWER_AWAY, strerror(errno));
		if (clock_ms() + pause > a->until_ms)
			return no(a, NO_ANSWER_LATE, "its backlog is full");
		(void)poll(NULL, 0, (int)pause);
	}
	return 0;
}

/* ---- the answer ---- */

/* Frames that have come.  -1: that is no answer. */
static int
take_frames(struct asking *a)
{
	struct slice in = {buf_at(&a->in), a->in.len};
	struct local_frame f;
	int is = 0;

	while (!a->answered && (is = local_take(LOCAL_ANSWER, &in, &f)) == 1) {
		is = local_add_answer(a->answer, &f);
		if (is < 0)
			break;
		a->answered = is == 1;
	}
	buf_drop(&a->in, a->in.len - in.len);
	if (is < 0)
		return no(a, NO_ANSWER_BROKEN, "it talks nonsense");
	return 0;
}

/* What there is to read. */
static int
hear(struct asking *a)
{
	char *room = buf_room(&a->in, ANSWER_MAX - a->in.len);
	ssize_t n;

	if (room == NULL || ANSWER_MAX == a->in.len)
		return no(a, NO_ANSWER_BROKEN, "it talks nonsense");
	n = recv(a->fd, room, ANSWER_MAX - a->in.len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return broken(a);
	if (n == 0)
		return no(a, NO_ANSWER_BROKEN, "it went away");
	buf_grew(&a->in, (size_t)n);
	return take_frames(a);
}

/* ---- the question ---- */

/* 0: sent, or it has answered already. */
static int
say(struct asking *a, const char *bytes, size_t len)
{
	short got = 0;
	ssize_t n;

	while (len > 0 && !a->answered) {
		if (wait_for(a, POLLIN | POLLOUT, &got) < 0)
			return -1;
		if ((got & (POLLIN | POLLHUP | POLLERR)) != 0) {
			if (hear(a) < 0)
				return -1;
			continue;
		}
		n = send(a->fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR &&
		    errno != EPIPE && errno != ECONNRESET)
			return broken(a);
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int
put_envelope(const struct tool_job *j, struct buf *b)
{
	if (local_put(b, LOCAL_VERSION, LOCAL_SPOKEN) < 0 ||
	    local_put(b, LOCAL_WHERE, j->where) < 0)
		return -1;
	if (j->sender != NULL && local_put(b, LOCAL_SENDER, j->sender) < 0)
		return -1;
	if (j->helo != NULL && local_put(b, LOCAL_HELO, j->helo) < 0)
		return -1;
	for (const struct tool_rcpt *r = j->rcpts; r != NULL; r = r->next) {
		if (local_put(b, LOCAL_RCPT, r->text) < 0)
			return -1;
	}
	return 0;
}

static int
say_envelope(struct asking *a, const struct tool_job *j)
{
	struct buf b;
	int done;

	buf_init(&b, ENVELOPE_MAX);
	if (put_envelope(j, &b) < 0)
		done = no(a, NO_ANSWER_BROKEN, "too large an envelope");
	else
		done = say(a, buf_at(&b), b.len);
	buf_free(&b);
	return done;
}

static int
say_mail(struct asking *a, const struct tool_mail *m)
{
	char piece[LOCAL_MAIL_MAX];
	uint64_t at = m->from, size = spool_size(m->bytes);
	struct buf b;
	ssize_t n;
	int done = 0;

	buf_init(&b, LOCAL_FRAME_MAX);
	while (at < size && done == 0 && !a->answered) {
		n = spool_read(m->bytes, piece, sizeof(piece), at);
		if (n <= 0) {
			done = no(a, NO_ANSWER_BROKEN, "lost bytes of it");
			break;
		}
		buf_clear(&b);
		(void)local_putn(
		    &b, LOCAL_MAIL, (struct slice){piece, (size_t)n});
		done = say(a, buf_at(&b), b.len);
		at += (uint64_t)n;
	}
	buf_clear(&b);
	(void)local_put(&b, LOCAL_END, "");
	if (done == 0)
		done = say(a, buf_at(&b), b.len);
	buf_free(&b);
	return done;
}

static int
ask(struct asking *a, const struct tool_job *j)
{
	bool early;
	short got = 0;

	if (connect_to(a, j->socket) < 0 || say_envelope(a, j) < 0 ||
	    say_mail(a, &j->mail) < 0)
		return -1;
	early = a->answered;
	while (!a->answered) {
		if (wait_for(a, POLLIN, &got) < 0 || hear(a) < 0)
			return -1;
	}
	/* Nobody can have judged what was not sent yet. */
	if (early && local_delivers(a->answer))
		return no(a, NO_ANSWER_BROKEN, "it answered too early");
	return 0;
}

int
tool_ask(struct tool_job *j, struct local_answer *answer_r, enum tool_no *why_r,
    struct err *e)
{
	struct err why;
	struct asking a = {.fd = -1,
	    .until_ms = clock_ms() + j->timeout_ms,
	    .why_r = why_r,
	    .e = &why,
	    .answer = answer_r};
	int done;

	*answer_r = (struct local_answer){0};
	buf_init(&a.in, ANSWER_MAX);
	done = ask(&a, j);
	buf_free(&a.in);
	if (done == 0 && local_delivers(answer_r)) {
		j->fd = a.fd;
		return 0;
	}
	if (a.fd >= 0)
		(void)close(a.fd);
	if (done < 0)
		return err_set(
		    e, "sallyportd at %.100s: %.100s", j->socket, why.text);
	return 0;
}

void
tool_tell(struct tool_job *j, const char *result, const char *words)
{
	struct pollfd p = {.fd = j->fd, .events = POLLOUT};
	char line[LOCAL_TEXT_MAX + 1];
	struct buf b;

	if (j->fd < 0)
		return;
	(void)snprintf(line, sizeof(line), "%s %s", result, words);
	buf_init(&b, LOCAL_FRAME_MAX);
	(void)local_put(&b, LOCAL_OUTCOME, line);
	/* It is for the log alone: what it cannot take it misses. */
	if (poll(&p, 1, TELL_MS) == 1)
		(void)send(j->fd, buf_at(&b), b.len, MSG_NOSIGNAL);
	buf_free(&b);
	(void)close(j->fd);
	j->fd = -1;
}
