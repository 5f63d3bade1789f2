/*
 * http_line: one line of a head or a trailer, and one field of it.  Pure.
 * What it refuses is in tests/unit/t_http_head.c.
 */

#include "protocols/http/http_line.h"

#include <stdint.h>

/* What a byte may be: part of a token, part of a value. */
#define TOKEN 1
#define VALUE 2

static uint8_t
class_of(unsigned char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9'))
		return TOKEN | VALUE;
	if (c == '\t' || c == ' ' || c >= 0x80)
		return VALUE; /* RFC 9110 5.5: obs-text, too */
	if (c < ' ' || c == 0x7f)
		return 0;
	return strchr("!#$%&'*+-.^_`|~", c) != NULL ? TOKEN | VALUE : VALUE;
}

bool
http_is_tchar(char c)
{
	return (class_of((unsigned char)c) & TOKEN) != 0;
}

bool
http_is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!http_is_tchar(s.at[i]))
			return false;
	}
	return s.len > 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct slice
http_trim(struct slice s)
{
	while (s.len > 0 && is_blank(s.at[0]))
		s = slice_skip(s, 1);
	while (s.len > 0 && is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

static bool
is_control(unsigned char c)
{
	return (c < ' ' && c != '\t') || c == 0x7f;
}

/* The line without its line end has no byte that is a control. */
static enum http_bad
look_at(struct slice line)
{
	for (size_t i = 0; i < line.len; i++) {
		if (!is_control((unsigned char)line.at[i]))
			continue;
		return line.at[i] == '\r' ? HTTP_BAD_BARE_CR : HTTP_BAD_CONTROL;
	}
	return HTTP_BAD_NONE;
}

int
http_line(
    struct slice in, size_t seen, struct slice *line_r, enum http_bad *bad_r)
{
	const char *lf;

	if (in.len <= seen)
		return 0;
	lf = memchr(in.at + seen, '\n', in.len - seen);
	if (lf == NULL)
		return 0;
	if (lf == in.at || lf[-1] != '\r') {
		*bad_r = HTTP_BAD_BARE_LF;
		return -1;
	}
	*line_r = (struct slice){in.at, (size_t)(lf - in.at) - 1};
	*bad_r = look_at(*line_r);
	return *bad_r == HTTP_BAD_NONE ? 1 : -1;
}

enum http_bad
http_field_line(struct slice line, struct slice *name_r, struct slice *value_r)
{
	const char *colon;

	/* RFC 9112 5.2; in front of the first field, too (2.2) */
	if (line.len > 0 && is_blank(line.at[0]))
		return HTTP_BAD_FOLD;
	colon = line.len == 0 ? NULL : memchr(line.at, ':', line.len);
	if (colon == NULL)
		return HTTP_BAD_NO_COLON;
	*name_r = (struct slice){line.at, (size_t)(colon - line.at)};
	if (name_r->len > 0 && is_blank(colon[-1]))
		return HTTP_BAD_COLON;
	if (!http_is_token(*name_r))
		return HTTP_BAD_FIELD_NAME;
	*value_r = http_trim(slice_skip(line, name_r->len + 1));
	return HTTP_BAD_NONE;
}
