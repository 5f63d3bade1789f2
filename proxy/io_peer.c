/*
 * io_peer: what the kernel knows of who is at the other end.
 */
#include "proxy/io_peer.h"

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
