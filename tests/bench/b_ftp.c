/*
 * b_ftp: FTP clients that do nothing but move files.  N sessions log in and
 * wait for each other; then they fetch (or store) --count files between them,
 * each over a passive data connection of its own.  Every byte that is fetched
 * is compared with what bench_web.h makes of the file's number.  One JSON line.
 */

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "proxy/base/clock.h"
#include "tests/bench/bench_net.h"
#include "tests/bench/bench_web.h"

#define SESSIONS_MAX 200
#define FILES_MAX 20000
#define LINE_ROOM 2048
#define BLOCK (256 * 1024)
#define TIMEOUT_S 170

/* In memory that all sessions share. */
struct told {
	atomic_int ready, next;
	atomic_long wrong, refused;
	int64_t began_us, ended_us;
	atomic_int n;
	uint32_t us[FILES_MAX], first_us[FILES_MAX];
	char refusal[LINE_ROOM]; /* the last one */
};

static struct {
	struct corpus corpus;
	const struct mail *file;
	const char *name, *user, *password;
	uint64_t length;
	struct addr addr;
	long sessions, count, first;
	bool put;
	struct told *told;
} b;

struct session {
	int fd;
	char in[LINE_ROOM];
	size_t len;
	char line[LINE_ROOM]; /* of the last reply */
};

/* ---- the control connection ---- */

static int
dial_to(const struct addr *a)
{
	struct timeval patience = {TIMEOUT_S, 0};
	int one = 1, fd;

	fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&a->ss, a->len) < 0)
		die("connect", strerror(errno));
	return fd;
}

static void
take_line(struct session *s)
{
	char *end;

	while ((end = memchr(s->in, '\n', s->len)) == NULL) {
		ssize_t n = s->len == sizeof(s->in)
		    ? 0
		    : recv(s->fd, s->in + s->len, sizeof(s->in) - s->len, 0);

		if (n <= 0)
			die("control connection", "ended");
		s->len += (size_t)n;
	}
	*end = '\0';
	memcpy(s->line, s->in, (size_t)(end - s->in) + 1);
	s->len -= (size_t)(end - s->in) + 1;
	memmove(s->in, end + 1, s->len);
}

/* The code of the next reply, which may have many lines (RFC 959 4.2). */
static int
reply(struct session *s)
{
	char code[5];

	take_line(s);
	if (strlen(s->line) > 3 && s->line[3] == '-') {
		memcpy(code, s->line, 3);
		code[3] = ' ';
		code[4] = '\0';
		while (strncmp(s->line, code, 4) != 0)
			take_line(s);
	}
	return (int)strtol(s->line, NULL, 10);
}

static int
say(struct session *s, const char *word, const char *value)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%s%s%s\r\n", word,
	    value[0] == '\0' ? "" : " ", value);

	if (send(s->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		die("control connection", strerror(errno));
	return reply(s);
}

static void
must(struct session *s, int got, int wanted, const char *what)
{
	if (got / 100 != wanted / 100)
		die(what, s->line);
}

static void
log_in(struct session *s)
{
	s->fd = dial_to(&b.addr);
	must(s, reply(s), 220, "greeting");
	must(s, say(s, "USER", b.user), 331, "USER");
	must(s, say(s, "PASS", b.password), 230, "PASS");
	must(s, say(s, "TYPE", "I"), 200, "TYPE");
}

/* Where PASV says; the host is the one we speak with. */
static int
data_open(struct session *s)
{
	struct sockaddr_in *in;
	struct addr a = b.addr;
	const char *at;
	long part[6];
	char *end;

	must(s, say(s, "PASV", ""), 227, "PASV");
	at = strchr(s->line, '(');
	if (at == NULL)
		die("PASV", s->line);
	for (int i = 0; i < 6; i++, at = end)
		part[i] = strtol(at + 1, &end, 10);
	in = (struct sockaddr_in *)&a.ss;
	in->sin_port = htons((uint16_t)(part[4] * 256 + part[5]));
	return dial_to(&a);
}

/* ---- one file ---- */

/* Microseconds of its first byte. */
static int64_t
fetch(int fd, const struct body *body)
{
	static char in[BLOCK];
	int64_t first = 0;
	uint64_t at = 0;
	bool good = true;
	ssize_t n;

	while ((n = recv(fd, in, sizeof(in), 0)) > 0) {
		if (first == 0)
			first = clock_us();
		good = good && body_is(body, at, in, (size_t)n);
		at += (size_t)n;
	}
	if (n < 0 || !good || at != body->length)
		atomic_fetch_add(&b.told->wrong, 1);
	return first == 0 ? clock_us() : first;
}

static void
store(int fd, const struct body *body)
{
	uint64_t at = 0;
	const char *p;

	while (at < body->length) {
		size_t len = body_piece(body, at, &p);
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
}

/* False: refused. */
static bool
move(struct session *s, const char *name, const struct body *body,
    int64_t *first_r)
{
	int fd = data_open(s);
	int code = say(s, b.put ? "STOR" : "RETR", name);

	if (code / 100 == 1) {
		if (b.put)
			store(fd, body);
		else
			*first_r = fetch(fd, body);
		close(fd);
		code = reply(s);
	} else {
		close(fd);
	}
	return code / 100 == 2;
}

static void
one_file(struct session *s, long which)
{
	int64_t began = clock_us(), first = began;
	struct told *t = b.told;
	struct body body;
	char name[256];
	int slot;

	snprintf(name, sizeof(name), "%s%05ld", b.name, which);
	body_begin(&body, b.file, b.length, (uint64_t)which + 1);
	if (!move(s, name, &body, &first)) {
		atomic_fetch_add(&t->refused, 1);
		memcpy(t->refusal, s->line, sizeof(t->refusal));
		return;
	}
	slot = atomic_fetch_add(&t->n, 1);
	t->us[slot] = (uint32_t)(clock_us() - began);
	t->first_us[slot] = (uint32_t)(first - began);
}

/* ---- all of them ---- */

static void
run_session(void)
{
	static struct session s;
	struct told *t = b.told;
	int n;

	log_in(&s);
	atomic_fetch_add(&t->ready, 1);
	while (atomic_load(&t->ready) <= b.sessions)
		usleep(500);
	while ((n = atomic_fetch_add(&t->next, 1)) < b.count)
		one_file(&s, b.first + n);
	(void)say(&s, "QUIT", "");
	close(s.fd);
}

static void
begin_session(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork", strerror(errno));
	if (pid > 0)
		return;
	alarm(TIMEOUT_S);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run_session();
	_exit(0);
}

/* They begin together; false: one of them has died. */
static bool
run_all(void)
{
	struct told *t = b.told;
	bool good = true;
	int status;

	for (long i = 0; i < b.sessions; i++)
		begin_session();
	while (atomic_load(&t->ready) < b.sessions) {
		if (waitpid(-1, &status, WNOHANG) > 0)
			die("a session", "has ended before it began");
		usleep(500);
	}
	t->began_us = clock_us();
	atomic_fetch_add(&t->ready, 1);
	while (wait(&status) > 0)
		good = good && status == 0;
	t->ended_us = clock_us();
	return good;
}

static void
report(bool good)
{
	struct told *t = b.told;
	double seconds = (double)(t->ended_us - t->began_us) / 1e6;
	struct times all = {.us = t->us, .n = (size_t)t->n};
	struct times first = {.us = t->first_us, .n = (size_t)t->n};

	times_sort(&all);
	times_sort(&first);
	t->refusal[strcspn(t->refusal, "\r\n\"\\")] = '\0';
	printf("{\"seconds\": %.3f, \"files\": %d, \"begun\": %ld, "
	       "\"rate\": %.2f, \"mb_per_s\": %.2f, \"p50_ms\": %.3f, "
	       "\"p99_ms\": %.3f, \"first_ms\": %.3f, \"wrong_body\": %ld, "
	       "\"refused\": %ld, \"refusal\": \"%s\", \"broken\": %d}\n",
	    seconds, t->n, b.count, (double)t->n / seconds,
	    (double)t->n * (double)b.length / seconds / 1e6,
	    times_at(&all, 0.5), times_at(&all, 0.99), times_at(&first, 0.5),
	    t->wrong, t->refused, t->refusal, good ? 0 : 1);
}

static void
read_arguments(int argc, char **argv)
{
	const char *file = argument(argc, argv, "--file", NULL);
	struct err e;

	if (addr_parse(argument(argc, argv, "--address", NULL), &b.addr, &e) <
		0 ||
	    b.addr.ss.ss_family != AF_INET)
		die("--address", "no IPv4 address");
	b.user = argument(argc, argv, "--user", NULL);
	b.password = argument(argc, argv, "--password", NULL);
	b.name = argument(argc, argv, "--name", NULL);
	b.put = strcmp(argument(argc, argv, "--way", "get"), "put") == 0;
	b.sessions = number(argc, argv, "--sessions", "1");
	b.count = number(argc, argv, "--count", "1");
	b.first = number(argc, argv, "--first", "0");
	if (b.sessions < 1 || b.sessions > SESSIONS_MAX || b.count < 1 ||
	    b.count > FILES_MAX)
		die("--sessions, --count", "out of range");
	corpus_read(&b.corpus, argument(argc, argv, "--corpus", NULL));
	b.file = corpus_find(&b.corpus, file, strlen(file));
	if (b.file == NULL)
		die(file, "no such file");
	b.length = strtoull(argument(argc, argv, "--length", "0"), NULL, 10);
	if (b.length == 0)
		b.length = b.file->len;
}

int
main(int argc, char **argv)
{
	read_arguments(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	b.told = mmap(NULL, sizeof(*b.told), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b.told == MAP_FAILED)
		die("mmap", strerror(errno));
	report(run_all());
	return 0;
}
