/*
 * schema: the option table of options.h as arrays, and the look-ups in it.
 */
#include "conf/schema.h"

#include <string.h>

#include "config.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"

/* clang-format off */
static const struct kind_row kinds[] = {
#define X(id, word, named, about) {word, named, about},
	SECTIONS(X)
#undef X
};

static const struct opt_row opts[] = {
#define X(section, id, key, type, unit, def, least, most, words, sentence) \
	{KIND_##section, #id, key, TYPE_##type, unit, def, least, most, words, \
	    sentence},
	OPTIONS(X)
#undef X
};

static const struct {
	bool list;
	const char *text;
} types[] = {
#define X(type, list, text) {list, text},
	TYPES(X)
#undef X
};
/* clang-format on */

const struct opt_row *
schema_opt(enum opt opt)
{
	MUST(opt < OPT_COUNT);
	return &opts[opt];
}

const struct kind_row *
schema_kind(enum kind kind)
{
	MUST(kind < KIND_COUNT);
	return &kinds[kind];
}

bool
schema_is_list(enum opt_type type)
{
	return types[type].list;
}

const char *
schema_type_text(enum opt_type type)
{
	return types[type].text;
}

enum kind
schema_find_kind(const char *word)
{
	enum kind kind = 0;

	while (kind < KIND_COUNT && strcmp(kinds[kind].word, word) != 0)
		kind++;
	return kind;
}

bool
schema_fits(enum opt opt, enum kind kind)
{
	enum kind home = schema_opt(opt)->kind;

	if (kind == KIND_ROUTE && home == KIND_SMTP)
		return strncmp(schema_opt(opt)->key, "next_hop", 8) == 0;
	/* A second protocol makes this a question of the listener's own. */
	return home == kind ||
	    (kind == KIND_LISTENER &&
		(home == KIND_SMTP || home == KIND_MILTER || home == KIND_FTP ||
		    home == KIND_HTTP || home == KIND_TLS));
}

enum opt
schema_find_listener_key(const char *protocol, const char *key)
{
	enum kind home = schema_find_kind(protocol);

	if (home == KIND_COUNT)
		home = KIND_SMTP; /* local: it is mail, too */
	for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
		if (opts[opt].kind == home && strcmp(opts[opt].key, key) == 0)
			return opt;
	}
	return schema_find_key(KIND_LISTENER, key);
}

enum opt
schema_find_key(enum kind kind, const char *key)
{
	enum opt found = OPT_COUNT;

	for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
		if (!schema_fits(opt, kind) || strcmp(opts[opt].key, key) != 0)
			continue;
		if (opts[opt].kind == kind)
			return opt; /* its own goes before its protocol's */
		found = opt;
	}
	return found;
}

bool
schema_word(const char *words, size_t nth, char *word, size_t size)
{
	size_t len;

	while (nth-- > 0) {
		words += strcspn(words, " ");
		words += strspn(words, " ");
	}
	len = strcspn(words, " ");
	if (len == 0)
		return false;
	MUST(len < size);
	memcpy(word, words, len);
	word[len] = '\0';
	return true;
}

int
schema_word_index(const char *words, const char *word)
{
	char each[64];

	for (int i = 0; schema_word(words, (size_t)i, each, sizeof(each));
	     i++) {
		if (strcmp(each, word) == 0)
			return i;
	}
	return -1;
}

#define DISTANCE_MAX 100 /* longer words are not compared */

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Levenshtein's, but two neighbours that changed places count once; with
 * three rows of the matrix. */
static size_t
distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t row[3][DISTANCE_MAX + 1];

	if (la > DISTANCE_MAX || lb > DISTANCE_MAX)
		return DISTANCE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		const size_t *up = row[(i - 1) % 3], *up2 = row[(i + 1) % 3];
		size_t *now = row[i % 3];

		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			now[j] = min3(up[j] + 1, now[j - 1] + 1,
			    up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && up2[j - 2] + 1 < now[j])
				now[j] = up2[j - 2] + 1;
		}
	}
	return row[la % 3][lb];
}

void
nearest_to(struct nearest *n, const char *word)
{
	size_t len = strlen(word);

	n->word = word;
	n->best[0] = '\0';
	n->distance = (len < 4 ? 1 : len / 3) + 1; /* must be nearer */
}

void
nearest_offer(struct nearest *n, const char *candidate)
{
	size_t d = distance(n->word, candidate);

	if (d >= n->distance)
		return;
	n->distance = d;
	copy_text(n->best, sizeof(n->best), candidate);
}
