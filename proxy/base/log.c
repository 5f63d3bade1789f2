/*
 * log: one line an event, to whoever takes lines (default: descriptor 2).
 */
#include "proxy/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/mem.h"

#define LINE_MAX_ 2048
#define QUOTE_MAX 512
#define QUOTE_RING 8

static enum log_level wanted = LOG_INFO_;
static char who[64] = "sallyport";
static log_sink *sink = log_stderr;

void
log_setup(enum log_level most, const char *name)
{
	wanted = most;
	if (name != who)
		copy_text(who, sizeof(who), name);
}

const char *
log_who(void)
{
	return who;
}

void
log_to(log_sink *to)
{
	sink = to == NULL ? log_stderr : to;
}

bool
log_wants(enum log_level level)
{
	return level <= wanted;
}

const char *
log_level_word(enum log_level level)
{
	static const char *const words[] = {"error", "warn", "info", "debug"};

	return words[level];
}

void
log_stderr(enum log_level level, uint64_t id, const char *text)
{
	char line[LINE_MAX_ + 256], when[CLOCK_TEXT], session[40] = "";
	int n;

	clock_iso(clock_wall_ms(), when);
	if (id != 0)
		snprintf(
		    session, sizeof(session), " session=%016jx", (uintmax_t)id);
	n = snprintf(line, sizeof(line), "%s %s %s%s %s\n", when,
	    log_level_word(level), who, session, text);
	if (n >= (int)sizeof(line)) {
		n = (int)sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	if (write(2, line, (size_t)n) < 0)
		return; /* nobody left to tell */
}

static void
say(enum log_level level, uint64_t id, const char *fmt, va_list ap)
{
	char text[LINE_MAX_];

	if (!log_wants(level))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	sink(level, id, text);
}

#define SAY(level) \
	va_list ap; \
	va_start(ap, fmt); \
	say(level, id, fmt, ap); \
	va_end(ap)

void
log_error(uint64_t id, const char *fmt, ...)
{
	SAY(LOG_ERROR_);
}

void
log_warn(uint64_t id, const char *fmt, ...)
{
	SAY(LOG_WARN_);
}

void
log_info(uint64_t id, const char *fmt, ...)
{
	SAY(LOG_INFO_);
}

void
log_debug_(uint64_t id, const char *fmt, ...)
{
	SAY(LOG_DEBUG_);
}

/* One byte as it may stand in a line; returns how many signs it took. */
static size_t
quote_byte(unsigned char c, char *to)
{
	static const char hex[] = "0123456789abcdef";

	if (c == '"' || c == '\\') {
		to[0] = '\\';
		to[1] = (char)c;
		return 2;
	}
	if (c >= 0x20 && c != 0x7f && c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	to[0] = '\\';
	to[1] = 'x';
	to[2] = hex[c >> 4];
	to[3] = hex[c & 15];
	return 4;
}

const char *
log_quote(const char *s)
{
	static char ring[QUOTE_RING][QUOTE_MAX + 8];
	static unsigned next;
	char *to = ring[next++ % QUOTE_RING];
	size_t n = 0;

	for (; *s != '\0' && n < QUOTE_MAX - 4; s++)
		n += quote_byte((unsigned char)*s, to + n);
	if (*s != '\0') {
		memcpy(to + n, "...", 3);
		n += 3;
	}
	to[n] = '\0';
	return to;
}
