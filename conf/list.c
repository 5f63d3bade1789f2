/*
 * list: splits a value into entries and reads those that lie in a file.
 */
#include "conf/list.h"

#include <stdlib.h>
#include <string.h>

#include "conf/file.h"
#include "conf/reader.h"
#include "conf/value.h"
#include "proxy/base/err.h"
#include "proxy/base/mem.h"
#include "proxy/base/slice.h"

#define ENTRY_MAX 4096

struct reading {
	const struct list_to *to;
	void *arg;
	struct buf *text;
	size_t n;
	bool none; /* the word has been seen */
	bool full; /* it does not fit on one line */
};

static const char apart[] = ", \t\n";

static bool
is_apart(char byte)
{
	return byte != '\0' && strchr(apart, byte) != NULL;
}

/* The bytes of the entry at the front of at: quotes hold it together. */
static size_t
entry_len(const char *at)
{
	bool quoted = false;
	size_t len = 0;

	for (; at[len] != '\0' && (quoted || !is_apart(at[len])); len++) {
		if (at[len] == '"')
			quoted = !quoted;
	}
	return len;
}

/* Writes the entry so that it is read as this one again. */
static void
write_entry(struct reading *r, struct slice s, bool quoted)
{
	const char *quote = quoted ? "\"" : "";

	r->full =
	    buf_printf(r->text, "%s%s%.*s%s", r->text->len > 0 ? ", " : "",
		quote, (int)s.len, s.at, quote) < 0 ||
	    r->full;
}

static void
tell_entry(struct reading *r, struct slice s, const struct place *at)
{
	char text[ENTRY_MAX + 1];

	if (s.len > ENTRY_MAX) {
		r->to->wrong(r->arg, at, "an entry is longer than 4096 bytes");
		return;
	}
	slice_copy(s, text, sizeof(text));
	r->to->entry(r->arg, text, at);
}

/* One line of a list's file. */
static void
file_line(struct reading *r, struct slice l, const struct place *at)
{
	bool open;

	for (size_t i = 0; i < l.len; i++) {
		if (reader_bad_byte(l.at[i])) {
			r->to->wrong(r->arg, at, "a control byte");
			return;
		}
	}
	l.len = reader_strip(l.at, l.len, &open);
	while (l.len > 0 && (l.at[0] == ' ' || l.at[0] == '\t'))
		l = slice_skip(l, 1);
	if (open)
		r->to->wrong(r->arg, at, "a double quote is not closed");
	else if (value_is_quoted(l.at, l.len))
		tell_entry(r, (struct slice){l.at + 1, l.len - 2}, at);
	else if (l.len > 0)
		tell_entry(r, l, at);
}

static void
file_lines(struct reading *r, const char *path, const struct place *from)
{
	struct place at = {r->to->file(r->arg, path), 0};
	struct slice rest;
	struct buf b;
	struct err e;

	if (file_read(path, &b, &e) < 0) {
		char *words = xasprintf("%s: %s", path, e.text);

		r->to->wrong(r->arg, from, words);
		free(words);
		return;
	}
	for (rest = (struct slice){buf_at(&b), b.len}; rest.len > 0;) {
		const char *end = memchr(rest.at, '\n', rest.len);
		struct slice l = rest;

		if (end != NULL)
			l.len = (size_t)(end - rest.at);
		rest = slice_skip(rest, end == NULL ? l.len : l.len + 1);
		if (l.len > 0 && l.at[l.len - 1] == '\r')
			l.len--;
		at.line++;
		file_line(r, l, &at);
	}
	buf_free(&b);
}

static void
read_entry(struct reading *r, struct slice s, const struct place *at)
{
	bool quoted = value_is_quoted(s.at, s.len);
	char *path;

	r->n++;
	if (!quoted && slice_is(s, "none")) {
		r->none = true;
		return;
	}
	if (s.at[0] == ';' || s.at[0] == '#')
		r->to->wrong(r->arg, at,
		    "an entry that begins with ; or # "
		    "stands in double quotes");
	if (quoted)
		s = (struct slice){s.at + 1, s.len - 2};
	write_entry(r, s, quoted);
	if (quoted || s.len < 2 || memcmp(s.at, "@/", 2) != 0) {
		tell_entry(r, s, at);
		return;
	}
	path = xstrndup(s.at + 1, s.len - 1);
	file_lines(r, path, at);
	free(path);
}

void
list_read(const char *raw, const struct place *at, const struct list_to *to,
    void *arg, struct buf *text_r)
{
	struct reading r = {.to = to, .arg = arg, .text = text_r};
	struct place now = *at;

	while (*raw != '\0') {
		size_t len = entry_len(raw);

		if (len > 0)
			read_entry(&r, (struct slice){raw, len}, &now);
		raw += len;
		for (; is_apart(*raw); raw++)
			now.line += *raw == '\n' && now.line > 0;
	}
	if (r.n == 0)
		to->wrong(arg, at,
		    "there is no entry; \"none\" is the empty "
		    "list");
	if (r.none && r.n > 1)
		to->wrong(arg, at, "\"none\" stands alone or not at all");
	if (r.full)
		to->wrong(arg, at,
		    "too long: entries may lie in a file, "
		    "@/path");
	if (text_r->len == 0)
		buf_puts(text_r, "none");
}
