#ifndef PROXY_PARENT_H
#define PROXY_PARENT_H

#include "conf/conf.h"

/*
 * parent: the process that binds, starts the others and keeps them alive.  It
 * parses no peer's bytes.  Runs until TERM; returns the exit status.  path is
 * where HUP reads the configuration again.
 */
int parent_run(struct conf **confp, const char *path);

/*
 * Asks everybody who reads options whether they can: protocols, policies.
 * Prints each error to out.  0, or -1 when there was one.
 */
int parent_check(const struct conf *conf, FILE *out);

#endif
