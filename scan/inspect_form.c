/*
 * inspect_form: what is in a multipart body: each part as a member with its
 * name.  The walk is that of mails, whose readings are those of forms and more.
 */
#include <errno.h>
#include <string.h>

#include "proxy/base/mem.h"
#include "proxy/base/slice.h"
#include "scan/decode.h"
#include "scan/inspection.h"
#include "scan/mime.h"

#define US "form"

/* Less than this is no file in base64. */
#define BASE64_LEAST 24

/* What every upload of a picture has, and no reader of forms stumbles over. */
#define USUAL \
	(UINT32_C(1) << MIME_BARE_CR | UINT32_C(1) << MIME_BARE_LF | \
	    UINT32_C(1) << MIME_NUL | UINT32_C(1) << MIME_LONG_LINE | \
	    UINT32_C(1) << MIME_HIDDEN)

struct walking {
	struct inspection *in;
	const struct where *where;
	unsigned level;
};

static void
look_at_bytes(struct walking *w, const struct where *where, const char *name,
    const void *bytes, size_t len, unsigned level)
{
	struct inspection *in = w->in;
	struct spool *s;
	struct content *c;

	if (!inspection_spend_member(in, where->path))
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

/* A field whose whole text is a file in base64. */
static void
look_at_base64(
    struct walking *w, const struct where *where, const void *at, size_t len)
{
	struct slice text = behind_data_url((struct slice){at, len});
	enum base64_variant variant = BASE64_PLAIN;
	struct where inner;
	unsigned odd;
	void *room;
	size_t n;

	if (text.len < BASE64_LEAST)
		return;
	odd = base64_check(text.at, text.len);
	if ((odd & BASE64_URL) != 0)
		variant = BASE64_URL_SAFE;
	else if ((odd & (BASE64_JUNK | BASE64_PADDING)) != 0)
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

void
inspect_form(struct inspection *in, const struct content *c,
    const struct where *where, unsigned level)
{
	struct walking w = {in, where, level};
	struct mime_limits limits = {
	    .bytes = in->budget.bytes + 1, .parts = in->budget.members + 1};
	const char *bytes = content_map(c);
	struct content *mail;
	struct mime_result r;

	if (strncasecmp(content_type(c), "multipart/", 10) != 0 ||
	    bytes == NULL)
		return;
	mail = with_head(in, c, bytes);
	if (mail == NULL) {
		report_add(in->report, FOUND_FAILED, US, where->path,
		    "temporary file: %s", strerror(errno));
		return;
	}
	(void)mime_walk(content_map(mail), (size_t)content_size(mail), &limits,
	    take_part, &w, &r);
	for (unsigned odd = 0; odd < MIME_ODD_COUNT; odd++) {
		if ((r.odd & ~USUAL & (UINT32_C(1) << odd)) != 0)
			report_odd(in, where, (enum mime_odd)odd);
	}
	content_free(&mail);
}
