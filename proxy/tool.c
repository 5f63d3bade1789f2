/*
 * tool: the program `sallyport`, for operators and for delivery agents.  Its
 * commands have files of their own; here is their table.
 */
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/tool.h"

static int
do_version(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return tool_usage(stderr, EX_USAGE);
	puts("sallyport " SALLYPORT_VERSION);
	return EX_OK;
}

static int
do_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return tool_usage(stdout, EX_OK);
}

static const struct {
	const char *word;
	int (*run)(int argc, char **argv);
	const char *usage; /* NULL: not in the summary */
} commands[] = {
    {"status", tool_status,
	"status [--json | --prometheus] [--all] [--config FILE]"},
    {"scan", tool_scan, "scan [--json] [--config FILE] FILE..."},
    {"deliver", tool_deliver,
	"deliver [-f SENDER] [-d RECIPIENT]... [OPTION]... -- COMMAND..."},
    {"filter", tool_filter, "filter [-f SENDER] [-d RECIPIENT]... [OPTION]..."},
    {"qmail-queue", tool_qmail_queue,
	"qmail-queue [--next PROGRAM] [OPTION]..."},
    {"quarantine", tool_quarantine,
	"quarantine list|show ID...|delete ID... [--json] [--config FILE]"},
    {"ca", tool_ca, "ca create|show|export [OPTION]..."},
    {"version", do_version, "version"},
    {"--version", do_version, NULL},
    {"help", do_help, NULL},
    {"--help", do_help, NULL},
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

int
tool_usage(FILE *out, int status)
{
	const char *before = "usage:";

	for (size_t i = 0; i < COMMANDS; i++) {
		if (commands[i].usage == NULL)
			continue;
		fprintf(out, "%-6s sallyport %s\n", before, commands[i].usage);
		before = "";
	}
	fputs(
	    "status shows what the gateway has counted since its start.\n"
	    "scan looks at files as the gateway would (-: standard input)\n"
	    "and exits with 0: clean, 1: something was found, 2: error.\n"
	    "deliver, filter and qmail-queue have the mail on their standard\n"
	    "input judged by sallyportd and pass it on when it may go; their\n"
	    "options: --socket PATH, --timeout TIME, --helo NAME, or --local\n"
	    "[--config FILE] [--policy NAME].  See sallyport(1).\n",
	    out);
	return status;
}

/* Somebody else's rights and their environment do not go together. */
static bool
is_set_uid(void)
{
	return getuid() != geteuid() || getgid() != getegid();
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

int
main(int argc, char **argv)
{
	log_setup(LOG_WARN_, "sallyport");
	if (is_set_uid()) {
		fputs("sallyport: must not be set-uid or set-gid\n", stderr);
		return EX_TEMPFAIL;
	}
	if (argc > 0 && strcmp(base_name(argv[0]), "qmail-queue") == 0)
		return tool_qmail_queue(argc, argv);
	for (size_t i = 0; i < COMMANDS; i++) {
		if (argc > 1 && strcmp(argv[1], commands[i].word) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	if (argc > 1)
		fprintf(stderr, "sallyport: no such command: %s\n", argv[1]);
	return tool_usage(stderr, EX_USAGE);
}
