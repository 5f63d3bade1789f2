#ifndef PROXY_IO_PEER_H
#define PROXY_IO_PEER_H

#include <stdint.h>

struct io;

/* The user at the other end of a unix socket, as the kernel saw it connect
 * (SO_PEERCRED); -1: it is no unix socket. */
int64_t io_peer_uid(const struct io *io);

#endif
