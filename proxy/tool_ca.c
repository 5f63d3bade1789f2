/*
 * tool_ca: `sallyport ca` becomes the program that has to do with the CA.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "proxy/base/mem.h"
#include "proxy/child.h"
#include "proxy/signer.h"
#include "proxy/tool.h"

int
tool_ca(int argc, char **argv)
{
	char name[] = SIGNER_PROGRAM, path[PATH_MAX];
	char **words = xcalloc((size_t)argc + 1, sizeof(*words));

	if (argc < 2 || argv[1][0] == '-') {
		free(words);
		return tool_usage(stderr, EX_USAGE);
	}
	words[0] = name;
	memcpy(words + 1, argv + 1, (size_t)(argc - 1) * sizeof(*words));
	child_program(SIGNER_PROGRAM, path);
	execv(path, words);
	fprintf(stderr, "sallyport ca: %s: %s\n", path, strerror(errno));
	free(words);
	return EX_OSFILE;
}
