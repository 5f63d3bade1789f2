/*
 * http_page: fills in the pages a client sees instead of what it wanted.  What
 * takes a tag's place is escaped, always; nothing in a value becomes a tag.
 * Pure.
 */

#include "protocols/http/http_page.h"

#include "protocols/http/http_style.h"
#include "proxy/base/check.h"

static const struct {
	const char *word, *type, *title, *text;
	unsigned status;
} causes[] = {
#define X(cause, word, status, type, title, text) \
	{word, type, title, text, status},
    HTTP_CAUSES(X)
#undef X
};

static const char *const tag_words[] = {
#define X(tag) #tag,
    HTTP_TAGS(X)
#undef X
};
#define TAG_WORDS (sizeof(tag_words) / sizeof(tag_words[0]))

static const char builtin[] = HTTP_STYLE_HEAD
    "<title>{{title}}</title>\n"
    "</head>\n"
    "<body>\n"
    "<main>\n"
    "<h1>{{title}}</h1>\n"
    "<p>{{text}}</p>\n"
    "<dl>\n"
    "<dt>Address</dt>\n<dd>{{url}}</dd>\n"
    "<dt>Reason</dt>\n<dd>{{reason}}</dd>\n"
    "<dt>Event</dt>\n<dd>{{id}}</dd>\n"
    "<dt>Time</dt>\n<dd>{{time}}</dd>\n"
    "<dt>Gateway</dt>\n<dd>{{gateway}}</dd>\n"
    "</dl>\n"
    "<p>If this is a mistake, tell {{contact}} and name the event.</p>\n"
    "</main>\n"
    "</body>\n"
    "</html>\n";

const char *
http_cause_word(enum http_cause cause)
{
	MUST(cause < HTTP_CAUSE_COUNT);
	return causes[cause].word;
}

unsigned
http_cause_status(enum http_cause cause)
{
	MUST(cause < HTTP_CAUSE_COUNT);
	return causes[cause].status;
}

const char *
http_cause_type(enum http_cause cause)
{
	MUST(cause < HTTP_CAUSE_COUNT);
	return causes[cause].type;
}

struct slice
http_page_builtin(void)
{
	return (struct slice){builtin, sizeof(builtin) - 1};
}

/* The next "{{" in text; its length when there is none. */
static size_t
next_tag(struct slice text)
{
	const char *at =
	    text.len == 0 ? NULL : memmem(text.at, text.len, "{{", 2);

	return at == NULL ? text.len : (size_t)(at - text.at);
}

/*
 * Which tag text begins with, "{{url}}", and how long that is; TAG_WORDS: none
 * that is known.
 */
static size_t
tag_of(struct slice text, size_t *len_r)
{
	for (size_t i = 0; i < TAG_WORDS; i++) {
		size_t n = strlen(tag_words[i]);

		if (text.len < n + 4 ||
		    memcmp(text.at + 2, tag_words[i], n) != 0 ||
		    memcmp(text.at + 2 + n, "}}", 2) != 0)
			continue;
		*len_r = n + 4;
		return i;
	}
	return TAG_WORDS;
}

static unsigned
line_of(struct slice tpl, const char *at)
{
	unsigned line = 1;

	for (const char *p = tpl.at; p < at; p++)
		line += *p == '\n';
	return line;
}

/* The word of what is no tag, for an operator: printable, and not too long. */
static void
quote(struct slice text, char to[32])
{
	size_t n = text.len < 31 ? text.len : 31;

	for (size_t i = 0; i < n; i++) {
		bool plain = text.at[i] >= ' ' && text.at[i] <= '~';

		to[i] = plain ? text.at[i] : '?';
	}
	to[n] = '\0';
}

int
http_page_check(struct slice tpl, struct err *e)
{
	struct slice rest = tpl;
	char word[32];
	size_t n;

	if (tpl.len > HTTP_TEMPLATE_MAX)
		return err_set(e, "larger than %d bytes", HTTP_TEMPLATE_MAX);
	if (!http_is_utf8(tpl))
		return err_set(e, "not UTF-8");
	for (;;) {
		rest = slice_skip(rest, next_tag(rest));
		if (rest.len == 0)
			return 0;
		if (tag_of(rest, &n) == TAG_WORDS)
			break;
		rest = slice_skip(rest, n);
	}
	quote(rest, word);
	return err_set(e, "line %u: no such tag, or it is not closed: %s",
	    line_of(tpl, rest.at), word);
}

/* In the order of tag_words. */
static void
values_of(enum http_cause cause, const struct http_tags *tags, char status[4],
    const char *values_r[])
{
	struct http_tags all = *tags;
	size_t i = 0;

	(void)snprintf(status, 4, "%u", causes[cause].status % 1000);
	all.title = causes[cause].title;
	all.text = causes[cause].text;
	all.cause = causes[cause].word;
	all.status = status;
#define X(tag) values_r[i++] = all.tag;
	HTTP_TAGS(X)
#undef X
}

static int
fill(struct buf *to, struct slice tpl, const char *const *values)
{
	size_t n, len, tag;

	for (;;) {
		n = next_tag(tpl);
		if (buf_put(to, tpl.at, n) < 0)
			return -1;
		tpl = slice_skip(tpl, n);
		if (tpl.len == 0)
			return 0;
		tag = tag_of(tpl, &len);
		MUST(tag < TAG_WORDS); /* it was checked */
		tpl = slice_skip(tpl, len);
		if (values[tag] != NULL &&
		    http_escape(to, slice_of(values[tag]), HTTP_TAG_VALUE_MAX) <
			0)
			return -1;
	}
}

int
http_page_put(struct buf *to, struct slice tpl, enum http_cause cause,
    const struct http_tags *tags)
{
	const char *values[TAG_WORDS];
	size_t before = to->len;
	char status[4];

	MUST(cause < HTTP_CAUSE_COUNT);
	values_of(cause, tags, status, values);
	if (tpl.at == NULL)
		tpl = http_page_builtin();
	if (fill(to, tpl, values) == 0)
		return 0;
	to->len = before;
	return -1;
}
