/*
 * inspection: what happens while engines look: the budget is spent, the tree
 * is told, and what no engine can open is put aside for unpack.c and mime.c.
 */
#include "scan/inspection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/mem.h"
#include "scan/unpack.h"

#define US "unpack"
#define LEAST_SEEN 5 /* libclamav does not look at members up to this */

/* ---- the budget ------------------------------------------------------------
 */

static void
report_limit(struct inspection *in, const char *where, const char *option)
{
	report_add(in->report, FOUND_LIMIT, "scan", where, "%s", option);
}

bool
inspection_in_time(struct inspection *in, const char *where)
{
	if (in->stop)
		return false;
	if (clock_ms() < in->budget.deadline_ms)
		return true;
	report_add(in->report, FOUND_FAILED, "scan", where, "timeout");
	in->stop = true;
	return false;
}

bool
inspection_spend_member(struct inspection *in, const char *where)
{
	if (!inspection_in_time(in, where))
		return false;
	if (in->budget.members == 0) {
		report_limit(in, where, "max_members");
		in->stop = true;
		return false;
	}
	in->budget.members--;
	return true;
}

bool
inspection_spend_bytes(struct inspection *in, const char *where, uint64_t len)
{
	if (len > in->budget.bytes) {
		report_limit(in, where, in->bytes_limit);
		return false;
	}
	in->budget.bytes -= len;
	return true;
}

/* ---- what is put aside -----------------------------------------------------
 */

void
later_free(struct later **lp)
{
	struct later *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	content_free(&l->content);
	free(l);
}

static void
add_item(struct later *l, struct stowaway item)
{
	if (l->n < ITEMS_MAX)
		l->items[l->n++] = item;
}

/* A mail in a mail is mime's, which walks the outer one; what the engine calls
 * a mail in a page is how it hands itself a data: URL. */
static bool
is_ours(enum file_type type, const struct layer *parent)
{
	if (type_care(type) == CARE_MAIL)
		return parent == NULL ||
		    (parent->type != FILE_MAIL && parent->type != FILE_HTML);
	return unpack_can(type);
}

static void
report_closed(struct inspection *in, const struct layer *l)
{
	if (type_care(l->type) == CARE_NOBODY)
		report_add(in->report, FOUND_LIMIT, "scan", l->where.path,
		    "unsupported_format:%s", type_word(l->type));
	if (peek_rar_is_volume(l->type, l->bytes, l->len))
		report_add(in->report, FOUND_LIMIT, "scan", l->where.path,
		    "unsupported_format:%s-volume", type_word(l->type));
	if (l->type == FILE_ARJ && peek_arj_is_garbled(l->bytes, l->len))
		report_add(in->report, FOUND_ENCRYPTED, "scan", l->where.path,
		    "encrypted arj");
}

/* All that is not at the layer's own beginning; returns how many. */
static unsigned
find_stowed(const struct layer *l, struct stowaway list[STOWED_MAX])
{
	unsigned n = peek_stowaways(l->type, l->bytes, l->len, list);
	bool own = l->type == FILE_ZIP, is_zip = own;

	for (unsigned i = 0; i < n; i++)
		is_zip = is_zip || list[i].type == FILE_ZIP;
	if (is_zip)
		n += peek_zip_apart(l->bytes, l->len, !own, list + n);
	return n;
}

/* What of this layer is for us to open; NULL: nothing. */
static struct later *
plan(const struct layer *l, const struct layer *parent)
{
	struct stowaway stowed[STOWED_MAX];
	struct later *later;
	unsigned n = find_stowed(l, stowed);
	bool ours = is_ours(l->type, parent);

	if (!ours && n == 0)
		return NULL;
	later = xcalloc(1, sizeof(*later));
	later->where = l->where;
	later->own = ours;
	later->zip = l->type == FILE_ZIP;
	if (ours)
		add_item(later, (struct stowaway){l->type, 0, STOWED_WHOLE});
	for (unsigned i = 0; i < n; i++)
		add_item(later, stowed[i]);
	return later;
}

/* The engine's bytes go away when we return to it. */
static int
keep_copy(struct inspection *in, struct later *later, const struct layer *l)
{
	later->content = content_open(in->house, CONTENT_FILE, "", l->len);
	if (content_write(later->content, l->bytes, l->len) == 0 &&
	    content_seal(later->content) == 0)
		return 0;
	report_add(in->report, FOUND_FAILED, US, l->where.path,
	    "temporary file: %s", strerror(errno));
	in->report->unscanned_bytes += l->len;
	return -1;
}

/* True when the engine came to every member that this container lists. */
static bool
was_all_seen(const struct stowaway *item, const unsigned char *bytes,
    size_t len, uint32_t members)
{
	bytes += item->at;
	len -= item->at;
	if (type_care(item->type) != CARE_BOTH || item->how != STOWED_WHOLE)
		return false;
	if (item->type == FILE_ZIP && peek_zip_is_odd(bytes, len))
		return false;
	/* Counted as seen, yet what was seen is noise. */
	if (peek_rar_is_encrypted(item->type, bytes, len))
		return false;
	if (item->type == FILE_BZIP2)
		return !peek_bzip2_goes_on(bytes, len);
	MUST(unpack_can_count(item->type));
	return unpack_count(item->type, bytes, len, LEAST_SEEN, members + 1) <=
	    members;
}

static void
drop_seen(struct later *later, const struct layer *l)
{
	const unsigned char *bytes = l->bytes;
	unsigned kept = 0;
	bool own = later->own;

	if (later->content != NULL)
		bytes = content_map(later->content);
	for (unsigned i = 0; i < later->n; i++) {
		if (bytes == NULL ||
		    !was_all_seen(&later->items[i], bytes, l->len, l->members))
			later->items[kept++] = later->items[i];
		else if (i == 0)
			own = false;
	}
	later->n = kept;
	later->own = own;
}

static bool
pop(struct inspection *in)
{
	struct layer *l = &in->layers[--in->n];
	struct later *later = l->later;

	l->later = NULL;
	if (later == NULL)
		return true;
	if (!in->stop)
		drop_seen(later, l);
	if (in->stop || later->n == 0) {
		later_free(&later);
		return true;
	}
	later->level = in->n;
	*in->later_end = later;
	in->later_end = &later->next;
	return false;
}

static struct layer *
push(struct inspection *in, const struct where *where, const void *bytes,
    size_t len, enum file_type type)
{
	struct layer *l = &in->layers[in->n];

	MUST(in->n < LAYERS_MAX);
	l->where = *where;
	l->bytes = bytes;
	l->len = len;
	l->members = 0;
	l->later = NULL;
	l->type = type;
	in->n++;
	return l;
}

static void
tell(struct inspection *in, const struct layer *l)
{
	in->report->members++;
	if (in->member != NULL)
		in->member(in->member_arg, l->where.path, type_word(l->type),
		    l->len, in->depth + in->n - 1);
}

static void
keep_told(
    struct inspection *in, const char *name, const struct layer *l, bool carved)
{
	struct told_member *t;

	if (in->told_n++ >= TOLD_MAX)
		return;
	t = &in->told[in->told_n - 1];
	*t = (struct told_member){.size = l->len,
	    .level = in->n - 1,
	    .type = (unsigned)l->type,
	    .carved = carved,
	    .named = name != NULL};
	if (name != NULL && strlen(name) > TOLD_NAME_MAX)
		t->level = 0; /* not kept */
	else if (name != NULL)
		copy_text(t->name, sizeof(t->name), name);
}

/* ---- what an engine says ---------------------------------------------------
 */

/* Libclamav carves: what lies inside the parent's bytes was not unpacked. */
static bool
is_carved(const struct layer *parent, const unsigned char *bytes, size_t len)
{
	uintptr_t from = (uintptr_t)parent->bytes, at = (uintptr_t)bytes;

	return at >= from && at + len <= from + parent->len;
}

static void
name_member(const struct layer *parent, const char *name, struct where *w_r)
{
	char part[24];

	if (name == NULL || *name == '\0') {
		(void)snprintf(part, sizeof(part), "part %u", parent->members);
		name = part;
	}
	where_join(w_r, &parent->where, name);
}

/* What the budget says about the layer just entered. */
static enum member_step
spend(struct inspection *in, const struct layer *l, bool carved)
{
	bool fits;

	if (!inspection_spend_member(in, l->where.path))
		return MEMBER_STOP;
	if (in->n - 1 > in->budget.depth) {
		report_limit(in, l->where.path, "max_depth");
		fits = false;
	} else {
		fits =
		    carved || inspection_spend_bytes(in, l->where.path, l->len);
	}
	if (!fits)
		in->report->unscanned_bytes += l->len;
	return fits ? MEMBER_LOOK : MEMBER_SKIP;
}

static enum member_step
come_to(struct inspection *in, const char *name, const void *bytes, size_t len,
    enum file_type type, bool carved)
{
	struct layer *parent = &in->layers[in->n - 1];
	struct layer *l;
	struct where where;
	enum member_step step;

	if (!carved)
		parent->members++;
	name_member(parent, name, &where);
	l = push(in, &where, bytes, len, type);
	step = spend(in, l, carved);
	if (step != MEMBER_LOOK)
		return step;
	tell(in, l);
	keep_told(in, name, l, carved);
	return MEMBER_LOOK;
}

enum member_step
inspection_enter(
    struct inspection *in, const char *name, const void *bytes, size_t len)
{
	struct layer *parent = &in->layers[in->n - 1];
	struct layer *l = parent + 1;
	enum member_step step;

	MUST(in->n > 0);
	step = come_to(in, name, bytes, len, type_of(bytes, len),
	    is_carved(parent, bytes, len));
	if (step != MEMBER_LOOK)
		return step;
	report_closed(in, l);
	l->later = plan(l, parent);
	if (l->later != NULL && keep_copy(in, l->later, l) < 0)
		later_free(&l->later);
	return MEMBER_LOOK;
}

bool
inspection_leave(struct inspection *in)
{
	MUST(in->n > 1);
	return pop(in);
}

unsigned
inspection_told(const struct inspection *in)
{
	return in->told_n;
}

const struct told_member *
inspection_told_from(const struct inspection *in, unsigned first, unsigned n)
{
	MUST(first + n <= in->told_n);
	if (first + n > TOLD_MAX)
		return NULL;
	for (unsigned i = first; i < first + n; i++) {
		if (in->told[i].level == 0)
			return NULL;
	}
	return &in->told[first];
}

enum member_step
inspection_known(struct inspection *in, const struct told_member *inside,
    unsigned n, unsigned level)
{
	unsigned top = in->n;
	enum member_step step = MEMBER_LOOK;

	for (unsigned i = 0; i < n && step == MEMBER_LOOK; i++) {
		const struct told_member *t = &inside[i];

		while (in->n >= top + t->level - level)
			(void)pop(in);
		MUST(in->n + 1 == top + t->level - level);
		step = come_to(in, t->named ? t->name : NULL, NULL,
		    (size_t)t->size, (enum file_type)t->type, t->carved);
	}
	while (in->n > top)
		(void)pop(in);
	return step;
}

const char *
inspection_where(const struct inspection *in)
{
	return in->layers[in->n - 1].where.path;
}

struct report *
inspection_report(struct inspection *in)
{
	return in->report;
}

const struct budget *
inspection_budget(const struct inspection *in)
{
	return &in->budget;
}

void
inspection_limit(struct inspection *in, const char *option)
{
	report_limit(in, inspection_where(in), option);
}

const char *
inspection_bytes_limit(const struct inspection *in)
{
	return in->bytes_limit;
}

/* ---- the content itself ----------------------------------------------------
 */

void
inspection_begin(struct inspection *in, const struct content *c,
    const void *bytes, const struct where *where)
{
	struct layer *l;
	enum file_type type;

	in->n = 0;
	in->told_n = 0;
	in->later = NULL;
	in->later_end = &in->later;
	type = type_of(bytes, (size_t)content_size(c));
	l = push(in, where, bytes, (size_t)content_size(c), type);
	if (content_kind(c) == CONTENT_MAIL)
		l->type = FILE_MAIL;
	tell(in, l);
	report_closed(in, l);
	l->later = plan(l, NULL);
	/* What came as a mail may be something else besides. */
	if (type != l->type && unpack_can(type))
		add_item(l->later, (struct stowaway){type, 0, STOWED_WHOLE});
}

struct later *
inspection_finish(struct inspection *in)
{
	while (in->n > 0)
		(void)pop(in);
	return in->later;
}
