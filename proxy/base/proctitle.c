/*
 * proctitle: writes what ps shows over the arguments the kernel gave us.
 */
#include "proxy/base/proctitle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "proxy/base/mem.h"

extern char **environ;

static char *room;
static size_t room_size;

void
proctitle_init(int argc, char **argv)
{
	static char *text; /* one piece: unsetenv() may not lose a part of it */
	char *end = argv[0], *at;
	size_t n = 0, size = 0;
	char **moved;

	for (int i = 0; i < argc; i++) {
		if (argv[i] == end)
			end = argv[i] + strlen(argv[i]) + 1;
	}
	for (; environ[n] != NULL; n++) {
		if (environ[n] == end)
			end = environ[n] + strlen(environ[n]) + 1;
		size += strlen(environ[n]) + 1;
	}
	moved = xcalloc(n + 1, sizeof(*moved));
	text = xcalloc(size + 1, 1);
	at = text;
	for (size_t i = 0; i < n; i++) {
		moved[i] = at;
		at = stpcpy(at, environ[i]) + 1;
	}
	environ = moved;
	room = argv[0];
	room_size = (size_t)(end - argv[0]);
}

void
proctitle_set(const char *fmt, ...)
{
	char title[128];
	const char *comm = title;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(title, sizeof(title), fmt, ap);
	va_end(ap);
	if (room != NULL && room_size > 1) {
		memset(room, 0, room_size);
		copy_text(room, room_size, title);
	}
	if (strncmp(title, "sallyportd: ", 12) == 0)
		comm = title + 12;
	prctl(PR_SET_NAME, comm);
}
