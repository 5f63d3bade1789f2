/*
 * io_urgent: where urgent bytes of a peer are read.
 */
#include "proxy/io_urgent.h"

#include <sys/socket.h>

#include "proxy/base/check.h"
#include "proxy/io_own.h"

void
io_urgent_inline(struct io *io)
{
	int on = 1;

	IS(io, IO_MAGIC);
	/* fails for sockets that know no such thing, which is as good */
	(void)setsockopt(io->fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	io->urgent = true;
}
