/*
 * decode_uu: uuencode and yEnc, which have no RFC but many readers.  Both
 * stand in the text of a mail or are its transfer encoding.
 */
#include <stdbool.h>
#include <string.h>

#include "scan/decode.h"

static const char *
line_end(const char *p, const char *end, const char **next_r)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	*next_r = nl == NULL ? end : nl + 1;
	if (nl == NULL)
		nl = end;
	while (nl > p && (nl[-1] == '\r' || nl[-1] == '\n'))
		nl--;
	return nl;
}

static bool
begins(const char *p, const char *end, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(end - p) >= n && memcmp(p, word, n) == 0;
}

static unsigned
uu_value(const char *p, const char *end)
{
	/* blanks at the end of a line may be gone: they are zeros */
	return p < end ? ((unsigned)(unsigned char)*p - ' ') & 0x3f : 0;
}

/* One line; returns the bytes it holds, or -1: not uuencode. */
static int
uu_line(const char *p, const char *end, unsigned char *to)
{
	int want, n = 0;

	if (p == end || *p < ' ' || *p > '`')
		return -1;
	want = (int)uu_value(p++, end);
	/* what is there beyond, a checksum letter, is nobody's business */
	if ((size_t)(end - p) > (size_t)(want + 2) / 3 * 4 + 2)
		return -1;
	for (; n<want; p = end - p> 4 ? p + 4 : end) {
		unsigned a = uu_value(p, end);
		unsigned b = end - p > 1 ? uu_value(p + 1, end) : 0;
		unsigned c = end - p > 2 ? uu_value(p + 2, end) : 0;
		unsigned d = end - p > 3 ? uu_value(p + 3, end) : 0;
		unsigned v = a << 18 | b << 12 | c << 6 | d;

		to[n++] = (unsigned char)(v >> 16);
		if (n < want)
			to[n++] = (unsigned char)(v >> 8);
		if (n < want)
			to[n++] = (unsigned char)v;
	}
	return want;
}

size_t
uu_decode(const char *text, size_t len, void *to)
{
	const char *p = text, *end = text + len, *next;
	unsigned char *out = to, line[64];
	size_t n = 0;

	if (begins(p, end, "begin "))
		(void)line_end(p, end, &p);
	for (; p < end; p = next) {
		const char *stop = line_end(p, end, &next);
		int got;

		got = uu_line(p, stop, line);
		if (got < 0)
			break; /* "end" among others: "e" is no length */
		/* blanks cut off many lines: what they held is no more */
		if (n + (size_t)got + (size_t)(end - next) > UU_ROOM(len))
			got = got < stop - p ? got : (int)(stop - p);
		memcpy(out + n, line, (size_t)got);
		n += (size_t)got;
	}
	return n;
}

size_t
yenc_decode(const char *text, size_t len, void *to)
{
	const char *p = text, *end = text + len, *next;
	unsigned char *out = to;
	size_t n = 0;

	for (; p < end; p = next) {
		const char *stop = line_end(p, end, &next);

		if (begins(p, stop, "=yend"))
			break;
		if (begins(p, stop, "=ybegin ") || begins(p, stop, "=ypart "))
			continue;
		if (p < stop && stop - p > 1 && p[0] == '.' && p[1] == '.')
			p++; /* dots doubled by a news server */
		for (; p < stop; p++) {
			unsigned char c = (unsigned char)*p;

			if (c == '=' && p + 1 < stop)
				c = (unsigned char)(*++p - 64);
			out[n++] = (unsigned char)(c - 42);
		}
	}
	return n;
}
