/*
 * t_armoury: the program sallyport-armoury in the gateway's service, driven
 * over its control socket as the parent would; scan workers are real ones and
 * are killed for real.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "proxy/base/clock.h"
#include "proxy/base/fdpass.h"
#include "proxy/base/mem.h"
#include "proxy/base/tree.h"
#include "proxy/base/words.h"
#include "scan/control.h"
#include "scan/wire.h"

#define NETS 2
#define WORKERS 2
#define FIRST_SLOT 4
#define PATIENCE_MS 20000
#define QUIET_MS 1200

/* What a parent keeps of each pair. */
struct seat {
	int pair, pidfd;
	uint32_t sequence;
};

struct parent {
	char dir[64], database[80];
	pid_t armoury;
	int control;
	struct words *words;
	struct seat seats[WORKERS][NETS + 1];
	struct control last;
};

static struct parent *p;

static const char *
program(void)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	const char *slash;

	assert_true(n > 0);
	path[n] = '\0';
	slash = strstr(path, "/tests/unit/");
	assert_non_null(slash);
	copy_text(path + (slash - path), 32, "/sallyport-armoury");
	return path;
}

static int
make_conf(const char *more)
{
	struct conf *conf;
	struct err e;
	char text[1024];
	int fd, n;

	n = snprintf(text, sizeof(text),
	    "[gateway]\nruntime_dir = %s\n"
	    "[scan]\nworkers = %d\n%s\n"
	    "[engine clamav]\ntype = clamav\ndatabase = %s\nwatch = 200ms\n",
	    p->dir, WORKERS, more, p->database);
	conf = conf_from_text("test", text, (size_t)n, false, stderr);
	assert_non_null(conf);
	fd = conf_to_fd(conf, &e);
	assert_true(fd >= 0);
	conf_free(&conf);
	return fd;
}

static void
become_armoury(int control, int conf, int words)
{
	int fds[3] = {control, conf, words};

	for (int i = 0; i < 3; i++)
		fds[i] = fcntl(fds[i], F_DUPFD, 10);
	for (int i = 0; i < 3; i++)
		dup2(fds[i], 3 + i);
	close_range(6, ~0u, 0);
	execl(program(), "sallyport-armoury", "--serve", "--generation", "9",
	    "--net", "2", "--first-slot", "4", (char *)NULL);
	_exit(127);
}

static void
start(const char *more)
{
	int conf = make_conf(more), words = words_fd(), pair[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	p->words = words_map(words);
	assert_non_null(p->words);
	p->armoury = fork();
	if (p->armoury == 0)
		become_armoury(pair[1], conf, words);
	close(pair[1]);
	close(conf);
	close(words);
	p->control = pair[0];
}

/* ---- what the armoury says
 * ------------------------------------------------------ */

static void
sit(const struct control *m, const int *fds)
{
	struct seat *s;

	assert_in_range(m->slot, FIRST_SLOT, FIRST_SLOT + WORKERS - 1);
	assert_in_range(m->net, 1, NETS);
	assert_int_equal(m->generation, 9);
	s = &p->seats[m->slot - FIRST_SLOT][m->net];
	if (s->pair >= 0) {
		close(s->pair);
		close(s->pidfd);
	}
	*s = (struct seat){fds[0], fds[1], m->sequence};
}

/* The next message within that time; 0: none came. */
static uint32_t
hear(int ms)
{
	struct pollfd in = {.fd = p->control, .events = POLLIN};
	int fds[CONTROL_FDS];
	unsigned n;

	if (poll(&in, 1, ms) == 0)
		return 0;
	assert_int_equal(control_recv(p->control, &p->last, fds, &n), 1);
	if (p->last.kind == CONTROL_PAIR)
		sit(&p->last, fds);
	return p->last.kind;
}

static void
hear_pairs(unsigned n)
{
	while (n-- > 0)
		assert_int_equal(hear(PATIENCE_MS), CONTROL_PAIR);
}

static void
hear_ready(void)
{
	hear_pairs(WORKERS * NETS);
	assert_int_equal(hear(PATIENCE_MS), CONTROL_READY);
	assert_int_equal(p->last.workers, WORKERS);
	assert_true(p->last.text[0] != '\0');
}

static void
say(uint32_t kind, uint32_t net)
{
	const struct control m = {.kind = kind, .generation = 9, .net = net};

	assert_int_equal(control_send(p->control, &m, NULL, 0), 0);
}

static int
exit_status(void)
{
	int status;

	assert_int_equal(waitpid(p->armoury, &status, 0), p->armoury);
	p->armoury = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---- what scan workers do
 * --------------------------------------------------------- */

static void
works(const struct seat *s)
{
	const struct wire_job job = {
	    .number = 5, .budget_ms = 20000, .size = 1, .inline_bytes = "x"};
	char bytes[WIRE_REPORT_MAX];
	struct report r;
	uint32_t number;
	unsigned n;
	struct buf b;
	ssize_t len;

	buf_init(&b, WIRE_JOB_MAX);
	assert_int_equal(wire_put_job(&b, &job), 0);
	assert_int_equal(fdpass_send(s->pair, buf_at(&b), b.len, NULL, 0), 0);
	buf_free(&b);
	len = fdpass_recv(s->pair, bytes, sizeof(bytes), NULL, 0, &n);
	assert_true(len > 0);
	assert_int_equal(wire_get_report(bytes, (size_t)len, &number, &r), 0);
	assert_int_equal(number, 5);
	assert_int_equal(r.n, 0);
}

static bool
ends(int fd)
{
	struct pollfd in = {.fd = fd, .events = POLLIN};

	return poll(&in, 1, PATIENCE_MS) == 1;
}

static void
kill_worker(const struct seat *s)
{
	assert_int_equal(pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0), 0);
	assert_true(ends(s->pidfd));
}

static void
close_pairs(unsigned worker)
{
	for (unsigned net = 1; net <= NETS; net++) {
		close(p->seats[worker][net].pair);
		p->seats[worker][net].pair = -1;
		close(p->seats[worker][net].pidfd);
	}
}

/* ---- the cases
 * ---------------------------------------------------------------------- */

static void
all_pairs_then_ready(void **state)
{
	(void)state;
	start("");
	hear_ready();
	for (unsigned w = 0; w < WORKERS; w++) {
		works(&p->seats[w][1]);
		works(&p->seats[w][2]);
		assert_int_equal(words_owner(p->words, FIRST_SLOT + w,
				     p->seats[w][1].sequence),
		    0);
	}
	assert_int_equal(words_owner(p->words, 0, 0), SLOT_GONE);
}

static void
temporary_files_in_directories(void **state)
{
	char path[160];

	(void)state;
	start("temporary = directory");
	hear_ready();
	works(&p->seats[0][1]);
	works(&p->seats[1][1]);
	snprintf(path, sizeof(path), "%s/scan/%d", p->dir, FIRST_SLOT);
	assert_int_equal(access(path, F_OK), 0);
	close(p->control);
	p->control = -1;
	assert_int_equal(exit_status(), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void
a_dead_worker_is_replaced(void **state)
{
	struct seat old, other;
	char byte;

	(void)state;
	start("");
	hear_ready();
	old = p->seats[0][1];
	other = p->seats[1][1];
	p->seats[0][1].pair = -1;
	kill_worker(&old);
	/* The end of file is the crash signal: nobody else has that end. */
	assert_true(ends(old.pair));
	assert_int_equal(recv(old.pair, &byte, 1, MSG_DONTWAIT), 0);
	hear_pairs(NETS);
	assert_int_equal(p->seats[0][1].sequence, old.sequence + 1);
	assert_false(words_claim(p->words, FIRST_SLOT, old.sequence, 1));
	assert_true(words_claim(p->words, FIRST_SLOT, old.sequence + 1, 1));
	works(&p->seats[0][1]);
	works(&other);
	close(old.pair);
	close(old.pidfd);
}

static void
a_crash_loop_backs_off(void **state)
{
	int64_t begin;

	(void)state;
	start("");
	hear_ready();
	for (int i = 0; i < 5; i++) {
		kill_worker(&p->seats[0][1]);
		hear_pairs(NETS);
	}
	begin = clock_ms();
	kill_worker(&p->seats[0][1]);
	hear_pairs(NETS);
	assert_true(clock_ms() - begin >= 1000);
	works(&p->seats[0][1]);
}

static void
a_net_worker_that_comes_anew(void **state)
{
	struct seat before;

	(void)state;
	start("");
	hear_ready();
	before = p->seats[0][1];
	p->seats[0][1].pair = -1;
	close(p->seats[1][1].pair);
	p->seats[1][1].pair = -1;
	say(CONTROL_NET_NEW, 1);
	hear_pairs(WORKERS);
	assert_int_equal(p->seats[0][1].sequence, before.sequence);
	works(&p->seats[0][1]);
	works(&p->seats[1][1]);
	works(&p->seats[0][2]);
	/* What it had before has ended. */
	assert_true(ends(before.pair));
	close(before.pair);
	close(before.pidfd);
}

static void
a_net_worker_that_has_died_with_a_job(void **state)
{
	uint32_t sequence;

	(void)state;
	start("");
	hear_ready();
	sequence = p->seats[1][2].sequence;
	assert_true(words_claim(p->words, FIRST_SLOT + 1, sequence, 2));
	say(CONTROL_NET_GONE, 2);
	hear_pairs(NETS);
	assert_int_equal(p->last.slot, FIRST_SLOT + 1);
	assert_int_equal(p->seats[1][2].sequence, sequence + 1);
	assert_int_equal(
	    words_owner(p->words, FIRST_SLOT + 1, sequence + 1), 0);
	/* The other one was not its. */
	assert_int_equal(
	    p->seats[0][2].sequence, words_sequence(p->words, FIRST_SLOT));
	works(&p->seats[0][2]);
}

static void
retired_it_ends_with_its_last_job(void **state)
{
	(void)state;
	start("");
	hear_ready();
	say(CONTROL_RETIRE, 0);
	works(&p->seats[0][1]);
	close_pairs(1);
	works(&p->seats[0][2]);
	assert_int_equal(waitpid(p->armoury, NULL, WNOHANG), 0);
	close_pairs(0);
	assert_int_equal(exit_status(), 0);
	assert_int_equal(words_owner(p->words, FIRST_SLOT,
			     words_sequence(p->words, FIRST_SLOT)),
	    SLOT_GONE);
}

static void
retired_it_replaces_nobody(void **state)
{
	(void)state;
	start("");
	hear_ready();
	say(CONTROL_RETIRE, 0);
	kill_worker(&p->seats[0][1]);
	assert_int_equal(hear(QUIET_MS), 0);
	close_pairs(1);
	assert_int_equal(exit_status(), 0);
}

static void
without_a_parent_all_end(void **state)
{
	(void)state;
	start("");
	hear_ready();
	close(p->control);
	p->control = -1;
	assert_true(ends(p->seats[0][1].pidfd));
	assert_true(ends(p->seats[1][1].pidfd));
	assert_int_equal(exit_status(), 0);
}

static void
without_an_armoury_workers_go_on(void **state)
{
	(void)state;
	start("");
	hear_ready();
	kill(p->armoury, SIGKILL);
	waitpid(p->armoury, NULL, 0);
	p->armoury = 0;
	works(&p->seats[0][1]);
	works(&p->seats[0][2]);
	works(&p->seats[1][1]);
	close(p->seats[0][1].pair);
	p->seats[0][1].pair = -1;
	works(&p->seats[0][2]);
	close(p->seats[0][2].pair);
	p->seats[0][2].pair = -1;
	assert_true(ends(p->seats[0][1].pidfd));
	works(&p->seats[1][2]);
}

static void
write_signatures(const char *name, const char *text, const char *how)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", p->database, name);
	f = fopen(path, how);
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void
a_changed_database_is_told_once(void **state)
{
	char path[160];

	(void)state;
	assert_int_equal(mkdir(p->database, 0755), 0);
	write_signatures("a.ndb", "Test.One:0:*:deadbeefdeadbeef01\n", "w");
	start("");
	hear_ready();
	assert_int_equal(hear(QUIET_MS), 0);
	write_signatures("b.ndb", "Test.Two:0:*:deadbeefdeadbeef02\n", "w");
	assert_int_equal(hear(PATIENCE_MS), CONTROL_CHANGED);
	assert_int_equal(hear(QUIET_MS), 0);
	/* What an updater keeps beside it is no signature. */
	write_signatures("freshclam.dat", "x", "w");
	assert_int_equal(hear(QUIET_MS), 0);
	snprintf(path, sizeof(path), "%s/b.ndb", p->database);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(hear(PATIENCE_MS), CONTROL_CHANGED);
}

static void
a_half_copied_database_is_waited_for(void **state)
{
	int64_t last = 0, told;

	(void)state;
	assert_int_equal(mkdir(p->database, 0755), 0);
	write_signatures("a.ndb", "Test.One:0:*:deadbeefdeadbeef01\n", "w");
	start("");
	hear_ready();
	for (int i = 0; i < 12; i++) {
		write_signatures(
		    "b.ndb", "Test.Two:0:*:deadbeefdeadbeef02\n", "a");
		last = clock_ms();
		assert_int_equal(hear(80), 0);
	}
	assert_int_equal(hear(PATIENCE_MS), CONTROL_CHANGED);
	told = clock_ms();
	assert_true(told - last >= 200);
}

static void
a_database_that_cannot_be_loaded(void **state)
{
	(void)state;
	assert_int_equal(mkdir(p->database, 0755), 0);
	write_signatures("a.ndb", "this is no signature\n", "w");
	start("");
	assert_int_equal(hear(PATIENCE_MS), CONTROL_FAILED);
	assert_int_equal(p->last.generation, 9);
	assert_true(p->last.text[0] != '\0');
	assert_int_equal(exit_status(), ARMOURY_FAILED);
}

static void
too_many_temporary_files(void **state)
{
	char path[160];
	int fd;

	(void)state;
	start("temporary = directory\ntemporary_size = 16M");
	hear_ready();
	/* As an engine might leave them: each of them is small enough. */
	for (int i = 0; i < 3; i++) {
		snprintf(
		    path, sizeof(path), "%s/scan/%d/%d", p->dir, FIRST_SLOT, i);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		assert_true(fd >= 0);
		assert_int_equal(posix_fallocate(fd, 0, 6 << 20), 0);
		close(fd);
	}
	assert_true(ends(p->seats[0][1].pidfd));
	hear_pairs(NETS);
	works(&p->seats[0][1]);
	assert_int_equal(access(path, F_OK), -1);
}

/* ---- around them
 * ---------------------------------------------------------------------- */

static int
arrive(void **state)
{
	(void)state;
	p = xcalloc(1, sizeof(*p));
	copy_text(p->dir, sizeof(p->dir), "/tmp/t_armoury.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	assert_int_equal(chmod(p->dir, 0755), 0);
	snprintf(p->database, sizeof(p->database), "%s/db", p->dir);
	p->control = -1;
	for (unsigned w = 0; w < WORKERS; w++) {
		for (unsigned net = 0; net <= NETS; net++)
			p->seats[w][net].pair = -1;
	}
	return 0;
}

static int
leave(void **state)
{
	struct err e;
	int done;

	(void)state;
	if (p->control >= 0)
		close(p->control);
	if (p->armoury > 0)
		waitpid(p->armoury, NULL, 0);
	for (unsigned w = 0; w < WORKERS; w++) {
		for (unsigned net = 1; net <= NETS; net++) {
			if (p->seats[w][net].pair >= 0) {
				close(p->seats[w][net].pair);
				close(p->seats[w][net].pidfd);
			}
		}
	}
	words_unmap(p->words);
	done = tree_remove(p->dir, &e);
	free(p);
	return done;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, arrive, leave)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(all_pairs_then_ready),
	    CASE(temporary_files_in_directories),
	    CASE(a_dead_worker_is_replaced),
	    CASE(a_crash_loop_backs_off),
	    CASE(a_net_worker_that_comes_anew),
	    CASE(a_net_worker_that_has_died_with_a_job),
	    CASE(retired_it_ends_with_its_last_job),
	    CASE(retired_it_replaces_nobody),
	    CASE(without_a_parent_all_end),
	    CASE(without_an_armoury_workers_go_on),
	    CASE(a_changed_database_is_told_once),
	    CASE(a_half_copied_database_is_waited_for),
	    CASE(a_database_that_cannot_be_loaded),
	    CASE(too_many_temporary_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
