/*
 * facts: a list of (field, value) over one buffer.  Values are ended by a NUL
 * so that they can be handed out as they lie; a NUL inside one becomes 0xff,
 * which no text of a peer can mean, so that nothing hides behind it.
 */

#include "scan/facts.h"

#include "proxy/base/check.h"
#include "proxy/base/mem.h"

#define FACTS_FIRST 16

/* clang-format off */
static const char *const words[] = {
#define X(field, word, ecs) word,
	FIELDS(X)
#undef X
};

static const char *const ecs_names[] = {
#define X(field, word, ecs) ecs,
	FIELDS(X)
#undef X
};
/* clang-format on */

void
facts_init(struct facts *f, size_t limit)
{
	*f = (struct facts){0};
	buf_init(&f->text, limit);
}

void
facts_free(struct facts *f)
{
	free(f->list);
	f->list = NULL;
	f->n = f->cap = 0;
	buf_free(&f->text);
}

void
facts_clear(struct facts *f)
{
	f->n = 0;
	buf_clear(&f->text);
}

static void
hide_nuls(char *at, size_t len)
{
	char *end = at + len;

	while ((at = memchr(at, '\0', (size_t)(end - at))) != NULL)
		*at++ = '\xff';
}

int
facts_addn(struct facts *f, enum field field, const char *value, size_t len)
{
	char *to = buf_room(&f->text, len + 1);

	MUST(field < FIELD_COUNT);
	if (to == NULL)
		return -1;
	if (f->n == f->cap) {
		f->cap = f->cap == 0 ? FACTS_FIRST : f->cap * 2;
		f->list = xrealloc(f->list, f->cap, sizeof(*f->list));
	}
	f->list[f->n++] =
	    (struct fact){field, (uint32_t)f->text.len, (uint32_t)len};
	memcpy(to, value, len);
	hide_nuls(to, len);
	to[len] = '\0';
	buf_grew(&f->text, len + 1);
	return 0;
}

int
facts_add(struct facts *f, enum field field, const char *value)
{
	return facts_addn(f, field, value, strlen(value));
}

int
facts_set(struct facts *f, enum field field, const char *value)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (f->list[i].field != field)
			f->list[kept++] = f->list[i];
	}
	f->n = kept;
	return facts_add(f, field, value);
}

const char *
facts_get(const struct facts *f, enum field field, size_t nth)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->list[i].field == field && nth-- == 0)
			return buf_at(&f->text) + f->list[i].at;
	}
	return NULL;
}

size_t
facts_count(const struct facts *f, enum field field)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->list[i].field == field;
	return n;
}

int
facts_client(const struct facts *f, struct addr *a_r)
{
	const char *text = facts_get(f, FIELD_CLIENT, 0);

	if (text == NULL)
		return -1;
	if (strncmp(text, "unix", 4) == 0) {
		*a_r = (struct addr){.len = sizeof(sa_family_t)};
		a_r->ss.ss_family = AF_UNIX;
		return 0;
	}
	if (addr_number(text, 0, a_r) == 0)
		return 0;
	return addr_parse(text, a_r, NULL);
}

const char *
field_word(enum field field)
{
	MUST(field < FIELD_COUNT);
	return words[field];
}

const char *
field_ecs(enum field field)
{
	MUST(field < FIELD_COUNT);
	return ecs_names[field];
}
