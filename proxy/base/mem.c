/*
 * mem: memory that is there or the process ends.
 */
#include "proxy/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/check.h"

void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n == 0 ? 1 : n, size == 0 ? 1 : size);

	MUST(p != NULL);
	return p;
}

void *
xrealloc(void *p, size_t n, size_t size)
{
	void *q;

	MUST(n > 0 && size > 0 && n <= SIZE_MAX / size);
	q = realloc(p, n * size);
	MUST(q != NULL);
	return q;
}

char *
xstrndup(const char *s, size_t len)
{
	char *copy = xcalloc(len + 1, 1);

	memcpy(copy, s, len);
	return copy;
}

char *
xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	MUST(n >= 0);
	return text;
}

size_t
copy_text(char *to, size_t size, const char *s)
{
	size_t len = strlen(s), n = len < size ? len : size - 1;

	MUST(size > 0);
	memcpy(to, s, n);
	to[n] = '\0';
	return len;
}
