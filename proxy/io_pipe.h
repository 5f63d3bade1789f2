#ifndef PROXY_IO_PIPE_H
#define PROXY_IO_PIPE_H

#include <stddef.h>

/*
 * io_pipe: pipes that bytes are moved through from socket to socket without
 * being copied (splice(2)).  One is in use while it holds bytes and no longer;
 * a few empty ones are kept by the loop.  For io_pour.c and io_out.c alone.
 */
struct loop;

#define IO_PIPE_SIZE (256 * 1024)

struct io_pipe {
	struct io_pipe *next; /* among the spare ones */
	int in, out;
	size_t len; /* what it holds; whoever fills and empties it keeps it */
};

/*
 * An empty one.  NULL: it has to be copied, for IO_PIPES_MAX are in use, or
 * nofile, or the kernel gives none of that size ("pipes": pipe-max-size, the
 * user's pipe-user-pages-soft and -hard, file-max).  The log and the counters
 * say that at most once a minute, and none is made so long; client: see
 * io_client().
 */
struct io_pipe *io_pipe_take(struct loop *l, unsigned client);

/* Takes it back, empty or not. */
void io_pipe_give(struct loop *l, struct io_pipe **pp);

/* Closes the spare ones. */
void io_pipes_close(struct loop *l);

#endif
