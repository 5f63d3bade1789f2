/*
 * sinks: the [log] sections at work: which line goes where, in which form, and
 * how it gets there whole.  A line is one write(2); a reader that does not
 * read is waited for once, and not again until it has taken a line.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/escape.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/event.h"
#include "proxy/event_line.h"
#include "proxy/stats.h"

#define SINK_WAIT_MS 1000
#define SINK_MODE 0640
#define SINK_MESSAGE_MAX 4096 /* of a log.h line, after escaping */

/* In the order of the words of [log] format, events and level. */
enum format { FORMAT_TEXT, FORMAT_JSON };
enum wanted { WANT_NONE, WANT_BLOCKED, WANT_DECISIONS, WANT_ALL };
enum { LEVEL_NONE, LEVEL_ERROR }; /* LEVEL_ERROR + enum log_level */

struct sink {
	char *name; /* of the [log] section */
	int fd;
	bool is_ours;   /* close it */
	bool is_socket; /* write without waiting by MSG_DONTWAIT */
	bool blocks;    /* cannot be told not to wait: poll before */
	bool torn;      /* half a line stands at its end */
	bool failing;   /* the last line did not go out whole */
	enum format format;
	enum wanted events;
	int64_t level;
};

#define SINKS_MAGIC 0x51aa5001u
struct sinks {
	uint32_t magic;
	size_t n;
	struct sink list[SINKS_MAX];
	struct buf lines[2]; /* of the event at hand, by format */
};

static struct sinks *log_taker; /* who sinks_take_log() was called for */

/* ---- opening ---- */

/* The descriptor of "stdout" or "stderr"; -1: it is something else. */
static int
standard(const char *output)
{
	if (strcmp(output, "stdout") == 0)
		return STDOUT_FILENO;
	return strcmp(output, "stderr") == 0 ? STDERR_FILENO : -1;
}

/*
 * An open file of our own for a pipe or terminal, so that it can be set not to
 * wait without that being seen by whoever shares it.  -1: not one, or not
 * allowed; then it is used as it is.
 */
static int
reopen(int fd)
{
	char path[32];
	struct stat st;

	if (fstat(fd, &st) < 0 ||
	    !(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

/* A link is not followed: the folder may belong to less than root. */
static int
open_file(const char *path)
{
	return open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
		O_NONBLOCK | O_NOCTTY,
	    SINK_MODE);
}

static int
open_output(const struct conf *conf, const struct conf_section *s, int *fd_r,
    struct err *e)
{
	const char *output = conf_str(conf, s, OPT_LOG_OUTPUT);
	const char *origin = conf_origin(conf, s, OPT_LOG_OUTPUT);

	*fd_r = -1;
	if (standard(output) >= 0) {
		*fd_r = reopen(standard(output));
		return 0;
	}
	if (strncmp(output, "file:/", 6) != 0)
		return err_set(e, "%s: %s: write stdout, stderr or file:/PATH",
		    origin, output);
	*fd_r = open_file(output + 5);
	if (*fd_r >= 0)
		return 0;
	if (errno == ELOOP)
		return err_set(e,
		    "%s: %s is a symbolic link: name the file "
		    "itself",
		    origin, output + 5);
	return err_set(e, "%s: %s: %s", origin, output + 5, strerror(errno));
}

static void
close_all(int fds[SINKS_MAX])
{
	for (int i = 0; i < SINKS_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

int
sinks_open_files(const struct conf *conf, int fds_r[SINKS_MAX], struct err *e)
{
	const struct conf_section *s = NULL;
	int n = 0;

	for (int i = 0; i < SINKS_MAX; i++)
		fds_r[i] = -1;
	while ((s = conf_next(conf, "log", s)) != NULL) {
		if (n == SINKS_MAX) {
			close_all(fds_r);
			return err_set(e,
			    "[log %s]: more than %d [log] sections",
			    conf_name(s), SINKS_MAX);
		}
		if (open_output(conf, s, &fds_r[n++], e) < 0) {
			close_all(fds_r);
			return -1;
		}
	}
	return 0;
}

static void
sink_setup(struct sink *k, const struct conf *conf,
    const struct conf_section *s, int fd)
{
	int where = standard(conf_str(conf, s, OPT_LOG_OUTPUT)), flags;
	struct stat st;

	k->name = xstrdup(conf_name(s));
	k->fd = fd >= 0 ? fd : where;
	k->is_ours = fd >= 0;
	k->format = (enum format)conf_int(conf, s, OPT_LOG_FORMAT);
	k->events = (enum wanted)conf_int(conf, s, OPT_LOG_EVENTS);
	k->level = conf_int(conf, s, OPT_LOG_LEVEL);
	k->is_socket = fstat(k->fd, &st) == 0 && S_ISSOCK(st.st_mode);
	flags = fcntl(k->fd, F_GETFL);
	k->blocks = !k->is_socket && flags >= 0 && (flags & O_NONBLOCK) == 0;
}

struct sinks *
sinks_open(const struct conf *conf, const int fds[SINKS_MAX], struct err *e)
{
	struct sinks *s = xcalloc(1, sizeof(*s));
	const struct conf_section *section = NULL;

	s->magic = SINKS_MAGIC;
	buf_init(&s->lines[FORMAT_TEXT], EVENT_LINE_MAX);
	buf_init(&s->lines[FORMAT_JSON], EVENT_LINE_MAX);
	while (s->n < SINKS_MAX &&
	    (section = conf_next(conf, "log", section)) != NULL) {
		const char *output = conf_str(conf, section, OPT_LOG_OUTPUT);

		if (fds[s->n] < 0 && standard(output) < 0) {
			err_set(e, "[log %s]: %s is not open",
			    conf_name(section), output);
			sinks_free(&s);
			return NULL;
		}
		sink_setup(&s->list[s->n], conf, section, fds[s->n]);
		s->n++;
	}
	return s;
}

void
sinks_free(struct sinks **sp)
{
	struct sinks *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	IS(s, SINKS_MAGIC);
	if (log_taker == s) {
		log_taker = NULL;
		log_to(NULL);
	}
	for (size_t i = 0; i < s->n; i++) {
		if (s->list[i].is_ours)
			close(s->list[i].fd);
		free(s->list[i].name);
	}
	buf_free(&s->lines[FORMAT_TEXT]);
	buf_free(&s->lines[FORMAT_JSON]);
	free(s);
}

/* ---- writing ---- */

static bool
wait_for_room(const struct sink *k, int64_t until_ms)
{
	struct pollfd p = {.fd = k->fd, .events = POLLOUT};
	int64_t left = until_ms - clock_ms();

	return poll(&p, 1, left > 0 ? (int)left : 0) > 0;
}

static ssize_t
write_some(const struct sink *k, const char *at, size_t len, int64_t until_ms)
{
	if (k->is_socket)
		return send(k->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (k->blocks && !wait_for_room(k, until_ms)) {
		errno = EAGAIN;
		return -1;
	}
	return write(k->fd, at, len);
}

/* How many bytes went out; errno says why not all. */
static size_t
write_line(const struct sink *k, const char *at, size_t len, int64_t until_ms)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = write_some(k, at + done, len - done, until_ms);
		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			break;
		if (!wait_for_room(k, until_ms)) {
			errno = EAGAIN;
			break;
		}
	}
	return done;
}

/* 0, or -1 with errno when the line is not there whole. */
static int
sink_put(struct sink *k, const struct buf *line)
{
	int64_t until = clock_ms() + (k->failing ? 0 : SINK_WAIT_MS);
	size_t done;

	if (k->torn && write_line(k, "\n", 1, until) == 1)
		k->torn = false;
	if (k->torn)
		return -1;
	done = write_line(k, buf_at(line), line->len, until);
	k->failing = done < line->len;
	k->torn = k->failing && done > 0;
	return k->failing ? -1 : 0;
}

static bool
sink_wants(const struct sink *k, const struct event *ev)
{
	switch (k->events) {
	case WANT_NONE:
		return false;
	case WANT_BLOCKED:
		return ev->kind == EVENT_DECISION && event_is_blocked(ev);
	case WANT_DECISIONS:
		return ev->kind != EVENT_ENDED;
	case WANT_ALL:
		break;
	}
	return true;
}

/* Says once that a sink takes no lines, and once that it does again. */
static int
sink_event(struct sink *k, const struct buf *line, const char *id)
{
	bool was_failing = k->failing;

	if (sink_put(k, line) < 0) {
		if (!was_failing)
			log_error(0, "event lost log=%s id=%s error=%s",
			    k->name, id, strerror(errno));
		return -1;
	}
	if (was_failing)
		log_warn(0, "event written again log=%s id=%s", k->name, id);
	return 0;
}

/* The line in that form, made when first asked for. */
static const struct buf *
line_of(struct buf lines[2], enum format format, const struct event *ev,
    int64_t wall_ms)
{
	struct buf *b = &lines[format];

	if (b->len > 0)
		return b;
	if (format == FORMAT_JSON)
		event_json(b, ev, wall_ms);
	else
		event_text(b, ev, wall_ms);
	return b;
}

int
event_write(struct sinks *s, const struct event *ev)
{
	int64_t now = clock_wall_ms();
	int result = 0;

	IS(s, SINKS_MAGIC);
	buf_clear(&s->lines[FORMAT_TEXT]);
	buf_clear(&s->lines[FORMAT_JSON]);
	for (size_t i = 0; i < s->n; i++) {
		struct sink *k = &s->list[i];

		if (sink_wants(k, ev) &&
		    sink_event(
			k, line_of(s->lines, k->format, ev, now), ev->id) < 0)
			result = -1;
	}
	stats_word(STAT_LINES, ev->kind);
	if (result < 0)
		stats_word(STAT_LINES_LOST, ev->kind);
	return result;
}

/* ---- what log.h says ---- */

/* Quotes are the caller's; only what would break the line is taken out. */
static void
message_text(struct buf *b, enum log_level level, uint64_t id, const char *when,
    const char *text)
{
	size_t began;

	buf_printf(b, "%s %s %s", when, log_level_word(level), log_who());
	if (id != 0)
		buf_printf(b, " session=%016" PRIx64, id);
	buf_puts(b, " ");
	began = b->len;
	buf_puts(b, text);
	for (size_t i = began; i < b->len; i++) {
		char *c = buf_at(b) + i;

		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	}
	buf_puts(b, "\n");
}

static void
message_json(struct buf *b, enum log_level level, uint64_t id, const char *when,
    const char *text)
{
	buf_printf(b,
	    "{\"@timestamp\":\"%s\",\"log\":{\"level\":\"%s\"},"
	    "\"process\":{\"name\":\"",
	    when, log_level_word(level));
	escape_json(b, slice_of(log_who()), EVENT_WORD_MAX);
	buf_printf(b, "\",\"pid\":%d}", (int)getpid());
	if (id != 0)
		buf_printf(
		    b, ",\"sallyport\":{\"session\":\"%016" PRIx64 "\"}", id);
	buf_puts(b, ",\"message\":\"");
	escape_json(b, slice_of(text), SINK_MESSAGE_MAX);
	buf_puts(b, "\"}\n");
}

/* A message that cannot be written is lost: there is nobody to tell. */
static void
take_log(enum log_level level, uint64_t id, const char *text)
{
	char when[CLOCK_TEXT];
	struct buf b;

	clock_iso(clock_wall_ms(), when);
	buf_init(&b, EVENT_LINE_MAX);
	for (size_t i = 0; i < log_taker->n; i++) {
		struct sink *k = &log_taker->list[i];

		if (k->level < LEVEL_ERROR + (int64_t)level)
			continue;
		buf_clear(&b);
		if (k->format == FORMAT_JSON)
			message_json(&b, level, id, when, text);
		else
			message_text(&b, level, id, when, text);
		(void)sink_put(k, &b);
	}
	buf_free(&b);
}

void
sinks_take_log(struct sinks *s)
{
	int64_t most = LEVEL_ERROR;

	IS(s, SINKS_MAGIC);
	for (size_t i = 0; i < s->n; i++) {
		if (s->list[i].level > most)
			most = s->list[i].level;
	}
	log_taker = s;
	log_setup((enum log_level)(most - LEVEL_ERROR), log_who());
	log_to(take_log);
}
