#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/schema.h"
#include "proxy/base/err.h"

/*
 * conf: a configuration in force: every option of every section with its
 * value and where that came from.  Made whole or not at all, then immutable.
 */
struct conf;
struct conf_section;

/*
 * Reads path (NULL: CONF_DEFAULT_PATH, and the embedded default text when no
 * such file is there), what its [include] names, and the environment.  Every
 * error is printed to errors as `file:line: text`; NULL when there was one.
 */
struct conf *conf_load(const char *path, FILE *errors);

/* The same from text that is called name in errors; env says whether
 * SALLYPORT_* counts.  For tests, fuzzers and the embedded defaults. */
struct conf *conf_from_text(
    const char *name, const char *text, size_t len, bool env, FILE *errors);

void conf_free(struct conf **cp);

/* Is it the embedded default text, for want of a file? */
bool conf_is_embedded(const struct conf *c);

/*
 * The whole of it as a sealed memfd, for another process; and back.  -1 / NULL
 * with words.  conf_from_fd() reads from offset 0 and leaves fd open.
 */
int conf_to_fd(const struct conf *c, struct err *e);
struct conf *conf_from_fd(int fd, struct err *e);

/*
 * As INI, `key = value  ; origin`.  Fed back it gives the same values, and the
 * same dump but for the origins.  changed_only: what is not the default.
 */
void conf_dump(const struct conf *c, bool changed_only, FILE *out);

/* [kind name]: kind "listener", name "mail-in"; name "" for plain ones, which
 * are always there.  NULL: no such section. */
const struct conf_section *conf_section(
    const struct conf *c, const char *kind, const char *name);

/* All sections of a kind in file order: pass NULL first; NULL ends it. */
const struct conf_section *conf_next(
    const struct conf *c, const char *kind, const struct conf_section *after);
const char *conf_name(const struct conf_section *s);

/*
 * The value of an option.  s is the section it is asked of; NULL: the plain
 * section the option lives in ([scan], [gateway], ...).  Asked of a [listener]
 * an option of its protocol's section gives the listener's own value if it has
 * one, else [smtp]'s.  Sizes are bytes, times milliseconds, yes/no 1/0, words
 * their index in the option's list of words.  The type MUST fit.
 */
int64_t conf_int(
    const struct conf *c, const struct conf_section *s, enum opt opt);
const char *conf_str(
    const struct conf *c, const struct conf_section *s, enum opt opt);
/* The chosen word itself; "" when the option was not given and has none. */
const char *conf_word(
    const struct conf *c, const struct conf_section *s, enum opt opt);

/* "none" is an empty list.  Returns how many; *list_r lives as c does. */
size_t conf_list(const struct conf *c, const struct conf_section *s,
    enum opt opt, const char *const **list_r);

/* Was it set at all, in s or where s takes it from?  An option without a
 * default (those of [rule]) that was not: conf_int() is -1, lists are empty. */
bool conf_given(
    const struct conf *c, const struct conf_section *s, enum opt opt);

/* "file:line", "environment", "default"; for messages of those who read it. */
const char *conf_origin(
    const struct conf *c, const struct conf_section *s, enum opt opt);

/*
 * True when a and b have the same sections of that kind, in the same order, and
 * every option that may stand there has the same value in both.
 */
bool conf_same(const struct conf *a, const struct conf *b, const char *kind);

#endif
