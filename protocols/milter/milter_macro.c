/*
 * milter_macro: names and values that come before a step.  Pure.  A name is
 * "i" or "{tls_version}"; those we do not know are passed over.
 */

#include "protocols/milter/milter_macro.h"

#include "protocols/milter/milter_parse.h"
#include "protocols/milter/milter_wire.h"

/* clang-format off */
static const char *const names[] = {
#define X(id, name) name,
	MACROS(X)
#undef X
};
/* clang-format on */

static struct slice
without_braces(struct slice name)
{
	if (name.len >= 2 && name.at[0] == '{' && name.at[name.len - 1] == '}')
		return (struct slice){name.at + 1, name.len - 2};
	return name;
}

static void
keep(struct milter_macros *m, char step, struct slice name, struct slice value)
{
	name = without_braces(name);
	for (size_t i = 0; i < MACRO_COUNT; i++) {
		if (!slice_is(name, names[i]))
			continue;
		m->list[i].step = step;
		(void)slice_copy(
		    value, m->list[i].text, sizeof(m->list[i].text));
	}
}

static void
forget(struct milter_macros *m, char step)
{
	for (size_t i = 0; i < MACRO_COUNT; i++) {
		if (m->list[i].step == step)
			m->list[i].step = 0;
	}
}

bool
milter_macros_take(struct milter_macros *m, struct slice data)
{
	struct slice name, value;
	char step;

	if (data.len < 1 || data.at[0] == '\0')
		return false;
	step = data.at[0];
	data = slice_skip(data, 1);
	forget(m, step);
	while (data.len > 0) {
		if (!milter_text(&data, &name))
			return false;
		/* Sendmail ends some lists with a lone NUL. */
		if (name.len == 0 && data.len == 0)
			break;
		if (!milter_text(&data, &value))
			return false;
		keep(m, step, name, value);
	}
	return true;
}

const char *
milter_macro(const struct milter_macros *m, enum milter_macro_is which)
{
	return m->list[which].step == 0 ? NULL : m->list[which].text;
}

void
milter_macros_forget(struct milter_macros *m, bool all)
{
	for (size_t i = 0; i < MACRO_COUNT; i++) {
		char step = m->list[i].step;

		if (all || (step != MILTER_CONNECT && step != MILTER_HELO))
			m->list[i].step = 0;
	}
}
