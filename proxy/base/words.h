#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * words: a word of shared memory per scan worker, which says who has it.  Net
 * workers claim and pass them on, the armoury starts them anew; scan workers
 * map none.
 */
#define NET_WORKERS_MAX 64
#define SLOTS_MAX 256

/*
 * Sequence of the worker in the slot (high half) and who has it (low half):
 * 0 idle, 1..NET_WORKERS_MAX that net worker, SLOT_ENDED nobody until it has
 * died, for a net worker ends it on purpose, SLOT_GONE nobody ever again.
 */
#define SLOT_GONE 0xffffffffu
#define SLOT_ENDED 0xfffffffeu
struct words {
	_Atomic uint64_t word[SLOTS_MAX];
};

/* A memfd that holds all words, every one of them gone.  -1 with errno. */
int words_fd(void);

/* The words of such a descriptor, which stays the caller's.  NULL with errno:
 * EINVAL when it is not large enough. */
struct words *words_map(int fd);
void words_unmap(struct words *w); /* NULL is fine */

/* Claims an idle slot for net worker self (from 1). */
bool words_claim(
    struct words *w, uint32_t slot, uint32_t sequence, uint32_t self);

/* Passes it on: to 0 (idle), to another net worker, or to SLOT_ENDED.  False:
 * it was not self's any more. */
bool words_pass(struct words *w, uint32_t slot, uint32_t sequence,
    uint32_t self, uint32_t to);

/* Who has it; SLOT_GONE when that worker is not in the slot any more. */
uint32_t words_owner(const struct words *w, uint32_t slot, uint32_t sequence);

/* The armoury's: a worker with that sequence is in the slot, owner has it.
 * words_sequence() is what the last one there had. */
void words_set(
    struct words *w, uint32_t slot, uint32_t sequence, uint32_t owner);
uint32_t words_sequence(const struct words *w, uint32_t slot);

#endif
