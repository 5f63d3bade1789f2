/*
 * b_scan: the limit: processes that scan the files of a corpus and do nothing
 * else: no socket, no queue, no jail.  The engine is loaded once and shared by
 * fork, as the armoury does it.  One JSON line.
 */

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "conf/conf.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "scan/inspect.h"
#include "tests/bench/bench_web.h"

#define WORKERS_MAX 64
#define TIMES_MAX 200000

/* What a worker tells: in memory that all share. */
struct told {
	long scans, wrong;
	uint64_t bytes;
	int64_t cpu_us;
	size_t n;
	uint32_t us[TIMES_MAX];
};

static struct corpus corpus;
static enum content_kind kind = CONTENT_MAIL;

static struct conf *
conf_make(const char *database)
{
	char *text = xasprintf("[engine clamav]\ndatabase = %s\n", database);
	struct conf *c =
	    conf_from_text("b_scan", text, strlen(text), false, stderr);

	free(text);
	if (c == NULL)
		die("b_scan", "the configuration is not one");
	return c;
}

/* The mail with a serial in front, as b_smtp sends it. */
static size_t
mail_copy(char *to, const struct mail *m, uint64_t serial)
{
	snprintf(to, SERIAL_LEN + 1, SERIAL_FMT, serial);
	memcpy(to + SERIAL_LEN, m->bytes, m->len);
	return SERIAL_LEN + m->len;
}

/* The body with a serial in it, as b_origin sends it. */
static size_t
body_copy(char *to, const struct mail *m, uint64_t serial)
{
	struct body b;

	body_begin(&b, m, m->len, m->infected ? 0 : serial);
	memcpy(to, m->bytes, m->len);
	memcpy(to, b.first, BODY_FIRST);
	return m->len;
}

static bool
scan_one(struct inspector *i, const struct mail *m, uint64_t serial)
{
	static struct report r;
	static char *bytes;
	static size_t room;
	struct content *c;
	struct spool *s;
	size_t len;

	if (bytes == NULL || room < SERIAL_LEN + m->len + 1)
		bytes = xrealloc(bytes, room = SERIAL_LEN + m->len + 1, 1);
	len = kind == CONTENT_MAIL ? mail_copy(bytes, m, serial)
				   : body_copy(bytes, m, serial);
	s = spool_over(bytes, len);
	c = content_over(&s, kind, kind == CONTENT_MAIL ? "mail.eml" : "");
	inspect(i, c, inspector_budget(i, len), NULL, NULL, &r);
	content_free(&c);
	return report_has(&r, FOUND_MALWARE) == m->infected &&
	    !report_has(&r, FOUND_FAILED);
}

static int64_t
cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
	    u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static void
work(struct inspector *i, unsigned self, int64_t until_us, struct told *t)
{
	int64_t cpu = cpu_us();

	for (size_t n = self; n == self || clock_us() < until_us; n++) {
		const struct mail *m = &corpus.mail[n % corpus.n];
		int64_t began = clock_us();

		t->wrong += !scan_one(i, m, (uint64_t)self << 40 | (n + 1));
		if (t->n < TIMES_MAX)
			t->us[t->n++] = (uint32_t)(clock_us() - began);
		t->scans++;
		t->bytes += m->len;
	}
	t->cpu_us = cpu_us() - cpu;
}

static pid_t
worker(struct inspector *i, const char *tmp, unsigned self, int64_t until_us,
    struct told *t)
{
	char *dir = xasprintf("%s/scan-%u", tmp, self);
	struct err e;
	pid_t pid;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		die(dir, strerror(errno));
	pid = fork();
	if (pid < 0)
		die("fork", strerror(errno));
	if (pid == 0) {
		if (inspector_enter(i, dir, &e) < 0)
			die("engine", e.text);
		work(i, self, until_us, t);
		_exit(0);
	}
	free(dir);
	return pid;
}

static void
tell(const struct told *told, unsigned workers, double seconds)
{
	long scans = 0, wrong = 0;
	struct times all = {0};
	uint64_t bytes = 0;
	int64_t cpu = 0;

	for (unsigned i = 0; i < workers; i++) {
		scans += told[i].scans;
		wrong += told[i].wrong;
		bytes += told[i].bytes;
		cpu += told[i].cpu_us;
		for (size_t n = 0; n < told[i].n; n++)
			times_add(&all, told[i].us[n]);
	}
	times_sort(&all);
	printf("{\"seconds\": %.3f, \"scans\": %ld, \"rate\": %.2f, "
	       "\"mb_per_s\": %.2f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
	       "\"wrong\": %ld, \"cpu_s_per_1000\": %.3f}\n",
	    seconds, scans, (double)scans / seconds,
	    (double)bytes / seconds / 1e6, times_at(&all, 0.5),
	    times_at(&all, 0.99), wrong,
	    scans > 0 ? (double)cpu / 1e3 / (double)scans : 0);
}

int
main(int argc, char **argv)
{
	unsigned workers = (unsigned)number(argc, argv, "--workers", "1");
	const char *tmp = argument(argc, argv, "--tmp", NULL);
	struct conf *conf = conf_make(argument(argc, argv, "--database", NULL));
	pid_t pids[WORKERS_MAX];
	struct inspector *i;
	struct told *told;
	int64_t began, until;
	struct err e;

	if (workers < 1 || workers > WORKERS_MAX)
		die("--workers", "out of range");
	if (strcmp(argument(argc, argv, "--kind", "mail"), "body") == 0)
		kind = CONTENT_BODY;
	if (strcmp(argument(argc, argv, "--kind", "mail"), "file") == 0)
		kind = CONTENT_FILE;
	corpus_read(&corpus, argument(argc, argv, "--corpus", NULL));
	log_setup(LOG_WARN_, "b_scan");
	i = inspector_open(conf, &e);
	if (i == NULL)
		die("engine", e.text);
	told = mmap(NULL, workers * sizeof(*told), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED)
		die("mmap", strerror(errno));
	began = clock_us();
	until = began + number(argc, argv, "--ms", "3000") * 1000;
	for (unsigned n = 0; n < workers; n++)
		pids[n] = worker(i, tmp, n, until, &told[n]);
	for (unsigned n = 0; n < workers; n++)
		waitpid(pids[n], NULL, 0);
	tell(told, workers, (double)(clock_us() - began) / 1e6);
	inspector_close(&i);
	conf_free(&conf);
	return 0;
}
