/*
 * control: the messages between parent and armoury.  A message is the struct
 * itself: both ends are one build, so there is nothing to convert, but its
 * length, kind, text and descriptors are checked.
 */
#include "scan/control.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/fdpass.h"
#include "proxy/base/words.h"

#define SEND_PAUSE_MS 5

/*
 * ETOOMANYREFS: a user without privilege may have as many descriptors on their
 * way as RLIMIT_NOFILE says; they become fewer as the parent takes them.
 */
static bool
comes_later(int error)
{
	return error == EINTR || error == ETOOMANYREFS || error == EAGAIN ||
	    error == ENOBUFS;
}

int
control_pass(
    int sock, const void *bytes, size_t len, const int *fds, unsigned n)
{
	while (fdpass_send(sock, bytes, len, fds, n) < 0) {
		if (!comes_later(errno))
			return -1;
		poll(NULL, 0, SEND_PAUSE_MS);
	}
	return 0;
}

int
control_send(int sock, const struct control *m, const int *fds, unsigned n)
{
	return control_pass(sock, m, sizeof(*m), fds, n);
}

static bool
fits(const struct control *m, ssize_t len, unsigned n)
{
	if (len != (ssize_t)sizeof(*m))
		return false;
	if (m->kind < CONTROL_PAIR || m->kind >= CONTROL_KINDS)
		return false;
	if (memchr(m->text, '\0', sizeof(m->text)) == NULL)
		return false;
	if (m->slot >= SLOTS_MAX || m->net > NET_WORKERS_MAX)
		return false;
	return n == (m->kind == CONTROL_PAIR ? CONTROL_FDS : 0);
}

int
control_recv(int sock, struct control *m_r, int *fds, unsigned *n_r)
{
	ssize_t len;

	*n_r = 0;
	do
		len =
		    fdpass_recv(sock, m_r, sizeof(*m_r), fds, CONTROL_FDS, n_r);
	while (len < 0 && errno == EINTR);
	if (len == 0 || (len < 0 && errno != EMSGSIZE))
		return (int)len;
	if (len > 0 && fits(m_r, len, *n_r))
		return 1;
	while (*n_r > 0)
		close(fds[--*n_r]);
	errno = EBADMSG;
	return -1;
}
