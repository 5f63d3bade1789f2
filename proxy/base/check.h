#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stddef.h>

/*
 * MUST() states what cannot be false unless this program is wrong.  It is
 * never compiled out and never used on anything a peer can cause.
 */
#define MUST(cond) \
	((cond) ? (void)0 : check_failed(__FILE__, __LINE__, __func__, #cond))

/* Every long-lived struct begins with a magic number; IS() guards its doors. */
#define IS(p, MAGIC) MUST((p) != NULL && (p)->magic == (MAGIC))

_Noreturn void check_failed(
    const char *file, int line, const char *func, const char *what);

#endif
