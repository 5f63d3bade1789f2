/*
 * t_sinks: which lines go to which [log], whole or not at all: files, a full
 * disk, a pipe that nobody reads, one that is gone.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/event.h"

static char dir[] = "/tmp/t_sinks.XXXXXX";
static struct facts facts;
static struct report report;

static int
setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	facts_init(&facts, 1 << 16);
	facts_add(&facts, FIELD_PROTOCOL, "smtp");
	report_init(&report);
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	facts_free(&facts);
	return rmdir(dir);
}

static struct conf *
conf_of(const char *logs)
{
	char text[2048];
	struct conf *c;

	snprintf(text, sizeof(text),
	    "[listener in]\nprotocol = smtp\naddress = 127.0.0.1:2500\n"
	    "policy = mail\n[policy mail]\n[engine clamav]\n%s",
	    logs);
	c = conf_from_text("test.ini", text, strlen(text), false, stderr);
	assert_non_null(c);
	return c;
}

static struct sinks *
sinks_of(const char *logs)
{
	struct conf *c = conf_of(logs);
	int fds[SINKS_MAX];
	struct sinks *s;
	struct err e = {""};

	if (sinks_open_files(c, fds, &e) < 0)
		fail_msg("%s", e.text);
	s = sinks_open(c, fds, &e);
	if (s == NULL)
		fail_msg("%s", e.text);
	conf_free(&c);
	return s;
}

/* One [log] of a file in dir. */
static struct sinks *
file_sink(const char *name, const char *rest)
{
	char logs[512];

	snprintf(logs, sizeof(logs), "[log %s]\noutput = file:%s/%s\n%s", name,
	    dir, name, rest);
	return sinks_of(logs);
}

/* The file's text; the file goes. */
static const char *
taken(const char *name)
{
	static char text[65536];
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	unlink(path);
	return text;
}

static int
lines(const char *text)
{
	int n = 0;

	for (; (text = strchr(text, '\n')) != NULL; text++)
		n++;
	return n;
}

static int
write_event(struct sinks *s, enum event_kind kind, enum action action)
{
	struct decision d = {
	    .action = action, .verdict = "clean", .rule = "policy/mail"};
	struct event ev = {.kind = kind,
	    .id = "01KATE0000ZZZZZZZZZZZZZZZZ",
	    .facts = &facts,
	    .sha256 = "",
	    .report = &report,
	    .decision = &d};

	if (kind == EVENT_ENDED) {
		ev.report = NULL;
		ev.decision = NULL;
	}
	return event_write(s, &ev);
}

/* How many lines of one of each kind a sink takes. */
static int
of_each(const char *events)
{
	struct sinks *s = file_sink("f", events);

	for (enum action a = 0; a < DO_ACTIONS; a++) {
		assert_int_equal(write_event(s, EVENT_DECISION, a), 0);
		assert_int_equal(write_event(s, EVENT_OUTCOME, a), 0);
	}
	assert_int_equal(write_event(s, EVENT_ENDED, DO_PASS), 0);
	sinks_free(&s);
	return lines(taken("f"));
}

static void
each_sink_gets_what_it_wants(void **state)
{
	(void)state;
	assert_int_equal(of_each("events = none\n"), 0);
	assert_int_equal(of_each("events = blocked\n"), DO_ACTIONS - 2);
	assert_int_equal(of_each("events = decisions\n"), 2 * DO_ACTIONS);
	assert_int_equal(of_each("events = all\n"), 2 * DO_ACTIONS + 1);
}

static void
two_forms_at_once(void **state)
{
	char logs[512];
	struct sinks *s;

	(void)state;
	snprintf(logs, sizeof(logs),
	    "[log a]\noutput = file:%s/a\nformat = text\nevents = all\n"
	    "[log b]\noutput = file:%s/b\nformat = json\nevents = all\n",
	    dir, dir);
	s = sinks_of(logs);
	assert_int_equal(write_event(s, EVENT_DECISION, DO_BLOCK), 0);
	sinks_free(&s);
	assert_non_null(strstr(taken("a"), " decision id=01KATE"));
	assert_memory_equal(taken("b"), "{\"@timestamp\":", 14);
}

static void
a_file_is_appended_to_and_not_for_all(void **state)
{
	char path[128];
	struct sinks *s;
	struct stat st;
	mode_t mask = umask(0);

	(void)state;
	snprintf(path, sizeof(path), "%s/f", dir);
	for (int i = 0; i < 2; i++) {
		s = file_sink("f", "events = all\n");
		assert_int_equal(write_event(s, EVENT_OUTCOME, DO_PASS), 0);
		sinks_free(&s);
	}
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(lines(taken("f")), 2);
}

static void
a_link_is_not_followed(void **state)
{
	char logs[256], path[128];
	struct conf *c;
	int fds[SINKS_MAX];
	struct err e = {""};

	(void)state;
	snprintf(path, sizeof(path), "%s/link", dir);
	assert_int_equal(symlink("/tmp/elsewhere", path), 0);
	snprintf(logs, sizeof(logs), "[log a]\noutput = file:%s\n", path);
	c = conf_of(logs);
	assert_int_equal(sinks_open_files(c, fds, &e), -1);
	assert_non_null(strstr(e.text, "is a symbolic link"));
	assert_int_equal(fds[0], -1);
	conf_free(&c);
	unlink(path);
}

static void
what_cannot_be_opened_is_said_with_its_line(void **state)
{
	struct conf *c = conf_of("[log a]\noutput = file:/nowhere/at/all\n");
	int fds[SINKS_MAX];
	struct err e = {""};

	(void)state;
	assert_int_equal(sinks_open_files(c, fds, &e), -1);
	assert_string_equal(
	    e.text, "test.ini:8: /nowhere/at/all: No such file or directory");
	conf_free(&c);
}

static void
there_are_no_more_than_so_many(void **state)
{
	char logs[1024] = "";
	int fds[SINKS_MAX];
	struct err e = {""};
	struct conf *c;

	(void)state;
	for (int i = 0; i <= SINKS_MAX; i++)
		snprintf(logs + strlen(logs), 64, "[log l%d]\n", i);
	c = conf_of(logs);
	assert_int_equal(sinks_open_files(c, fds, &e), -1);
	assert_string_equal(e.text, "[log l8]: more than 8 [log] sections");
	conf_free(&c);
}

static void
a_full_disk_is_a_failure(void **state)
{
	struct sinks *s = sinks_of(
	    "[log full]\noutput = file:/dev/full\nevents = decisions\n");

	(void)state;
	log_to(log_stderr);
	assert_int_equal(write_event(s, EVENT_DECISION, DO_PASS), -1);
	assert_int_equal(write_event(s, EVENT_OUTCOME, DO_PASS), -1);
	/* what it does not want is no failure */
	assert_int_equal(write_event(s, EVENT_ENDED, DO_PASS), 0);
	sinks_free(&s);
}

/* A sink on one end of a pipe or socket pair, in place of standard output. */
static struct sinks *
stdout_sink(int end, int *saved_r)
{
	struct sinks *s;

	fflush(stdout);
	*saved_r = dup(STDOUT_FILENO);
	assert_int_equal(dup2(end, STDOUT_FILENO), STDOUT_FILENO);
	s = sinks_of("[log out]\noutput = stdout\nevents = all\n");
	return s;
}

static void
stdout_back(int saved)
{
	dup2(saved, STDOUT_FILENO);
	close(saved);
}

/* How many lines hold two events. */
static int
glued(const char *text)
{
	int n = 0;

	while ((text = strstr(text, " outcome id=")) != NULL) {
		const char *next = strstr(++text, " outcome id=");
		const char *end = strchr(text, '\n');

		n += next != NULL && (end == NULL || next < end);
	}
	return n;
}

/* Makes lines of more than 4096 bytes: a pipe takes half of one (pipe(7)). */
static void
many_recipients(void)
{
	char to[301];

	memset(to, 'a', 300);
	to[300] = '\0';
	for (int i = 0; i < 20; i++)
		facts_add(&facts, FIELD_RECIPIENT, to);
	facts_add(&facts, FIELD_URL, to);
	facts_add(&facts, FIELD_SUBJECT, to);
	facts_add(&facts, FIELD_MESSAGE_ID, to);
	facts_add(&facts, FIELD_NAME, to);
}

/* A reader that stopped costs a second once, then nothing; and what it reads
 * later are whole lines but one. */
static void
stopped_reader(int ends[2])
{
	int saved, failed = 0, written = 0;
	struct sinks *s = stdout_sink(ends[1], &saved);
	static char text[4 << 20];
	int64_t began;
	size_t got = 0;
	ssize_t n;

	while (write_event(s, EVENT_OUTCOME, DO_PASS) == 0)
		written++;
	began = clock_ms();
	for (int i = 0; i < 20; i++)
		failed += write_event(s, EVENT_OUTCOME, DO_PASS) < 0;
	assert_true(clock_ms() - began < 10000); /* not a second each */
	assert_int_equal(failed, 20);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	while ((n = read(ends[0], text + got, sizeof(text) - 1 - got)) > 0)
		got += (size_t)n;
	assert_int_equal(write_event(s, EVENT_OUTCOME, DO_PASS), 0);
	while ((n = read(ends[0], text + got, sizeof(text) - 1 - got)) > 0)
		got += (size_t)n;
	stdout_back(saved);
	text[got] = '\0';
	assert_in_range(lines(text), written + 1, written + 2);
	assert_int_equal(glued(text), 0);
	assert_int_equal(text[got - 1], '\n');
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		assert_true(at[1] == '\0' || strncmp(at + 1, "20", 2) == 0);
	sinks_free(&s);
}

static void
a_reader_that_stops_is_waited_for_once(void **state)
{
	int ends[2];

	(void)state;
	many_recipients();
	assert_int_equal(pipe(ends), 0);
	stopped_reader(ends);
	/* nobody else who has this pipe is told not to wait */
	assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	stopped_reader(ends);
	close(ends[0]);
	close(ends[1]);
}

static void
a_pipe_that_is_gone_is_a_failure(void **state)
{
	int ends[2], saved, result;
	struct sinks *s;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	s = stdout_sink(ends[1], &saved);
	close(ends[0]);
	result = write_event(s, EVENT_OUTCOME, DO_PASS);
	stdout_back(saved);
	assert_int_equal(result, -1);
	close(ends[1]);
	sinks_free(&s);
}

static void
messages_go_where_their_level_is_wanted(void **state)
{
	char logs[512];
	const char *text;
	struct sinks *s;

	(void)state;
	snprintf(logs, sizeof(logs),
	    "[log a]\noutput = file:%s/a\nlevel = warn\n"
	    "[log b]\noutput = file:%s/b\nformat = json\nlevel = debug\n"
	    "[log c]\noutput = file:%s/c\nlevel = none\n",
	    dir, dir, dir);
	s = sinks_of(logs);
	log_setup(LOG_INFO_, "net 1");
	sinks_take_log(s);
	log_error(0, "one a=\"b\"");
	log_warn(0x1f, "two\nlines\x1b");
	log_info(0, "three");
	log_debug(0, "four");
	sinks_free(&s); /* and lines go to standard error again */
	log_setup(LOG_WARN_, "test");

	text = taken("a");
	assert_int_equal(lines(text), 2);
	assert_non_null(strstr(text, "Z error net 1 one a=\"b\"\n"));
	assert_non_null(
	    strstr(text, "Z warn net 1 session=000000000000001f two lines \n"));
	text = taken("b");
	assert_int_equal(lines(text), 4);
	assert_non_null(strstr(text, "\"log\":{\"level\":\"debug\"}"));
	assert_non_null(strstr(text, "\"message\":\"one a=\\\"b\\\"\"}\n"));
	assert_non_null(strstr(text,
	    "\"sallyport\":{\"session\":\"000000000000001f\"},"
	    "\"message\":\"two\\u000alines\\u001b\"}\n"));
	assert_int_equal(lines(taken("c")), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_sink_gets_what_it_wants),
	    cmocka_unit_test(two_forms_at_once),
	    cmocka_unit_test(a_file_is_appended_to_and_not_for_all),
	    cmocka_unit_test(a_link_is_not_followed),
	    cmocka_unit_test(what_cannot_be_opened_is_said_with_its_line),
	    cmocka_unit_test(there_are_no_more_than_so_many),
	    cmocka_unit_test(a_full_disk_is_a_failure),
	    cmocka_unit_test(a_reader_that_stops_is_waited_for_once),
	    cmocka_unit_test(a_pipe_that_is_gone_is_a_failure),
	    cmocka_unit_test(messages_go_where_their_level_is_wanted),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
