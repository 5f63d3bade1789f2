/*
 * io_original: where a client meant to go.
 */
#include "proxy/io_original.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "proxy/base/check.h"
#include "proxy/io_own.h"

/* linux/netfilter_ipv4.h and its sister for IPv6: the same number. */
#define ORIGINAL_DST 80

void
io_original(const struct io *io, struct addr *a_r)
{
	int level =
	    io_local(io)->ss.ss_family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;

	IS(io, IO_MAGIC);
	*a_r = (struct addr){.len = sizeof(a_r->ss)};
	if (getsockopt(io->fd, level, ORIGINAL_DST, &a_r->ss, &a_r->len) < 0)
		*a_r = *io_local(io);
	addr_unmap(a_r);
}
