#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/options.h"

/*
 * schema: the option table as C sees it: OPT_SMTP_NEXT_HOP is [smtp] next_hop,
 * OPT_ENGINE_DATABASE is database of any [engine ...].
 */

/* clang-format off */
/*	type		list?	what stands in sallyport.ini(5) */
#define TYPES(X) \
	X(BOOL,		false,	"yes or no") \
	X(INT,		false,	"number") \
	X(SIZE,		false,	"size") \
	X(TIME,		false,	"time") \
	X(PERCENT,	false,	"percentage") \
	X(WORD,		false,	"word") \
	X(STRING,	false,	"text") \
	X(PATH,		false,	"path") \
	X(LIST,		true,	"list") \
	X(ADDRESSES,	true,	"list of addresses") \
	X(NETWORKS,	true,	"list of networks")

enum opt_type {
#define X(type, list, text) TYPE_##type,
	TYPES(X)
#undef X
};

enum kind {
#define X(id, word, named, about) KIND_##id,
	SECTIONS(X)
#undef X
	KIND_COUNT
};

enum opt {
#define X(section, id, key, type, unit, def, least, most, words, sentence) \
	OPT_##section##_##id,
	OPTIONS(X)
#undef X
	OPT_COUNT
};
/* clang-format on */

struct kind_row {
	const char *word; /* "listener" */
	bool named;       /* [listener NAME], any number of them */
	const char *about;
};

struct opt_row {
	enum kind kind;
	const char *id;  /* "NEXT_HOP", for the environment */
	const char *key; /* "next_hop" */
	enum opt_type type;
	const char *unit; /* what a number counts; "" for others */
	const char *def;  /* REQUIRED, UNSET, or as it is written in a file */
	int64_t least, most;
	const char *words; /* apart by blanks; "": any */
	const char *sentence;
};

/* opt and kind MUST be one of the table's. */
const struct opt_row *schema_opt(enum opt opt);
const struct kind_row *schema_kind(enum kind kind);

bool schema_is_list(enum opt_type type);
const char *schema_type_text(enum opt_type type);

/* KIND_COUNT / OPT_COUNT: no such word. */
enum kind schema_find_kind(const char *word);
enum opt schema_find_key(enum kind kind, const char *key);

/* The same of a [listener] with that protocol, whose own section goes before
 * others that have such a key, too. */
enum opt schema_find_listener_key(const char *protocol, const char *key);

/* May opt stand in a section of kind?  Its own, or a [listener] that takes
 * what its protocol's section has. */
bool schema_fits(enum opt opt, enum kind kind);

/* The nth of words into word[size]; false: there are no more. */
bool schema_word(const char *words, size_t nth, char *word, size_t size);

/* The place of word in words; -1: it is none of them. */
int schema_word_index(const char *words, const char *word);

/*
 * "did you mean": the nearest of what was offered, by edit distance.  Begin
 * with nearest_to(), offer each candidate; best stays "" when none is near.
 */
struct nearest {
	const char *word;
	size_t distance;
	char best[128];
};

void nearest_to(struct nearest *n, const char *word);
void nearest_offer(struct nearest *n, const char *candidate);

#endif
