/*
 * armoury_say: a worker's standard error is a pipe to the armoury, which logs
 * it: what a taken-over worker writes is a line that says who wrote it, and so
 * many of them and no more.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "scan/armoury.h"

#define SAY_MARK '\001' /* a line of our log; then its level as a digit */
#define SAY_LINES 50    /* of one worker in ... */
#define SAY_TIME_MS 10000

void
say_sink(enum log_level level, uint64_t id, const char *text)
{
	char line[1024];
	int n = snprintf(
	    line, sizeof(line), "%c%d%s\n", SAY_MARK, (int)level, text);

	(void)id;
	if (n >= (int)sizeof(line)) {
		n = (int)sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	if (write(2, line, (size_t)n) < 0)
		return; /* nobody left to tell */
}

static void
log_line(const struct berth *b, enum log_level level, const char *text)
{
	if (level == LOG_ERROR_)
		log_error(0, "scan slot=%u %s", b->slot, text);
	else if (level == LOG_WARN_)
		log_warn(0, "scan slot=%u %s", b->slot, text);
	else if (level == LOG_INFO_)
		log_info(0, "scan slot=%u %s", b->slot, text);
	else
		log_debug(0, "scan slot=%u %s", b->slot, text);
}

static bool
too_many(struct berth *b)
{
	int64_t now = clock_ms();

	if (now - b->lines_ms > SAY_TIME_MS) {
		b->lines_ms = now;
		b->lines = 0;
	}
	b->lines++;
	if (b->lines == SAY_LINES)
		log_warn(0, "scan slot=%u says too much", b->slot);
	return b->lines >= SAY_LINES;
}

static void
one_line(struct berth *b, char *text)
{
	char level = text[0] == SAY_MARK ? text[1] : '\0';

	if (text[0] == '\0' || too_many(b))
		return;
	if (level < '0' || level > '3') {
		log_warn(
		    0, "scan slot=%u text=\"%s\"", b->slot, log_quote(text));
		return;
	}
	/* Its values were quoted where it was made; control bytes are not. */
	for (char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
	log_line(b, (enum log_level)(level - '0'), text + 2);
}

static void
all_lines(struct berth *b)
{
	char *end;

	while (b->line.len > 0 &&
	    (end = memchr(buf_at(&b->line), '\n', b->line.len)) != NULL) {
		size_t len = (size_t)(end - buf_at(&b->line));

		*end = '\0';
		one_line(b, buf_at(&b->line));
		buf_drop(&b->line, len + 1);
	}
}

void
say_relay(struct berth *b)
{
	char bytes[2048];
	ssize_t n = read(b->say, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close(b->say);
		b->say = -1;
		return;
	}
	/* A line without an end becomes one. */
	if (buf_put(&b->line, bytes, (size_t)n) < 0) {
		buf_clear(&b->line);
		(void)buf_put(&b->line, bytes, (size_t)n);
		(void)buf_put(&b->line, "\n", 1);
	}
	all_lines(b);
}
