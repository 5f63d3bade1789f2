/*
 * armoury: the program that loads the engines and has scan workers forked off
 * it: in the gateway's service, or once for `sallyport scan`.  It is the one
 * program of the three that is linked with libclamav and libarchive.
 */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "proxy/base/log.h"
#include "proxy/base/proctitle.h"
#include "scan/armoury.h"

enum option_id {
	DO_SERVE = 1,
	DO_SCAN,
	DO_SELF_TEST,
	SET_GENERATION,
	SET_NET,
	SET_FIRST_SLOT,
	SET_JSON,
	SET_MAIL,
	SET_WIRE,
	SET_CONF_FD,
	SET_TEMPORARY
};

static const struct option options[] = {
    {"serve", no_argument, NULL, DO_SERVE},
    {"scan", no_argument, NULL, DO_SCAN},
    {"self-test-jail", no_argument, NULL, DO_SELF_TEST},
    {"generation", required_argument, NULL, SET_GENERATION},
    {"net", required_argument, NULL, SET_NET},
    {"first-slot", required_argument, NULL, SET_FIRST_SLOT},
    {"json", no_argument, NULL, SET_JSON},
    {"mail", no_argument, NULL, SET_MAIL},
    {"wire", no_argument, NULL, SET_WIRE},
    {"conf-fd", required_argument, NULL, SET_CONF_FD},
    {"temporary", required_argument, NULL, SET_TEMPORARY},
    {NULL, 0, NULL, 0},
};

static int
usage(void)
{
	fputs("sallyport-armoury is started by sallyportd and by "
	      "sallyport; see sallyport(1).\n",
	    stderr);
	return EX_USAGE;
}

/* A number up to most; ends the program otherwise: nobody types these. */
static uint32_t
number(const char *text, uint32_t most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n > most)
		exit(usage());
	return (uint32_t)n;
}

static int
take_option(int option, struct armoury_args *a, int mode)
{
	switch (option) {
	case DO_SERVE:
	case DO_SCAN:
	case DO_SELF_TEST:
		return option;
	case SET_GENERATION:
		a->generation = number(optarg, UINT32_MAX);
		return mode;
	case SET_NET:
		a->nets = number(optarg, NET_WORKERS_MAX);
		return mode;
	case SET_FIRST_SLOT:
		a->first_slot = number(optarg, SLOTS_MAX - 1);
		return mode;
	case SET_JSON:
		a->json = true;
		return mode;
	case SET_MAIL:
		a->mail = true;
		return mode;
	case SET_WIRE:
		a->wire = true;
		return mode;
	case SET_CONF_FD:
		a->conf_fd = (int)number(optarg, INT32_MAX);
		return mode;
	case SET_TEMPORARY:
		a->temporary = optarg;
		return mode;
	default:
		exit(usage());
	}
}

/* A delivery agent's standard error goes into a bounce. */
static enum log_level
level_of(int mode, bool wire)
{
	if (mode == DO_SERVE)
		return LOG_INFO_;
	return wire ? LOG_ERROR_ : LOG_WARN_;
}

int
main(int argc, char **argv)
{
	struct armoury_args a = {.conf_fd = -1};
	int option, mode = 0;

	proctitle_init(argc, argv);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		mode = take_option(option, &a, mode);
	a.files = argv + optind;
	a.n_files = argc - optind;
	log_setup(level_of(mode, a.wire), "armoury");
	if (mode == DO_SERVE && a.n_files == 0)
		return armoury_serve(&a);
	if (mode == DO_SCAN && a.n_files > 0)
		return armoury_scan(&a);
	if (mode == DO_SELF_TEST && a.n_files == 0)
		return armoury_self_test(&a);
	return usage();
}
