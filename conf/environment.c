/*
 * environment: SALLYPORT_<SECTION>__<KEY>=value, the part of the sheet that
 * wins over the files.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "conf/reader.h"
#include "conf/sheet.h"
#include "conf/value.h"
#include "proxy/base/err.h"
#include "proxy/base/mem.h"

#define APART "__" /* between section and key; no key has it inside */

/* The last one: a section's name may have it, a key has not. */
static const char *
find_apart(const char *name)
{
	const char *found = NULL;

	for (; (name = strstr(name, APART)) != NULL; name++)
		found = name;
	return found;
}

/* The section and the option a variable's name stands for, if any. */
static struct raw_section *
find_target(struct sheet *sh, const char *name, enum opt *opt_r)
{
	const char *apart = find_apart(name);
	size_t len = (size_t)(apart - name);
	char variable[SHEET_VARIABLE_MAX];

	for (size_t i = 0; i < sh->n; i++) {
		struct raw_section *s = &sh->sections[i];

		sheet_variable(s->kind, s->name, variable);
		if (strlen(variable) != len || memcmp(variable, name, len) != 0)
			continue;
		for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
			if (!schema_fits(opt, s->kind) ||
			    strcmp(schema_opt(opt)->id, apart + 2) != 0)
				continue;
			*opt_r = schema_find_key(s->kind, schema_opt(opt)->key);
			return s;
		}
	}
	return NULL;
}

static void
unknown_variable(struct sheet *sh, const struct place *at, const char *name)
{
	char section[SHEET_VARIABLE_MAX], each[2 * SHEET_VARIABLE_MAX];
	struct nearest near;
	struct err e;

	nearest_to(&near, name);
	for (size_t i = 0; i < sh->n; i++) {
		const struct raw_section *s = &sh->sections[i];

		sheet_variable(s->kind, s->name, section);
		for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
			if (!schema_fits(opt, s->kind))
				continue;
			snprintf(each, sizeof(each),
			    SHEET_VARIABLES "%s" APART "%s", section,
			    schema_opt(opt)->id);
			nearest_offer(&near, each);
		}
	}
	err_set(&e, "%.100s is no key of any section there is", name);
	value_did_you_mean(&e, &near);
	sheet_wrong(sh, at, "%s", e.text);
}

/* A variable's value is what may stand on one line of a file. */
static const char *
bad_value(const char *value)
{
	bool open;

	for (size_t i = 0; value[i] != '\0'; i++) {
		if (reader_bad_byte(value[i]))
			return "a control byte";
	}
	if (strlen(value) > READER_LINE_MAX / 2)
		return "the value is too long";
	if (reader_strip(value, strlen(value), &open) != strlen(value) && !open)
		return "a comment or blanks at the end: put the value in "
		       "double quotes";
	return open ? "a double quote is not closed" : NULL;
}

static void
take_variable(struct sheet *sh, const char *text, bool include)
{
	struct place at = {sheet_file(sh, "environment"), 0};
	const char *value = strchr(text, '=') + 1, *bad = bad_value(value);
	char *name = xstrndup(text, (size_t)(value - text) - 1);
	enum opt opt = OPT_COUNT;
	struct raw_section *s =
	    find_target(sh, name + strlen(SHEET_VARIABLES), &opt);
	struct raw_key *k;

	if (include != (s != NULL && s->kind == KIND_INCLUDE)) {
		free(name);
		return;
	}
	if (s == NULL)
		unknown_variable(sh, &at, name);
	else if (bad != NULL)
		sheet_wrong(sh, &at, "%s: %s", name, bad);
	else {
		k = sheet_key(s, schema_opt(opt)->key);
		if (k == NULL)
			k = sheet_add(s, schema_opt(opt)->key, NULL, at);
		free(k->value);
		free(k->variable);
		k->value = xstrdup(value + strspn(value, " \t"));
		k->variable = xstrdup(name);
		k->at = at;
	}
	free(name);
}

/* Is it NAME=value with a name of ours? */
static bool
is_ours(const char *text)
{
	const char *end = strchr(text, '=');
	const char *apart = strstr(text, APART);

	return end != NULL && apart != NULL && apart < end &&
	    strncmp(text, SHEET_VARIABLES, strlen(SHEET_VARIABLES)) == 0;
}

void
sheet_environment(struct sheet *sh, bool include)
{
	for (char **each = environ; each != NULL && *each != NULL; each++) {
		if (is_ours(*each))
			take_variable(sh, *each, include);
	}
}
