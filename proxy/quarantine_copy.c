/*
 * quarantine_copy: writes one content and its note to the disk: under names
 * that say it is not whole yet, flushed, then renamed, the note last.
 */
#include "proxy/quarantine_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "proxy/quarantine_dir.h"

#define PIECE ((size_t)1 << 20) /* then it looks whether it is still wanted */
#define SMALL 16384             /* of a piece that goes through memory */
#define MODE 0600
#define DIR_MODE 0700

/* It may have been deleted since the start. */
static int
open_dir(const char *path)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int fd = open(path, flags);

	if (fd < 0 && errno == ENOENT && mkdir(path, DIR_MODE) == 0)
		fd = open(path, flags);
	return fd;
}

/* Would so many bytes leave enough for others? */
static bool
is_free(int dir, uint64_t size, unsigned percent)
{
	struct statvfs v;
	uint64_t left;

	if (percent == 0 || fstatvfs(dir, &v) < 0)
		return true;
	left = (uint64_t)v.f_bavail * v.f_frsize;
	left = left > size ? left - size : 0;
	return left * 100 >= (uint64_t)v.f_blocks * v.f_frsize * percent;
}

/* ---- bytes ---- */

static int
write_all(int fd, const char *at, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, at, len);
		if (n < 0 && errno != EINTR)
			return -1;
		at += n < 0 ? 0 : n;
		len -= n < 0 ? 0 : (size_t)n;
	}
	return 0;
}

/* Bytes of the content; the kernel copies a file where it can.  How many. */
static ssize_t
copy_some(int to, const struct quarantine_copy *c, uint64_t from, size_t len)
{
	char piece[SMALL];
	off_t at = (off_t)from;
	ssize_t n;

	if (c->bytes != NULL)
		return write(to, (const char *)c->bytes + from, len);
	n = copy_file_range(c->file, &at, to, NULL, len, 0);

	if (n > 0)
		return n;
	n = pread(c->file, piece, len < SMALL ? len : SMALL, at);
	if (n > 0 && write_all(to, piece, (size_t)n) < 0)
		return -1;
	return n;
}

static int
copy_content(int to, struct quarantine_copy *c)
{
	uint64_t at = 0, left;
	ssize_t n;

	while (at < c->size) {
		if (atomic_load(&c->unwanted)) {
			errno = ECANCELED;
			return -1;
		}
		left = c->size - at;
		n = copy_some(to, c, at, left < PIECE ? (size_t)left : PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n < 0 ? errno : EIO;
			return -1;
		}
		at += (uint64_t)n;
	}
	return 0;
}

/* ---- files ---- */

/* Of the two: its name, or the one it has before it is whole. */
static const char *
name_of(const struct quarantine_copy *c, bool note, bool part, char to[])
{
	(void)snprintf(to, QUARANTINE_NAME, "%s%s%s", c->id,
	    note ? QUARANTINE_NOTE : "", part ? QUARANTINE_PART : "");
	return to;
}

/* Closes fd. */
static int
flush(int fd)
{
	int rc = fsync(fd), saved = errno;

	if (close(fd) < 0 && rc == 0)
		return -1;
	errno = saved;
	return rc;
}

static int
write_part(int dir, struct quarantine_copy *c, bool note)
{
	char name[QUARANTINE_NAME];
	int fd = openat(dir, name_of(c, note, true, name),
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
	int rc, saved;

	if (fd < 0)
		return -1;
	rc =
	    note ? write_all(fd, c->note.at, c->note.len) : copy_content(fd, c);
	saved = errno;
	if (rc == 0)
		return flush(fd);
	(void)close(fd);
	errno = saved;
	return -1;
}

static void
remove_one(int dir, const struct quarantine_copy *c, bool note, bool part)
{
	char name[QUARANTINE_NAME];
	int saved = errno;

	(void)unlinkat(dir, name_of(c, note, part, name), 0);
	errno = saved;
}

static int
give_name(int dir, const struct quarantine_copy *c, bool note)
{
	char from[QUARANTINE_NAME], to[QUARANTINE_NAME];

	return renameat(dir, name_of(c, note, true, from), dir,
	    name_of(c, note, false, to));
}

/* From now on they are there for all to see, or neither is. */
static int
give_names(int dir, const struct quarantine_copy *c)
{
	if (give_name(dir, c, false) < 0)
		return -1;
	if (give_name(dir, c, true) < 0) {
		remove_one(dir, c, false, false);
		return -1;
	}
	if (fsync(dir) == 0)
		return 0;
	remove_one(dir, c, true, false);
	remove_one(dir, c, false, false);
	return -1;
}

static int
write_both(int dir, struct quarantine_copy *c)
{
	if (write_part(dir, c, false) < 0 || write_part(dir, c, true) < 0)
		return -1;
	if (!atomic_load(&c->unwanted))
		return give_names(dir, c);
	errno = ECANCELED;
	return -1;
}

static const char *
word_of(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return "no_space";
	case ECANCELED:
		return "aborted";
	default:
		return "error";
	}
}

static const char *
copy_into(int dir, struct quarantine_copy *c, int *error_r)
{
	uint64_t size = c->size + c->note.len;

	if (!is_free(dir, size, c->min_free_pct))
		return "spool_min_free";
	if (!quarantine_room_take(c->room, c->self, size, c->max_size))
		return "max_size";
	if (write_both(dir, c) == 0) {
		quarantine_room_kept(c->room, c->self, size);
		return "kept";
	}
	*error_r = errno;
	remove_one(dir, c, false, true);
	remove_one(dir, c, true, true);
	quarantine_room_give(c->room, c->self, size);
	return word_of(*error_r);
}

const char *
quarantine_copy(struct quarantine_copy *c, int *error_r)
{
	int dir = open_dir(c->dir);
	const char *how;

	*error_r = 0;
	if (dir < 0) {
		*error_r = errno;
		return word_of(errno);
	}
	how = copy_into(dir, c, error_r);
	(void)close(dir);
	return how;
}
