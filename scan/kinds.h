#ifndef SCAN_KINDS_H
#define SCAN_KINDS_H

#include <stdbool.h>

#include "scan/content.h"
#include "scan/facts.h"

/*
 * kinds: the words that rules have for what a content is, by its own bytes:
 * that of type.h, and "exe", "scr", "dll", "msi" for what Windows runs.
 */

/* Adds each of them as FIELD_DETECTED. */
void kinds_tell(const struct content *c, struct facts *f);

/* Is there such a word? */
bool kinds_know(const char *word);

#endif
