/*
 * main: sallyportd's command line, and the one list of protocols.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "conf/conf.h"
#include "protocols/protocols.h"
#include "proxy/base/log.h"
#include "proxy/base/proctitle.h"
#include "proxy/doors.h"
#include "proxy/parent.h"
#include "proxy/protocol.h"

const struct protocol *const protocols[] = {
    &smtp_protocol,
    &milter_protocol,
    &local_protocol,
    &ftp_protocol,
    &http_protocol,
    NULL,
};

struct args {
	const char *config; /* NULL: where it was installed */
	bool check, dump, changed, version, help;
};

static const struct {
	const char *word;
	size_t at; /* of a bool in struct args */
} switches[] = {
    {"--check", offsetof(struct args, check)},
    {"--dump-config", offsetof(struct args, dump)},
    {"--changed", offsetof(struct args, changed)},
    {"--version", offsetof(struct args, version)},
    {"--help", offsetof(struct args, help)},
};

static void
usage(FILE *out)
{
	fputs("usage: sallyportd [--config FILE] [--check | --dump-config "
	      "[--changed] | --version]\n",
	    out);
}

static bool
take_switch(struct args *a, const char *word)
{
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (strcmp(word, switches[i].word) != 0)
			continue;
		*(bool *)((char *)a + switches[i].at) = true;
		return true;
	}
	return false;
}

static int
parse_args(struct args *a, int argc, char **argv)
{
	memset(a, 0, sizeof(*a));
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			a->config = argv[++i];
		else if (strncmp(argv[i], "--config=", 9) == 0)
			a->config = argv[i] + 9;
		else if (!take_switch(a, argv[i])) {
			fprintf(stderr, "sallyportd: unknown argument: %s\n",
			    argv[i]);
			return -1;
		}
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a;
	struct conf *conf;

	proctitle_init(argc, argv);
	doors_inherit();
	log_setup(LOG_INFO_, "parent");
	if (parse_args(&a, argc, argv) < 0) {
		usage(stderr);
		return EX_USAGE;
	}
	if (a.help) {
		usage(stdout);
		return 0;
	}
	if (a.version) {
		printf("sallyportd %s\n", SALLYPORT_VERSION);
		return 0;
	}
	conf = conf_load(a.config, stderr);
	if (conf == NULL || parent_check(conf, stderr) < 0) {
		conf_free(&conf);
		return EX_CONFIG;
	}
	if (conf_is_embedded(conf))
		fprintf(stderr,
		    "sallyportd: there is no %s: the embedded defaults are "
		    "in force\n",
		    CONF_DEFAULT_PATH);
	if (a.dump)
		conf_dump(conf, a.changed, stdout);
	if (a.check)
		puts("The configuration is good.");
	if (a.dump || a.check) {
		conf_free(&conf);
		return 0;
	}
	return parent_run(&conf, a.config);
}
