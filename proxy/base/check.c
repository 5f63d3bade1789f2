/*
 * check: what happens when this program finds itself wrong.  One line for the
 * operator, then abort(): the parent starts another process.
 */
#include "proxy/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void
check_failed(const char *file, int line, const char *func, const char *what)
{
	char text[512];
	int n;

	n = snprintf(text, sizeof(text),
	    "sallyport[%ld] panic: %s:%d: %s: %s is not so\n", (long)getpid(),
	    file, line, func, what);
	if (n > 0 && write(2, text, (size_t)n) < 0)
		_exit(70);
	abort();
}
