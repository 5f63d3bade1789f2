/*
 * io_peer: what the kernel knows of who is at the other end.
 */
#include "proxy/io_peer.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "proxy/base/check.h"
#include "proxy/io_own.h"

int64_t
io_peer_uid(const struct io *io)
{
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t len = sizeof(who);

	IS(io, IO_MAGIC);
	/* other families answer, too, and with nobody */
	if (getsockopt(io->fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 ||
	    who.uid == (uid_t)-1)
		return -1;
	return who.uid;
}

bool
io_has_spoken(const struct io *io)
{
	int unread = 0;

	IS(io, IO_MAGIC);
	return io->bytes_in > 0 ||
	    (io->fd >= 0 && ioctl(io->fd, FIONREAD, &unread) == 0 &&
		unread > 0);
}

uint64_t
io_bytes_taken(const struct io *io)
{
	int queued = 0;

	IS(io, IO_MAGIC);
	/* a wire has no queue of its own; unknown is none */
	if (io->fd < 0 || ioctl(io->fd, SIOCOUTQ, &queued) < 0 || queued < 0)
		queued = 0;
	return io->bytes_out - (uint64_t)queued;
}
