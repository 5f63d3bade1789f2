/*
 * t_cache: what is kept and what is not, what makes a key another one, the
 * time it holds; and four processes at once that must never read a report
 * which nobody wrote.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/clock.h"
#include "proxy/cache.h"

#define HOUR 3600000

static struct cache_key
key_of(unsigned n)
{
	struct cache_key k = {.size = n,
	    .kind = CONTENT_MAIL,
	    .version = "clamav/1.4.6/27815",
	    .options = 7};

	for (size_t i = 0; i < sizeof(k.sha256); i++)
		k.sha256[i] = (unsigned char)(n * 31 + i);
	memcpy(k.sha256, &n, sizeof(n));
	return k;
}

/* A report that says n in every part of it. */
static void
report_of(unsigned n, struct report *r)
{
	char where[40];

	report_init(r);
	r->msec = n;
	r->members = n + 1;
	r->unscanned_bytes = n + 2;
	snprintf(r->engines, sizeof(r->engines), "engine/%u", n);
	snprintf(where, sizeof(where), "mail.eml/%u.zip/x.exe", n);
	for (unsigned i = 0; i < n % 4; i++)
		report_add(
		    r, FOUND_MALWARE, "clamav", where, "Worm.%u.%u", n, i);
}

static bool
says(const struct report *r, unsigned n)
{
	struct report want;

	report_of(n, &want);
	if (r->n != want.n || r->seen != want.seen || r->msec != n ||
	    r->members != n + 1 || r->unscanned_bytes != n + 2 ||
	    strcmp(r->engines, want.engines) != 0)
		return false;
	for (unsigned i = 0; i < r->n; i++) {
		if (strcmp(r->found[i].what, want.found[i].what) != 0 ||
		    strcmp(r->found[i].where, want.found[i].where) != 0)
			return false;
	}
	return true;
}

static void
what_was_put_is_got(void **state)
{
	struct cache *c = cache_open(1 << 20, HOUR);
	struct cache_key k;
	struct report r;

	(void)state;
	assert_non_null(c);
	for (unsigned i = 0; i < 100; i++) {
		k = key_of(i);
		assert_false(cache_get(c, &k, &r));
		report_of(i, &r);
		cache_put(c, &k, &r);
	}
	for (unsigned i = 0; i < 100; i++) {
		k = key_of(i);
		assert_true(cache_get(c, &k, &r));
		assert_true(says(&r, i));
	}
	cache_free(&c);
	assert_null(c);
}

static void
everything_in_the_key_counts(void **state)
{
	struct cache *c = cache_open(1 << 20, HOUR);
	struct cache_key k = key_of(5), other;
	struct report r;

	(void)state;
	report_of(5, &r);
	cache_put(c, &k, &r);
	other = k, other.sha256[31] ^= 1;
	assert_false(cache_get(c, &other, &r));
	other = k, other.size++;
	assert_false(cache_get(c, &other, &r));
	other = k, other.kind = CONTENT_BODY;
	assert_false(cache_get(c, &other, &r));
	other = k, other.options++;
	assert_false(cache_get(c, &other, &r));
	other = k, other.version = "clamav/1.4.6/27816";
	assert_false(cache_get(c, &other, &r));
	assert_true(cache_get(c, &k, &r));
	cache_free(&c);
}

#define SHORT_MS 60

/* A get behind the put finds it, unless its time was over by then. */
static bool
holds(struct cache *c, const struct cache_key *k)
{
	struct report r;
	int64_t began;
	bool found;

	do {
		began = clock_ms();
		report_of(1, &r);
		cache_put(c, k, &r);
		found = cache_get(c, k, &r);
	} while (!found && clock_ms() - began >= SHORT_MS);
	return found;
}

static void
it_holds_for_its_time(void **state)
{
	struct cache *c = cache_open(1 << 20, SHORT_MS);
	struct cache_key k = key_of(1);
	struct report r;

	(void)state;
	assert_true(holds(c, &k));
	usleep(80000);
	assert_false(cache_get(c, &k, &r));
	assert_true(holds(c, &k));
	cache_free(&c);
}

static bool
is_kept(const struct report *r)
{
	struct cache *c = cache_open(1 << 16, HOUR);
	struct cache_key k = key_of(1);
	struct report got;
	bool hit;

	cache_put(c, &k, r);
	hit = cache_get(c, &k, &got);
	cache_free(&c);
	return hit;
}

static void
what_the_moment_decided_is_not_kept(void **state)
{
	struct report r;

	(void)state;
	report_init(&r);
	assert_true(is_kept(&r));
	report_add(&r, FOUND_LIMIT, "clamav", "a", "MaxRecursion");
	assert_true(is_kept(&r));
	report_add(&r, FOUND_LIMIT, "clamav", "a", "MaxScanTime");
	assert_false(is_kept(&r));
	report_init(&r);
	report_add(&r, FOUND_FAILED, "gate", "a", "crash");
	assert_false(is_kept(&r));
	report_init(&r);
	r.seen = 1; /* it gave one up: who knows which */
	assert_false(is_kept(&r));
}

static void
what_is_too_large_is_not_kept(void **state)
{
	struct report r;

	(void)state;
	report_init(&r);
	for (int i = 0; i < REPORT_MAX; i++)
		report_add(&r, FOUND_TYPE, "type", "a", "exe %d", i);
	assert_false(is_kept(&r));
}

static void
no_cache_never_hits(void **state)
{
	struct cache *c = cache_open(0, HOUR);
	struct cache_key k = key_of(1);
	struct report r;

	(void)state;
	assert_null(c);
	report_of(1, &r);
	cache_put(c, &k, &r);
	assert_false(cache_get(c, &k, &r));
	cache_free(&c);
}

/* Far more keys than room: it stays bounded and hands out only the truth. */
static void
it_is_bounded(void **state)
{
	struct cache *c = cache_open(1 << 16, HOUR);
	struct cache_key k;
	struct report r;
	unsigned hits = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		k = key_of(i);
		report_of(i, &r);
		cache_put(c, &k, &r);
		assert_true(cache_get(c, &k, &r));
	}
	for (unsigned i = 0; i < 5000; i++) {
		k = key_of(i);
		if (!cache_get(c, &k, &r))
			continue;
		assert_true(says(&r, i));
		hits++;
	}
	assert_in_range(hits, 1, (1 << 16) / 512);
	cache_free(&c);
}

#define CHILDREN 4
#define RACE_MS 1500
#define RACE_KEYS 24
#define LATE_MS 60000 /* what a machine under load may take for 1,000 hits */

/* Many versions of few keys: report n is right for key n % RACE_KEYS alone. */
static int
race(struct cache *c, unsigned self)
{
	int64_t until = clock_ms() + RACE_MS, late = until + LATE_MS;
	unsigned hits = 0, seed = self * 7919 + 1;
	struct cache_key k;
	struct report r;

	while (clock_ms() < until || (hits <= 1000 && clock_ms() < late)) {
		for (int i = 0; i < 1000; i++) {
			seed = seed * 1103515245 + 12345;
			k = key_of((seed >> 16 & 0xff) % RACE_KEYS);
			if ((seed >> 28 & 3) == 0) {
				report_of((unsigned)k.size +
					RACE_KEYS * (seed >> 8 & 0xff),
				    &r);
				cache_put(c, &k, &r);
			} else if (cache_get(c, &k, &r)) {
				if (r.msec % RACE_KEYS != k.size ||
				    !says(&r, r.msec))
					return 1;
				hits++;
			}
		}
	}
	return hits > 1000 ? 0 : 2;
}

static void
no_process_reads_what_nobody_wrote(void **state)
{
	/* 32 entries for 24 keys of many versions: every write is a race */
	struct cache *c = cache_open(32 * 512, HOUR);
	pid_t pid[CHILDREN];
	int status;

	(void)state;
	for (unsigned i = 0; i < CHILDREN; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] == 0)
			_exit(race(c, i));
	}
	for (unsigned i = 0; i < CHILDREN; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	cache_free(&c);
}

/* Writers that are killed in the middle cost an entry for a second at most. */
static void
a_dead_writer_does_no_harm(void **state)
{
	struct cache *c = cache_open(4 * 512, HOUR);
	struct cache_key k = key_of(3);
	struct report r;
	int status;

	(void)state;
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			for (unsigned n = 3;; n += RACE_KEYS) {
				report_of(n, &r);
				cache_put(c, &k, &r);
			}
		}
		usleep(2000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		if (cache_get(c, &k, &r))
			assert_true(says(&r, r.msec));
	}
	usleep(1100000);
	report_of(3, &r);
	cache_put(c, &k, &r);
	assert_true(cache_get(c, &k, &r));
	assert_true(says(&r, 3));
	cache_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_put_is_got),
	    cmocka_unit_test(everything_in_the_key_counts),
	    cmocka_unit_test(it_holds_for_its_time),
	    cmocka_unit_test(what_the_moment_decided_is_not_kept),
	    cmocka_unit_test(what_is_too_large_is_not_kept),
	    cmocka_unit_test(no_cache_never_hits),
	    cmocka_unit_test(it_is_bounded),
	    cmocka_unit_test(no_process_reads_what_nobody_wrote),
	    cmocka_unit_test(a_dead_writer_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
