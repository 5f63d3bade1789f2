/*
 * blocked: findings out of facts: what a protocol knows about a content and
 * the policy does not want.
 */

#include "scan/blocked.h"

#include "proxy/base/mem.h"
#include "scan/kinds.h"

int
blocked_check_types(const struct words *w, const struct conf *c,
    const struct conf_section *s, enum opt opt, struct err *e)
{
	for (size_t i = 0; i < w->n; i++) {
		if (strpbrk(w->list[i], "/*?") == NULL &&
		    !kinds_know(w->list[i]))
			return err_set(e,
			    "%s: %s: no such type: %.60s (a media type has a "
			    "slash)",
			    conf_origin(c, s, opt), schema_opt(opt)->key,
			    w->list[i]);
	}
	return 0;
}

int
blocked_read(struct blocked *b, const struct conf *c,
    const struct conf_section *s, struct err *e)
{
	words_read(&b->urls, c, s, OPT_POLICY_BLOCKED_URLS);
	words_read(&b->names, c, s, OPT_POLICY_BLOCKED_NAMES);
	words_read(&b->types, c, s, OPT_POLICY_BLOCKED_TYPES);
	return blocked_check_types(
	    &b->types, c, s, OPT_POLICY_BLOCKED_TYPES, e);
}

void
blocked_free(struct blocked *b)
{
	words_free(&b->urls);
	words_free(&b->names);
	words_free(&b->types);
}

/* The first pattern that fits a value of field; *value_r is that value. */
static const char *
find_in(const struct words *w, const struct facts *f, enum field field,
    const char **value_r)
{
	const char *found;

	for (size_t i = 0; w->n > 0 && i < f->n; i++) {
		if (f->list[i].field != field)
			continue;
		*value_r = buf_at(&f->text) + f->list[i].at;
		found = field == FIELD_URL ? words_find_url(w, *value_r)
					   : words_find(w, *value_r);
		if (found != NULL)
			return found;
	}
	return NULL;
}

const char *
blocked_type(const struct words *w, const struct facts *f)
{
	const char *value;
	const char *found = find_in(w, f, FIELD_DETECTED, &value);

	return found != NULL ? found : find_in(w, f, FIELD_TYPE, &value);
}

static unsigned
put(struct finding *to, enum finding_kind kind, const char *pattern,
    const char *where)
{
	if (pattern == NULL)
		return 0;
	*to = (struct finding){.kind = kind};
	copy_text(to->engine, sizeof(to->engine), "policy");
	copy_text(to->what, sizeof(to->what), pattern);
	copy_text(to->where, sizeof(to->where), where);
	return 1;
}

unsigned
blocked_find(const struct blocked *b, const struct facts *f,
    struct finding found_r[BLOCKED_MAX])
{
	const char *name = facts_get(f, FIELD_NAME, 0);
	const char *where = "", *pattern;
	unsigned n = 0;

	pattern = find_in(&b->urls, f, FIELD_URL, &where);
	n += put(&found_r[n], FOUND_URL, pattern, where);
	pattern = find_in(&b->names, f, FIELD_NAME, &where);
	n += put(&found_r[n], FOUND_NAME, pattern, where);
	pattern = blocked_type(&b->types, f);
	n += put(&found_r[n], FOUND_TYPE, pattern, name == NULL ? "" : name);
	return n;
}
