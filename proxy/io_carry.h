#ifndef PROXY_IO_CARRY_H
#define PROXY_IO_CARRY_H

struct io;

/*
 * io_carry: a connection inside of a connection.  What is said over below from
 * here on is said over the io that comes back: it has below's peer, address
 * and counts, no owner, and no TLS of its own yet; what waits in below's input
 * comes first.  Takes below over; it ends as the new one does, a reset as a
 * reset.  NULL with errno: there are no sockets, and below is as it was.
 */
struct io *io_carry(struct io **below);

#endif
