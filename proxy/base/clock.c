/*
 * clock: what time it is, for deadlines (monotonic) and for people (wall).
 */
#include "proxy/base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "proxy/base/mem.h"

static int64_t
now(clockid_t id, int64_t per_second)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * per_second +
	    (int64_t)t.tv_nsec / (1000000000 / per_second);
}

int64_t
clock_ms(void)
{
	return now(CLOCK_MONOTONIC, 1000);
}

int64_t
clock_us(void)
{
	return now(CLOCK_MONOTONIC, 1000000);
}

int64_t
clock_wall_ms(void)
{
	return now(CLOCK_REALTIME, 1000);
}

/* A second as text: asked for many times before the next one begins. */
struct second {
	time_t of;
	char text[CLOCK_TEXT];
};

static bool
is_written(struct second *s, time_t now, struct tm *tm_r)
{
	if (s->text[0] != '\0' && s->of == now)
		return true;
	s->of = now;
	gmtime_r(&now, tm_r);
	return false;
}

void
clock_iso(int64_t wall_ms, char *to)
{
	static struct second s;
	unsigned ms = (unsigned)(wall_ms % 1000);
	struct tm tm;

	if (!is_written(&s, (time_t)(wall_ms / 1000), &tm))
		snprintf(s.text, CLOCK_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.",
		    (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday,
		    tm.tm_hour, tm.tm_min, tm.tm_sec);
	to += copy_text(to, CLOCK_TEXT - 4, s.text);
	*to++ = (char)('0' + ms / 100 % 10);
	*to++ = (char)('0' + ms / 10 % 10);
	*to++ = (char)('0' + ms % 10);
	copy_text(to, 2, "Z");
}

void
clock_mail(int64_t wall_ms, char *to)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static struct second s;
	struct tm tm;

	if (!is_written(&s, (time_t)(wall_ms / 1000), &tm))
		snprintf(s.text, CLOCK_TEXT,
		    "%.3s, %d %.3s %d %02d:%02d:%02d +0000",
		    days + tm.tm_wday * 3, tm.tm_mday, months + tm.tm_mon * 3,
		    (tm.tm_year + 1900) % 10000, tm.tm_hour, tm.tm_min,
		    tm.tm_sec);
	copy_text(to, CLOCK_TEXT, s.text);
}
