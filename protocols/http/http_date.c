/*
 * http_date: dates and the condition that hangs on them or on a tag (RFC 9110
 * 5.6.7, 8.8 and 13.1.5).  Pure.
 */

#include "protocols/http/http_list.h"
#include "protocols/http/http_range.h"

#define IMF_FIXDATE_LEN 29
#define STRONG_AFTER 60 /* seconds, RFC 9110 8.8.2.2 */

static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* Which of n words of three letters stands at text; -1: none. */
static int
word_of(const char *text, const char words[][4], int n)
{
	for (int i = 0; i < n; i++) {
		if (memcmp(text, words[i], 3) == 0)
			return i;
	}
	return -1;
}

static int
number_of(const char *text, size_t len)
{
	uint64_t n;

	return http_number((struct slice){text, len}, &n) < 0 ? -1 : (int)n;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT": the signs between the numbers. */
static bool
has_its_signs(const char *at)
{
	return memcmp(at + 3, ", ", 2) == 0 && at[7] == ' ' && at[11] == ' ' &&
	    at[16] == ' ' && at[19] == ':' && at[22] == ':' &&
	    memcmp(at + 25, " GMT", 4) == 0;
}

int
http_date(struct slice text, time_t *t_r)
{
	struct tm tm = {0}, again;
	const char *at = text.at;
	int day;

	if (text.len != IMF_FIXDATE_LEN || !has_its_signs(at))
		return -1;
	day = word_of(at, days, 7);
	tm.tm_mday = number_of(at + 5, 2);
	tm.tm_mon = word_of(at + 8, months, 12);
	tm.tm_year = number_of(at + 12, 4) - 1900;
	tm.tm_hour = number_of(at + 17, 2);
	tm.tm_min = number_of(at + 20, 2);
	tm.tm_sec = number_of(at + 23, 2);
	if (day < 0 || tm.tm_mday < 1 || tm.tm_mon < 0 || tm.tm_year < -1900 ||
	    tm.tm_hour < 0 || tm.tm_min < 0 || tm.tm_sec < 0)
		return -1;
	again = tm;
	*t_r = timegm(&again);
	/* timegm(3) makes a day of 31 February, and we would not know. */
	if (again.tm_mday != tm.tm_mday || again.tm_hour != tm.tm_hour ||
	    again.tm_min != tm.tm_min || again.tm_wday != day)
		return -1;
	return 0;
}

const char *
http_date_text(time_t t, char to[HTTP_DATE_MAX])
{
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || tm.tm_year > 9999 - 1900 ||
	    tm.tm_year < -1900)
		return http_date_text(0, to);
	(void)snprintf(to, HTTP_DATE_MAX, "%s, %02u %s %04u %02u:%02u:%02u GMT",
	    days[tm.tm_wday], (unsigned)tm.tm_mday & 31, months[tm.tm_mon],
	    (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour & 31,
	    (unsigned)tm.tm_min & 63, (unsigned)tm.tm_sec & 63);
	return to;
}

bool
http_if_range(struct slice value, struct slice etag, struct slice last_modified,
    struct slice date)
{
	time_t asked, changed, sent;
	bool same;

	if (value.len > 0 && value.at[0] == '"') {
		/* A weak tag begins with W/ and so is never the same. */
		same = value.len == etag.len && value.len > 1 &&
		    memcmp(value.at, etag.at, etag.len) == 0;
		return same && value.at[value.len - 1] == '"';
	}
	if (http_date(value, &asked) < 0 ||
	    http_date(last_modified, &changed) < 0 ||
	    http_date(date, &sent) < 0)
		return false;
	return asked == changed && sent >= changed &&
	    sent - changed >= STRONG_AFTER;
}
