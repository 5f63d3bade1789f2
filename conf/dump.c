/*
 * dump: a conf as the file that would give it.
 */
#include <stdlib.h>

#include "conf/inside.h"
#include "conf/value.h"
#include "proxy/base/buf.h"

#define LINE_MAX_ (4 * 65536)

static void
print_value(const struct conf *c, const struct conf_section *s, enum opt opt,
    const struct value *v, FILE *out)
{
	const struct opt_row *row = schema_opt(opt);
	struct buf b;

	buf_init(&b, LINE_MAX_);
	if (schema_is_list(row->type))
		buf_puts(&b, v->text);
	else
		value_quote(&b, v->text);
	fprintf(out, "%s = %s  ; %s\n", row->key, buf_text(&b),
	    conf_origin(c, s, opt));
	buf_free(&b);
}

/* What opt of s is printed as; NULL: not at all. */
static const struct value *
printed(const struct conf *c, const struct conf_section *s, enum opt opt,
    bool changed_only)
{
	const struct value *v = conf_own(s, opt);
	const struct opt_row *row = schema_opt(opt);
	bool has_default = conf_has_default(c, opt);

	/* What a listener does not say itself stands in [smtp]. */
	if (!schema_fits(opt, s->kind) || (v == NULL && row->kind != s->kind))
		return NULL;
	if (v == NULL)
		return has_default && !changed_only ? &c->defaults[opt] : NULL;
	if (changed_only && has_default && row->kind == s->kind &&
	    value_same(v, &c->defaults[opt]))
		return NULL;
	return v;
}

/* What was included stands below: it must not be read a second time. */
static void
print_include(const struct conf *c, FILE *out)
{
	const char *const *list;
	size_t n = conf_list(c, NULL, OPT_INCLUDE_PATH, &list);

	fputs("[include]\npath = none  ; ", out);
	if (n == 0)
		fputs(conf_origin(c, NULL, OPT_INCLUDE_PATH), out);
	for (size_t i = 0; i < n; i++)
		fprintf(
		    out, "%s%s", i == 0 ? "below is all of " : ", ", list[i]);
	fputs("\n\n", out);
}

static void
print_section(const struct conf *c, const struct conf_section *s,
    bool changed_only, FILE *out)
{
	char title[SHEET_VARIABLE_MAX];
	bool begun = schema_kind(s->kind)->named || !changed_only;

	sheet_title(s->kind, s->name, title);
	if (begun)
		fprintf(out, "%s\n", title);
	for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
		const struct value *v = printed(c, s, opt, changed_only);

		if (v == NULL)
			continue;
		if (!begun)
			fprintf(out, "%s\n", title);
		begun = true;
		print_value(c, s, opt, v, out);
	}
	if (begun)
		fputc('\n', out);
}

void
conf_dump(const struct conf *c, bool changed_only, FILE *out)
{
	for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
		const char *word = schema_kind(kind)->word;
		const struct conf_section *s = NULL;

		if (kind == KIND_INCLUDE) {
			if (!changed_only)
				print_include(c, out);
			continue;
		}
		while ((s = conf_next(c, word, s)) != NULL)
			print_section(c, s, changed_only, out);
	}
}
