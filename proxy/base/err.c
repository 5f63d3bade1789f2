/*
 * err: words for an operator, kept by the caller.
 */
#include "proxy/base/err.h"

#include <stdarg.h>
#include <stdio.h>

int
err_set(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}
