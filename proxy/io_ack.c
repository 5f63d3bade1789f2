/*
 * io_ack: the one word about acknowledgements, which the kernel otherwise keeps
 * for 40 ms in case an answer could carry them.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "proxy/base/check.h"
#include "proxy/io_own.h"

void
io_acknowledge(struct io *io)
{
	int on = 1;

	IS(io, IO_MAGIC);
	if (io->peer.ss.ss_family == AF_UNIX || io->gone)
		return;
	/* tcp(7): not kept, so it is said each time; nothing is lost if not */
	(void)setsockopt(io->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}
