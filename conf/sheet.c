/*
 * sheet: collects sections and keys of all files; says what is unknown or
 * given twice, and where the other one is.
 */
#include "conf/sheet.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf/reader.h"
#include "conf/value.h"
#include "proxy/base/err.h"
#include "proxy/base/mem.h"

void
sheet_init(struct sheet *sh, FILE *errors)
{
	*sh = (struct sheet){.errors = errors};
	for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
		if (schema_kind(kind)->named)
			continue;
		sh->sections =
		    xrealloc(sh->sections, sh->n + 1, sizeof(*sh->sections));
		sh->sections[sh->n++] =
		    (struct raw_section){.kind = kind, .name = xstrdup("")};
	}
}

static void
free_section(struct raw_section *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->keys[i].key);
		free(s->keys[i].value);
		free(s->keys[i].variable);
	}
	free(s->keys);
	free(s->name);
}

void
sheet_free(struct sheet *sh)
{
	for (size_t i = 0; i < sh->n; i++)
		free_section(&sh->sections[i]);
	free(sh->sections);
	for (size_t i = 0; i < sh->nfiles; i++)
		free(sh->files[i]);
	free(sh->files);
	*sh = (struct sheet){0};
}

const char *
sheet_file(struct sheet *sh, const char *name)
{
	for (size_t i = 0; i < sh->nfiles; i++) {
		if (strcmp(sh->files[i], name) == 0)
			return sh->files[i];
	}
	sh->files = xrealloc(sh->files, sh->nfiles + 1, sizeof(*sh->files));
	sh->files[sh->nfiles] = xstrdup(name);
	return sh->files[sh->nfiles++];
}

void
sheet_wrong(struct sheet *sh, const struct place *at, const char *fmt, ...)
{
	va_list ap;

	sh->wrong++;
	fprintf(sh->errors, "%s:", at->file);
	if (at->line > 0)
		fprintf(sh->errors, "%u:", at->line);
	fputc(' ', sh->errors);
	va_start(ap, fmt);
	vfprintf(sh->errors, fmt, ap);
	va_end(ap);
	fputc('\n', sh->errors);
}

struct raw_section *
sheet_section(struct sheet *sh, enum kind kind, const char *name)
{
	for (size_t i = 0; i < sh->n; i++) {
		struct raw_section *s = &sh->sections[i];

		if (s->kind == kind && strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

struct raw_key *
sheet_key(struct raw_section *s, const char *key)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->keys[i].key, key) == 0)
			return &s->keys[i];
	}
	return NULL;
}

struct raw_key *
sheet_add(struct raw_section *s, const char *key, char *value, struct place at)
{
	struct raw_key *k;

	s->keys = xrealloc(s->keys, s->n + 1, sizeof(*s->keys));
	k = &s->keys[s->n++];
	*k = (struct raw_key){.key = xstrdup(key), .value = value, .at = at};
	return k;
}

void
sheet_variable(enum kind kind, const char *name, char to[SHEET_VARIABLE_MAX])
{
	snprintf(to, SHEET_VARIABLE_MAX, "%s%s%s", schema_kind(kind)->word,
	    name[0] == '\0' ? "" : "_", name);
	for (char *at = to; *at != '\0'; at++)
		*at = isalnum((unsigned char)*at)
		    ? (char)toupper((unsigned char)*at)
		    : '_';
}

void
sheet_title(enum kind kind, const char *name, char to[SHEET_VARIABLE_MAX])
{
	snprintf(to, SHEET_VARIABLE_MAX, "[%s%s%s]", schema_kind(kind)->word,
	    name[0] == '\0' ? "" : " ", name);
}

/* ---- what the reader tells ------------------------------------------------
 */

static void
on_wrong(void *arg, unsigned line, const char *text)
{
	struct sheet *sh = arg;

	sheet_wrong(sh, &(struct place){sh->file, line}, "%s", text);
}

/* Says what is wrong with [word name]; false when nothing is. */
static bool
bad_title(struct sheet *sh, const struct place *at, const char *word,
    const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	enum kind kind = schema_find_kind(word);
	/* a [route] may be named after a pattern */
	bool star = kind == KIND_ROUTE && strncmp(name, "*.", 2) == 0;
	const char *bare = name + (star ? 2 : 0);
	struct nearest near;
	struct err e;

	if (kind == KIND_COUNT) {
		nearest_to(&near, word);
		for (kind = 0; kind < KIND_COUNT; kind++)
			nearest_offer(&near, schema_kind(kind)->word);
		err_set(&e, "no section is called [%s]", word);
		value_did_you_mean(&e, &near);
		sheet_wrong(sh, at, "%s", e.text);
	} else if (schema_kind(kind)->named && name[0] == '\0')
		sheet_wrong(sh, at, "[%s] needs a name: [%s NAME]", word, word);
	else if (!schema_kind(kind)->named && name[0] != '\0')
		sheet_wrong(sh, at, "[%s] takes no name", word);
	else if (bare[strspn(bare, good)] != '\0')
		sheet_wrong(sh, at,
		    "[%s %s]: a name is letters, digits, dots, - and _", word,
		    name);
	else
		return false;
	return true;
}

/* Another section that the environment could not tell from this one. */
static void
check_variable(struct sheet *sh, const struct raw_section *s)
{
	char mine[SHEET_VARIABLE_MAX], other[SHEET_VARIABLE_MAX];
	char my_title[SHEET_VARIABLE_MAX], title[SHEET_VARIABLE_MAX];

	sheet_variable(s->kind, s->name, mine);
	for (size_t i = 0; i < sh->n; i++) {
		const struct raw_section *o = &sh->sections[i];

		sheet_variable(o->kind, o->name, other);
		if (o == s || strcmp(mine, other) != 0)
			continue;
		sheet_title(s->kind, s->name, my_title);
		sheet_title(o->kind, o->name, title);
		sheet_wrong(sh, &s->at,
		    "%s and %s (%s:%u) have one name in the "
		    "environment, " SHEET_VARIABLES "%s",
		    my_title, title, o->at.file, o->at.line, mine);
	}
}

static void
on_section(void *arg, const char *text, unsigned line)
{
	struct sheet *sh = arg;
	struct place at = {sh->file, line};
	char word[READER_SECTION_MAX + 1], title[SHEET_VARIABLE_MAX];
	const char *name;
	enum kind kind;

	sh->now = NULL;
	text += strspn(text, " \t");
	copy_text(word, sizeof(word), text);
	word[strcspn(word, " \t")] = '\0';
	name = text + strlen(word);
	name += strspn(name, " \t");
	if (bad_title(sh, &at, word, name))
		return;
	kind = schema_find_kind(word);
	sh->now = sheet_section(sh, kind, name);
	if (sh->now == NULL) {
		sh->sections =
		    xrealloc(sh->sections, sh->n + 1, sizeof(*sh->sections));
		sh->now = &sh->sections[sh->n++];
		*sh->now = (struct raw_section){
		    .kind = kind, .name = xstrdup(name), .at = at};
		check_variable(sh, sh->now);
	} else if (sh->now->at.file == sh->file) {
		sheet_title(kind, name, title);
		sheet_wrong(sh, &at, "%s was begun before, at %s:%u", title,
		    sh->now->at.file, sh->now->at.line);
	}
	sh->now->at = at;
}

/* An indented line may have been meant as one of its own. */
static void
check_joined(struct sheet *sh, const char *value, unsigned line)
{
	char word[READER_KEY_MAX + 1];
	size_t len;

	while ((value = strchr(value, '\n')) != NULL) {
		value++;
		line++;
		len = strspn(value, "[abcdefghijklmnopqrstuvwxyz_");
		if (len == 0 || len > READER_KEY_MAX)
			continue;
		memcpy(word, value, len);
		word[len] = '\0';
		len += strspn(value + len, " \t");
		if (word[0] == '[' ? schema_find_kind(word + 1) != KIND_COUNT
				   : value[len] == '=' && sh->now != NULL &&
			    schema_find_key(sh->now->kind, word) != OPT_COUNT)
			sheet_wrong(sh, &(struct place){sh->file, line},
			    "\"%s\" goes on with the value above, for it is "
			    "indented: begin it at the line's start",
			    word);
	}
}

static void
unknown_key(struct sheet *sh, const struct place *at, const char *key)
{
	enum kind kind = sh->now->kind;
	char title[SHEET_VARIABLE_MAX];
	struct nearest near;
	struct err e;

	sheet_title(kind, sh->now->name, title);
	nearest_to(&near, key);
	for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
		if (schema_fits(opt, kind))
			nearest_offer(&near, schema_opt(opt)->key);
	}
	err_set(&e, "%s has no key \"%s\"", title, key);
	value_did_you_mean(&e, &near);
	for (kind = 0; near.best[0] == '\0' && kind < KIND_COUNT; kind++) {
		if (schema_find_key(kind, key) == OPT_COUNT)
			continue;
		err_set(&e, "%s has no key \"%s\"; [%s] has one", title, key,
		    schema_kind(kind)->word);
		break;
	}
	sheet_wrong(sh, at, "%s", e.text);
}

static void
on_key(void *arg, const char *key, const char *value, unsigned line)
{
	struct sheet *sh = arg;
	struct place at = {sh->file, line};
	const struct raw_key *before;

	if (sh->now == NULL)
		return;
	check_joined(sh, value, line);
	if (schema_find_key(sh->now->kind, key) == OPT_COUNT) {
		unknown_key(sh, &at, key);
		return;
	}
	before = sheet_key(sh->now, key);
	if (before != NULL) {
		sheet_wrong(sh, &at, "%s was given before, at %s:%u", key,
		    before->at.file, before->at.line);
		return;
	}
	sheet_add(sh->now, key, xstrdup(value), at);
}

void
sheet_take(struct sheet *sh, const char *name, const char *text, size_t len)
{
	static const struct reader_to to = {on_section, on_key, on_wrong};

	sh->file = sheet_file(sh, name);
	sh->now = NULL;
	reader_read(text, len, &to, sh);
	sh->now = NULL;
}
