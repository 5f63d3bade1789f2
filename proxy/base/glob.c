/*
 * glob: the patterns of rules and lists.  A `*` that does not work out is
 * tried one byte further on; only the last one needs to be, which is why there
 * is no recursion and nothing exponential.
 */

#include "proxy/base/glob.h"

#include <stddef.h>

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
glob_fits(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			from = text;
		} else if (*pattern == '?' ||
		    (*pattern != '\0' && lower(*pattern) == lower(*text))) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
