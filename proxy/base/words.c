/*
 * words: who has which scan worker, in memory that all net workers share.  A
 * word carries the sequence of its worker, so that nobody claims the successor
 * of the one it knew.
 */
#include "proxy/base/words.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/check.h"

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "words need lock-free 64 bits");

static uint64_t
word_of(uint32_t sequence, uint32_t owner)
{
	return (uint64_t)sequence << 32 | owner;
}

static void
all_gone(struct words *w)
{
	for (uint32_t i = 0; i < SLOTS_MAX; i++)
		words_set(w, i, 0, SLOT_GONE);
}

int
words_fd(void)
{
	int fd = memfd_create("sallyport-words", MFD_CLOEXEC);
	struct words *w;

	if (fd < 0)
		return -1;
	if (ftruncate(fd, sizeof(struct words)) < 0 ||
	    (w = words_map(fd)) == NULL) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	all_gone(w);
	words_unmap(w);
	return fd;
}

struct words *
words_map(int fd)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0)
		return NULL;
	if (st.st_size < (off_t)sizeof(struct words)) {
		errno = EINVAL;
		return NULL;
	}
	p = mmap(NULL, sizeof(struct words), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	if (p == MAP_FAILED)
		return NULL;
	return p;
}

void
words_unmap(struct words *w)
{
	if (w != NULL)
		MUST(munmap(w, sizeof(*w)) == 0);
}

bool
words_claim(struct words *w, uint32_t slot, uint32_t sequence, uint32_t self)
{
	return words_pass(w, slot, sequence, 0, self);
}

bool
words_pass(struct words *w, uint32_t slot, uint32_t sequence, uint32_t self,
    uint32_t to)
{
	uint64_t was = word_of(sequence, self);

	MUST(slot < SLOTS_MAX);
	return atomic_compare_exchange_strong(
	    &w->word[slot], &was, word_of(sequence, to));
}

uint32_t
words_owner(const struct words *w, uint32_t slot, uint32_t sequence)
{
	uint64_t word;

	MUST(slot < SLOTS_MAX);
	word = atomic_load(&w->word[slot]);
	return word >> 32 == sequence ? (uint32_t)word : SLOT_GONE;
}

void
words_set(struct words *w, uint32_t slot, uint32_t sequence, uint32_t owner)
{
	MUST(slot < SLOTS_MAX);
	atomic_store(&w->word[slot], word_of(sequence, owner));
}

uint32_t
words_sequence(const struct words *w, uint32_t slot)
{
	MUST(slot < SLOTS_MAX);
	return (uint32_t)(atomic_load(&w->word[slot]) >> 32);
}
