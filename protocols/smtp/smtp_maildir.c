/*
 * smtp_maildir: one mailbox as a next hop.  A mail is written to tmp/, synced,
 * and renamed to new/ under a name that nobody else makes: seconds,
 * microseconds, process, a count, the host.
 */

#include "protocols/smtp/smtp_maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "proxy/mail_head.h"

#define PIECE (64 * 1024)
#define NAME_LEN 256
#define PATH_LEN 1024

static const char *const folders[] = {"tmp", "new", "cur"};

static int
make_one(const char *path, struct err *e)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(e, "mkdir %s: %s", path, strerror(errno));
	return 0;
}

int
smtp_maildir_make(const char *path, struct err *e)
{
	char folder[PATH_LEN];

	if (make_one(path, e) < 0)
		return -1;
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(
		    folder, sizeof(folder), "%s/%s", path, folders[i]);
		if (make_one(folder, e) < 0)
			return -1;
		if (access(folder, W_OK | X_OK) < 0)
			return err_set(e, "%s: %s", folder, strerror(errno));
	}
	return 0;
}

/* A '/' or ':' in a host's name would mean something else in a file's. */
static void
host_name(char *to, size_t size)
{
	if (gethostname(to, size) < 0)
		(void)snprintf(to, size, "localhost");
	to[size - 1] = '\0';
	for (; *to != '\0'; to++) {
		if (*to == '/' || *to == ':' || *to <= ' ' || *to > '~')
			*to = '_';
	}
}

static void
unique_name(char *to, size_t size)
{
	static unsigned long count;
	char host[128];
	struct timeval now;

	host_name(host, sizeof(host));
	(void)gettimeofday(&now, NULL);
	(void)snprintf(to, size, "%lld.M%06ldP%ldQ%lu.%s",
	    (long long)now.tv_sec, (long)now.tv_usec, (long)getpid(), ++count,
	    host);
}

static int
write_all(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
write_range(int fd, const struct content *c, uint64_t from, uint64_t to)
{
	char piece[PIECE];
	size_t want;
	ssize_t n;

	while (from < to) {
		want = to - from < PIECE ? (size_t)(to - from) : PIECE;
		n = content_read(c, piece, want, from);
		if (n == 0)
			errno = EIO;
		if (n <= 0 || write_all(fd, piece, (size_t)n) < 0)
			return -1;
		from += (uint64_t)n;
	}
	return 0;
}

static int
write_mail(int fd, struct slice top, const struct content *c,
    const struct mail_head *head)
{
	uint64_t at = 0;

	if (write_all(fd, top.at, top.len) < 0)
		return -1;
	for (unsigned i = 0; i < head->cuts; i++) {
		if (write_range(fd, c, at, head->cut[i].from) < 0)
			return -1;
		at = head->cut[i].to;
	}
	if (write_range(fd, c, at, content_size(c)) < 0)
		return -1;
	return fsync(fd);
}

static int
sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int is;

	if (fd < 0)
		return -1;
	is = fsync(fd);
	(void)close(fd);
	return is;
}

/* From tmp to new, for good. */
static int
move_in(const char *path, const char *tmp, const char *name)
{
	char new[PATH_LEN + NAME_LEN], folder[PATH_LEN];

	(void)snprintf(folder, sizeof(folder), "%s/new", path);
	(void)snprintf(new, sizeof(new), "%s/%s", folder, name);
	if (rename(tmp, new) < 0)
		return -1;
	if (sync_folder(folder) == 0)
		return 0;
	/* The client will come again: there must not be two. */
	(void)unlink(new);
	return -1;
}

int
smtp_maildir_put(const char *path, struct slice top, const struct content *c,
    const struct mail_head *head, struct err *e)
{
	char name[NAME_LEN], tmp[PATH_LEN + NAME_LEN];
	int fd, is, why;

	unique_name(name, sizeof(name));
	(void)snprintf(tmp, sizeof(tmp), "%s/tmp/%s", path, name);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		why = errno;
		(void)err_set(e, "open %s: %s", tmp, strerror(why));
		errno = why;
		return -1;
	}
	is = write_mail(fd, top, c, head);
	why = errno;
	if (close(fd) < 0 && is == 0) {
		why = errno;
		is = -1;
	}
	if (is == 0 && move_in(path, tmp, name) == 0)
		return 0;
	if (is == 0)
		why = errno;
	(void)unlink(tmp);
	(void)err_set(e, "%s: %s", tmp, strerror(why));
	errno = why;
	return -1;
}
