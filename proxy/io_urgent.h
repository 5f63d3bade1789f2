#ifndef PROXY_IO_URGENT_H
#define PROXY_IO_URGENT_H

struct io;

/* Urgent bytes of the peer stay in their place among the others: for a
 * protocol on top of Telnet (RFC 959 4.1.3), whose clients send ABOR so. */
void io_urgent_inline(struct io *io);

#endif
