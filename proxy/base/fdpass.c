/*
 * fdpass: descriptors over a unix socket, one message at a time.
 */
#include "proxy/base/fdpass.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/check.h"

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * FDPASS_MAX)];
};

static void
attach(struct msghdr *m, union control *c, const int *fds, unsigned n)
{
	struct cmsghdr *head;

	memset(c, 0, sizeof(*c));
	m->msg_control = c->bytes;
	m->msg_controllen = CMSG_SPACE(sizeof(int) * n);
	head = CMSG_FIRSTHDR(m);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(head), fds, sizeof(int) * n);
}

int
fdpass_send(int sock, const void *bytes, size_t len, const int *fds, unsigned n)
{
	const struct iovec part[2] = {{(void *)(uintptr_t)bytes, len}, {0}};

	return fdpass_send2(sock, part, fds, n);
}

int
fdpass_send2(int sock, const struct iovec part[2], const int *fds, unsigned n)
{
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)part,
	    .msg_iovlen = part[1].iov_len > 0 ? 2 : 1};
	union control c;
	ssize_t sent;

	MUST(n <= FDPASS_MAX);
	if (n > 0)
		attach(&m, &c, fds, n);
	do {
		sent = sendmsg(sock, &m, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -1;
	if ((size_t)sent != part[0].iov_len + part[1].iov_len) {
		errno = EMSGSIZE;
		return -1;
	}
	return 0;
}

/* Takes the descriptors out of one control message; closes what is too many. */
static void
collect(struct cmsghdr *head, int *fds, unsigned max, unsigned *n_r)
{
	unsigned n = (unsigned)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	int fd;

	for (unsigned i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
		if (*n_r < max)
			fds[(*n_r)++] = fd;
		else
			close(fd);
	}
}

ssize_t
fdpass_recv(
    int sock, void *to, size_t size, int *fds, unsigned max, unsigned *n_r)
{
	struct iovec part = {to, size};
	union control c;
	struct msghdr m = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = c.bytes,
	    .msg_controllen = sizeof(c.bytes)};
	ssize_t got;

	*n_r = 0;
	do {
		got = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -1;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h != NULL;
	     h = CMSG_NXTHDR(&m, h)) {
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
			collect(h, fds, max, n_r);
	}
	if ((m.msg_flags & MSG_TRUNC) == 0)
		return got;
	for (unsigned i = 0; i < *n_r; i++)
		close(fds[i]);
	*n_r = 0;
	errno = EMSGSIZE;
	return -1;
}
