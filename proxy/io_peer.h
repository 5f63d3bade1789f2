#ifndef PROXY_IO_PEER_H
#define PROXY_IO_PEER_H

#include <stdbool.h>
#include <stdint.h>

struct io;

/* The user at the other end of a unix socket, as the kernel saw it connect
 * (SO_PEERCRED); -1: it is no unix socket. */
int64_t io_peer_uid(const struct io *io);

/* The peer has said something, read or not: of which a close() of a socket may
 * make an RST, and that cuts off what we have said. */
bool io_has_spoken(const struct io *io);

/* Of io_bytes_out() what has come there, as far as we know: what only fills
 * our kernel's buffers has not moved.  Good for a comparison with the same a
 * while ago; under TLS it is not exact. */
uint64_t io_bytes_taken(const struct io *io);

#endif
