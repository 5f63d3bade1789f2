#ifndef BASE_SPOOL_H
#define BASE_SPOOL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * spool: bytes that are written once, sealed, then read many times.  They lie
 * in memory up to a size, then in an unlinked file.  A house is what all
 * spools of one process share: the folder and the totals.
 */
struct spool_house {
	const char *dir;       /* for files; borrowed */
	size_t memory_each;    /* a spool beyond this lies in a file */
	uint64_t memory_max;   /* past it, new bytes go to files at once */
	uint64_t disk_max;     /* past it: ENOSPC */
	unsigned min_free_pct; /* of dir's filesystem; below it: ENOSPC */
	uint64_t memory_used;  /* zero both at birth; spool.c keeps them */
	uint64_t disk_used;
};

struct spool;

/* An empty spool that refuses to grow beyond cap bytes.  House is borrowed. */
struct spool *spool_open(struct spool_house *house, uint64_t cap);

/*
 * A sealed spool over bytes that are there already: over memory (borrowed; it
 * outlives the spool) or over a readable file (the spool takes fd).
 * spool_over_file() returns NULL with errno when fd cannot be mapped.
 */
struct spool *spool_over(const void *bytes, size_t len);
struct spool *spool_over_file(int fd, uint64_t size);

/*
 * Appends.  Returns 0, or -1 with errno: EFBIG when cap would be passed,
 * ENOSPC when the house or its disk is full, EIO.  It keeps what it had.
 */
int spool_write(struct spool *s, const void *bytes, size_t len);

/* Ends writing.  Returns 0, or -1 with errno if bytes were lost. */
int spool_seal(struct spool *s);

/*
 * The first size bytes of one that may still grow, as a sealed spool of their
 * own: what is written goes behind them.  A copy while they lie in memory.  It
 * may outlive s, not the house.  NULL with errno.
 */
struct spool *spool_prefix(const struct spool *s, uint64_t size);

/* Reads at an offset, as pread(2) does; of an open one too. */
ssize_t spool_read(const struct spool *s, void *to, size_t len, uint64_t at);

uint64_t spool_size(const struct spool *s);

/* Of a sealed spool: all bytes, when they lie in memory; NULL: in a file. */
const void *spool_memory(const struct spool *s);

/* Of a sealed spool: all bytes as memory, mapped if need be; NULL, errno. */
const void *spool_map(struct spool *s);

/*
 * Of a sealed spool: a descriptor for somebody who is not trusted: read-only,
 * an open file of its own (no shared offset), its bytes fixed for ever.  It
 * belongs to the spool.  -1 with errno.
 */
int spool_fd(struct spool *s);

/* The descriptor of the file, for sendfile(2); -1 while in memory. */
int spool_file(const struct spool *s);

/* Gives back the memory and the file.  *sp becomes NULL; NULL is fine. */
void spool_free(struct spool **sp);

#endif
