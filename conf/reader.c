/*
 * reader: from the bytes of a file to sections and keys.  Our half takes off
 * comments and joins indented lines; inih, fed one logical line a call, splits
 * what is left.  What inih would cut or skip in silence is refused before it.
 */
#include "conf/reader.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/buf.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/base/slice.h"

struct source {
	struct slice rest; /* not read yet */
	unsigned line;     /* the physical line read last, from 1 */
	unsigned first;    /* where the logical line began */
	struct buf logical;
	bool announce; /* inih is given the line that says a section began */
	bool lost;     /* in a section whose name could not be read */
	bool any;      /* a section has begun */
	const struct reader_to *to;
	void *arg;
};

/* The key of a line of ours: inih does not tell of a section without keys. */
#define ANNOUNCE "section"

static void
wrong(struct source *s, unsigned line, const char *text)
{
	s->to->wrong(s->arg, line, text);
}

bool
reader_bad_byte(char byte)
{
	return ((unsigned char)byte < ' ' && byte != '\t') || byte == 0x7f;
}

static bool
is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

size_t
reader_strip(const char *line, size_t len, bool *open_r)
{
	bool quoted = false;
	size_t end = 0;

	for (; end < len; end++) {
		if (line[end] == '"')
			quoted = !quoted;
		if ((line[end] == ';' || line[end] == '#') && !quoted &&
		    (end == 0 || is_blank(line[end - 1])))
			break;
	}
	while (end > 0 && is_blank(line[end - 1]))
		end--;
	*open_r = quoted;
	return end;
}

/* The next physical line without its end; the rest of the text is not moved. */
static struct slice
peek_line(const struct source *s)
{
	const char *end = memchr(s->rest.at, '\n', s->rest.len);
	struct slice l = s->rest;

	if (end != NULL)
		l.len = (size_t)(end - l.at);
	if (end != NULL && l.len > 0 && l.at[l.len - 1] == '\r')
		l.len--;
	return l;
}

static void
next_line(struct source *s)
{
	const char *end = memchr(s->rest.at, '\n', s->rest.len);
	size_t len = end == NULL ? s->rest.len : (size_t)(end - s->rest.at) + 1;

	s->rest = slice_skip(s->rest, len);
	s->line++;
}

static const char *
bad_bytes(struct slice l)
{
	for (size_t i = 0; i < l.len; i++) {
		if (l.at[i] == '\0')
			return "a NUL byte";
		if (l.at[i] == '\r')
			return "a carriage return that ends no line";
		if (reader_bad_byte(l.at[i]))
			return "a control byte";
	}
	return NULL;
}

/*
 * Takes the next physical line, comment and blanks taken off.  False when
 * something is wrong with it, which has then been said.
 */
static bool
take_line(struct source *s, struct slice *l_r)
{
	struct slice l = peek_line(s);
	const char *bad = bad_bytes(l);
	bool open;

	next_line(s);
	if (bad != NULL) {
		wrong(s, s->line, bad);
		return false;
	}
	l.len = reader_strip(l.at, l.len, &open);
	if (open) {
		wrong(s, s->line,
		    "a double quote is not closed on its line (comments begin "
		    "with ; or # after a blank)");
		return false;
	}
	while (l.len > 0 && is_blank(l.at[0]))
		l = slice_skip(l, 1);
	*l_r = l;
	return true;
}

/* Does the line go on with the one above?  A comment of its own line is passed
 * over; an empty line ends what is above. */
static bool
goes_on(const struct source *s)
{
	struct slice l = peek_line(s);
	size_t blanks = 0;

	if (s->rest.len == 0)
		return false;
	while (blanks < l.len && is_blank(l.at[blanks]))
		blanks++;
	if (blanks == l.len)
		return false;
	return blanks > 0 || l.at[0] == ';' || l.at[0] == '#';
}

/* Joins what goes on with the logical line; false when a part is wrong. */
static bool
join_lines(struct source *s)
{
	struct slice l;
	bool good = true, fits = true;

	while (goes_on(s)) {
		if (!take_line(s, &l)) {
			good = false;
			continue;
		}
		fits = fits && buf_put(&s->logical, "\n", 1) == 0 &&
		    buf_put(&s->logical, l.at, l.len) == 0;
	}
	if (!fits)
		wrong(s, s->first, "the value is longer than 65536 bytes");
	return good && fits;
}

/* The text between the brackets of a logical line, if all is well with it. */
static bool
check_section(struct source *s, struct slice l)
{
	struct slice name = {l.at + 1, l.len - 2};

	if (l.len < 2 || l.at[l.len - 1] != ']' ||
	    memchr(name.at, ']', name.len) != NULL) {
		wrong(s, s->first,
		    "a section is [kind] or [kind name], alone on "
		    "its line");
		return false;
	}
	if (name.len > READER_SECTION_MAX) {
		wrong(
		    s, s->first, "the section's name is longer than 49 bytes");
		return false;
	}
	return true;
}

static bool
check_key(struct source *s, struct slice l)
{
	size_t len = 0;

	while (len < l.len && l.at[len] != '=' && l.at[len] != ':')
		len++;
	if (len == l.len || l.at[len] == ':' || len == 0) {
		wrong(s, s->first, "neither [section] nor key = value");
		return false;
	}
	while (len > 0 && is_blank(l.at[len - 1]))
		len--;
	if (len > READER_KEY_MAX) {
		wrong(s, s->first, "the key is longer than 64 bytes");
		return false;
	}
	return true;
}

/* Begins a logical line with l. */
static bool
begin_line(struct source *s, struct slice l)
{
	buf_clear(&s->logical);
	if (buf_put(&s->logical, l.at, l.len) == 0)
		return true;
	wrong(s, s->first, "the line is longer than 65536 bytes");
	return false;
}

/* What belongs to a section that cannot be named belongs to none. */
static bool
read_section(struct source *s, bool good, struct slice l)
{
	s->any = true;
	s->lost = !good || !check_section(s, l) || !begin_line(s, l);
	return !s->lost;
}

static bool
read_key(struct source *s, bool good, struct slice l)
{
	good = good && begin_line(s, l);
	if (!good)
		buf_clear(&s->logical);
	good = join_lines(s) && good;
	return good && check_key(s, l);
}

/* Reads on to the next logical line that inih can be given.  False: the end. */
static bool
read_logical(struct source *s)
{
	struct slice l;

	while (s->rest.len > 0) {
		char head = s->rest.at[0];
		bool good = take_line(s, &l);

		s->first = s->line;
		if (good && l.len == 0)
			continue;
		if (good && is_blank(head)) {
			wrong(s, s->line,
			    "an indented line goes on with the value above, "
			    "and there is none");
			continue;
		}
		if (head == '[' ? read_section(s, good, l)
				: read_key(s, good, l))
			return true;
	}
	return false;
}

/* inih's ini_reader: one logical line a call. */
static char *
give_line(char *to, int size, void *stream)
{
	struct source *s = stream;

	if (s->announce) {
		copy_text(to, (size_t)size, ANNOUNCE "=");
		return to;
	}
	if (!read_logical(s))
		return NULL;
	MUST(s->logical.len < (size_t)size);
	memcpy(to, buf_at(&s->logical), s->logical.len);
	to[s->logical.len] = '\0';
	s->announce = to[0] == '[';
	return to;
}

/* Where the value of the logical line begins: inih takes off what is before. */
static unsigned
value_line(const struct source *s)
{
	const char *at = buf_at(&s->logical);
	const char *end = at + s->logical.len;
	unsigned line = s->first;

	at = memchr(at, '=', s->logical.len);
	MUST(at != NULL);
	for (at++; at < end && (is_blank(*at) || *at == '\n'); at++)
		line += *at == '\n';
	return line;
}

/* inih's ini_handler. */
static int
take_key(void *arg, const char *section, const char *key, const char *value)
{
	struct source *s = arg;

	if (s->announce) {
		s->announce = false;
		s->to->section(s->arg, section, s->first);
		return 1;
	}
	if (s->lost)
		return 1;
	if (!s->any)
		wrong(s, s->first, "a key before the first [section]");
	else
		s->to->key(s->arg, key, value, value_line(s));
	return 1;
}

/* Debian exports what upstream fixes when it is compiled. */
static void
tell_inih(void)
{
	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	ini_allow_bom = false;
	ini_allow_no_value = false;
	ini_stop_on_first_error = false;
	ini_allow_realloc = false;
	ini_use_stack = false;
	ini_max_line = READER_LINE_MAX + 3;
	ini_initial_alloc = READER_LINE_MAX + 3;
}

void
reader_read(const char *text, size_t len, const struct reader_to *to, void *arg)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct source s = {.rest = {text, len}, .to = to, .arg = arg};
	int rc;

	if (len >= 3 && memcmp(text, bom, 3) == 0)
		s.rest = slice_skip(s.rest, 3);
	buf_init(&s.logical, READER_LINE_MAX);
	tell_inih();
	rc = ini_parse_stream(give_line, &s, take_key, &s);
	MUST(rc == 0); /* whatever inih refuses was refused before */
	buf_free(&s.logical);
}
