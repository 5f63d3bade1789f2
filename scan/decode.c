/*
 * decode: base64 and quoted-printable, each the way RFC 2045 has it and the
 * other ways readers have it.  uuencode and yEnc are in decode_uu.c.
 */
#include "scan/decode.h"

#include <stdbool.h>

#define GROUP 4

/* clang-format off */
/* One more than the value of each byte; 0: not of the alphabet. */
static const unsigned char sextet[256] = {
	['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
	19, 20, 21, 22, 23, 24, 25, 26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
	43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	['+'] = 63, ['/'] = 64,
};
/* clang-format on */

#define BLOCK 32

/* 0 when all BLOCK bytes are of the alphabet; a loop compilers vectorise. */
static unsigned
block_is_odd(const unsigned char *p)
{
	unsigned char odd = 0;

	for (int i = 0; i < BLOCK; i++) {
		unsigned char c = p[i];
		unsigned char low = (unsigned char)(c | 0x20);
		unsigned char ok =
		    (unsigned char)(((unsigned char)(low - 'a') < 26) |
			((unsigned char)(c - '/') < 11) | (c == '+'));

		odd |= (unsigned char)(ok ^ 1);
	}
	return odd;
}

/* How many bytes from p on are of the alphabet. */
static size_t
alphabet_run(const unsigned char *p, size_t len)
{
	size_t n = 0;

	while (len - n >= BLOCK && block_is_odd(p + n) == 0)
		n += BLOCK;
	while (n < len && sextet[p[n]] != 0)
		n++;
	return n;
}

static bool
is_eol(unsigned char c)
{
	return c == '\n' || c == '\r';
}

struct base64_state {
	size_t in_group; /* sextets in the group that is open */
	bool padded;     /* an "=" has been there */
	unsigned odd;
};

static void
check_other(struct base64_state *s, unsigned char c)
{
	if (c == '=') {
		/* "=" fills the group it stands in, or is out of place */
		if (s->in_group < 2)
			s->odd |= s->padded ? 0 : BASE64_PADDING;
		else if (++s->in_group == GROUP)
			s->in_group = 0;
		s->padded = true;
	} else if (is_eol(c)) {
		if (s->in_group != 0)
			s->odd |= BASE64_LINES;
	} else if (c == '-' || c == '_') {
		s->odd |= BASE64_URL | BASE64_JUNK;
	} else if (c != ' ' && c != '\t') {
		s->odd |= BASE64_JUNK;
	}
}

static size_t
trim_end(const unsigned char *p, size_t len)
{
	while (len > 0 && (is_eol(p[len - 1]) || p[len - 1] == ' '))
		len--;
	return len;
}

unsigned
base64_check(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	struct base64_state s = {0};
	size_t at = 0;

	len = trim_end(p, len);
	while (at < len) {
		size_t n = alphabet_run(p + at, len - at);

		if (n > 0 && s.padded)
			s.odd |= BASE64_PADDING;
		s.in_group = (s.in_group + n) % GROUP;
		at += n;
		if (at < len)
			check_other(&s, p[at++]);
	}
	if (s.in_group != 0)
		s.odd |= BASE64_TAIL;
	return s.odd;
}

struct base64_writer {
	uint32_t bits;
	unsigned n; /* sextets in bits */
	unsigned char *to;
	size_t len;
};

static void
put_sextet(struct base64_writer *w, unsigned v)
{
	w->bits = w->bits << 6 | v;
	if (++w->n < GROUP)
		return;
	w->to[w->len++] = (unsigned char)(w->bits >> 16);
	w->to[w->len++] = (unsigned char)(w->bits >> 8);
	w->to[w->len++] = (unsigned char)w->bits;
	w->n = 0;
}

/* Ends the open group: two sextets are a byte, three are two. */
static void
flush_group(struct base64_writer *w)
{
	if (w->n == 2) {
		w->to[w->len++] = (unsigned char)(w->bits >> 4);
	} else if (w->n == 3) {
		w->to[w->len++] = (unsigned char)(w->bits >> 10);
		w->to[w->len++] = (unsigned char)(w->bits >> 2);
	}
	w->n = 0;
}

/* Whole groups without a look at each byte; returns what it has read. */
static size_t
decode_groups(struct base64_writer *w, const unsigned char *p, size_t len)
{
	size_t at = 0;

	while (len - at >= GROUP) {
		/* what is not of the alphabet wraps round to all ones */
		uint32_t a = sextet[p[at]] - 1U, b = sextet[p[at + 1]] - 1U;
		uint32_t c = sextet[p[at + 2]] - 1U;
		uint32_t d = sextet[p[at + 3]] - 1U;
		uint32_t v = a << 18 | b << 12 | c << 6 | d;

		if ((a | b | c | d) > 63)
			break;
		w->to[w->len++] = (unsigned char)(v >> 16);
		w->to[w->len++] = (unsigned char)(v >> 8);
		w->to[w->len++] = (unsigned char)v;
		at += GROUP;
	}
	return at;
}

/* A byte that is not of the alphabet.  Returns true when the text ends. */
static bool
put_other(struct base64_writer *w, unsigned char c, enum base64_variant variant)
{
	if (c == '=' && variant != BASE64_SKIPS) {
		bool whole = w->n >= 2;

		flush_group(w);
		return variant == BASE64_STOPS && whole;
	}
	if (is_eol(c)) {
		if (variant == BASE64_BY_LINE)
			flush_group(w);
		return false;
	}
	if (variant == BASE64_URL_SAFE && (c == '-' || c == '_'))
		put_sextet(w, c == '-' ? 62 : 63);
	return variant == BASE64_NO_JUNK && c != ' ' && c != '\t' && c != '=';
}

size_t
base64_decode(
    const char *text, size_t len, enum base64_variant variant, void *to)
{
	const unsigned char *p = (const unsigned char *)text;
	struct base64_writer w = {.to = to};
	size_t at = 0;

	while (at < len) {
		unsigned char c;

		if (w.n == 0)
			at += decode_groups(&w, p + at, len - at);
		if (at == len)
			break;
		c = p[at++];
		if (sextet[c] != 0)
			put_sextet(&w, sextet[c] - 1U);
		else if (put_other(&w, c, variant))
			break;
	}
	flush_group(&w);
	return w.len;
}
