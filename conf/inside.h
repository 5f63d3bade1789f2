#ifndef CONF_INSIDE_H
#define CONF_INSIDE_H

#include "conf/conf.h"
#include "conf/sheet.h"

/*
 * inside: what a conf is made of; for conf/ alone.  A section holds what was
 * given; what was not is in defaults.
 */

#define CONF_MAGIC 0x636f6e66u

struct value {
	enum opt opt;
	struct place at;
	int64_t number;
	char
	    *text; /* as written, on one line; quotes of a list's entries too */
	char **list; /* NULL-ended */
	size_t n;
};

struct conf_section {
	enum kind kind;
	char *name;
	struct place at;
	struct value *values; /* in the table's order */
	size_t n;
};

struct conf {
	uint32_t magic;
	bool embedded;
	char **files; /* the names that places point to */
	size_t nfiles;
	struct conf_section *sections; /* in file order; plain ones first */
	size_t n;
	struct value defaults[OPT_COUNT];
};

/*
 * Reads raw as opt's value.  What is wrong with it is said to sh, with who
 * (key or variable) in front; the value is whole in any case.
 */
void value_make(struct sheet *sh, enum opt opt, const char *who,
    const char *raw, struct place at, struct value *v_r);
void value_clear(struct value *v);

/* What it is worth, not how it was written. */
bool value_same(const struct value *a, const struct value *b);

/* A conf with its defaults and nothing else. */
struct conf *conf_empty(void);

/* The sheet's sections as a conf; errors are said to sh. */
struct conf *conf_resolve(struct sheet *sh);

/* What only two values together can be wrong about. */
void conf_check(const struct conf *c, struct sheet *sh);

/* False for what is REQUIRED or UNSET; the gateway's name has the host's. */
bool conf_has_default(const struct conf *c, enum opt opt);

/* NULL: s does not say it itself. */
const struct value *conf_own(const struct conf_section *s, enum opt opt);

#endif
