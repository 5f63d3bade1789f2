/*
 * clock: what time it is, for deadlines (monotonic) and for people (wall).
 */
#include "proxy/base/clock.h"

#include <stdio.h>
#include <time.h>

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

void
clock_iso(int64_t wall_ms, char *to)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(to, CLOCK_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
	    (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	    tm.tm_min, tm.tm_sec, (int)(wall_ms % 1000));
}

void
clock_mail(int64_t wall_ms, char *to)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(to, CLOCK_TEXT, "%.3s, %d %.3s %d %02d:%02d:%02d +0000",
	    days + tm.tm_wday * 3, tm.tm_mday, months + tm.tm_mon * 3,
	    (tm.tm_year + 1900) % 10000, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
