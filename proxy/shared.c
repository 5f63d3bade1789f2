/*
 * shared: what net workers tell each other, in memory the parent has mapped
 * before it forked.  Every value has one writer, the worker whose part it lies
 * in; the others read it without a lock and may see it a moment late.
 */
#include "proxy/shared.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/mem.h"
#include "proxy/rates.h"

#define SHARED_MAGIC 0x54a4ed01u

/* A key lies in one of so many places behind its own, or nowhere. */
#define PROBES 32

/* Counts of a key; a key with count 0 may be replaced. */
struct count {
	_Atomic uint64_t key; /* 0: never used */
	_Atomic uint32_t n;
};

struct part {
	_Alignas(64) _Atomic uint32_t queue;
	_Atomic int64_t oldest_ms;
	_Atomic uint32_t sessions;
};

struct shared {
	uint32_t magic;
	unsigned workers;
	size_t slots; /* per worker, a power of 2 */
	uint64_t secret[4];
	int wake[NET_WORKERS_MAX];
	int words_fd;
	struct words *words;
	size_t size; /* of what is mapped: parts, then counts */
	struct part *parts;
	struct count *counts;
	struct rates *rates;
};

static bool
map_all(struct shared *s)
{
	size_t parts = s->workers * sizeof(struct part);
	size_t counts = s->workers * s->slots * sizeof(struct count);
	void *p;

	s->size = parts + counts;
	p = mmap(NULL, s->size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return false;
	s->parts = p;
	s->counts = (struct count *)(void *)((char *)p + parts);
	return true;
}

static bool
open_all(struct shared *s)
{
	if (getrandom(s->secret, sizeof(s->secret), 0) !=
	    (ssize_t)sizeof(s->secret))
		return false;
	for (unsigned i = 0; i < s->workers; i++) {
		s->wake[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (s->wake[i] < 0)
			return false;
	}
	s->words_fd = words_fd();
	if (s->words_fd < 0)
		return false;
	s->words = words_map(s->words_fd);
	if (s->words == NULL || !map_all(s))
		return false;
	s->rates = rates_open(s->workers, s->slots);
	return s->rates != NULL;
}

struct shared *
shared_open(unsigned workers, unsigned sessions)
{
	struct shared *s = xcalloc(1, sizeof(*s));
	int error;

	MUST(workers > 0 && workers <= NET_WORKERS_MAX);
	s->magic = SHARED_MAGIC;
	s->workers = workers;
	s->slots = 2 * PROBES;
	/* At a quarter full a run of PROBES places that are all taken comes
	 * once in 10^9; at a half it would come every day. */
	while (s->slots < 4 * (size_t)sessions)
		s->slots *= 2;
	s->words_fd = -1;
	for (unsigned i = 0; i < NET_WORKERS_MAX; i++)
		s->wake[i] = -1;
	if (open_all(s))
		return s;
	error = errno;
	shared_free(&s);
	errno = error;
	return NULL;
}

void
shared_free(struct shared **sp)
{
	struct shared *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	IS(s, SHARED_MAGIC);
	for (unsigned i = 0; i < s->workers; i++) {
		if (s->wake[i] >= 0)
			(void)close(s->wake[i]);
	}
	words_unmap(s->words);
	rates_free(&s->rates);
	if (s->words_fd >= 0)
		(void)close(s->words_fd);
	if (s->parts != NULL)
		(void)munmap(s->parts, s->size);
	free(s);
}

int
shared_words_fd(const struct shared *s)
{
	IS(s, SHARED_MAGIC);
	return s->words_fd;
}

struct words *
shared_words(const struct shared *s)
{
	IS(s, SHARED_MAGIC);
	return s->words;
}

static struct part *
part_of(const struct shared *s, unsigned self)
{
	IS(s, SHARED_MAGIC);
	MUST(self >= 1 && self <= s->workers);
	return &s->parts[self - 1];
}

/* ---- queues ---- */

void
shared_set_queue(
    struct shared *s, unsigned self, uint32_t length, int64_t oldest_ms)
{
	struct part *p = part_of(s, self);

	atomic_store(&p->oldest_ms, oldest_ms);
	atomic_store(&p->queue, length);
}

uint32_t
shared_queued(const struct shared *s)
{
	uint32_t n = 0;

	IS(s, SHARED_MAGIC);
	for (unsigned i = 0; i < s->workers; i++)
		n += atomic_load(&s->parts[i].queue);
	return n;
}

unsigned
shared_hungriest(const struct shared *s, unsigned self, int64_t before_ms)
{
	unsigned found = 0;

	IS(s, SHARED_MAGIC);
	for (unsigned i = 1; i <= s->workers; i++) {
		const struct part *p = &s->parts[i - 1];
		int64_t oldest = atomic_load(&p->oldest_ms);

		if (i == self || atomic_load(&p->queue) == 0)
			continue;
		if (oldest >= before_ms)
			continue;
		before_ms = oldest;
		found = i;
	}
	return found;
}

int
shared_wake_fd(const struct shared *s, unsigned self)
{
	(void)part_of(s, self);
	return s->wake[self - 1];
}

void
shared_wake(const struct shared *s, unsigned whom)
{
	uint64_t one = 1;

	(void)part_of(s, whom);
	/* fails only when it is full, and then it wakes already */
	if (write(s->wake[whom - 1], &one, sizeof(one)) < 0)
		return;
}

/* ---- counts ---- */

/* Both halves of the product: cheap, and with a secret in it nobody outside
 * can choose clients that meet in one place. */
static uint64_t
fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 wide = a;

	wide *= b;
	return (uint64_t)wide ^ (uint64_t)(wide >> 64);
}

static uint64_t
hash(const struct shared *s, const void *bytes, size_t len, unsigned kind)
{
	const unsigned char *at = bytes;
	uint64_t h = s->secret[0] ^ (len * 4 + kind);

	while (len > 0) {
		uint64_t word = 0;
		size_t n = len < sizeof(word) ? len : sizeof(word);

		memcpy(&word, at, n);
		h = fold(h ^ word ^ s->secret[1], s->secret[2] | 1);
		at += n;
		len -= n;
	}
	h = fold(h ^ s->secret[3], s->secret[1] | 1);
	return h == 0 ? 1 : h;
}

static struct count *
place_of(const struct shared *s, unsigned self, uint64_t key, unsigned probe)
{
	size_t at = (size_t)(key + probe) & (s->slots - 1);

	return &s->counts[(self - 1) * s->slots + at];
}

/* NULL: it is not counted there. */
static struct count *
find(const struct shared *s, unsigned self, uint64_t key)
{
	for (unsigned i = 0; i < PROBES; i++) {
		struct count *c = place_of(s, self, key, i);
		uint64_t there = atomic_load(&c->key);

		if (there == key)
			return c;
		if (there == 0)
			return NULL;
	}
	return NULL;
}

static struct count *
find_free(const struct shared *s, unsigned self, uint64_t key)
{
	for (unsigned i = 0; i < PROBES; i++) {
		struct count *c = place_of(s, self, key, i);

		if (atomic_load(&c->n) == 0)
			return c;
	}
	return NULL;
}

static uint32_t
count_all(const struct shared *s, uint64_t key)
{
	uint32_t n = 0;

	for (unsigned i = 1; i <= s->workers; i++) {
		const struct count *c = find(s, i, key);

		if (c != NULL)
			n += atomic_load(&c->n);
	}
	return n;
}

static uint32_t
enter(struct shared *s, unsigned self, uint64_t key)
{
	struct count *c = find(s, self, key);

	if (c == NULL) {
		c = find_free(s, self, key);
		if (c == NULL)
			return UINT32_MAX;
		atomic_store(&c->key, key);
	}
	atomic_fetch_add(&c->n, 1);
	return count_all(s, key);
}

static void
leave(struct shared *s, unsigned self, uint64_t key)
{
	struct count *c = find(s, self, key);

	if (c != NULL && atomic_load(&c->n) > 0)
		atomic_fetch_sub(&c->n, 1);
}

static uint64_t
client_key(const struct shared *s, const struct addr *client, unsigned kind)
{
	unsigned char key[16];

	addr_key(client, key);
	return hash(s, key, sizeof(key), kind);
}

uint32_t
shared_client_enter(struct shared *s, unsigned self, const struct addr *client)
{
	(void)part_of(s, self);
	return enter(s, self, client_key(s, client, 0));
}

void
shared_client_leave(struct shared *s, unsigned self, const struct addr *client)
{
	(void)part_of(s, self);
	leave(s, self, client_key(s, client, 0));
}

bool
shared_client_rate(struct shared *s, unsigned self, const struct addr *client,
    enum shared_rate rate, uint32_t most)
{
	(void)part_of(s, self);
	return rates_take(s->rates, self, client_key(s, client, (unsigned)rate),
	    most, clock_ms());
}

uint32_t
shared_listener_enter(struct shared *s, unsigned self, const char *name)
{
	(void)part_of(s, self);
	return enter(s, self, hash(s, name, strlen(name), 1));
}

void
shared_listener_leave(struct shared *s, unsigned self, const char *name)
{
	(void)part_of(s, self);
	leave(s, self, hash(s, name, strlen(name), 1));
}

void
shared_sessions(struct shared *s, unsigned self, int change)
{
	atomic_fetch_add(&part_of(s, self)->sessions, (uint32_t)change);
}

uint32_t
shared_session_count(const struct shared *s)
{
	uint32_t n = 0;

	IS(s, SHARED_MAGIC);
	for (unsigned i = 0; i < s->workers; i++)
		n += atomic_load(&s->parts[i].sessions);
	return n;
}

void
shared_clear(struct shared *s, unsigned self)
{
	struct part *p = part_of(s, self);
	uint64_t wakes;

	atomic_store(&p->queue, 0);
	atomic_store(&p->oldest_ms, 0);
	atomic_store(&p->sessions, 0);
	for (size_t i = 0; i < s->slots; i++) {
		struct count *c = &s->counts[(self - 1) * s->slots + i];

		atomic_store(&c->n, 0);
		atomic_store(&c->key, 0);
	}
	if (read(s->wake[self - 1], &wakes, sizeof(wakes)) < 0)
		return; /* nobody had woken it */
}
