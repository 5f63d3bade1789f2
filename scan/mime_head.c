/*
 * mime_head: reads a header as leniently as the most lenient reader and
 * notes what a stricter one would not take.
 */
#include "scan/mime_head.h"

#include <ctype.h>

static const struct {
	const char *name;
	enum head_kind kind;
} known[] = {
    {"content-type", HEAD_TYPE},
    {"content-transfer-encoding", HEAD_CTE},
    {"content-disposition", HEAD_DISPOSITION},
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

struct reader {
	const char *text;
	struct head *head;
};

static void
add_field(struct reader *r, enum head_kind kind, bool odd, struct slice value)
{
	struct head *h = r->head;

	h->odd |= odd;
	if (h->n == HEAD_FIELDS) {
		h->too_many = true;
		return;
	}
	h->field[h->n++] = (struct head_field){kind, odd, value};
}

static void
add_cut(struct reader *r, size_t end, size_t body)
{
	struct head *h = r->head;

	h->odd = true;
	if (h->cuts < HEAD_CUTS)
		h->cut[h->cuts++] = (struct head_cut){end, body};
}

/* The name with comments, blanks, control and 8-bit bytes left out. */
static size_t
plain_name(struct slice raw, char *to, size_t size)
{
	size_t n = 0;
	int comment = 0;

	for (size_t i = 0; i < raw.len; i++) {
		unsigned char c = (unsigned char)raw.at[i];

		if (c == '(')
			comment++;
		else if (c == ')' && comment > 0)
			comment--;
		else if (comment == 0 && c > ' ' && c < 0x7f && n + 1 < size)
			to[n++] = (char)tolower(c);
	}
	to[n] = '\0';
	return n;
}

/* KNOWN: none of ours. */
static size_t
find_known(struct slice name, bool *odd_r)
{
	char plain[64];

	*odd_r = false;
	for (size_t i = 0; i < KNOWN; i++) {
		if (slice_is_word(name, known[i].name))
			return i;
	}
	*odd_r = true;
	(void)plain_name(name, plain, sizeof(plain));
	/* some readers look no further than the name is long */
	for (size_t i = 0; i < KNOWN; i++) {
		if (strncmp(plain, known[i].name, strlen(known[i].name)) == 0)
			return i;
	}
	return KNOWN;
}

/* "Content-Type text/plain", "Content-Type= ...": the colon is not there. */
static bool
without_colon(struct reader *r, struct slice f)
{
	char plain[48];
	size_t i = 0;

	while (i < f.len &&
	    (isalpha((unsigned char)f.at[i]) || f.at[i] == '-' ||
		f.at[i] == '\0'))
		i++;
	(void)plain_name((struct slice){f.at, i}, plain, sizeof(plain));
	for (size_t k = 0; k < KNOWN; k++) {
		if (strcmp(plain, known[k].name) != 0)
			continue;
		while (i < f.len && strchr("= \t;", f.at[i]) != NULL)
			i++;
		add_field(r, known[k].kind, true, slice_skip(f, i));
		return true;
	}
	return false;
}

/* Could this be a field of ours?  Cheap, for the many that are not. */
static bool
may_be_ours(struct slice f)
{
	unsigned char c = f.len == 0 ? 0 : (unsigned char)f.at[0];

	return c == 'c' || c == 'C' || c <= ' ' || c >= 0x7f || c == '(';
}

/*
 * A field, folding included.  Returns false when it is none: no colon, or a
 * name that could not be one.
 */
static bool
take_field(struct reader *r, struct slice f, bool odd)
{
	const char *colon = memchr(f.at, ':', f.len);
	struct slice name = {f.at, colon == NULL ? 0 : (size_t)(colon - f.at)};
	bool written_oddly;
	size_t k;

	if (colon == NULL)
		return may_be_ours(f) && without_colon(r, f);
	if (may_be_ours(f)) {
		k = find_known(name, &written_oddly);
		if (k < KNOWN) {
			add_field(r, known[k].kind, odd || written_oddly,
			    slice_skip(f, name.len + 1));
			return true;
		}
		if (without_colon(r, f))
			return true;
	}
	while (name.len > 0 && is_wsp(name.at[name.len - 1]))
		name.len--;
	for (size_t i = 0; i < name.len; i++) {
		if (name.at[i] <= ' ' || name.at[i] == 0x7f)
			return false;
	}
	return name.len > 0;
}

static struct slice
without_indent(struct slice s)
{
	size_t n = 0;

	while (n < s.len && (unsigned char)s.at[n] <= ' ')
		n++;
	return slice_skip(s, n);
}

/*
 * A folded line that would be a field of ours if it stood at the margin: some
 * readers take it as one.
 */
static void
look_into_folding(struct reader *r, struct slice line)
{
	struct slice f = without_indent(line);
	const char *colon = memchr(f.at, ':', f.len);
	bool odd;
	size_t k;

	if (colon == NULL || !may_be_ours(f))
		return;
	k = find_known((struct slice){f.at, (size_t)(colon - f.at)}, &odd);
	if (k < KNOWN)
		add_field(r, known[k].kind, true,
		    slice_skip(f, (size_t)(colon - f.at) + 1));
}

static bool
all_wsp(const char *text, const struct line *l)
{
	return count_wsp(text, l->at, l->end) == l->end - l->at;
}

/* "From sender date" of an mbox, above the header. */
static size_t
skip_from_line(const char *text, size_t at, size_t end, enum mime_lines mode)
{
	struct line l;

	if (end - at > 5 && memcmp(text + at, "From ", 5) == 0 &&
	    line_read(text, at, end, mode, &l))
		return l.next;
	return at;
}

/* Goes over the lines that are folded onto the one that ends before at. */
static size_t
read_folding(struct reader *r, size_t at, size_t end, enum mime_lines mode,
    size_t *stop_r)
{
	const char *text = r->text;
	struct line l;

	while (at < end && is_wsp(text[at]) &&
	    line_read(text, at, end, mode, &l)) {
		if (all_wsp(text, &l))
			add_cut(r, l.at, l.next);
		look_into_folding(r, (struct slice){text + l.at, l.end - l.at});
		*stop_r = l.end;
		at = l.next;
	}
	return at;
}

void
head_read(const char *text, size_t at, size_t end, enum mime_lines mode,
    struct head *h_r)
{
	struct reader r = {.text = text};
	struct line l;

	*h_r = (struct head){0};
	r.head = h_r;
	at = skip_from_line(text, at, end, mode);
	while (line_read(text, at, end, mode, &l)) {
		size_t stop = l.end;
		bool indented = is_wsp(text[l.at]);

		if (l.end == l.at) {
			h_r->body = l.next;
			h_r->ended = true;
			return;
		}
		if (indented && all_wsp(text, &l))
			add_cut(&r, l.at, l.next);
		at = read_folding(&r, l.next, end, mode, &stop);
		if (take_field(&r,
			without_indent(
			    (struct slice){text + l.at, stop - l.at}),
			indented || (unsigned char)text[l.at] < ' '))
			h_r->lines++;
		else
			add_cut(&r, l.at, l.at);
	}
	h_r->body = end;
}
