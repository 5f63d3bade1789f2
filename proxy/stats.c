/*
 * stats: the counters' file.  It is made under another name and moved to its
 * own, so that a reader never sees half of it and nobody writes into what
 * another gateway has left.
 */
#include "proxy/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/stats_file.h"

#define STATS_OPEN 0x57a75001u
#define LINE 64 /* of the processor's cache */

struct stats {
	uint32_t magic;
	char path[PATH_MAX];
	int fd; /* holds the lock */
	unsigned parts;
	size_t part_size, size;
	struct stats_head *head;
	unsigned char *first; /* part */
};

/* ---- the words ---- */

#define WORD(word) word,
#define SECOND(id, word) word,

/* clang-format off */
static const struct {
	const char *name;
	enum stats_limit_by by;
} limits[] = {
#define X(name, by) {name, by},
	STATS_LIMITS(X)
#undef X
};
static const char *const results[] = {STATS_RESULTS(WORD)};
static const char *const dials[] = {STATS_DIALS(SECOND)};
static const char *const hands[] = {STATS_HANDS(SECOND)};
static const char *const reloads[] = {STATS_RELOADS(SECOND)};
static const char *const lines[] = {STATS_LINES(WORD)};
static const char *const losses[] = {STATS_LOSSES(WORD)};
static const char *const copies[] = {STATS_COPIES(WORD)};

static const struct {
	enum stats_kind kind;
	const char *name, *group, *text;
	enum stats_set set;
	unsigned wide, first;
} families[] = {
#define X(id, kind, name, set, wide, group, text) \
	{STATS_##kind, name, group, text, SET_##set, wide, STAT_##id},
	STATS(X)
#undef X
};

static const struct {
	const char *key;
	unsigned n;
} sets[] = {
#define X(set, key) {key, SET_##set##_N},
	STATS_SETS(X)
#undef X
};
/* clang-format on */

#define FAMILIES (sizeof(families) / sizeof(families[0]))

_Static_assert(FAMILIES <= STATS_FAMILIES_MAX, "families fit the head");
_Static_assert(STATS_SETS_N < STATS_SETS_MAX, "sets fit the head");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "atomics across processes");
_Static_assert(sizeof(struct stats_head) % 8 == 0, "parts are aligned");

static const char *
set_word(enum stats_set set, unsigned i)
{
	switch (set) {
	case SET_LIMIT:
		return limits[i].name;
	case SET_RESULT:
		return results[i];
	case SET_VERDICT:
		if (i == FOUND_KINDS)
			return "clean";
		return finding_word((enum finding_kind)i);
	case SET_ACTION:
		return action_word((enum action)i);
	case SET_FINDING:
		return finding_word((enum finding_kind)i);
	case SET_DIAL:
		return dials[i];
	case SET_HANDS:
		return hands[i];
	case SET_RELOAD:
		return reloads[i];
	case SET_LINE:
		return lines[i];
	case SET_LOSS:
		return losses[i];
	case SET_COPY:
		return copies[i];
	case SET_NONE:
	case STATS_SETS_N:
		break;
	}
	return "";
}

/* ---- adding ---- */

static _Atomic uint64_t unread[STATS_SERIES];
_Atomic uint64_t *stats_own = unread;
static struct stats *all; /* NULL: this process has but its own */

static _Atomic uint64_t *
part_of(const struct stats *s, unsigned part)
{
	return (_Atomic uint64_t *)(void *)(s->first + part * s->part_size);
}

static uint64_t
total(unsigned series)
{
	uint64_t n = 0;

	if (all == NULL)
		return atomic_load(&stats_own[series]);
	for (unsigned i = 0; i < all->parts; i++)
		n += atomic_load(&part_of(all, i)[series]);
	return n;
}

/* Over all protocols. */
static uint64_t
limit_total(unsigned limit)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < STATS_PROTOCOLS; i++)
		n += total(STAT_LIMITS + limit * STATS_PROTOCOLS + i);
	return n;
}

/* STATS_LIMIT_N: there is none of that name. */
static unsigned
find_limit(const char *name)
{
	unsigned i = 0;

	while (i < STATS_LIMIT_N && strcmp(limits[i].name, name) != 0)
		i++;
	return i;
}

uint64_t
stats_limit(unsigned protocol, const char *limit)
{
	unsigned i = find_limit(limit);

	if (i == STATS_LIMIT_N)
		return 0;
	stats_both(STAT_LIMITS, i, protocol);
	return limit_total(i);
}

static void
count_if(unsigned protocol, const char *name, enum stats_limit_by by)
{
	unsigned i = find_limit(name);

	if (i < STATS_LIMIT_N && limits[i].by == by)
		stats_both(STAT_LIMITS, i, protocol);
}

void
stats_reason(unsigned protocol, const char *reason)
{
	if (reason[0] != '\0')
		count_if(protocol, reason, LIMIT_REASON);
}

void
stats_finding(unsigned protocol, const char *what)
{
	count_if(protocol, what, LIMIT_FINDING);
}

/* The last one stands for all others. */
static unsigned
index_of(const char *const *words, unsigned n, const char *word)
{
	unsigned i = 0;

	while (i + 1 < n && strcmp(words[i], word) != 0)
		i++;
	return i;
}

void
stats_result(unsigned protocol, const char *result)
{
	stats_both(
	    STAT_EXCHANGES, index_of(results, SET_RESULT_N, result), protocol);
}

void
stats_copy(unsigned protocol, const char *how)
{
	stats_both(STAT_COPIES, index_of(copies, SET_COPY_N, how), protocol);
}

void
stats_lost(const char *why)
{
	stats_word(STAT_SCAN_LOST, index_of(losses, SET_LOSS_N, why));
}

void
stats_log_limits(void)
{
	for (unsigned i = 0; i < STATS_LIMIT_N; i++) {
		uint64_t n = limit_total(i);

		if (n > 0)
			log_info(0, "refused limit=%s total=%" PRIu64,
			    limits[i].name, n);
	}
}

/* ---- the file ---- */

static void
put_words(struct stats_head *h, unsigned set, const char *word)
{
	MUST(h->words < STATS_WORDS_MAX && strlen(word) < STATS_WORD);
	copy_text(h->word[h->words++], STATS_WORD, word);
	h->set[set].n++;
}

static void
begin_set(struct stats_head *h, unsigned set, const char *key)
{
	copy_text(h->set[set].key, STATS_WORD, key);
	h->set[set].first = h->words;
}

static void
put_sets(struct stats_head *h, const char *const *protocols)
{
	for (unsigned i = 0; i < STATS_SETS_N; i++) {
		begin_set(h, i, sets[i].key);
		for (unsigned j = 0; j < sets[i].n; j++)
			put_words(h, i, set_word((enum stats_set)i, j));
	}
	begin_set(h, STATS_SETS_N, "protocol");
	put_words(h, STATS_SETS_N, "gateway");
	for (unsigned j = 1; j < STATS_PROTOCOLS; j++) {
		put_words(
		    h, STATS_SETS_N, *protocols == NULL ? "" : *protocols);
		if (*protocols != NULL)
			protocols++;
	}
	MUST(*protocols == NULL);
	h->protocols = STATS_SETS_N;
	h->sets = STATS_SETS_N + 1;
}

static void
put_families(struct stats_head *h)
{
	const char *group = "";

	for (unsigned i = 0; i < FAMILIES; i++) {
		struct stats_family *f = &h->family[i];

		if (families[i].group[0] != '\0')
			group = families[i].group;
		MUST(strlen(families[i].name) < STATS_NAME &&
		    strlen(families[i].text) < STATS_TEXT);
		copy_text(f->name, STATS_NAME, families[i].name);
		copy_text(f->group, STATS_WORD, group);
		copy_text(f->text, STATS_TEXT, families[i].text);
		f->kind = families[i].kind;
		f->set = families[i].set;
		f->wide = families[i].wide;
		f->first = families[i].first;
	}
	h->families = FAMILIES;
}

static void
put_head(struct stats *s, const struct stats_start *how)
{
	struct stats_head *h = s->head;

	h->size = sizeof(*h);
	h->part_size = (uint32_t)s->part_size;
	h->parts = s->parts;
	h->pid = getpid();
	h->started_ms = clock_ms();
	h->started_wall_ms = clock_wall_ms();
	copy_text(h->version, STATS_WORD, SALLYPORT_VERSION);
	put_sets(h, how->protocols);
	put_families(h);
	h->magic = STATS_MAGIC;
}

/* The file under its first name, as large as it will be. */
static int
make_file(struct stats *s, const struct stats_start *how, const char *path)
{
	(void)unlink(path);
	s->fd = open(
	    path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (s->fd < 0 || fchmod(s->fd, 0640) < 0)
		return -1;
	/* a parent without CAP_CHOWN: it is root's alone then */
	if (how->group != (gid_t)-1 &&
	    fchown(s->fd, (uid_t)-1, how->group) < 0 && errno != EPERM)
		return -1;
	/* Room that is there now is there later: no SIGBUS on a full disk. */
	errno = posix_fallocate(s->fd, 0, (off_t)s->size);
	return errno == 0 ? 0 : -1;
}

static int
map_file(struct stats *s, const struct stats_start *how, const char *path)
{
	/* It goes with this process and with no other: fcntl(2). */
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	void *at;

	if (make_file(s, how, path) < 0 || fcntl(s->fd, F_SETLK, &lock) < 0)
		return -1;
	at = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (at == MAP_FAILED)
		return -1;
	s->head = at;
	s->first = (unsigned char *)at + sizeof(struct stats_head);
	put_head(s, how);
	return rename(path, s->path);
}

struct stats *
stats_open(const struct stats_start *how, struct err *e)
{
	struct stats *s = xcalloc(1, sizeof(*s));
	char path[PATH_MAX];
	int n;

	s->magic = STATS_OPEN;
	s->fd = -1;
	s->parts = how->workers + 1;
	s->part_size =
	    (STATS_SERIES * sizeof(uint64_t) + LINE - 1) / LINE * LINE;
	s->size = sizeof(struct stats_head) + s->parts * s->part_size;
	n = snprintf(s->path, sizeof(s->path), "%s/" STATS_FILE, how->dir);
	if (n > 0 && (size_t)n + 4 < sizeof(path)) {
		(void)snprintf(path, sizeof(path), "%.*s.new",
		    (int)sizeof(path) - 5, s->path);
		if (map_file(s, how, path) == 0)
			return s;
	}
	(void)err_set(e, "%s: %s", s->path, strerror(errno));
	s->path[0] = '\0';
	stats_free(&s);
	return NULL;
}

/* Is the file of that name still ours? */
static bool
is_ours(const struct stats *s)
{
	struct stat there, ours;

	return s->path[0] != '\0' && lstat(s->path, &there) == 0 &&
	    fstat(s->fd, &ours) == 0 && there.st_ino == ours.st_ino &&
	    there.st_dev == ours.st_dev;
}

void
stats_free(struct stats **sp)
{
	struct stats *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	IS(s, STATS_OPEN);
	if (all == s) {
		all = NULL;
		stats_own = unread;
	}
	if (is_ours(s))
		(void)unlink(s->path);
	if (s->head != NULL)
		(void)munmap(s->head, s->size);
	if (s->fd >= 0)
		(void)close(s->fd);
	s->magic = 0;
	free(s);
}

void
stats_take(struct stats *s, unsigned self)
{
	IS(s, STATS_OPEN);
	MUST(self < s->parts);
	all = s;
	stats_own = part_of(s, self);
}

void
stats_clear(struct stats *s, unsigned self)
{
	IS(s, STATS_OPEN);
	MUST(self > 0 && self < s->parts);
	for (unsigned i = 0; i < FAMILIES; i++) {
		unsigned n = sets[families[i].set].n * families[i].wide;

		if (families[i].kind != STATS_GAUGE)
			continue;
		for (unsigned j = 0; j < n; j++)
			atomic_store(
			    &part_of(s, self)[families[i].first + j], 0);
	}
}

static void
say(struct stats_said *to, const char *text)
{
	size_t i = 0;

	atomic_fetch_add(&to->count, 1);
	for (; i + 1 < STATS_SAID && text[i] != '\0'; i++)
		atomic_store(&to->text[i], text[i]);
	atomic_store(&to->text[i], '\0');
	atomic_fetch_add(&to->count, 1);
}

void
stats_tell(struct stats *s, const char *state, const char *signatures)
{
	IS(s, STATS_OPEN);
	if (state != NULL)
		say(&s->head->state, state);
	if (signatures != NULL)
		say(&s->head->signatures, signatures);
}
