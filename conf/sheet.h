#ifndef CONF_SHEET_H
#define CONF_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "conf/schema.h"

/*
 * sheet: what was written, before it is asked what it means: sections and
 * keys as text with the place each came from, and every error so far.
 */

/* Where something was written.  line 0: the file, or "environment", alone. */
struct place {
	const char *file; /* interned by the sheet, then by the conf */
	unsigned line;
};

struct raw_key {
	char *key;
	char *value; /* as the reader gives it */
	struct place at;
	char *variable; /* the environment's; NULL: it is from a file */
};

struct raw_section {
	enum kind kind;
	char *name; /* "" for plain ones */
	struct place at;
	struct raw_key *keys;
	size_t n;
};

struct sheet {
	FILE *errors;
	unsigned wrong;
	struct raw_section *sections;
	size_t n;
	char **files;
	size_t nfiles;
	/* while a file is taken */
	const char *file;
	struct raw_section *now; /* NULL: in a section that is not known */
};

void sheet_init(struct sheet *sh, FILE *errors);
void sheet_free(struct sheet *sh); /* files, too, unless they were taken */

/* The same pointer for the same name, as long as the sheet and its conf. */
const char *sheet_file(struct sheet *sh, const char *name);

/* Prints `file:line: text`, and counts. */
void sheet_wrong(struct sheet *sh, const struct place *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes the bytes of a file, called name. */
void sheet_take(
    struct sheet *sh, const char *name, const char *text, size_t len);

/* NULL: there is none. */
struct raw_section *sheet_section(
    struct sheet *sh, enum kind kind, const char *name);
struct raw_key *sheet_key(struct raw_section *s, const char *key);

/* Adds a key.  value is the sheet's from now on. */
struct raw_key *sheet_add(
    struct raw_section *s, const char *key, char *value, struct place at);

/*
 * What the process's environment says wins over the files.  Twice: only
 * [include], then all the rest.
 */
#define SHEET_VARIABLES "SALLYPORT_"
void sheet_environment(struct sheet *sh, bool include);

/* A section as the environment calls it, "LISTENER_MAIL_IN", into to[]. */
#define SHEET_VARIABLE_MAX 160
void sheet_variable(
    enum kind kind, const char *name, char to[SHEET_VARIABLE_MAX]);

/* "[listener mail-in]" into to[]. */
void sheet_title(enum kind kind, const char *name, char to[SHEET_VARIABLE_MAX]);

#endif
