/*
 * mime_words: encoded words, =?charset?B?text?= (RFC 2047).  They do not
 * belong into parameters, and many readers decode them there.
 */
#include <string.h>

#include "scan/decode.h"
#include "scan/mime_value.h"

/* The pieces of the encoded word at the beginning of s. */
struct word {
	char how; /* B or Q */
	struct slice text;
	size_t len; /* of the whole word */
};

static bool
read_word(struct slice s, struct word *w_r)
{
	const char *p = s.at + 2, *end = s.at + s.len, *stop;

	if (s.len < 8 || s.at[0] != '=' || s.at[1] != '?')
		return false;
	p = memchr(p, '?', (size_t)(end - p));
	if (p == NULL || end - p < 5 || p[2] != '?')
		return false;
	w_r->how = (char)(p[1] & ~0x20);
	p += 3;
	stop = memmem(p, (size_t)(end - p), "?=", 2);
	if (stop == NULL || (w_r->how != 'B' && w_r->how != 'Q'))
		return false;
	w_r->text = (struct slice){p, (size_t)(stop - p)};
	w_r->len = (size_t)(stop + 2 - s.at);
	return true;
}

static size_t
decode_word(const struct word *w, char *to, size_t room)
{
	size_t n;

	if (BASE64_ROOM(w->text.len) + w->text.len > room)
		return 0;
	if (w->how == 'B')
		return base64_decode(w->text.at, w->text.len, BASE64_PLAIN, to);
	n = qp_decode(w->text.at, w->text.len, QP_KEEPS_BLANKS, to);
	for (size_t i = 0; i < n; i++) {
		if (to[i] == '_')
			to[i] = ' ';
	}
	return n;
}

size_t
words_decode(struct slice s, char *to, size_t size)
{
	size_t n = 0;
	struct word w;

	while (s.len > 0 && n + 1 < size) {
		if (read_word(s, &w)) {
			n += decode_word(&w, to + n, size - 1 - n);
			s = slice_skip(s, w.len);
			continue;
		}
		to[n++] = s.at[0];
		s = slice_skip(s, 1);
	}
	to[n] = '\0';
	return n;
}
