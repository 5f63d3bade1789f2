/*
 * mime_boundary: all that an odd Content-Type could mean by its boundary.
 * No reader does all of this; each line here is what some reader does.
 */
#include "scan/mime_value.h"

#define TEXT_MAX 2048 /* of a value this much is looked at */
#define RFC_BOUNDARY_MAX 70

static void
add(struct boundaries *b, struct slice s)
{
	if (s.len > BOUNDARY_MAX)
		s.len = BOUNDARY_MAX;
	for (unsigned i = 0; i < b->n; i++) {
		if (b->list[i].len == s.len &&
		    memcmp(b->list[i].text, s.at, s.len) == 0)
			return;
	}
	if (b->n == BOUNDARIES) {
		b->full = true;
		return;
	}
	b->list[b->n].len = s.len;
	memcpy(b->list[b->n++].text, s.at, s.len);
}

static bool
is_gap(char c)
{
	return c == ' ' || c == '\t';
}

/* As it stands, without blanks around it, and what a short reader keeps. */
static void
add_trimmed(struct boundaries *b, struct slice s)
{
	add(b, s);
	while (s.len > 0 && is_gap(s.at[s.len - 1]))
		s.len--;
	add(b, s);
	while (s.len > 0 && is_gap(s.at[0]))
		s = slice_skip(s, 1);
	add(b, s);
	if (s.len > RFC_BOUNDARY_MAX) {
		s.len = RFC_BOUNDARY_MAX;
		add(b, s);
	}
}

static struct slice
up_to(struct slice s, const char *stops)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] != '\0' && strchr(stops, s.at[i]) != NULL) {
			s.len = i;
			break;
		}
	}
	return s;
}

/* s without the bytes in drop, comments too when drop has "(". */
static struct slice
without(struct slice s, const char *drop, char *to)
{
	size_t n = 0;
	int depth = 0;
	bool comments = strchr(drop, '(') != NULL;

	for (size_t i = 0; i < s.len && n < TEXT_MAX; i++) {
		char c = s.at[i];

		if (comments && c == '(')
			depth++;
		else if (comments && c == ')' && depth > 0)
			depth--;
		else if (depth == 0 && (c == '\0' || strchr(drop, c) == NULL))
			to[n++] = c;
	}
	return (struct slice){to, n};
}

static void
add_quoted(struct boundaries *b, struct slice rest)
{
	struct slice in = slice_skip(rest, 1), tail;
	char text[TEXT_MAX];
	size_t i = 0, n = 0;

	while (i < in.len && in.at[i] != '"') {
		if (in.at[i] == '\\' && i + 1 < in.len)
			i++;
		text[n++] = in.at[i++];
	}
	add_trimmed(b, (struct slice){text, n}); /* quoted pairs undone */
	add_trimmed(b, up_to(in, "\""));         /* and not */
	add_trimmed(b, (struct slice){in.at, i < in.len ? i : in.len});
	if (i >= in.len)
		return;
	tail = up_to(slice_skip(in, i + 1), "; \t");
	if (tail.len > 0)
		add_trimmed(b, tail);
}

/* What stands behind "boundary=". */
static void
add_rest(struct boundaries *b, struct slice rest)
{
	struct slice tight = rest, word;
	const char *comma;
	char text[TEXT_MAX];

	while (tight.len > 0 && is_gap(tight.at[0]))
		tight = slice_skip(tight, 1);
	if (tight.len > 0 && tight.at[0] == '"')
		add_quoted(b, tight);
	word = up_to(tight, "; \t");
	add_trimmed(b, word);
	add_trimmed(b, up_to(rest, ";"));
	add_trimmed(b, rest);
	add_trimmed(b, up_to(tight, ",; \t"));
	add_trimmed(b, up_to(tight, "(; \t"));
	comma = memchr(word.at, ',', word.len);
	if (comma != NULL)
		add_trimmed(b, slice_skip(word, (size_t)(comma + 1 - word.at)));
	add_trimmed(b, without(word, "\"", text));
	add_trimmed(b, without(up_to(rest, ";"), "\" \t", text));
	add_trimmed(b, up_to(without(tight, "(", text), "; \t"));
	text[0] = '\0';
	if (memmem(rest.at, rest.len, "=?", 2) != NULL) {
		size_t n = words_decode(rest, text, sizeof(text));

		add_trimmed(b, up_to((struct slice){text, n}, ";\""));
	}
}

/* Goes over every "boundary ... =" of the text. */
static void
add_all(struct boundaries *b, struct slice s)
{
	static const char name[] = "boundary";
	size_t len = sizeof(name) - 1;

	for (; s.len >= len; s = slice_skip(s, 1)) {
		size_t i = len;

		if (strncasecmp(s.at, name, len) != 0)
			continue;
		while (i < s.len && strchr("* \t0123456789", s.at[i]) != NULL)
			i++;
		if (i < s.len && s.at[i] == '=')
			add_rest(b, slice_skip(s, i + 1));
	}
}

/* The text without folding (and without NUL, and without what it indents). */
static struct slice
unfold(struct slice s, bool nul, bool indent, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len && n < TEXT_MAX; i++) {
		char c = s.at[i];

		if (c == '\r' || c == '\n') {
			while (!indent && i + 1 < s.len && is_gap(s.at[i + 1]))
				i++;
			continue;
		}
		if (c != '\0' || nul)
			to[n++] = c;
	}
	return (struct slice){to, n};
}

void
boundaries_read(struct slice value, struct boundaries *b_r)
{
	char text[TEXT_MAX], whole[TEXT_MAX];
	struct slice s = {whole, 0};

	b_r->n = 0;
	b_r->full = value.len > TEXT_MAX;
	s.len = value_param(value, "boundary", whole, sizeof(whole))
	    ? strlen(whole)
	    : 0;
	if (s.len > 0)
		add_trimmed(b_r, s); /* RFC 2231, its pieces put together */
	add_all(b_r, unfold(value, false, true, text));
	if (memchr(value.at, '\n', value.len) != NULL)
		add_all(b_r, unfold(value, false, false, text));
	if (memchr(value.at, '\0', value.len) == NULL)
		return;
	add_all(b_r, unfold(value, true, true, text));
	value.len = strnlen(value.at, value.len);
	add_all(b_r, unfold(value, true, true, text));
}
