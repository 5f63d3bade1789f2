/*
 * inspect_form: what is in a multipart body: each part as a member with its
 * name.  The walk is that of mails, whose readings are those of forms and more.
 * The other kind of form (WHATWG URL 5) is a row of fields.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/mem.h"
#include "proxy/base/slice.h"
#include "scan/decode.h"
#include "scan/inspection.h"
#include "scan/mime.h"
#include "scan/type.h"

#define US "form"

/* Less than this is no file in base64. */
#define BASE64_LEAST 24

#define FIELDS "application/x-www-form-urlencoded"
#define NAME_MAX_BYTES 255

/* Random bytes have that many between two "&" once in some millions. */
#define ESCAPES_SURE 3

/* Text up to this costs little to look at: so many are one member. */
#define SMALL_MAX 4096
#define SMALL_EACH 16

/* What every upload of a picture has, and no reader of forms stumbles over. */
#define USUAL \
	(UINT32_C(1) << MIME_BARE_CR | UINT32_C(1) << MIME_BARE_LF | \
	    UINT32_C(1) << MIME_NUL | UINT32_C(1) << MIME_LONG_LINE | \
	    UINT32_C(1) << MIME_HIDDEN)

struct walking {
	struct inspection *in;
	const struct where *where;
	unsigned level;
	unsigned small; /* how many have been looked at */
};

/* A form may have thousands of fields with a few words or a hash in each. */
static bool
is_small(const void *bytes, size_t len)
{
	enum file_type type;

	if (len > SMALL_MAX)
		return false;
	type = type_of(bytes, len);
	return type == FILE_TEXT || type == FILE_DATA;
}

static bool
spend_member(
    struct walking *w, const struct where *where, const void *bytes, size_t len)
{
	if (is_small(bytes, len) && w->small++ % SMALL_EACH != 0)
		return inspection_in_time(w->in, where->path);
	return inspection_spend_member(w->in, where->path);
}

static void
look_at_bytes(struct walking *w, const struct where *where, const char *name,
    const void *bytes, size_t len, unsigned level)
{
	struct inspection *in = w->in;
	struct spool *s;
	struct content *c;

	if (!spend_member(w, where, bytes, len))
		return;
	if (!inspection_spend_bytes(in, where->path, len)) {
		in->report->unscanned_bytes += len;
		return;
	}
	s = spool_over(bytes, len);
	c = content_over(&s, CONTENT_FILE, name);
	inspect_below(in, c, where, level);
	content_free(&c);
}

/* "data:image/png;base64,....": where the text begins. */
static struct slice
behind_data_url(struct slice text)
{
	const char *comma;

	if (text.len < 5 || strncasecmp(text.at, "data:", 5) != 0)
		return text;
	comma = memchr(text.at, ',', text.len < 256 ? text.len : 256);
	if (comma == NULL)
		return text;
	return slice_skip(text, (size_t)(comma + 1 - text.at));
}

static bool
is_one_of(const char *marks, char c)
{
	return c != '\0' && strchr(marks, c) != NULL;
}

/* "-" and "_" are junk to base64_check(), whatever else is. */
static bool
is_url_safe(struct slice text)
{
	while (text.len > 0 && is_one_of("=\r\n", text.at[text.len - 1]))
		text.len--;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (!isalnum((unsigned char)c) && !is_one_of("-_+/ \t\r\n", c))
			return false;
	}
	return true;
}

/* How to read a text that is base64 and nothing else; BASE64_VARIANTS: it is
 * none. */
static enum base64_variant
variant_of(struct slice text)
{
	unsigned odd = base64_check(text.at, text.len);

	if ((odd & BASE64_URL) != 0)
		return is_url_safe(text) ? BASE64_URL_SAFE : BASE64_VARIANTS;
	return (odd & (BASE64_JUNK | BASE64_PADDING)) != 0 ? BASE64_VARIANTS
							   : BASE64_PLAIN;
}

/* A field whose whole text is a file in base64. */
static void
look_at_base64(
    struct walking *w, const struct where *where, const void *at, size_t len)
{
	struct slice text = behind_data_url((struct slice){at, len});
	enum base64_variant variant;
	struct where inner;
	void *room;
	size_t n;

	if (text.len < BASE64_LEAST)
		return;
	variant = variant_of(text);
	if (variant == BASE64_VARIANTS)
		return;
	if (BASE64_ROOM(text.len) > w->in->budget.bytes)
		return; /* the bytes themselves were looked at */
	room = xcalloc(BASE64_ROOM(text.len), 1);
	n = base64_decode(text.at, text.len, variant, room);
	where_join(&inner, where, "base64");
	if (n > 0)
		look_at_bytes(w, &inner, "", room, n, w->level + 2);
	free(room);
}

static int
take_part(void *arg, const struct mime_part *p)
{
	struct walking *w = arg;
	struct where where;
	const void *bytes;
	size_t len;

	if (!inspection_in_time(w->in, w->where->path))
		return -1;
	if (p->len == 0)
		return 0;
	where_join_path(&where, w->where, p->where);
	if (mime_part_bytes(p, &bytes, &len) < 0)
		return 0; /* is in the result */
	look_at_bytes(w, &where, p->name, bytes, len, w->level + 1);
	if (!w->in->stop)
		look_at_base64(w, &where, bytes, len);
	return w->in->stop ? -1 : 0;
}

static void
report_odd(struct inspection *in, const struct where *where, enum mime_odd odd)
{
	static const enum finding_kind kinds[] = {
	    [MIME_IS_AMBIGUOUS] = FOUND_AMBIGUOUS,
	    [MIME_IS_MALFORMED] = FOUND_MALFORMED,
	    [MIME_IS_LIMIT] = FOUND_LIMIT,
	};
	const char *word = mime_odd_word(odd);

	if (odd == MIME_BYTES)
		word = in->bytes_limit;
	report_add(in->report, kinds[mime_odd_class(odd)], US, where->path,
	    "%s", word);
}

/* The body with the field in front that says what it is. */
static struct content *
with_head(struct inspection *in, const struct content *c, const char *bytes)
{
	char head[CONTENT_TYPE_MAX + 64];
	uint64_t size = content_size(c);
	struct content *mail;
	int n = snprintf(head, sizeof(head),
	    "MIME-Version: 1.0\r\nContent-Type: %s\r\n\r\n", content_type(c));

	mail = content_open(in->house, CONTENT_FILE, "", size + sizeof(head));
	if (content_write(mail, head, (size_t)n) < 0 ||
	    content_write(mail, bytes, (size_t)size) < 0 ||
	    content_seal(mail) < 0 || content_map(mail) == NULL)
		content_free(&mail);
	return mail;
}

static void
walk_parts(struct walking *w, const struct content *c, const char *bytes)
{
	struct inspection *in = w->in;
	struct mime_limits limits = {
	    .bytes = in->budget.bytes + 1, .parts = in->budget.members + 1};
	struct content *mail = with_head(in, c, bytes);
	struct mime_result r;

	if (mail == NULL) {
		report_add(in->report, FOUND_FAILED, US, w->where->path,
		    "temporary file: %s", strerror(errno));
		return;
	}
	(void)mime_walk(content_map(mail), (size_t)content_size(mail), &limits,
	    take_part, w, &r);
	for (unsigned odd = 0; odd < MIME_ODD_COUNT; odd++) {
		if ((r.odd & ~USUAL & (UINT32_C(1) << odd)) != 0)
			report_odd(in, w->where, (enum mime_odd)odd);
	}
	content_free(&mail);
}

/* ---- fields ---- */

/* Escapes undone; plus is what "+" is.  Returns how many bytes: not more than
 * there were. */
static size_t
unescape(struct slice text, char plus, char *to)
{
	size_t n = 0;

	while (text.len > 0) {
		int c = slice_escape(text);

		if (c >= 0)
			to[n++] = (char)c;
		else
			to[n++] = text.at[0] == '+' ? plus : text.at[0];
		text = slice_skip(text, c >= 0 ? 3 : 1);
	}
	return n;
}

/*
 * Worth taking apart.  Programs give that type to whatever they send, as curl
 * --data-binary does: a picture cut at each "&" is a thousand fields of
 * nothing.  So it is printable, as forms are and base64 in lines; 24 random
 * bytes are that once in 10^10.  Some senders leave UTF-8 and blanks as they
 * are: what has escapes is a field all the same.  Anything else is what it
 * was in the whole.
 */
static bool
is_field(struct slice text)
{
	unsigned escapes = 0;
	bool printable = true;

	if (text.len < BASE64_LEAST)
		return false;
	for (; text.len > 0; text = slice_skip(text, 1)) {
		char c = text.at[0];

		if (slice_escape(text) >= 0 && ++escapes == ESCAPES_SURE)
			return true;
		printable = printable &&
		    ((c > ' ' && c <= '~') || c == '\r' || c == '\n');
	}
	return printable;
}

/* As it is, and as base64: in that a "+" that nobody has escaped is one. */
static void
look_at_field(struct walking *w, const struct where *where, struct slice value)
{
	char *text = xcalloc(value.len, 1);
	size_t n = unescape(value, ' ', text);

	if (n != value.len || memcmp(text, value.at, n) != 0)
		look_at_bytes(w, where, "", text, n, w->level + 1);
	n = unescape(value, '+', text);
	if (!w->in->stop)
		look_at_base64(w, where, text, n);
	free(text);
}

/* In a body that is base64 the first "=" is its padding, and no sign that a
 * name is over: so names are looked at, too. */
static void
take_field(struct walking *w, struct slice name, struct slice value)
{
	char label[NAME_MAX_BYTES + 1];
	struct slice cut = name;
	struct where where;

	if (is_field(name)) {
		where_join(&where, w->where, "field");
		look_at_field(w, &where, name);
	}
	if (!is_field(value) || w->in->stop)
		return;
	if (cut.len > NAME_MAX_BYTES)
		cut.len = NAME_MAX_BYTES;
	label[unescape(cut, ' ', label)] = '\0';
	where_join(&where, w->where, label);
	look_at_field(w, &where, value);
}

/* A field without "=" is a name (WHATWG URL 5.1). */
static void
walk_fields(struct walking *w, struct slice rest)
{
	while (rest.len > 0 && !w->in->stop &&
	    inspection_in_time(w->in, w->where->path)) {
		const char *end = memchr(rest.at, '&', rest.len);
		size_t n = end == NULL ? rest.len : (size_t)(end - rest.at);
		const char *sign = memchr(rest.at, '=', n);
		size_t name = sign == NULL ? n : (size_t)(sign - rest.at);
		size_t skip = sign == NULL ? n : name + 1;

		take_field(w, (struct slice){rest.at, name},
		    (struct slice){rest.at + skip, n - skip});
		rest = slice_skip(rest, end == NULL ? n : n + 1);
	}
}

void
inspect_form(struct inspection *in, const struct content *c,
    const struct where *where, unsigned level)
{
	struct walking w = {.in = in, .where = where, .level = level};
	const char *bytes = content_map(c);
	const char *type = content_type(c);
	struct slice text;

	if (bytes == NULL)
		return;
	text = (struct slice){bytes, (size_t)content_size(c)};
	if (strncasecmp(type, "multipart/", 10) == 0)
		walk_parts(&w, c, bytes);
	else if (strcasecmp(type, FIELDS) == 0)
		walk_fields(&w, text);
}
