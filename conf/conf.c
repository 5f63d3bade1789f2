/*
 * conf: asking a configuration what it says.
 */
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include "conf/inside.h"
#include "proxy/base/check.h"

/* conf_origin() writes "file:line" on demand; this many live at one time. */
#define ORIGINS 4
#define ORIGIN_MAX 1024

void
conf_free(struct conf **cp)
{
	struct conf *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	IS(c, CONF_MAGIC);
	for (size_t i = 0; i < c->n; i++) {
		for (size_t k = 0; k < c->sections[i].n; k++)
			value_clear(&c->sections[i].values[k]);
		free(c->sections[i].values);
		free(c->sections[i].name);
	}
	free(c->sections);
	for (enum opt opt = 0; opt < OPT_COUNT; opt++)
		value_clear(&c->defaults[opt]);
	for (size_t i = 0; i < c->nfiles; i++)
		free(c->files[i]);
	free(c->files);
	c->magic = 0;
	free(c);
}

bool
conf_is_embedded(const struct conf *c)
{
	IS(c, CONF_MAGIC);
	return c->embedded;
}

static const struct conf_section *
find_section(const struct conf *c, enum kind kind, const char *name)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct conf_section *s = &c->sections[i];

		if (s->kind == kind && strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

static enum kind
must_kind(const char *word)
{
	enum kind kind = schema_find_kind(word);

	MUST(kind != KIND_COUNT);
	return kind;
}

const struct conf_section *
conf_section(const struct conf *c, const char *kind, const char *name)
{
	IS(c, CONF_MAGIC);
	return find_section(c, must_kind(kind), name);
}

const struct conf_section *
conf_next(
    const struct conf *c, const char *kind, const struct conf_section *after)
{
	enum kind wanted = must_kind(kind);
	const struct conf_section *s;

	IS(c, CONF_MAGIC);
	s = after == NULL ? c->sections : after + 1;
	for (; s < c->sections + c->n; s++) {
		if (s->kind == wanted)
			return s;
	}
	return NULL;
}

const char *
conf_name(const struct conf_section *s)
{
	return s->name;
}

const struct value *
conf_own(const struct conf_section *s, enum opt opt)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->values[i].opt == opt)
			return &s->values[i];
	}
	return NULL;
}

/* s, then the plain section that opt lives in, then its default. */
static const struct value *
look(const struct conf *c, const struct conf_section *s, enum opt opt)
{
	enum kind home = schema_opt(opt)->kind;
	const struct value *v = NULL;

	IS(c, CONF_MAGIC);
	MUST(s == NULL ? !schema_kind(home)->named : schema_fits(opt, s->kind));
	if (s != NULL)
		v = conf_own(s, opt);
	if (v == NULL && !schema_kind(home)->named)
		v = conf_own(find_section(c, home, ""), opt);
	return v != NULL ? v : &c->defaults[opt];
}

int64_t
conf_int(const struct conf *c, const struct conf_section *s, enum opt opt)
{
	enum opt_type type = schema_opt(opt)->type;

	MUST(!schema_is_list(type) && type != TYPE_STRING && type != TYPE_PATH);
	return look(c, s, opt)->number;
}

const char *
conf_str(const struct conf *c, const struct conf_section *s, enum opt opt)
{
	enum opt_type type = schema_opt(opt)->type;

	MUST(type == TYPE_STRING || type == TYPE_PATH);
	return look(c, s, opt)->text;
}

const char *
conf_word(const struct conf *c, const struct conf_section *s, enum opt opt)
{
	MUST(schema_opt(opt)->type == TYPE_WORD);
	return look(c, s, opt)->text;
}

size_t
conf_list(const struct conf *c, const struct conf_section *s, enum opt opt,
    const char *const **list_r)
{
	const struct value *v = look(c, s, opt);

	MUST(schema_is_list(schema_opt(opt)->type));
	*list_r = (const char *const *)v->list;
	return v->n;
}

bool
conf_given(const struct conf *c, const struct conf_section *s, enum opt opt)
{
	return look(c, s, opt) != &c->defaults[opt];
}

const char *
conf_origin(const struct conf *c, const struct conf_section *s, enum opt opt)
{
	static _Thread_local char text[ORIGINS][ORIGIN_MAX];
	static _Thread_local unsigned turn;
	const struct place *at = &look(c, s, opt)->at;
	char *to = text[turn++ % ORIGINS];

	if (at->line == 0)
		snprintf(to, ORIGIN_MAX, "%s", at->file);
	else
		snprintf(to, ORIGIN_MAX, "%s:%u", at->file, at->line);
	return to;
}

bool
value_same(const struct value *a, const struct value *b)
{
	enum opt_type type = schema_opt(a->opt)->type;

	if (type == TYPE_STRING || type == TYPE_PATH)
		return strcmp(a->text, b->text) == 0;
	if (!schema_is_list(type))
		return a->number == b->number;
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->list[i], b->list[i]) != 0)
			return false;
	}
	return true;
}

bool
conf_has_default(const struct conf *c, enum opt opt)
{
	return c->defaults[opt].text[0] != '\0';
}

static bool
same_section(const struct conf *a, const struct conf_section *as,
    const struct conf *b, const struct conf_section *bs)
{
	if (strcmp(as->name, bs->name) != 0)
		return false;
	for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
		if (!schema_fits(opt, as->kind))
			continue;
		if (!value_same(look(a, as, opt), look(b, bs, opt)) ||
		    (!conf_has_default(a, opt) &&
			conf_given(a, as, opt) != conf_given(b, bs, opt)))
			return false;
	}
	return true;
}

bool
conf_same(const struct conf *a, const struct conf *b, const char *kind)
{
	const struct conf_section *as = NULL, *bs = NULL;

	do {
		as = conf_next(a, kind, as);
		bs = conf_next(b, kind, bs);
		if (as == NULL || bs == NULL)
			return as == bs;
	} while (same_section(a, as, b, bs));
	return false;
}
