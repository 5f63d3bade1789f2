/*
 * What is counted is there once: whoever counts it, and whoever dies.  The
 * file says what is in it, and whether its owner lives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/stats.h"
#include "proxy/stats_read.h"

#define SMTP 1u
#define HTTP 2u

static char dir[64];
static char lines[512];

static int
make_dir(void **state)
{
	(void)state;
	copy_text(dir, sizeof(dir), "/tmp/t_stats.XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static const char *
path_of(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int
remove_dir(void **state)
{
	(void)state;
	(void)unlink(path_of(STATS_FILE));
	(void)unlink(path_of("old"));
	(void)unlink(path_of("victim"));
	return rmdir(dir);
}

static struct stats *
open_stats(unsigned workers)
{
	static const char *const protocols[] = {"smtp", "http", NULL};
	struct stats_start how = {.dir = dir,
	    .protocols = protocols,
	    .workers = workers,
	    .group = (gid_t)-1};
	struct err e = {""};
	struct stats *s = stats_open(&how, &e);

	if (s == NULL)
		fail_msg("%s", e.text);
	stats_take(s, 0);
	return s;
}

/* Runs the tool's part in another process: a lock is not there for oneself.
 * What it prints, or why it cannot, into to. */
static int
shown_as(enum stats_form form, bool zeros, char *to, size_t size)
{
	int status, out[2];
	size_t have = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		enum stats_no why = STATS_NOBODY;
		struct err e = {""};
		struct stats_view *v = stats_look(dir, &why, &e);
		FILE *f = fdopen(out[1], "w");

		if (v == NULL)
			fprintf(f, "%s", e.text);
		else
			stats_print(v, form, zeros, f);
		(void)fclose(f);
		_exit(v == NULL ? 1 + (int)why : 0);
	}
	close(out[1]);
	while ((n = read(out[0], to + have, size - 1 - have)) > 0)
		have += (size_t)n;
	to[have] = '\0';
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const char *
shown(void)
{
	static char text[65536];

	assert_int_equal(shown_as(STATS_AS_TEXT, false, text, sizeof(text)), 0);
	return text;
}

static void
assert_line(const char *line)
{
	const char *text = shown();
	char want[256];

	(void)snprintf(want, sizeof(want), "\n%s\n", line);
	if (strstr(text, want) == NULL)
		fail_msg("no line %s in\n%s", line, text);
}

static void
test_a_limit_is_counted_under_its_name(void **state)
{
	struct stats *s = open_stats(1);

	(void)state;
	assert_int_equal(stats_limit(SMTP, "max_errors"), 1);
	assert_int_equal(stats_limit(HTTP, "max_errors"), 2);
	assert_int_equal(stats_limit(SMTP, "max_recipients"), 1);
	assert_int_equal(stats_limit(SMTP, "no such limit"), 0);
	assert_line("sallyport_limits_total"
		    "{limit=\"max_errors\",protocol=\"smtp\"} 1");
	assert_line("sallyport_limits_total"
		    "{limit=\"max_errors\",protocol=\"http\"} 1");
	stats_free(&s);
	assert_null(s);
}

/* A reason is one word for many things: only what is a limit counts, and only
 * where nobody else has counted it. */
static void
test_reasons_and_findings(void **state)
{
	struct stats *s = open_stats(1);

	(void)state;
	stats_reason(SMTP, "max_message_size");
	stats_reason(SMTP, "max_errors"); /* its place counts it */
	stats_reason(HTTP, "timeout");    /* of a page: not the scan's */
	stats_reason(SMTP, "");
	stats_finding(HTTP, "timeout");
	stats_finding(HTTP, "max_message_size");
	assert_line("sallyport_limits_total"
		    "{limit=\"max_message_size\",protocol=\"smtp\"} 1");
	assert_line("sallyport_limits_total"
		    "{limit=\"timeout\",protocol=\"http\"} 1");
	assert_null(strstr(shown(), "max_errors"));
	assert_null(strstr(
	    strstr(shown(), "max_message_size") + 1, "max_message_size"));
	stats_free(&s);
}

static void
test_words_are_found(void **state)
{
	struct stats *s = open_stats(1);

	(void)state;
	stats_result(SMTP, "delivered");
	stats_result(HTTP, "aborted");
	stats_result(HTTP, "");
	stats_lost("timeout");
	stats_both(STAT_DECISIONS, finding_of_word("clean"), SMTP);
	stats_both(STAT_DECISIONS, finding_of_word("malware"), SMTP);
	stats_both(STAT_ACTIONS, DO_QUARANTINE, HTTP);
	assert_line("sallyport_exchanges_total"
		    "{result=\"delivered\",protocol=\"smtp\"} 1");
	assert_line("sallyport_exchanges_total"
		    "{result=\"aborted\",protocol=\"http\"} 1");
	assert_line("sallyport_exchanges_total"
		    "{result=\"none\",protocol=\"http\"} 1");
	assert_line("sallyport_scan_workers_lost_total{why=\"timeout\"} 1");
	assert_line("sallyport_decisions_total"
		    "{verdict=\"clean\",protocol=\"smtp\"} 1");
	assert_line("sallyport_decisions_total"
		    "{verdict=\"malware\",protocol=\"smtp\"} 1");
	assert_line("sallyport_actions_total"
		    "{action=\"quarantine\",protocol=\"http\"} 1");
	stats_free(&s);
}

#define TIMES 1000000

/* Begins when all are there, and dies of it or not. */
static _Noreturn void
count_in(struct stats *s, unsigned part, int start, int signo)
{
	char byte;

	stats_take(s, part);
	(void)!read(start, &byte, 1);
	for (int n = 0; n < TIMES; n++)
		stats_add(STAT_CACHE_HITS);
	(void)stats_limit(SMTP, "drain");
	if (signo != 0)
		(void)kill(getpid(), signo);
	_exit(0);
}

/* All at once, two in one part, and one of them dies of it. */
static void
test_over_processes(void **state)
{
	struct stats *s = open_stats(2);
	pid_t pids[3];
	int status, start[2];

	(void)state;
	assert_int_equal(pipe(start), 0);
	for (unsigned i = 0; i < 3; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] > 0)
			continue;
		(void)close(start[1]);
		count_in(s, i == 0 ? 1 : 2, start[0], i == 1 ? SIGKILL : 0);
	}
	(void)close(start[1]);
	(void)close(start[0]);
	for (int i = 0; i < 3; i++)
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
	assert_line("sallyport_cache_hits_total 3000000");
	assert_line("sallyport_limits_total"
		    "{limit=\"drain\",protocol=\"smtp\"} 3");
	assert_int_equal(stats_limit(HTTP, "drain"), 4);
	stats_free(&s);
}

/* What a dead worker had counted stays; what it had going on does not. */
static void
test_a_worker_dies(void **state)
{
	struct stats *s = open_stats(2);
	pid_t pid;
	int status;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		stats_take(s, 2);
		stats_addn(STAT_SESSIONS, SMTP, 3);
		stats_addn(STAT_SESSIONS, SMTP, (uint64_t)-1);
		stats_addn(STAT_SESSIONS_TOTAL, SMTP, 3);
		stats_set(STAT_SCAN_QUEUE, 7);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	stats_take(s, 1);
	stats_addn(STAT_SESSIONS, SMTP, 1);
	stats_set(STAT_SCAN_QUEUE, 1);
	assert_line("sallyport_open_sessions{protocol=\"smtp\"} 3");
	assert_line("sallyport_scan_queue 8");
	stats_clear(s, 2);
	assert_line("sallyport_open_sessions{protocol=\"smtp\"} 1");
	assert_line("sallyport_scan_queue 1");
	assert_line("sallyport_sessions_total{protocol=\"smtp\"} 3");
	stats_free(&s);
}

static void
test_forms(void **state)
{
	struct stats *s = open_stats(1);
	static char text[262144];

	(void)state;
	stats_tell(s, "serving", "clamav/1.4.3/27500");
	stats_add(STAT_CACHE_HITS);
	stats_both(STAT_LIMITS, 0, SMTP);
	assert_line("state serving");
	assert_line("signatures clamav/1.4.3/27500");
	stats_tell(s, "draining", NULL);
	assert_line("state draining");
	assert_line("signatures clamav/1.4.3/27500");
	assert_null(strstr(shown(), "cache_misses"));

	assert_int_equal(shown_as(STATS_AS_TEXT, true, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "\nsallyport_cache_misses_total 0\n"));
	assert_non_null(
	    strstr(text, "limit=\"max_depth\",protocol=\"http\"} 0"));

	assert_int_equal(shown_as(STATS_AS_JSON, false, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "\"cache_hits_total\":1"));
	assert_non_null(strstr(
	    text, "\"limits_total\":{\"gateway_max_sessions\":{\"smtp\":1}}"));

	assert_int_equal(
	    shown_as(STATS_AS_PROMETHEUS, false, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "# TYPE sallyport_open_sessions gauge\n"));
	assert_non_null(strstr(text,
	    "# TYPE sallyport_cache_hits_total counter\n"
	    "sallyport_cache_hits_total 1\n"));
	stats_free(&s);
}

/* Has the file, says so and stays, but not for longer than we do. */
static _Noreturn void
be_a_gateway(int up)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)open_stats(1);
	(void)!write(up, "", 1);
	(void)pause();
	_exit(0);
}

/* Nobody, then somebody, then what somebody who was killed has left. */
static void
test_who_lives(void **state)
{
	struct stats *s;
	char text[512];
	pid_t pid;
	int status, up[2];
	char byte;

	(void)state;
	assert_int_equal(shown_as(STATS_AS_TEXT, false, text, sizeof(text)),
	    1 + STATS_NOBODY);
	assert_non_null(strstr(text, "there is no"));

	assert_int_equal(pipe(up), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		be_a_gateway(up[1]);
	assert_int_equal(read(up[0], &byte, 1), 1);
	assert_line("workers 1");
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(shown_as(STATS_AS_TEXT, false, text, sizeof(text)),
	    1 + STATS_NOBODY);
	assert_non_null(strstr(text, "left"));

	/* and the next one begins with its own */
	s = open_stats(1);
	assert_line("workers 1");
	stats_free(&s);
	assert_int_equal(access(path_of(STATS_FILE), F_OK), -1);
	close(up[0]);
	close(up[1]);
}

/* Another one was started in our place: its file stays. */
static void
test_only_ours_is_removed(void **state)
{
	struct stats *first = open_stats(1), *second = open_stats(1);
	struct stat st;

	(void)state;
	stats_free(&first);
	assert_int_equal(stat(path_of(STATS_FILE), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	stats_free(&second);
	assert_int_equal(stat(path_of(STATS_FILE), &st), -1);
}

/* The folder is not root's: no link that lies there is followed. */
static void
test_links_are_not_followed(void **state)
{
	struct stats *s;
	struct stat st;
	int fd = open(path_of("victim"), O_CREAT | O_WRONLY, 0600);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(symlink("victim", path_of(STATS_FILE ".new")), 0);
	assert_int_equal(symlink("victim", path_of(STATS_FILE)), 0);
	s = open_stats(1);
	assert_int_equal(stat(path_of("victim"), &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(lstat(path_of(STATS_FILE), &st), 0);
	assert_true(S_ISREG(st.st_mode));
	stats_free(&s);
}

#define WHOLE 262144

/* Writes it over the file, whole. */
static void
put_file(const unsigned char *bytes, size_t n)
{
	int fd = open(path_of(STATS_FILE), O_RDWR);

	assert_true(fd >= 0);
	/* the lock is its maker's: nobody else may touch the file before */
	assert_int_equal(pwrite(fd, bytes, n, 0), (ssize_t)n);
	(void)close(fd);
}

/* Whatever stands in the file, the reader keeps within it.  The file is made,
 * and locked, by another process. */
static void
test_what_is_no_file_of_ours(void **state)
{
	static unsigned char whole[WHOLE], now[WHOLE];
	static char text[WHOLE];
	unsigned seed = 1, refused = 0;
	int up[2], fd;
	size_t n;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(up), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		be_a_gateway(up[1]);
	assert_int_equal(read(up[0], &byte, 1), 1);
	fd = open(path_of(STATS_FILE), O_RDONLY);
	assert_true(fd >= 0);
	n = (size_t)read(fd, whole, sizeof(whole));
	(void)close(fd);
	assert_true(n > 16000 && n < sizeof(whole));
	for (int i = 0; i < 200; i++) {
		memcpy(now, whole, n);
		for (int j = 0; j < 40; j++) {
			seed = seed * 1103515245u + 12345u;
			now[8 + (seed >> 8) % (i < 100 ? 64 : 16000)] =
			    (unsigned char)(seed >> 24);
		}
		put_file(now, n);
		if (shown_as(STATS_AS_TEXT, true, text, sizeof(text)) != 0)
			refused++;
	}
	assert_true(refused > 0);
	put_file(whole, n);
	assert_line("workers 1");
	now[0] = (unsigned char)~whole[0];
	put_file(now, 1);
	assert_int_equal(shown_as(STATS_AS_TEXT, false, text, sizeof(text)),
	    1 + STATS_NOT_OURS);
	put_file(whole, n);
	assert_int_equal(truncate(path_of(STATS_FILE), 100), 0);
	assert_int_equal(shown_as(STATS_AS_TEXT, false, text, sizeof(text)),
	    1 + STATS_NOT_OURS);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)unlink(path_of(STATS_FILE));
	(void)close(up[0]);
	(void)close(up[1]);
}

static void
take(enum log_level level, uint64_t id, const char *text)
{
	size_t n = strlen(lines);

	(void)level;
	(void)id;
	(void)snprintf(lines + n, sizeof(lines) - n, "%s\n", text);
}

static void
test_all_limits_are_said(void **state)
{
	struct stats *s = open_stats(1);

	(void)state;
	log_to(take);
	stats_log_limits();
	assert_string_equal(lines, "");
	(void)stats_limit(SMTP, "max_recipients");
	(void)stats_limit(HTTP, "allow_from");
	(void)stats_limit(SMTP, "allow_from");
	stats_log_limits();
	log_to(NULL);
	assert_string_equal(lines,
	    "refused limit=allow_from total=2\n"
	    "refused limit=max_recipients total=1\n");
	stats_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_limit_is_counted_under_its_name),
	    cmocka_unit_test(test_reasons_and_findings),
	    cmocka_unit_test(test_words_are_found),
	    cmocka_unit_test(test_over_processes),
	    cmocka_unit_test(test_a_worker_dies),
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_who_lives),
	    cmocka_unit_test(test_only_ours_is_removed),
	    cmocka_unit_test(test_links_are_not_followed),
	    cmocka_unit_test(test_what_is_no_file_of_ours),
	    cmocka_unit_test(test_all_limits_are_said),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
