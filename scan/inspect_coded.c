/*
 * inspect_coded: a body as its declared codings and type make it.  Each coding
 * is undone in every way that a client might do it, and what comes out is
 * inspected as a member; what a client could read and we could not is
 * malformed.  Forms are in inspect_form.c.
 */
#include <errno.h>
#include <string.h>

#include "proxy/base/slice.h"
#include "scan/coding.h"
#include "scan/inspection.h"

#define US "coding"

/* More than this one upon another is no server's, and each is a level. */
#define CODINGS_MOST 4

/* One coding being undone. */
struct undoing {
	struct inspection *in;
	struct where where;
	struct content *to;
	bool ours_failed; /* that is in the report already */
};

static void undo_list(struct inspection *in, const struct content *c,
    const struct where *where, struct slice list, unsigned level);

static int
take_bytes(void *arg, const void *bytes, size_t len)
{
	struct undoing *u = arg;
	struct report *r = u->in->report;

	if (!inspection_in_time(u->in, u->where.path))
		return -1;
	if (content_write(u->to, bytes, len) == 0)
		return 0;
	/* RLIMIT_FSIZE gives EFBIG, too. */
	if (content_size(u->to) + len > u->in->budget.bytes)
		report_add(r, FOUND_LIMIT, "scan", u->where.path, "%s",
		    u->in->bytes_limit);
	else
		report_add(r, FOUND_FAILED, US, u->where.path,
		    "temporary file: %s", strerror(errno));
	r->unscanned_bytes += content_size(u->to) + len;
	u->in->stop = true;
	return -1;
}

/* gzip: as many members as there are.  How the last one ended. */
static enum coding_end
undo_all(struct undoing *u, enum coding coding, const char *at, size_t len,
    unsigned *members_r)
{
	enum coding_end end;
	size_t used;

	*members_r = 0;
	for (;;) {
		end = coding_undo(coding, at, len, take_bytes, u, &used);
		++*members_r;
		if (end != CODING_BEHIND || coding != CODING_GZIP)
			return end;
		at += used;
		len -= used;
		/* another member, or what is none */
		if (len < 2 || memcmp(at, "\x1f\x8b", 2) != 0)
			return end;
	}
}

/* Looks at what has come out, and at what the rest of the list makes of it. */
static void
look_at_result(
    struct undoing *u, struct slice rest, const char *type, unsigned level)
{
	uint64_t size = content_size(u->to);

	if (u->in->stop || size == 0 || content_seal(u->to) < 0)
		return;
	(void)content_declare(u->to, "", type);
	u->in->budget.bytes -= size;
	inspect_below(u->in, u->to, &u->where, level + 1);
	undo_list(u->in, u->to, &u->where, rest, level + 1);
}

/* Undoes one reading of a coding.  False: it was none, and nothing is said. */
static bool
undo(struct inspection *in, const struct content *c, const struct where *where,
    enum coding coding, struct slice rest, unsigned level, bool tentative)
{
	struct undoing u = {.in = in};
	const char *bytes = content_map(c);
	unsigned members;
	enum coding_end end;

	where_join(&u.where, where, coding_word(coding));
	if (!inspection_spend_member(in, u.where.path))
		return true;
	u.to = content_open(
	    in->house, CONTENT_BODY, coding_word(coding), in->budget.bytes);
	end = undo_all(&u, coding, bytes, (size_t)content_size(c), &members);
	if (tentative && end != CODING_WHOLE && end != CODING_STOPPED) {
		content_free(&u.to);
		return false;
	}
	if (end == CODING_BROKEN || end == CODING_BEHIND)
		report_add(in->report, FOUND_MALFORMED, US, where->path,
		    end == CODING_BROKEN ? "broken %s" : "bytes behind %s",
		    coding_word(coding));
	else if (members > 1)
		report_add(in->report, FOUND_AMBIGUOUS, US, where->path,
		    "%u members of gzip", members);
	/* What could be read of a broken one is looked at all the same. */
	look_at_result(&u, rest, content_type(c), level);
	content_free(&u.to);
	return true;
}

/* RFC 9110 8.4.1.2: zlib, and bare deflate from those who read it wrongly. */
static void
undo_deflate(struct inspection *in, const struct content *c,
    const struct where *where, struct slice rest, unsigned level)
{
	bool raw = undo(in, c, where, CODING_RAW, rest, level, true);
	bool zlib =
	    in->stop || undo(in, c, where, CODING_ZLIB, rest, level, raw);

	if (raw && zlib && !in->stop)
		report_add(in->report, FOUND_AMBIGUOUS, US, where->path,
		    "deflate in both kinds");
}

/* Takes the last word off the list. */
static struct slice
last_word(struct slice *list)
{
	size_t end = list->len, at;
	struct slice word;

	while (end > 0 && strchr(" \t,", list->at[end - 1]) != NULL)
		end--;
	at = end;
	while (at > 0 && strchr(" \t,", list->at[at - 1]) == NULL)
		at--;
	word = (struct slice){list->at + at, end - at};
	list->len = at;
	return word;
}

static void
undo_list(struct inspection *in, const struct content *c,
    const struct where *where, struct slice list, unsigned level)
{
	struct slice word = last_word(&list);
	enum coding coding;

	while (word.len > 0 && slice_is_word(word, "identity"))
		word = last_word(&list);
	if (in->stop)
		return;
	if (word.len == 0) {
		inspect_form(in, c, where, level);
		return;
	}
	coding = coding_of_word(word);
	if (coding == CODING_KINDS || level >= CODINGS_MOST) {
		report_add(in->report,
		    coding == CODING_KINDS ? FOUND_MALFORMED : FOUND_LIMIT, US,
		    where->path, "content-encoding %.*s",
		    (int)(word.len < 32 ? word.len : 32), word.at);
		in->report->unscanned_bytes += content_size(c);
		return;
	}
	if (content_map(c) == NULL)
		return; /* look_at() has said so */
	if (coding == CODING_ZLIB)
		undo_deflate(in, c, where, list, level);
	else
		(void)undo(in, c, where, coding, list, level, false);
}

void
inspect_coded(
    struct inspection *in, const struct content *c, const struct where *where)
{
	if (content_size(c) > 0)
		undo_list(in, c, where, slice_of(content_codings(c)), 0);
}
