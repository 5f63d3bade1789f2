#ifndef UNIT_PARENT_SIDE_H
#define UNIT_PARENT_SIDE_H

/*
 * parent_side: an armoury of the built tree and the parent's end of its
 * control, for t_armoury.c: starts it, hears it, and talks to its workers.
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

static struct parent *p; /* made anew for each case */

static inline const char *
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

static inline int
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

static inline void
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

static inline void
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

/* ---- what the armoury says ----------------------------------------------- */

static inline void
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
static inline uint32_t
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

static inline void
hear_pairs(unsigned n)
{
	while (n-- > 0)
		assert_int_equal(hear(PATIENCE_MS), CONTROL_PAIR);
}

static inline void
hear_ready(void)
{
	hear_pairs(WORKERS * NETS);
	assert_int_equal(hear(PATIENCE_MS), CONTROL_READY);
	assert_int_equal(p->last.workers, WORKERS);
	assert_true(p->last.text[0] != '\0');
}

static inline void
say(uint32_t kind, uint32_t net)
{
	const struct control m = {.kind = kind, .generation = 9, .net = net};

	assert_int_equal(control_send(p->control, &m, NULL, 0), 0);
}

static inline int
exit_status(void)
{
	int status;

	assert_int_equal(waitpid(p->armoury, &status, 0), p->armoury);
	p->armoury = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---- what scan workers do ------------------------------------------------ */

static inline void
works(const struct seat *s)
{
	const struct wire_job job = {.number = 5,
	    .kind = CONTENT_FILE,
	    .budget_ms = 20000,
	    .size = 1,
	    .inline_bytes = "x"};
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

static inline bool
ends(int fd)
{
	struct pollfd in = {.fd = fd, .events = POLLIN};

	return poll(&in, 1, PATIENCE_MS) == 1;
}

static inline void
kill_worker(const struct seat *s)
{
	assert_int_equal(pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0), 0);
	assert_true(ends(s->pidfd));
}

static inline void
close_pairs(unsigned worker)
{
	for (unsigned net = 1; net <= NETS; net++) {
		close(p->seats[worker][net].pair);
		p->seats[worker][net].pair = -1;
		close(p->seats[worker][net].pidfd);
	}
}

static inline int
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

static inline int
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
			if (p->seats[w][net].pair < 0)
				continue;
			close(p->seats[w][net].pair);
			close(p->seats[w][net].pidfd);
		}
	}
	words_unmap(p->words);
	done = tree_remove(p->dir, &e);
	free(p);
	return done;
}

#endif
