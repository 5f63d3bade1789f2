/*
 * tool_status: `sallyport status`: what the gateway has counted so far.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/mem.h"
#include "proxy/stats_read.h"
#include "proxy/tool.h"

struct wish {
	const char *config; /* NULL: the installed one, where we may read it */
	enum stats_form form;
	bool zeros;
};

static const int exits[] = {
    [STATS_NOBODY] = EX_UNAVAILABLE,
    [STATS_NOT_ALLOWED] = EX_NOPERM,
    [STATS_NOT_OURS] = EX_DATAERR,
};

/* Whoever may see the counters need not be one who may read the
 * configuration: then it is where it was installed. */
static char *
runtime_dir(const char *config)
{
	struct conf *conf;
	char *dir;

	if (config == NULL && access(CONF_DEFAULT_PATH, R_OK) < 0)
		return xstrdup(RUNTIMEDIR);
	conf = conf_load(config, stderr);
	if (conf == NULL)
		return NULL; /* it said why */
	dir = xstrdup(conf_str(conf, NULL, OPT_GATEWAY_RUNTIME_DIR));
	conf_free(&conf);
	return dir;
}

static int
show(const struct wish *w)
{
	char *dir = runtime_dir(w->config);
	struct stats_view *v;
	enum stats_no why;
	struct err e;

	if (dir == NULL)
		return EX_CONFIG;
	v = stats_look(dir, &why, &e);
	free(dir);
	if (v == NULL) {
		fprintf(stderr, "sallyport status: %s\n", e.text);
		return exits[why];
	}
	stats_print(v, w->form, w->zeros, stdout);
	stats_look_away(&v);
	if (fflush(stdout) == 0)
		return EX_OK;
	fprintf(stderr, "sallyport status: %s\n", strerror(errno));
	return EX_IOERR;
}

int
tool_status(int argc, char **argv)
{
	static const struct option options[] = {
	    {"all", no_argument, NULL, 'a'},
	    {"config", required_argument, NULL, 'c'},
	    {"json", no_argument, NULL, 'j'},
	    {"prometheus", no_argument, NULL, 'p'},
	    {NULL, 0, NULL, 0},
	};
	struct wish w = {.form = STATS_AS_TEXT};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'a')
			w.zeros = true;
		else if (option == 'c')
			w.config = optarg;
		else if (option == 'j')
			w.form = STATS_AS_JSON;
		else if (option == 'p')
			w.form = STATS_AS_PROMETHEUS;
		else
			return tool_usage(stderr, EX_USAGE);
	}
	if (optind < argc)
		return tool_usage(stderr, EX_USAGE);
	return show(&w);
}
