#ifndef PROXY_PROGRAM_H
#define PROXY_PROGRAM_H

#include <stdbool.h>

#include "proxy/base/err.h"

struct programs;
struct io;
struct loop;

/*
 * program: a program that speaks on its standard input and output, as a
 * connection: one socket pair is both.  Its life is the connection's: when that
 * is closed the program is to end, and is made to when it does not.  Whatever
 * it writes to standard error is logged, line by line.
 *
 * It runs as the net worker does, which starts it by posix_spawn(3): without
 * privileges, so that nothing a peer brings about runs as root, and without
 * asking another process, so that a mail waits for nobody.
 */
struct programs *programs_open(struct loop *l); /* one a loop */

/* Is there one that has not ended? */
bool programs_left(const struct programs *all);

/* Kills those that are left. */
void programs_free(struct programs **cp);

/*
 * Starts "/path/of/program word word": words are apart by blanks, no shell
 * looks at them.  NULL with words.
 */
struct io *program_start(
    struct programs *all, const char *command, struct err *e);

#endif
