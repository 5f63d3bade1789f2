#ifndef BASE_FDPASS_H
#define BASE_FDPASS_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#define FDPASS_MAX 16

/*
 * One message over a SOCK_SEQPACKET unix socket, with descriptors (SCM_RIGHTS).
 * The caller keeps its own.  Returns 0, or -1 with errno.
 */
int fdpass_send(
    int sock, const void *bytes, size_t len, const int *fds, unsigned n);

/* The same, of bytes that lie in two places; the second may be none. */
int fdpass_send2(
    int sock, const struct iovec part[2], const int *fds, unsigned n);

/*
 * Takes one message.  Returns its length, 0 at end of file, or -1 with errno;
 * EMSGSIZE when it did not fit.  Descriptors come close-on-exec; what was sent
 * beyond max is closed.
 */
ssize_t fdpass_recv(
    int sock, void *to, size_t size, int *fds, unsigned max, unsigned *n_r);

#endif
