/*
 * orders: what the parent tells a net worker, as messages.
 */
#include "proxy/orders.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/fdpass.h"

int
order_send(int sock, const struct order *o, const int *fds, unsigned n)
{
	return fdpass_send(sock, o, sizeof(*o), fds, n);
}

int
order_recv(int sock, struct order *o_r, int *fds, unsigned *n_r)
{
	ssize_t len = fdpass_recv(sock, o_r, sizeof(*o_r), fds, ORDER_FDS, n_r);

	if (len <= 0)
		return (int)len;
	if (len == (ssize_t)sizeof(*o_r) && o_r->kind > 0 &&
	    o_r->kind < ORDER_KINDS &&
	    memchr(o_r->text, '\0', sizeof(o_r->text)) != NULL)
		return 1;
	for (unsigned i = 0; i < *n_r; i++)
		close(fds[i]);
	*n_r = 0;
	errno = EBADMSG;
	return -1;
}
