/*
 * armoury_print: what `sallyport scan` says about a file: lines for people
 * with the tree of members, or one JSON object.  Names come from strangers,
 * and from a worker that may have been taken over: all are escaped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/buf.h"
#include "proxy/base/check.h"
#include "proxy/base/escape.h"
#include "scan/armoury.h"

#define LINE_MOST 16384
#define VALUE_MOST 4096
#define NAME_COLUMN 40 /* where the type stands in a tree */

/* The policy that `sallyport.ini` ships refuses these. */
static bool
is_refused(enum finding_kind kind)
{
	return kind == FOUND_MALWARE || kind == FOUND_LIMIT ||
	    kind == FOUND_MALFORMED;
}

static const struct finding *
worst_of(const struct report *r)
{
	const struct finding *worst = NULL;

	for (unsigned i = 0; i < r->n; i++) {
		const struct finding *f = &r->found[i];

		if (worst == NULL ||
		    finding_severity(f->kind) > finding_severity(worst->kind))
			worst = f;
	}
	return worst;
}

int
scanned_status(const struct report *r)
{
	const struct finding *worst = worst_of(r);

	if (worst == NULL)
		return SCAN_CLEAN;
	if (worst->kind == FOUND_FAILED)
		return SCAN_ERROR;
	return is_refused(worst->kind) ? SCAN_FOUND : SCAN_CLEAN;
}

/* ---- for people ---------------------------------------------------------- */

static void
print_name(const char *name, FILE *out)
{
	struct buf b;

	buf_init(&b, LINE_MOST);
	if (escape_text(&b, slice_of(name), VALUE_MOST) == 0)
		fputs(buf_text(&b), out);
	buf_free(&b);
}

static const char *
size_text(uint64_t size, char *to, size_t room)
{
	static const char units[] = "kMGTPE";
	double shown = (double)size;
	int unit = -1;

	while (shown >= 1024 && unit < 5) {
		shown /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(to, room, "%" PRIu64, size);
	else
		snprintf(to, room, "%.1f%c", shown, units[unit]);
	return to;
}

/* The last part of its path; how far it is moved in says the others. */
static void
print_member(const struct member *m, FILE *out)
{
	const char *slash = strrchr(m->where, '/');
	char size[32];
	struct buf b;

	buf_init(&b, LINE_MOST);
	for (uint32_t i = 0; i <= m->depth && i < 64; i++)
		MUST(buf_puts(&b, "  ") == 0);
	(void)escape_text(
	    &b, slice_of(slash == NULL ? m->where : slash + 1), VALUE_MOST);
	fprintf(out, "%-*s ", NAME_COLUMN, buf_text(&b));
	buf_clear(&b);
	(void)escape_text(&b, slice_of(m->type), VALUE_MOST);
	fprintf(out, "%-10s %s\n", buf_text(&b),
	    size_text(m->size, size, sizeof(size)));
	buf_free(&b);
}

static void
print_finding(const struct finding *f, FILE *out)
{
	if (f->kind != FOUND_MALWARE && f->kind != FOUND_FAILED)
		fprintf(out, "%s ", finding_word(f->kind));
	print_name(f->what, out);
	if (f->where[0] == '\0')
		return;
	fputs(" (", out);
	print_name(f->where, out);
	fputc(')', out);
}

static const char *
verdict_word(const struct finding *worst)
{
	if (worst == NULL)
		return "clean";
	if (worst->kind == FOUND_MALWARE)
		return "INFECTED";
	if (worst->kind == FOUND_FAILED)
		return "ERROR";
	return is_refused(worst->kind) ? "REFUSED" : "clean, but";
}

void
scanned_text(const struct scanned *s, FILE *out)
{
	const struct finding *worst = worst_of(&s->report);

	print_name(s->path, out);
	fprintf(out, ": %s", verdict_word(worst));
	if (worst != NULL) {
		fputc(' ', out);
		print_finding(worst, out);
	}
	fputc('\n', out);
	for (size_t i = 0; i < s->n && s->n > 1; i++)
		print_member(&s->members[i], out);
	for (unsigned i = 0; i < s->report.n; i++) {
		if (&s->report.found[i] == worst)
			continue;
		fputs("  also: ", out);
		print_finding(&s->report.found[i], out);
		fputc('\n', out);
	}
	if (s->report.unscanned_bytes > 0)
		fprintf(out, "  not looked at: %" PRIu64 " bytes\n",
		    s->report.unscanned_bytes);
}

/* ---- JSON ---------------------------------------------------------------- */

static void
json_pair(const char *name, const char *value, FILE *out)
{
	struct buf b;

	buf_init(&b, LINE_MOST);
	(void)escape_json(&b, slice_of(value), VALUE_MOST);
	fprintf(out, "\"%s\":\"%s\"", name, buf_text(&b));
	buf_free(&b);
}

static void
json_finding(const struct finding *f, FILE *out)
{
	fputc('{', out);
	json_pair("kind", finding_word(f->kind), out);
	fputc(',', out);
	json_pair("engine", f->engine, out);
	fputc(',', out);
	json_pair("what", f->what, out);
	fputc(',', out);
	json_pair("where", f->where, out);
	fputc('}', out);
}

static void
json_member(const struct member *m, FILE *out)
{
	fputc('{', out);
	json_pair("where", m->where, out);
	fputc(',', out);
	json_pair("type", m->type, out);
	fprintf(out, ",\"size\":%" PRIu64 ",\"depth\":%" PRIu32 "}", m->size,
	    m->depth);
}

void
scanned_json(const struct scanned *s, FILE *out)
{
	const struct finding *worst = worst_of(&s->report);

	fputc('{', out);
	json_pair("file", s->path, out);
	fputc(',', out);
	json_pair("verdict",
	    worst == NULL ? "clean" : finding_word(worst->kind), out);
	fputs(",\"findings\":[", out);
	for (unsigned i = 0; i < s->report.n; i++) {
		fputs(i > 0 ? "," : "", out);
		json_finding(&s->report.found[i], out);
	}
	fputs("],\"members\":[", out);
	for (size_t i = 0; i < s->n; i++) {
		fputs(i > 0 ? "," : "", out);
		json_member(&s->members[i], out);
	}
	fprintf(out, "],\"ms\":%" PRIu32 ",", s->report.msec);
	json_pair("engines", s->report.engines, out);
	fprintf(out, ",\"unscanned_bytes\":%" PRIu64 "}\n",
	    s->report.unscanned_bytes);
}
