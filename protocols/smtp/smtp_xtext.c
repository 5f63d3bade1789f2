/*
 * smtp_xtext: see its header.  Whatever is not plainly xtext is refused: it
 * goes on to a next hop, which may read it otherwise.
 */

#include "protocols/smtp/smtp_xtext.h"

/* RFC 3461 4: hexadecimal digits in upper case. */
static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
is_plain(char c)
{
	return c > ' ' && c <= '~' && c != '+' && c != '=';
}

/* "+HH" at s: the byte, 1 to 255; 0: it is none. */
static int
coded(struct slice s)
{
	int high, low;

	if (s.len < 3)
		return 0;
	high = digit(s.at[1]);
	low = digit(s.at[2]);
	return high < 0 || low < 0 ? 0 : high * 16 + low;
}

int
smtp_xtext(struct slice text, char *to, size_t size)
{
	size_t n = 0;
	int byte;

	while (text.len > 0) {
		if (n + 1 >= size)
			return -1;
		if (is_plain(text.at[0])) {
			to[n++] = text.at[0];
			text = slice_skip(text, 1);
			continue;
		}
		byte = text.at[0] == '+' ? coded(text) : 0;
		if (byte == 0)
			return -1;
		to[n++] = (char)byte;
		text = slice_skip(text, 3);
	}
	to[n] = '\0';
	return 0;
}

void
smtp_xtext_put(struct buf *b, const char *bytes)
{
	for (const char *p = bytes; *p != '\0'; p++) {
		if (is_plain(*p))
			(void)buf_put(b, p, 1);
		else
			(void)buf_printf(b, "+%02X", (unsigned char)*p);
	}
}

/* The length of the character at s; 0: it is none. */
static size_t
character(struct slice s)
{
	unsigned char c = (unsigned char)s.at[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	unsigned char next;

	if (n == 1)
		return 1;
	if (c < 0xc2 || c > 0xf4 || s.len < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s.at[i] & 0xc0) != 0x80)
			return 0;
	}
	next = (unsigned char)s.at[1];
	if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f) ||
	    (c == 0xf0 && next < 0x90) || (c == 0xf4 && next > 0x8f))
		return 0;
	return n;
}

bool
smtp_utf8(struct slice text)
{
	size_t n;

	for (; text.len > 0; text = slice_skip(text, n)) {
		n = character(text);
		if (n == 0)
			return false;
	}
	return true;
}
