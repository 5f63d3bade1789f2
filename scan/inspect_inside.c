/*
 * inspect_inside: opens what the engines cannot: containers by unpack.c, mails
 * by mime.c.  Each member becomes a content, and is inspected as one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/check.h"
#include "scan/inspection.h"
#include "scan/mime.h"
#include "scan/unpack.h"

#define US "unpack"

/* ---- what is inside a mail -------------------------------------------------
 */

struct walking {
	struct inspection *in;
	const struct where *where;
	unsigned level; /* of the mail, below the content being looked at */
};

static void walk_mail(struct inspection *in, const void *bytes, size_t len,
    const struct where *where, unsigned level);

/* Bytes that no engine has seen: as a file of their own. */
static void
look_at_part(struct walking *w, const struct mime_part *p,
    const struct where *where, const void *bytes, size_t len)
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
	c = content_over(&s, CONTENT_FILE, p->name);
	inspect_below(in, c, where, w->level + 1);
	content_free(&c);
}

static int
take_part(void *arg, const struct mime_part *p)
{
	struct walking *w = arg;
	struct where where;
	const void *bytes;
	size_t len;
	bool mail = type_of(p->head, p->head_len) == FILE_MAIL;

	if (!inspection_in_time(w->in, w->where->path))
		return -1;
	if (p->len == 0 || (p->seen_by_engine && !mail))
		return 0;
	where_join_path(&where, w->where, p->where);
	if (mime_part_bytes(p, &bytes, &len) < 0)
		return 0; /* is in the result */
	if (!p->seen_by_engine)
		look_at_part(w, p, &where, bytes, len);
	else
		walk_mail(w->in, bytes, len, &where, w->level + 1);
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

	/* The bytes it was given were what is left of ours. */
	if (odd == MIME_BYTES)
		word = in->bytes_limit;
	report_add(in->report, kinds[mime_odd_class(odd)], "mime", where->path,
	    "%s", word);
}

static void
walk_mail(struct inspection *in, const void *bytes, size_t len,
    const struct where *where, unsigned level)
{
	struct walking w = {in, where, level};
	struct mime_limits limits = {
	    .bytes = in->budget.bytes + 1, .parts = in->budget.members + 1};
	struct mime_result r;

	if (level > in->budget.depth) {
		report_add(
		    in->report, FOUND_LIMIT, "scan", where->path, "max_depth");
		return;
	}
	(void)mime_walk(bytes, len, &limits, take_part, &w, &r);
	for (unsigned odd = 0; odd < MIME_ODD_COUNT; odd++) {
		if ((r.odd & (UINT32_C(1) << odd)) != 0)
			report_odd(in, where, (enum mime_odd)odd);
	}
}

/* ---- what is inside a container --------------------------------------------
 */

struct taking {
	struct inspection *in;
	const struct where *of;
	unsigned level; /* of the container, below the content looked at */
	enum file_type type;
	bool encrypted;         /* some of it is */
	bool loose;             /* need not be one: how it ends says nothing */
	struct content *member; /* NULL: none is being taken */
	struct where where;
	unsigned n; /* members come to */
};

static void
report_how(struct taking *t, const char *where, enum unpack_end how)
{
	struct report *r = t->in->report;
	const char *word = type_word(t->type);

	if (t->loose)
		return;
	/* What is not known to be encrypted looks damaged. */
	if (t->encrypted && (how == UNPACK_UNSUPPORTED || how == UNPACK_BROKEN))
		how = UNPACK_ENCRYPTED;
	switch (how) {
	case UNPACK_WHOLE:
	case UNPACK_STOPPED:
		break;
	case UNPACK_ENCRYPTED:
		report_add(r, FOUND_ENCRYPTED, US, where, "encrypted %s", word);
		break;
	case UNPACK_UNSUPPORTED:
		report_add(
		    r, FOUND_LIMIT, US, where, "unsupported_format:%s", word);
		break;
	case UNPACK_BROKEN:
		report_add(r, FOUND_MALFORMED, US, where, "broken %s", word);
		break;
	}
}

static void
name_member(struct taking *t, const char *name)
{
	char part[24];

	t->n++;
	if (*name == '\0') {
		(void)snprintf(part, sizeof(part), "part %u", t->n);
		name = part;
	}
	where_join(&t->where, t->of, name);
}

static int
begin_member(void *arg, const char *name)
{
	struct taking *t = arg;

	name_member(t, name);
	if (!inspection_spend_member(t->in, t->where.path))
		return -1;
	t->member =
	    content_open(t->in->house, CONTENT_FILE, name, t->in->budget.bytes);
	return 0;
}

static int
take_bytes(void *arg, const void *bytes, size_t len)
{
	struct taking *t = arg;
	struct report *r = t->in->report;

	if (!inspection_in_time(t->in, t->where.path))
		return -1;
	if (content_write(t->member, bytes, len) == 0)
		return 0;
	/* RLIMIT_FSIZE gives EFBIG, too. */
	if (content_size(t->member) + len > t->in->budget.bytes)
		report_add(r, FOUND_LIMIT, "scan", t->where.path, "%s",
		    t->in->bytes_limit);
	else
		report_add(r, FOUND_FAILED, US, t->where.path,
		    "temporary file: %s", strerror(errno));
	r->unscanned_bytes += content_size(t->member) + len;
	t->in->stop = true;
	return -1;
}

static void
end_member(void *arg, enum unpack_end how)
{
	struct taking *t = arg;
	struct content *c = t->member;
	uint64_t size = content_size(c);

	t->member = NULL;
	report_how(t, t->where.path, how);
	/* What could be read of a broken one is looked at all the same. */
	if (how != UNPACK_STOPPED && size > 0 && !t->in->stop &&
	    content_seal(c) == 0) {
		t->in->budget.bytes -= size;
		inspect_below(t->in, c, &t->where, t->level + 1);
	}
	content_free(&c);
}

static void
closed_member(void *arg, const char *name, enum unpack_end why)
{
	struct taking *t = arg;

	name_member(t, name);
	report_how(t, t->where.path, why);
}

static const struct unpack_taker taker = {
    .begin = begin_member,
    .data = take_bytes,
    .end = end_member,
    .closed = closed_member,
};

/* Two bytes are no magic number: what begins so need not be one. */
static bool
is_weak(enum file_type type)
{
	return type == FILE_CPIO || type == FILE_LHA;
}

/* What a zip's directory does not name was looked at, but some readers see
 * nothing else. */
static void
report_apart(struct taking *t)
{
	report_add(t->in->report, FOUND_AMBIGUOUS, US, t->of->path,
	    "zip members apart");
}

/* tentative: only a magic number says that there is one. */
static void
open_container(struct inspection *in, const struct stowaway *item,
    const void *bytes, size_t len, const struct later *of, bool tentative)
{
	enum file_type type = item->type;
	bool apart = item->how == STOWED_APART;
	struct taking t = {.in = in,
	    .of = &of->where,
	    .level = of->level,
	    .type = type,
	    .loose = apart && !of->zip};
	enum unpack_end how;

	t.encrypted = peek_rar_is_encrypted(type, bytes, len);
	if (item->how == STOWED_WHOLE)
		how = unpack(type, bytes, len, &taker, &t);
	else
		how = unpack_zip_in_order(bytes, len, &taker, &t);
	MUST(t.member == NULL);
	if (t.n > 0 && apart)
		report_apart(&t);
	if (t.encrypted)
		how = UNPACK_ENCRYPTED;
	/* In a zip another reader comes to what is behind a bad head. */
	tentative = (tentative && !apart) || is_weak(type);
	if (t.n > 0 || !tentative || how == UNPACK_ENCRYPTED)
		report_how(&t, of->where.path, how);
}

/* More places than are remembered: some of it was not looked at. */
static void
report_many(struct inspection *in, const struct later *of)
{
	report_add(in->report, of->zip ? FOUND_LIMIT : FOUND_AMBIGUOUS, US,
	    of->where.path, "more than %d zip members apart", ZIP_PLACES_MAX);
}

/* Items of which there is nothing to be read, too. */
static void
open_item(struct inspection *in, const struct stowaway *item,
    const unsigned char *bytes, size_t len, const struct later *of, bool own)
{
	if (item->how == STOWED_MORE)
		report_many(in, of);
	else if (item->how == STOWED_DIFFERS)
		report_add(in->report, FOUND_MALFORMED, US, of->where.path,
		    "zip heads differ");
	else if (item->type == FILE_MAIL)
		walk_mail(in, bytes, len, &of->where, of->level);
	else
		open_container(
		    in, item, bytes + item->at, len - item->at, of, !own);
}

void
inspect_inside(
    struct inspection *in, const struct later *of, const struct content *c)
{
	const unsigned char *bytes = content_map(c);
	size_t len = (size_t)content_size(c);

	if (bytes == NULL) {
		report_add(in->report, FOUND_FAILED, US, of->where.path,
		    "map: %s", strerror(errno));
		in->report->unscanned_bytes += len;
		return;
	}
	for (unsigned i = 0; i < of->n && !in->stop; i++)
		open_item(in, &of->items[i], bytes, len, of, i == 0 && of->own);
}
