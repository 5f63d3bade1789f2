#ifndef SCAN_WORDS_H
#define SCAN_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

/*
 * words: a list of patterns out of a configuration, and what fits one of them.
 */
struct words {
	char **list;
	size_t n; /* 0: nobody asks */
};

/* Copies what the option says. */
void words_read(struct words *to, const struct conf *c,
    const struct conf_section *s, enum opt opt);
void words_free(struct words *w);

/* The pattern that fits all of text; NULL: none.  "<>" is the empty text. */
const char *words_find(const struct words *w, const char *text);

/*
 * The same for a URL.  A pattern with "://" is for all of it; one with a slash
 * for what follows the scheme; one without for the host alone.
 */
const char *words_find_url(const struct words *w, const char *url);

#endif
