/*
 * escape: walks a peer's bytes one character at a time and writes each as the
 * kind of line wants it.  RFC 8259 for JSON, RFC 3629 for what is UTF-8.
 */

#include "proxy/base/escape.h"

#include <stdint.h>

#include "proxy/base/check.h"

#define ELLIPSIS "\xe2\x80\xa6"
#define ELLIPSIS_LEN 3
#define NOT_UTF8 0xffffffffu

/* Longest escape of one character: \xNN for each of four bytes. */
#define UNIT_MAX 17

/* Writes how character c, of len bytes at at, looks; returns the length. */
typedef size_t writer(
    char unit[UNIT_MAX], uint32_t c, const char *at, size_t len);

/* How many bytes follow a lead byte; -1: not a lead byte (RFC 3629 4). */
static int
followers(unsigned char lead)
{
	if (lead < 0x80)
		return 0;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 1;
	if ((lead & 0xf0) == 0xe0)
		return 2;
	if (lead >= 0xf0 && lead <= 0xf4)
		return 3;
	return -1;
}

/* Overlong, a surrogate, or past the end of Unicode. */
static bool
is_no_character(uint32_t c, int more)
{
	return (more == 2 && c < 0x800) || (more == 3 && c < 0x10000) ||
	    (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff;
}

/* The first character of s (not empty), or NOT_UTF8 and one byte. */
static uint32_t
next_char(struct slice s, size_t *len_r)
{
	const unsigned char *at = (const unsigned char *)s.at;
	int more = followers(at[0]);
	uint32_t c;

	*len_r = 1;
	if (more < 0 || s.len <= (size_t)more)
		return NOT_UTF8;
	if (more == 0)
		return at[0];
	c = at[0] & (0x3fu >> more);
	for (int i = 1; i <= more; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return NOT_UTF8;
		c = c << 6 | (at[i] & 0x3f);
	}
	if (is_no_character(c, more))
		return NOT_UTF8;
	*len_r = (size_t)more + 1;
	return c;
}

/* Characters that are seen as something else, or not seen. */
static bool
is_hidden(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad ||
	    c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	    c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	    (c >= 0xe0000 && c <= 0xe007f);
}

static size_t
write_json(char unit[UNIT_MAX], uint32_t c, const char *at, size_t len)
{
	if (c == NOT_UTF8)
		return (size_t)snprintf(unit, UNIT_MAX, "\\ufffd");
	if (c == '"' || c == '\\')
		return (size_t)snprintf(unit, UNIT_MAX, "\\%c", (char)c);
	if (is_hidden(c) && c > 0xffff) {
		c -= 0x10000;
		return (size_t)snprintf(unit, UNIT_MAX, "\\u%04x\\u%04x",
		    0xd800u + (c >> 10), 0xdc00u + (c & 0x3ff));
	}
	if (is_hidden(c))
		return (size_t)snprintf(unit, UNIT_MAX, "\\u%04x", c);
	memcpy(unit, at, len);
	return len;
}

static size_t
write_hex(char unit[UNIT_MAX], const char *at, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += (size_t)snprintf(
		    unit + n, UNIT_MAX - n, "\\x%02x", (unsigned char)at[i]);
	return n;
}

static size_t
write_text(char unit[UNIT_MAX], uint32_t c, const char *at, size_t len)
{
	if (c == NOT_UTF8 || is_hidden(c))
		return write_hex(unit, at, len);
	if (c == '"' || c == '\\')
		return (size_t)snprintf(unit, UNIT_MAX, "\\%c", (char)c);
	memcpy(unit, at, len);
	return len;
}

static size_t
write_word(char unit[UNIT_MAX], uint32_t c, const char *at, size_t len)
{
	if (c == ' ' || c == '<' || c == '>' || c == 0xa0 || c == 0x3000 ||
	    c == 0x1680 || (c >= 0x2000 && c <= 0x200a))
		return write_hex(unit, at, len);
	return write_text(unit, c, at, len);
}

#define EACH(c) (UINT64_C(0x0101010101010101) * (unsigned char)(c))
#define TOPS EACH(0x80)

/* The top bit of each byte of w (all below 0x80) that is c. */
static uint64_t
bytes_that_are(uint64_t w, char c)
{
	return ~((w ^ EACH(c)) + EACH(0x7f)) & TOPS;
}

/* Eight bytes that stand for themselves, whoever writes them: printable ASCII
 * but for what any writer escapes. */
static bool
are_easy(uint64_t w, bool blanks)
{
	uint64_t odd;

	if ((w & TOPS) != 0)
		return false;
	odd = ~(w + EACH(0x80 - ' ')) & TOPS;
	odd |= bytes_that_are(w, 0x7f) | bytes_that_are(w, '"') |
	    bytes_that_are(w, '\\');
	if (!blanks)
		odd |= bytes_that_are(w, ' ') | bytes_that_are(w, '<') |
		    bytes_that_are(w, '>');
	return odd == 0;
}

/* All of s stands for itself.  Most values do, and need no second look. */
static bool
is_easy(struct slice s, bool blanks)
{
	uint64_t w;

	for (; s.len >= sizeof(w); s = slice_skip(s, sizeof(w))) {
		memcpy(&w, s.at, sizeof(w));
		if (!are_easy(w, blanks))
			return false;
	}
	w = EACH('x');
	memcpy(&w, s.at, s.len);
	return are_easy(w, blanks);
}

/* How many bytes of s fit into max when written, and whether that is all. */
static size_t
fitting(struct slice s, size_t max, writer *w)
{
	char unit[UNIT_MAX];
	size_t used = 0, taken = 0, safe = 0, len;
	uint32_t c;

	while (taken < s.len) {
		if (used + ELLIPSIS_LEN <= max)
			safe = taken;
		c = next_char(slice_skip(s, taken), &len);
		used += w(unit, c, s.at + taken, len);
		if (used > max)
			return safe;
		taken += len;
	}
	return taken;
}

static int
escape(struct buf *b, struct slice s, size_t max, writer *w)
{
	char unit[UNIT_MAX];
	size_t len, n, fits;
	uint32_t c;

	MUST(max >= ESCAPE_MIN);
	if (s.len <= max && is_easy(s, w != write_word))
		return buf_put(b, s.at, s.len);
	fits = fitting(s, max, w);
	for (size_t at = 0; at < fits; at += len) {
		c = next_char(slice_skip(s, at), &len);
		n = w(unit, c, s.at + at, len);
		if (buf_put(b, unit, n) < 0)
			return -1;
	}
	return fits == s.len ? 0 : buf_put(b, ELLIPSIS, ELLIPSIS_LEN);
}

int
escape_json(struct buf *b, struct slice s, size_t max)
{
	return escape(b, s, max, write_json);
}

int
escape_text(struct buf *b, struct slice s, size_t max)
{
	return escape(b, s, max, write_text);
}

int
escape_word(struct buf *b, struct slice s, size_t max)
{
	return escape(b, s, max, write_word);
}

bool
escape_is_json(struct slice s)
{
	return is_easy(s, true);
}

bool
escape_is_plain(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];

		if (c <= ' ' || c > '~' || c == '"' || c == '\\')
			return false;
	}
	return s.len > 0;
}
