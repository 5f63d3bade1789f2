#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include <stdbool.h>

/*
 * Does text fit pattern as a whole?  `*` is any bytes (none too), `?` is one
 * byte, everything else is itself; the case of ASCII letters does not count.
 * Pure; at most strlen(pattern) * strlen(text) steps.
 */
bool glob_fits(const char *pattern, const char *text);

#endif
