/*
 * report: the list of what the engines saw, kept small: REPORT_MAX findings,
 * each once, the severe ones before the others.
 */
#include "scan/report.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/mem.h"

static const char *const words[FOUND_KINDS] = {
#define X(kind, word, text) [FOUND_##kind] = (word),
    FINDINGS(X)
#undef X
};

static const unsigned severity[FOUND_KINDS] = {
    [FOUND_AMBIGUOUS] = 0,
    [FOUND_TYPE] = 1,
    [FOUND_NAME] = 2,
    [FOUND_URL] = 3,
    [FOUND_PATTERN] = 4,
    [FOUND_ENCRYPTED] = 5,
    [FOUND_MALFORMED] = 6,
    [FOUND_LIMIT] = 7,
    [FOUND_FAILED] = 8,
    [FOUND_MALWARE] = 9,
};

void
report_init(struct report *r)
{
	memset(r, 0, offsetof(struct report, found));
}

/* Up to the last finding there is. */
static size_t
used(const struct report *r)
{
	return offsetof(struct report, found) + r->n * sizeof(r->found[0]);
}

void
report_copy(struct report *to, const struct report *from)
{
	memcpy(to, from, used(from));
}

/* The end of a path says more than its beginning. */
static void
copy_where(char *to, const char *where)
{
	size_t len = strlen(where);

	if (len <= FINDING_WHERE_MAX) {
		memcpy(to, where, len + 1);
		return;
	}
	where += len - (FINDING_WHERE_MAX - 3);
	/* Not from the middle of a sign of UTF-8. */
	while ((*where & 0xc0) == 0x80)
		where++;
	(void)snprintf(to, FINDING_WHERE_MAX + 1, "...%s", where);
}

static bool
is_same(const struct finding *a, const struct finding *b)
{
	return a->kind == b->kind && strcmp(a->engine, b->engine) == 0 &&
	    strcmp(a->what, b->what) == 0 && strcmp(a->where, b->where) == 0;
}

/* The place of the finding to give way, or NULL: all are as severe. */
static struct finding *
least_severe(struct report *r, enum finding_kind than)
{
	struct finding *least = &r->found[r->n - 1];

	for (unsigned i = r->n; i-- > 0;) {
		if (severity[r->found[i].kind] < severity[least->kind])
			least = &r->found[i];
	}
	return severity[least->kind] < severity[than] ? least : NULL;
}

void
report_add(struct report *r, enum finding_kind kind, const char *engine,
    const char *where, const char *fmt, ...)
{
	struct finding f;
	struct finding *place;
	va_list ap;

	memset(&f, 0, sizeof(f));
	f.kind = kind;
	(void)copy_text(f.engine, sizeof(f.engine), engine);
	copy_where(f.where, where);
	va_start(ap, fmt);
	(void)vsnprintf(f.what, sizeof(f.what), fmt, ap);
	va_end(ap);

	for (unsigned i = 0; i < r->n; i++) {
		if (is_same(&r->found[i], &f))
			return;
	}
	r->seen++;
	place = r->n < REPORT_MAX ? &r->found[r->n++] : least_severe(r, kind);
	if (place != NULL)
		*place = f;
}

void
report_forget(struct report *r, enum finding_kind kind)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < r->n; i++) {
		if (r->found[i].kind != kind)
			r->found[kept++] = r->found[i];
	}
	r->seen -= r->n - kept;
	r->n = kept;
}

bool
report_has(const struct report *r, enum finding_kind kind)
{
	for (unsigned i = 0; i < r->n; i++) {
		if (r->found[i].kind == kind)
			return true;
	}
	return false;
}

unsigned
finding_severity(enum finding_kind kind)
{
	return severity[kind];
}

const char *
finding_word(enum finding_kind kind)
{
	return words[kind];
}

enum finding_kind
finding_of_word(const char *word)
{
	for (unsigned i = 0; i < FOUND_KINDS; i++) {
		if (strcmp(words[i], word) == 0)
			return (enum finding_kind)i;
	}
	return FOUND_KINDS;
}
