/*
 * spool: bytes written once, sealed, then read many times; in memory up to a
 * size, then in an unlinked file.
 */
#include "proxy/base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "proxy/base/buf.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

#define SPOOL_MAGIC 0x5b001e55u
#define FREE_CHECK (16u << 20) /* look at the disk's free space this often */

struct spool {
	uint32_t magic;
	bool sealed;
	struct spool_house *house; /* NULL: over somebody else's bytes */
	struct buf mem;
	const void *over; /* borrowed memory */
	uint64_t size, cap;
	int file;           /* what is written and sent from; -1 */
	int reader;         /* its read-only twin, or a sealed memfd; -1 */
	uint64_t looked_at; /* size when the free space was last seen */
	void *map;
};

static struct spool *
spool_new(void)
{
	struct spool *s = xcalloc(1, sizeof(*s));

	s->magic = SPOOL_MAGIC;
	s->file = -1;
	s->reader = -1;
	return s;
}

struct spool *
spool_open(struct spool_house *house, uint64_t cap)
{
	struct spool *s = spool_new();

	s->house = house;
	s->cap = cap;
	buf_init(&s->mem, house->memory_each);
	return s;
}

struct spool *
spool_over(const void *bytes, size_t len)
{
	struct spool *s = spool_new();

	s->over = bytes;
	s->size = len;
	s->sealed = true;
	return s;
}

struct spool *
spool_over_file(int fd, uint64_t size)
{
	struct spool *s = spool_new();

	s->reader = fd;
	s->size = size;
	s->sealed = true;
	if (size > 0 && spool_map(s) == NULL) {
		s->reader = -1; /* stays the caller's */
		spool_free(&s);
		return NULL;
	}
	return s;
}

/* Fails with ENOSPC when the disk is fuller than the house allows. */
static int
check_free(struct spool *s)
{
	struct statvfs v;

	s->looked_at = s->size;
	if (s->house->min_free_pct == 0 || fstatvfs(s->file, &v) < 0)
		return 0;
	if ((uint64_t)v.f_bavail * 100 >=
	    (uint64_t)v.f_blocks * s->house->min_free_pct)
		return 0;
	log_warn(0, "limit spool_min_free reached dir=%s percent=%u",
	    s->house->dir, s->house->min_free_pct);
	errno = ENOSPC;
	return -1;
}

/* A file that has no name any more, and a second, read-only opening of it. */
static int
open_file(struct spool *s)
{
	char path[4096];
	int saved;

	snprintf(path, sizeof(path), "%s/spool.XXXXXX", s->house->dir);
	s->file = mkostemp(path, O_CLOEXEC);
	if (s->file < 0)
		return -1;
	s->reader = open(path, O_RDONLY | O_CLOEXEC);
	saved = errno;
	if (unlink(path) < 0)
		log_warn(
		    0, "spool unlink path=%s error=%s", path, strerror(errno));
	errno = saved;
	return s->reader < 0 ? -1 : check_free(s);
}

static int
write_all(int fd, const char *at, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
write_file(struct spool *s, const void *bytes, size_t len)
{
	if (s->house->disk_used + len > s->house->disk_max) {
		log_warn(0, "limit spool_max_size reached bytes=%ju",
		    (uintmax_t)s->house->disk_max);
		errno = ENOSPC;
		return -1;
	}
	if (s->size - s->looked_at > FREE_CHECK && check_free(s) < 0)
		return -1;
	if (write_all(s->file, bytes, len) < 0)
		return -1;
	s->house->disk_used += len;
	s->size += len;
	return 0;
}

/* From memory to a file: what lies in memory goes first. */
static int
spill(struct spool *s)
{
	uint64_t size = s->size;

	if (open_file(s) < 0)
		return -1;
	s->size = 0;
	s->looked_at = 0;
	if (s->mem.len > 0 && write_file(s, buf_at(&s->mem), s->mem.len) < 0) {
		s->size = size;
		return -1;
	}
	s->house->memory_used -= s->mem.len;
	buf_free(&s->mem);
	return 0;
}

int
spool_write(struct spool *s, const void *bytes, size_t len)
{
	IS(s, SPOOL_MAGIC);
	MUST(!s->sealed);
	if (len > s->cap || s->size > s->cap - len) {
		errno = EFBIG;
		return -1;
	}
	if (s->file < 0 &&
	    s->house->memory_used + len <= s->house->memory_max &&
	    buf_put(&s->mem, bytes, len) == 0) {
		s->house->memory_used += len;
		s->size += len;
		return 0;
	}
	if (s->file < 0 && spill(s) < 0)
		return -1;
	return write_file(s, bytes, len);
}

int
spool_seal(struct spool *s)
{
	IS(s, SPOOL_MAGIC);
	s->sealed = true;
	return 0;
}

static struct spool *
copy_of(struct spool_house *house, const void *bytes, uint64_t size)
{
	struct spool *copy = spool_open(house, size);

	if (spool_write(copy, bytes, (size_t)size) == 0 &&
	    spool_seal(copy) == 0)
		return copy;
	spool_free(&copy);
	return NULL;
}

struct spool *
spool_prefix(const struct spool *s, uint64_t size)
{
	struct spool *p;

	IS(s, SPOOL_MAGIC);
	MUST(s->house != NULL && size <= s->size);
	if (s->file < 0)
		return copy_of(s->house, buf_at(&s->mem), size);
	p = spool_new();
	p->reader = fcntl(s->reader, F_DUPFD_CLOEXEC, 3);
	p->size = size;
	p->sealed = true;
	if (p->reader < 0)
		spool_free(&p);
	return p;
}

uint64_t
spool_size(const struct spool *s)
{
	return s->size;
}

const void *
spool_memory(const struct spool *s)
{
	MUST(s->sealed);
	if (s->over != NULL)
		return s->over;
	if (s->map != NULL)
		return s->map;
	if (s->file >= 0 || (s->reader >= 0 && s->house == NULL))
		return NULL;
	return s->size == 0 ? "" : buf_at(&s->mem);
}

ssize_t
spool_read(const struct spool *s, void *to, size_t len, uint64_t at)
{
	const char *mem = s->over != NULL ? s->over : s->map;

	if (s->file >= 0)
		return pread(s->file, to, len, (off_t)at);
	if (at >= s->size)
		return 0;
	if (len > s->size - at)
		len = (size_t)(s->size - at);
	if (mem == NULL && s->house == NULL && s->reader >= 0)
		return pread(s->reader, to, len, (off_t)at);
	if (mem == NULL)
		mem = buf_at(&s->mem);
	memcpy(to, mem + at, len);
	return (ssize_t)len;
}

const void *
spool_map(struct spool *s)
{
	const void *mem = spool_memory(s);
	int fd = s->file >= 0 ? s->file : s->reader;

	if (mem != NULL)
		return mem;
	if (s->size == 0)
		return "";
	if (s->size > SIZE_MAX) {
		errno = EFBIG;
		return NULL;
	}
	/* Not shared: before Linux 6.7 a sealed memfd refuses that. */
	mem = mmap(NULL, (size_t)s->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (mem == MAP_FAILED)
		return NULL;
	s->map = (void *)(uintptr_t)mem;
	return mem;
}

/* The bytes in memory as a memfd that nobody can change any more. */
static int
make_memfd(const void *bytes, size_t len)
{
	int fd = memfd_create("content", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (write_all(fd, bytes, len) < 0 ||
	    fcntl(fd, F_ADD_SEALS,
		F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int
spool_fd(struct spool *s)
{
	MUST(s->sealed);
	if (s->reader < 0)
		s->reader = make_memfd(spool_memory(s), (size_t)s->size);
	return s->reader;
}

int
spool_file(const struct spool *s)
{
	return s->file >= 0 ? s->file : s->house == NULL ? s->reader : -1;
}

void
spool_free(struct spool **sp)
{
	struct spool *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	IS(s, SPOOL_MAGIC);
	if (s->map != NULL)
		munmap(s->map, (size_t)s->size);
	if (s->file >= 0) {
		s->house->disk_used -= s->size;
		close(s->file);
	}
	if (s->reader >= 0)
		close(s->reader);
	if (s->house != NULL)
		s->house->memory_used -= s->mem.len;
	buf_free(&s->mem);
	s->magic = 0;
	free(s);
}
