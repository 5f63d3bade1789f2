/*
 * file: reads a file whole, if it is one and not too large.
 */
#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536

static int
read_all(int fd, struct buf *b, struct err *e)
{
	ssize_t n;

	do {
		char *to = buf_room(b, PIECE);

		if (to == NULL) {
			errno = EFBIG;
			return err_set(e, "larger than %d bytes", FILE_MAX);
		}
		n = read(fd, to, PIECE);
		if (n < 0)
			return err_set(e, "%s", strerror(errno));
		buf_grew(b, (size_t)n);
	} while (n > 0);
	return 0;
}

int
file_read(const char *path, struct buf *b, struct err *e)
{
	/* A pipe must not hold us up before fstat() says what it is. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int rc, saved;

	if (fd < 0)
		return err_set(e, "%s", strerror(errno));
	buf_init(b, FILE_MAX + PIECE);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		errno = EINVAL;
		rc = err_set(e, "not a regular file");
	} else
		rc = read_all(fd, b, e);
	saved = errno;
	if (rc < 0)
		buf_free(b);
	close(fd);
	errno = saved;
	return rc;
}
