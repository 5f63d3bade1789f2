#ifndef PROXY_CA_TOOL_H
#define PROXY_CA_TOOL_H

#include <stdbool.h>

/*
 * ca_tool: what `sallyport ca` does.  argv[0] is the command's own word; they
 * return the exit status.
 */
int ca_create(int argc, char **argv);
int ca_show(int argc, char **argv);
int ca_export_it(int argc, char **argv);

/* Says how it is used; the status for one who asked, or for a mistake. */
int ca_usage(bool asked);

#endif
