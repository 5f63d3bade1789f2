#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Bytes that somebody else owns: what pure parsers take and return. */
struct slice {
	const char *at;
	size_t len;
};

static inline struct slice
slice_of(const char *text)
{
	return (struct slice){text, strlen(text)};
}

static inline bool
slice_is(struct slice s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

/* ASCII case does not count. */
static inline bool
slice_is_word(struct slice s, const char *text)
{
	return s.len == strlen(text) && strncasecmp(s.at, text, s.len) == 0;
}

/* Drops n bytes at the front; n is at most s.len. */
static inline struct slice
slice_skip(struct slice s, size_t n)
{
	return (struct slice){s.at + n, s.len - n};
}

/* A copy with a NUL, cut to fit; returns false when it was cut. */
static inline bool
slice_copy(struct slice s, char *to, size_t size)
{
	size_t n = s.len < size ? s.len : size - 1;

	memcpy(to, s.at, n);
	to[n] = '\0';
	return n == s.len;
}

/* The value of a hexadecimal digit; -1: it is none. */
static inline int
slice_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte whose escape ("%41") s begins with; -1: it begins with none. */
static inline int
slice_escape(struct slice s)
{
	int high, low;

	if (s.len < 3 || s.at[0] != '%')
		return -1;
	high = slice_hex(s.at[1]);
	low = slice_hex(s.at[2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

#endif
