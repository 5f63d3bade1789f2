/*
 * mime_value: Content-Type and Content-Transfer-Encoding as the RFCs read
 * them; what is not exactly so is odd.  What else an odd value could mean is
 * in mime_boundary.c.
 */
#include "scan/mime_value.h"

#include <ctype.h>

#define RFC_BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */

static const char *const engine_multiparts[] = {"multipart/mixed",
    "multipart/alternative", "multipart/related", "multipart/report", NULL};
static const char *const messages[] = {
    "message/rfc822", "message/global", "message/news", NULL};

struct scanner {
	struct slice s;
	size_t at;
	bool odd;
};

static bool
in_list(const char *const *list, const char *word)
{
	for (; *list != NULL; list++) {
		if (strcmp(*list, word) == 0)
			return true;
	}
	return false;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int
look(const struct scanner *v)
{
	return v->at < v->s.len ? (unsigned char)v->s.at[v->at] : -1;
}

/* Blanks and folding are usual between words; a comment is odd there. */
static void
skip_space(struct scanner *v)
{
	int depth = 0;

	for (; v->at < v->s.len; v->at++) {
		char c = v->s.at[v->at];

		if (c == '(' || (c == ')' && depth > 0)) {
			depth += c == '(' ? 1 : -1;
			v->odd = true;
		} else if (depth == 0 && !is_space(c)) {
			return;
		}
	}
}

/* Up to one of stops or a blank. */
static struct slice
take_word(struct scanner *v, const char *stops)
{
	size_t from = v->at;

	while (v->at < v->s.len && !is_space(v->s.at[v->at]) &&
	    (v->s.at[v->at] == '\0' || strchr(stops, v->s.at[v->at]) == NULL))
		v->at++;
	return (struct slice){v->s.at + from, v->at - from};
}

/* Inside the quotes; a quoted pair, a line end or no second quote is odd. */
static struct slice
take_quoted(struct scanner *v)
{
	size_t from = ++v->at;

	while (v->at < v->s.len && v->s.at[v->at] != '"') {
		char c = v->s.at[v->at];

		if (c == '\\' || c == '\r' || c == '\n')
			v->odd = true;
		v->at += c == '\\' && v->at + 1 < v->s.len ? 2 : 1;
	}
	if (v->at >= v->s.len) {
		v->at = v->s.len;
		v->odd = true;
		return (struct slice){v->s.at + from, v->at - from};
	}
	return (struct slice){v->s.at + from, v->at++ - from};
}

static bool
is_plain_word(struct slice w)
{
	for (size_t i = 0; i < w.len; i++) {
		unsigned char c = (unsigned char)w.at[i];

		if (c <= ' ' || c >= 0x7f || strchr("()<>@,\\\"[]", c) != NULL)
			return false;
	}
	return w.len > 0;
}

struct param {
	struct slice name, value;
	bool quoted;
};

/* The next parameter; false at the end. */
static bool
take_param(struct scanner *v, struct param *p_r)
{
	skip_space(v);
	if (look(v) == -1)
		return false;
	if (look(v) != ';') {
		v->odd = true; /* something between two parameters */
		(void)take_word(v, ";");
		skip_space(v);
	}
	if (look(v) == ';')
		v->at++;
	skip_space(v);
	p_r->name = take_word(v, "=;(");
	skip_space(v);
	p_r->value = (struct slice){v->s.at + v->at, 0};
	p_r->quoted = false;
	if (look(v) != '=') {
		v->odd |= look(v) != -1 || p_r->name.len > 0;
		return true;
	}
	if (v->at > 0 && is_space(v->s.at[v->at - 1]))
		v->odd = true;
	v->at++;
	if (v->at < v->s.len && is_space(v->s.at[v->at]))
		v->odd = true;
	skip_space(v);
	p_r->quoted = look(v) == '"';
	p_r->value = p_r->quoted ? take_quoted(v) : take_word(v, ";");
	return true;
}

static bool
is_odd_boundary(struct slice b, bool quoted)
{
	if (b.len == 0 || b.len > RFC_BOUNDARY_MAX || is_space(b.at[0]) ||
	    is_space(b.at[b.len - 1]))
		return true;
	for (size_t i = 0; i < b.len; i++) {
		unsigned char c = (unsigned char)b.at[i];

		if (c < ' ' || c >= 0x7f || c == '\\' || c == '"')
			return true;
	}
	if (b.len > 1 && b.at[0] == '=' && b.at[1] == '?')
		return true; /* an encoded word */
	return !quoted && !is_plain_word(b);
}

static void
look_at_param(struct type_value *t, const struct param *p)
{
	static const char word[] = "boundary";
	size_t n = sizeof(word) - 1;

	if (p->name.len < n || strncasecmp(p->name.at, word, n) != 0) {
		/* "Xboundary", "bound\0ary": not ours, but somebody's */
		t->odd |= p->name.len > 0 && !is_plain_word(p->name);
		return;
	}
	if (p->name.len > n || t->has_boundary) {
		t->odd = true;
		return;
	}
	t->has_boundary = true;
	t->boundary = p->value;
	t->odd |= is_odd_boundary(p->value, p->quoted);
}

static void
classify(struct type_value *t)
{
	t->kind = TYPE_LEAF;
	if (strncmp(t->word, "multipart/", 10) == 0)
		t->kind = TYPE_MULTIPART;
	else if (in_list(messages, t->word))
		t->kind = TYPE_MESSAGE;
	else if (strcmp(t->word, "message/partial") == 0)
		t->kind = TYPE_PARTIAL;
	t->engine_knows = in_list(engine_multiparts, t->word);
}

void
type_read(struct slice value, struct type_value *t_r)
{
	struct scanner v = {value, 0, false};
	struct param p;
	struct slice w;
	size_t n;

	*t_r = (struct type_value){0};
	skip_space(&v);
	w = take_word(&v, ";(");
	n = w.len < MIME_TYPE_MAX ? w.len : MIME_TYPE_MAX;
	for (size_t i = 0; i < n; i++)
		t_r->word[i] = (char)tolower((unsigned char)w.at[i]);
	t_r->odd =
	    !is_plain_word(w) || n != w.len || memchr(w.at, '/', w.len) == NULL;
	classify(t_r);
	while (take_param(&v, &p))
		look_at_param(t_r, &p);
	t_r->odd |= v.odd;
}

/* ---- Content-Transfer-Encoding ---------------------------------------- */

static const struct {
	const char *word;
	enum mime_codec codec;
} ctes[] = {
    {"7bit", MIME_IDENTITY},
    {"8bit", MIME_IDENTITY},
    {"binary", MIME_IDENTITY},
    {"base64", MIME_BASE64},
    {"quoted-printable", MIME_QP},
    {"x-uuencode", MIME_UUENCODE},
    {"uuencode", MIME_UUENCODE},
    {"x-uue", MIME_UUENCODE},
};

/* What stays of value when all that is no letter or digit is left out. */
static size_t
letters(struct slice value, bool comments, char *to, size_t size)
{
	size_t n = 0;
	int depth = 0;

	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.at[i];

		if (!comments && c == '(')
			depth++;
		else if (!comments && c == ')' && depth > 0)
			depth--;
		else if (depth == 0 && isalnum(c) && n + 1 < size)
			to[n++] = (char)tolower(c);
	}
	to[n] = '\0';
	return n;
}

static unsigned
codecs_in(const char *text)
{
	unsigned bits = 0;

	if (strstr(text, "base64") != NULL)
		bits |= 1U << MIME_BASE64;
	if (strstr(text, "quoted") != NULL || strstr(text, "printable") != NULL)
		bits |= 1U << MIME_QP;
	if (strstr(text, "uue") != NULL)
		bits |= 1U << MIME_UUENCODE;
	if (strstr(text, "yenc") != NULL)
		bits |= 1U << MIME_YENC;
	return bits;
}

static struct slice
trim(struct slice s)
{
	while (s.len > 0 && is_space(s.at[0]))
		s = slice_skip(s, 1);
	while (s.len > 0 && is_space(s.at[s.len - 1]))
		s.len--;
	return s;
}

void
cte_read(struct slice value, struct cte_value *c_r)
{
	struct slice w = trim(value);
	char text[256];

	*c_r = (struct cte_value){.codec = MIME_IDENTITY};
	for (size_t i = 0; i < sizeof(ctes) / sizeof(ctes[0]); i++) {
		if (slice_is_word(w, ctes[i].word)) {
			c_r->codec = ctes[i].codec;
			return;
		}
	}
	c_r->odd = true;
	(void)letters(w, true, text, sizeof(text));
	c_r->others = codecs_in(text);
	(void)letters(w, false, text, sizeof(text));
	c_r->others |= codecs_in(text);
	(void)words_decode(w, text, sizeof(text));
	c_r->others |= codecs_in(text);
	/* a word nobody knows: readers try what they like */
	if (c_r->others == 0)
		c_r->others = 1U << MIME_BASE64 | 1U << MIME_QP;
}

/* ---- parameters -------------------------------------------------------- */

static int
hex(char c)
{
	const char *digits = "0123456789abcdef";
	const char *p =
	    c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));

	return p == NULL ? -1 : (int)(p - digits);
}

struct text {
	char *to;
	size_t size, n;
};

static void
put(struct text *t, char c)
{
	if (t->n + 1 < t->size)
		t->to[t->n++] = c;
}

/* RFC 2231 4: charset'language'%41%42; the first piece has the two quotes. */
static void
put_extended(struct text *t, struct slice v, bool first)
{
	size_t i = 0;
	int quotes = 0;

	for (size_t k = 0; first && k < v.len && quotes < 2; k++) {
		if (v.at[k] == '\'' && ++quotes == 2)
			i = k + 1;
	}
	for (; i < v.len; i++) {
		bool whole = v.at[i] == '%' && i + 2 < v.len;
		int high = whole ? hex(v.at[i + 1]) : -1;
		int low = whole ? hex(v.at[i + 2]) : -1;

		if (high >= 0 && low >= 0) {
			put(t, (char)(high << 4 | low));
			i += 2;
		} else {
			put(t, v.at[i]);
		}
	}
}

static void
put_quoted(struct text *t, struct slice v)
{
	for (size_t i = 0; i < v.len; i++) {
		if (v.at[i] == '\\' && i + 1 < v.len)
			i++;
		if (v.at[i] != '\r' && v.at[i] != '\n')
			put(t, v.at[i]);
	}
}

bool
value_param(struct slice value, const char *param, char *to, size_t size)
{
	struct scanner v = {value, 0, false};
	struct text t = {to, size, 0};
	size_t len = strlen(param);
	struct param p;
	bool found = false;

	skip_space(&v);
	(void)take_word(&v, ";(");
	while (take_param(&v, &p)) {
		bool plain = slice_is_word(p.name, param);

		if (!plain &&
		    !(p.name.len > len && p.name.at[len] == '*' &&
			strncasecmp(p.name.at, param, len) == 0))
			continue;
		if (plain && found)
			continue;
		if (p.name.at[p.name.len - 1] == '*')
			put_extended(&t, p.value, !found);
		else
			put_quoted(&t, p.value);
		found = true;
	}
	t.to[t.n] = '\0';
	if (found && strstr(to, "=?") != NULL) {
		char copy[MIME_NAME_MAX + 1];
		struct slice raw = {copy, t.n};

		if (t.n < sizeof(copy)) {
			memcpy(copy, to, t.n + 1);
			(void)words_decode(raw, to, size);
		}
	}
	return found;
}
