#ifndef PROXY_IO_POUR_H
#define PROXY_IO_POUR_H

#include <stdbool.h>

struct io;

/*
 * io_pour: from here on what from's peer says is said to to's, byte by byte
 * and as fast as that one takes it, and its end behind the last of it.  What
 * waits in from's input comes first.  Two of them make a tunnel.
 *
 * Both stay their owners', who may free or finish either at any time: that
 * ends it, and what to was given is to's.  from's owner is told no IO_INPUT,
 * and all the rest as ever; to's must put nothing.  A reset is no end: the
 * owner hears IO_GONE and says what the other side is to see.  The counts of
 * both go on (io_bytes_in(), io_bytes_out()).
 *
 * Between two plain sockets much goes by a pipe and is never in our memory
 * (io_pipe.h); all else, and what comes in small pieces, is copied.
 */
void io_pour(struct io *from, struct io *to);

/* from's peer has ended, and the kernel has all that it said for the other. */
bool io_poured(const struct io *from);

#endif
