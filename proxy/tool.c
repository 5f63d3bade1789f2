/*
 * tool: the program `sallyport`, for operators.  It knows the configuration
 * and little else: `scan` becomes the armoury, whose jail and pipeline are the
 * gateway's.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/err.h"
#include "proxy/base/mem.h"

#define ARMOURY "sallyport-armoury"
#define SCAN_ERROR 2 /* see sallyport(1) */

static int
usage(FILE *out, int status)
{
	fputs("usage: sallyport scan [--json] [--config FILE] FILE...\n"
	      "       sallyport version\n"
	      "scan looks at files as the gateway would (-: standard input)\n"
	      "and exits with 0: clean, 1: something was found, 2: error.\n",
	    out);
	return status;
}

/* In a build tree beside this program, else where it was installed. */
static const char *
armoury_path(void)
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

/* Everything that was read, for the program that comes after us. */
static int
conf_number(const char *config, char *to, size_t size)
{
	struct conf *conf = conf_load(config, stderr);
	struct err e;
	int fd;

	if (conf == NULL)
		return -1; /* it said why */
	fd = conf_to_fd(conf, &e);
	conf_free(&conf);
	if (fd < 0 || fcntl(fd, F_SETFD, 0) < 0) {
		fprintf(stderr, "sallyport scan: configuration: %s\n",
		    fd < 0 ? e.text : strerror(errno));
		return -1;
	}
	snprintf(to, size, "%d", fd);
	return 0;
}

static int
become_armoury(const char *config, bool json, char **files, int n)
{
	char name[] = ARMOURY, scan[] = "--scan", conf[] = "--conf-fd";
	char as_json[] = "--json", end[] = "--", fd[16];
	char **argv;
	size_t i = 0;

	if (conf_number(config, fd, sizeof(fd)) < 0)
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
	execv(armoury_path(), argv);
	fprintf(stderr, "sallyport scan: %s: %s\n", armoury_path(),
	    strerror(errno));
	free(argv);
	return SCAN_ERROR;
}

static int
do_scan(int argc, char **argv)
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
			return usage(stderr, EX_USAGE);
	}
	if (optind == argc)
		return usage(stderr, EX_USAGE);
	return become_armoury(config, json, argv + optind, argc - optind);
}

static int
do_version(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return usage(stderr, EX_USAGE);
	puts("sallyport " SALLYPORT_VERSION);
	return EX_OK;
}

static int
do_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return usage(stdout, EX_OK);
}

static const struct {
	const char *word;
	int (*run)(int argc, char **argv);
} commands[] = {
    {"scan", do_scan},
    {"version", do_version},
    {"--version", do_version},
    {"help", do_help},
    {"--help", do_help},
};

int
main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (argc > 1 && strcmp(argv[1], commands[i].word) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	if (argc > 1)
		fprintf(stderr, "sallyport: no such command: %s\n", argv[1]);
	return usage(stderr, EX_USAGE);
}
