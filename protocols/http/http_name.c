/*
 * http_name: what a file may be called when it is saved (RFC 6266).  Readers
 * differ, and whoever wants a name to be missed knows how: so all of them are
 * told.  Pure.
 */

#include "protocols/http/http_field.h"
#include "protocols/http/http_line.h"
#include "protocols/http/http_list.h"

#define NAME_FULL_DROP 64 /* bytes that make room when a name is too long */

/* One name as it grows: directories fall off, so does what is too much. */
struct name {
	char text[HTTP_NAME_MAX + 1];
	size_t n;
};

static void
put_byte(struct name *name, int c)
{
	if (c == '/' || c == '\\') {
		name->n = 0;
		return;
	}
	if (name->n == HTTP_NAME_MAX) {
		name->n -= NAME_FULL_DROP;
		memmove(name->text, name->text + NAME_FULL_DROP, name->n);
	}
	name->text[name->n++] = c < ' ' || c == 0x7f ? '_' : (char)c;
}

/* ISO-8859-1 to UTF-8. */
static void
put_latin(struct name *name, int c)
{
	if (c >= 0x80) {
		put_byte(name, 0xc0 | c >> 6);
		c = 0x80 | (c & 0x3f);
	}
	put_byte(name, c);
}

static void
add_name(struct http_names *list, struct name *name)
{
	name->text[name->n] = '\0';
	if (name->n == 0 || list->n == HTTP_NAMES_MAX)
		return;
	for (unsigned i = 0; i < list->n; i++) {
		if (strcmp(list->list[i], name->text) == 0)
			return;
	}
	memcpy(list->list[list->n++], name->text, name->n + 1);
}

/* Takes one byte off text, an escape as what it stands for. */
static int
take_byte(struct slice *text, bool escapes)
{
	int c = escapes ? slice_escape(*text) : -1;
	bool is_escape = c >= 0;

	if (!is_escape)
		c = (unsigned char)text->at[0];
	*text = slice_skip(*text, is_escape ? 3 : 1);
	return c;
}

static void
add_text(struct http_names *list, struct slice text, bool escapes,
    void (*put)(struct name *name, int c))
{
	struct name name = {.n = 0};

	while (text.len > 0)
		put(&name, take_byte(&text, escapes));
	add_name(list, &name);
}

/* "UTF-8'en'na%20me" (RFC 8187 3.2.1). */
static void
add_extended(struct http_names *list, struct slice value)
{
	const char *first = memchr(value.at, '\'', value.len), *second;
	struct slice charset, rest;

	if (first == NULL)
		return;
	charset = (struct slice){value.at, (size_t)(first - value.at)};
	rest = slice_skip(value, charset.len + 1);
	second = rest.len == 0 ? NULL : memchr(rest.at, '\'', rest.len);
	if (second == NULL)
		return;
	rest = slice_skip(rest, (size_t)(second - rest.at) + 1);
	add_text(list, rest, true,
	    slice_is_word(charset, "iso-8859-1") ? put_latin : put_byte);
}

/* In quotes, whose escapes go off, or as it is: blanks are common in it. */
static void
add_plain(struct http_names *list, struct slice value)
{
	struct name name = {.n = 0};
	bool in_quotes = value.len > 0 && value.at[0] == '"';
	struct slice rest = value;

	while (rest.len > 0) {
		if (in_quotes && rest.at[0] == '\\' && rest.len > 1)
			rest = slice_skip(rest, 1);
		else if (in_quotes && rest.at[0] == '"') {
			rest = slice_skip(rest, 1);
			continue;
		}
		put_byte(&name, (unsigned char)rest.at[0]);
		rest = slice_skip(rest, 1);
	}
	add_name(list, &name);
	/* "C:\dir\x.exe": a reader that knows no escapes sees x.exe */
	if (in_quotes && value.len >= 2 && value.at[value.len - 1] == '"')
		value = (struct slice){value.at + 1, value.len - 2};
	add_text(list, value, false, put_byte);
	add_text(list, value, true, put_byte);
}

/* Not a list of parameters any more: what follows the word, to the end. */
static void
add_broken(struct http_names *list, struct slice value, const char *word)
{
	size_t n = strlen(word);

	for (; value.len > n; value = slice_skip(value, 1)) {
		struct slice head = {value.at, n};

		if (slice_is_word(head, word) && value.at[n] == '=') {
			add_plain(list, slice_skip(value, n + 1));
			return;
		}
	}
}

/* The parameters called word, and those called word*. */
static void
add_params(struct http_names *list, struct slice value, const char *word,
    bool extended)
{
	struct slice first = http_before_params(value), rest, name, text;
	int got;

	rest = slice_skip(value, (size_t)(first.at - value.at) + first.len);
	while ((got = http_param_next(&rest, &name, &text)) > 0) {
		bool star = name.at[name.len - 1] == '*';

		if (star != extended || text.at == NULL)
			continue;
		name.len -= star;
		if (!slice_is_word(name, word))
			continue;
		if (extended)
			add_extended(list, text);
		else
			add_plain(list, text);
	}
	if (got < 0 && !extended)
		add_broken(list, value, word);
}

unsigned
http_names(const struct http_head *h, struct slice path, struct http_names *n_r)
{
	struct slice how = http_value(h, HTTP_FIELD_CONTENT_DISPOSITION);
	struct slice type = http_value(h, HTTP_FIELD_CONTENT_TYPE);

	n_r->n = 0;
	if (how.len > 0) {
		add_params(n_r, how, "filename", true);
		add_params(n_r, how, "filename", false);
	}
	if (type.len > 0)
		add_params(n_r, type, "name", false);
	add_text(n_r, path, true, put_byte);
	return n_r->n;
}
