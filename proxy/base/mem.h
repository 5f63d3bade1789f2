#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/*
 * Memory that is there or the process ends: its parent starts another.  For
 * what a peer can make large there are limits (buf, spool), not these.
 */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size); /* n * size, checked */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Copies s with its NUL, cut to fit.  Returns the length of s. */
size_t copy_text(char *to, size_t size, const char *s);

#endif
