/*
 * cache: sets of four entries of 512 bytes in shared anonymous memory.  An
 * entry is guarded twice: its stamp is odd while somebody writes (a seqlock),
 * and a sum over all of it catches what a writer left half done when it died.
 * Every access is an atomic word, so nothing here is a data race.
 */

#include "proxy/cache.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "proxy/base/buf.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/stats.h"
#include "scan/wire.h"

#define CACHE_MAGIC 0xcac4e001u
#define CACHE_WAYS 4
#define CACHE_KEY_WORDS 8
#define CACHE_WORDS 64
#define CACHE_PAYLOAD ((CACHE_WORDS - CACHE_KEY_WORDS - 4) * 8)

/* A stamp that stays odd this long belongs to a writer that died. */
#define CACHE_WRITE_US 1000000

/* What a stamp guards, as one process sees it. */
struct image {
	uint64_t sum; /* over all that follows */
	uint64_t key[CACHE_KEY_WORDS];
	uint64_t expires_ms; /* on clock_ms(); 0: never written */
	uint64_t len;        /* of the report, as wire.h writes it */
	unsigned char payload[CACHE_PAYLOAD];
};

#define IMAGE_WORDS (CACHE_WORDS - 1)

/* stamp: microseconds of the last write * 2, + 1 while it goes on. */
struct entry {
	_Atomic uint64_t stamp;
	_Atomic uint64_t word[IMAGE_WORDS];
};

_Static_assert(sizeof(struct image) == IMAGE_WORDS * 8, "image fits entry");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "atomics across processes");

struct cache {
	uint32_t magic;
	int64_t ttl_ms;
	uint64_t sets;
	size_t mapped;
	struct entry *entries; /* shared; [sets * CACHE_WAYS] */
};

struct cache *
cache_open(uint64_t size, int64_t ttl_ms)
{
	uint64_t sets = size / (CACHE_WAYS * sizeof(struct entry));
	struct cache *c;

	if (sets == 0)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->magic = CACHE_MAGIC;
	c->ttl_ms = ttl_ms;
	c->sets = sets;
	c->mapped = (size_t)(sets * CACHE_WAYS * sizeof(struct entry));
	c->entries = mmap(NULL, c->mapped, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->entries != MAP_FAILED)
		return c;
	log_warn(0, "cache none size=%zu error=%s", c->mapped, strerror(errno));
	free(c);
	return NULL;
}

void
cache_free(struct cache **cp)
{
	struct cache *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	IS(c, CACHE_MAGIC);
	munmap(c->entries, c->mapped);
	free(c);
}

/* Mixes a word in; every bit of the word reaches every bit of the sum. */
static uint64_t
mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
	return sum ^ (sum >> 29);
}

static uint64_t
mix_text(const char *text)
{
	uint64_t sum = strlen(text);

	for (const char *c = text; *c != '\0'; c++)
		sum = mix(sum, (unsigned char)*c);
	return mix(sum, sum >> 32);
}

static void
key_words(const struct cache_key *k, uint64_t word[CACHE_KEY_WORDS])
{
	memcpy(word, k->sha256, sizeof(k->sha256));
	word[4] = k->size;
	word[5] = k->kind;
	word[6] = mix_text(k->version);
	word[7] = k->options;
}

static uint64_t
image_sum(const struct image *im)
{
	const unsigned char *bytes = (const unsigned char *)im;
	uint64_t sum = CACHE_MAGIC, word;

	for (size_t at = sizeof(im->sum); at < sizeof(*im); at += 8) {
		memcpy(&word, bytes + at, 8);
		sum = mix(sum, word);
	}
	return mix(sum, sum >> 32);
}

static struct entry *
set_of(struct cache *c, const uint64_t key[CACHE_KEY_WORDS])
{
	uint64_t sum = 0;

	for (int i = 0; i < CACHE_KEY_WORDS; i++)
		sum = mix(sum, key[i]);
	return &c->entries[sum % c->sets * CACHE_WAYS];
}

/* One word of the image, by its offset. */
#define PEEK(e, member) \
	atomic_load_explicit(&(e)->word[offsetof(struct image, member) / 8], \
	    memory_order_relaxed)

/* Whether e seems to be of key: a hint, which entry_read() makes certain. */
static bool
entry_of(struct entry *e, const uint64_t key[CACHE_KEY_WORDS])
{
	return PEEK(e, key[0]) == key[0] && PEEK(e, key[1]) == key[1] &&
	    PEEK(e, key[6]) == key[6] && PEEK(e, key[7]) == key[7];
}

/* Copies e whole; false when a writer was, or had been, in the middle. */
static bool
entry_read(struct entry *e, struct image *im)
{
	unsigned char *to = (unsigned char *)im;
	uint64_t stamp, word;

	stamp = atomic_load_explicit(&e->stamp, memory_order_acquire);
	if ((stamp & 1) != 0)
		return false;
	for (size_t i = 0; i < IMAGE_WORDS; i++) {
		word = atomic_load_explicit(&e->word[i], memory_order_relaxed);
		memcpy(to + i * 8, &word, 8);
	}
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&e->stamp, memory_order_relaxed) == stamp &&
	    im->sum == image_sum(im);
}

bool
cache_get(struct cache *c, const struct cache_key *k, struct report *r_r)
{
	uint64_t key[CACHE_KEY_WORDS];
	struct entry *set;
	struct image im;
	uint32_t number;

	if (c == NULL)
		return false;
	IS(c, CACHE_MAGIC);
	key_words(k, key);
	set = set_of(c, key);
	for (int i = 0; i < CACHE_WAYS; i++) {
		if (!entry_of(&set[i], key) || !entry_read(&set[i], &im))
			continue;
		if (memcmp(im.key, key, sizeof(key)) != 0 ||
		    im.len > CACHE_PAYLOAD ||
		    clock_ms() >= (int64_t)im.expires_ms)
			continue;
		return wire_get_report(im.payload, im.len, &number, r_r) == 0;
	}
	return false;
}

/* A time limit says what the machine was busy with, not what the bytes are. */
static bool
is_of_the_moment(const struct finding *f)
{
	return f->kind == FOUND_FAILED ||
	    (f->kind == FOUND_LIMIT &&
		(strcasestr(f->what, "time") != NULL ||
		    strcasestr(f->what, "deadline") != NULL));
}

/* A report that gave findings up may have given up a `failed`. */
static bool
may_keep(const struct report *r)
{
	if (r->seen > r->n)
		return false;
	for (unsigned i = 0; i < r->n; i++) {
		if (is_of_the_moment(&r->found[i]))
			return false;
	}
	return true;
}

/* The entry to write: the key's own, an unused one, or the oldest. */
static struct entry *
entry_choose(struct entry *set, const uint64_t key[CACHE_KEY_WORDS])
{
	struct entry *oldest = set;

	for (int i = 0; i < CACHE_WAYS; i++) {
		if (entry_of(&set[i], key))
			return &set[i];
		if (PEEK(&set[i], expires_ms) < PEEK(oldest, expires_ms))
			oldest = &set[i];
	}
	return oldest;
}

static void
entry_write(struct entry *e, const struct image *im)
{
	const unsigned char *from = (const unsigned char *)im;
	uint64_t now = (uint64_t)clock_us(), word;
	uint64_t stamp = atomic_load_explicit(&e->stamp, memory_order_relaxed);
	uint64_t mine = now * 2;

	if ((stamp & 1) != 0 && now < stamp / 2 + CACHE_WRITE_US)
		return;
	if (mine <= stamp)
		mine = (stamp | 1) + 1;
	if (!atomic_compare_exchange_strong_explicit(&e->stamp, &stamp,
		mine | 1, memory_order_acquire, memory_order_relaxed))
		return;
	atomic_thread_fence(memory_order_release);
	for (size_t i = 0; i < IMAGE_WORDS; i++) {
		memcpy(&word, from + i * 8, 8);
		atomic_store_explicit(&e->word[i], word, memory_order_relaxed);
	}
	word = mine | 1;
	/* Fails when the entry was taken from us as from the dead: then the
	 * sum decides who reads what. */
	atomic_compare_exchange_strong_explicit(
	    &e->stamp, &word, mine, memory_order_release, memory_order_relaxed);
}

void
cache_put(struct cache *c, const struct cache_key *k, const struct report *r)
{
	struct image im = {0};
	struct buf b;

	if (c == NULL || !may_keep(r))
		return;
	IS(c, CACHE_MAGIC);
	buf_init(&b, CACHE_PAYLOAD);
	if (wire_put_report(&b, 0, r) == 0) {
		key_words(k, im.key);
		im.expires_ms = (uint64_t)(clock_ms() + c->ttl_ms);
		im.len = b.len;
		memcpy(im.payload, buf_at(&b), b.len);
		im.sum = image_sum(&im);
		stats_add(STAT_CACHE_STORES);
		entry_write(entry_choose(set_of(c, im.key), im.key), &im);
	}
	buf_free(&b);
}
