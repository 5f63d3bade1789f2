/*
 * tool_scan: `sallyport scan` becomes the armoury, whose jail and pipeline are
 * the gateway's.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/mem.h"
#include "proxy/tool.h"

#define ARMOURY "sallyport-armoury"
#define SCAN_ERROR 2 /* see sallyport(1) */

const char *
tool_armoury(void)
{
	static char path[PATH_MAX];
	const size_t room = sizeof(path) - sizeof(ARMOURY);
	ssize_t n = readlink("/proc/self/exe", path, room);
	char *slash;

	if (n <= 0 || (size_t)n >= room)
		return LIBEXECDIR "/" ARMOURY;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL)
		return LIBEXECDIR "/" ARMOURY;
	copy_text(slash + 1, sizeof(ARMOURY), ARMOURY);
	return access(path, X_OK) == 0 ? path : LIBEXECDIR "/" ARMOURY;
}

int
tool_conf_fd(const struct conf *conf, char *to)
{
	struct err e;
	int fd = conf_to_fd(conf, &e);

	if (fd < 0 || fcntl(fd, F_SETFD, 0) < 0) {
		fprintf(stderr, "sallyport: configuration: %s\n",
		    fd < 0 ? e.text : strerror(errno));
		return -1;
	}
	(void)snprintf(to, TOOL_FD_TEXT, "%d", fd);
	return fd;
}

/* Everything that was read, for the program that comes after us. */
static int
conf_number(const char *config, char *to)
{
	struct conf *conf = conf_load(config, stderr);
	int done;

	if (conf == NULL)
		return -1; /* it said why */
	done = tool_conf_fd(conf, to);
	conf_free(&conf);
	return done;
}

static int
become_armoury(const char *config, bool json, char **files, int n)
{
	char name[] = ARMOURY, scan[] = "--scan", conf[] = "--conf-fd";
	char as_json[] = "--json", end[] = "--", fd[TOOL_FD_TEXT];
	char **argv;
	size_t i = 0;

	if (conf_number(config, fd) < 0)
		return SCAN_ERROR;
	argv = xcalloc((size_t)n + 8, sizeof(*argv));
	argv[i++] = name;
	argv[i++] = scan;
	argv[i++] = conf;
	argv[i++] = fd;
	if (json)
		argv[i++] = as_json;
	argv[i++] = end;
	memcpy(argv + i, files, (size_t)n * sizeof(*argv));
	execv(tool_armoury(), argv);
	fprintf(stderr, "sallyport scan: %s: %s\n", tool_armoury(),
	    strerror(errno));
	free(argv);
	return SCAN_ERROR;
}

int
tool_scan(int argc, char **argv)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'},
	    {"config", required_argument, NULL, 'c'},
	    {NULL, 0, NULL, 0},
	};
	const char *config = NULL;
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'j')
			json = true;
		else if (option == 'c')
			config = optarg;
		else
			return tool_usage(stderr, EX_USAGE);
	}
	if (optind == argc)
		return tool_usage(stderr, EX_USAGE);
	return become_armoury(config, json, argv + optind, argc - optind);
}
