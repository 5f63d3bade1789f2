/*
 * t_io_pour: what one connection says goes on to another, by a pipe and by
 * copying.  Urgent bytes in their place are what a pipe cannot do: so a
 * connection is made that has to be copied.
 */
#include "tests/unit/io_side.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "proxy/io_pour.h"
#include "proxy/io_urgent.h"
#include "proxy/loop_own.h"
#include "proxy/stats.h"

#define MUCH ((size_t)8 << 20)
#define PATIENCE_MS 60000

/* Two sides in one loop, and who speaks at the far ends. */
struct mouth {
	struct side *at;
	const char *bytes;
	size_t said, len;
	bool ends;
	struct watch *watch;
};

struct tunnel {
	struct side a, b;
	char *bytes;
	struct mouth mouths[2];
	int open; /* far ends that have not heard the end */
};

static void
no_log(enum log_level level, uint64_t id, const char *text)
{
	(void)level;
	(void)id;
	(void)text;
}

static uint64_t
spliced(void)
{
	return stats_own[STAT_SPLICED];
}

static void
open_tunnel(struct tunnel *t, bool copies)
{
	*t = (struct tunnel){.bytes = pattern(MUCH)};
	open_tcp(&t->a);
	open_tcp_in(&t->b, t->a.loop);
	if (copies)
		io_urgent_inline(t->b.io);
	stats_own[STAT_SPLICED] = 0;
}

static void
close_tunnel(struct tunnel *t)
{
	watch_free(&t->mouths[0].watch);
	watch_free(&t->mouths[1].watch);
	t->b.loop = NULL; /* it is a's */
	close_side(&t->b);
	close_side(&t->a);
	free(t->bytes);
}

/* ---- the far ends ---- */

static void
speak(void *arg)
{
	struct mouth *m = arg;
	ssize_t n = write(m->at->peer, m->bytes + m->said, m->len - m->said);

	assert_true(n > 0 || errno == EAGAIN);
	m->said += n > 0 ? (size_t)n : 0;
	if (m->said < m->len)
		return;
	watch_free(&m->watch);
	if (m->ends)
		assert_int_equal(shutdown(m->at->peer, SHUT_WR), 0);
}

static void
says(struct tunnel *t, struct side *s, size_t len, bool ends)
{
	struct mouth *m = &t->mouths[s == &t->a ? 0 : 1];

	*m = (struct mouth){.at = s, .bytes = t->bytes, .len = len};
	m->ends = ends;
	m->watch = loop_watch(s->loop, s->peer, speak, m);
	watch_want(m->watch, false, true);
}

static struct tunnel *listening;

static void
listen_on(void *arg)
{
	static char bytes[65536];
	struct side *s = arg;
	ssize_t n = read(s->peer, bytes, sizeof(bytes));

	assert_true(n >= 0);
	assert_memory_equal(bytes, listening->bytes + s->drunk, (size_t)n);
	s->drunk += (uint64_t)n;
	if (n > 0 && s->drunk != s->drink_until)
		return;
	watch_free(&s->watch);
	if (--listening->open == 0)
		loop_stop(s->loop);
}

/* Until so many bytes have come, in all; SIZE_MAX: until the end. */
static void
listens(struct tunnel *t, struct side *s, size_t until)
{
	listening = t;
	t->open++;
	s->drink_until = until;
	s->watch = loop_watch(s->loop, s->peer, listen_on, s);
}

static void
wait_for_both(struct tunnel *t)
{
	timer_set(t->a.guard, PATIENCE_MS);
	loop_run(t->a.loop);
	timer_stop(t->a.guard);
}

static void
hold_pipes(const struct tunnel *t, unsigned n)
{
	const struct loop *l = t->a.loop;

	assert_int_equal(l->pipes_n - l->pipes_spare, n);
}

/* ---- tests ---- */

/* Both ways at once, each with its end, and all is counted. */
static void
pass_much(bool copies)
{
	struct tunnel t;

	open_tunnel(&t, copies);
	io_pour(t.a.io, t.b.io);
	io_pour(t.b.io, t.a.io);
	says(&t, &t.a, MUCH, true);
	says(&t, &t.b, MUCH, true);
	listens(&t, &t.a, SIZE_MAX);
	listens(&t, &t.b, SIZE_MAX);
	wait_for_both(&t);
	assert_int_equal(t.a.drunk, MUCH);
	assert_int_equal(t.b.drunk, MUCH);
	assert_int_equal(io_bytes_in(t.a.io), MUCH);
	assert_int_equal(io_bytes_out(t.a.io), MUCH);
	assert_int_equal(io_bytes_in(t.b.io), MUCH);
	assert_int_equal(io_bytes_out(t.b.io), MUCH);
	assert_true(io_poured(t.a.io) && io_poured(t.b.io));
	assert_null(strpbrk(t.a.told, "IGL"));
	if (copies)
		assert_int_equal(spliced(), 0);
	else
		assert_true(spliced() > MUCH && spliced() <= 2 * MUCH);
	hold_pipes(&t, 0);
	close_tunnel(&t);
}

static void
test_much_both_ways(void **state)
{
	(void)state;
	pass_much(false);
	pass_much(true);
}

static void
test_one_end_is_not_both(void **state)
{
	struct tunnel t;

	(void)state;
	open_tunnel(&t, false);
	io_pour(t.a.io, t.b.io);
	io_pour(t.b.io, t.a.io);
	says(&t, &t.a, 3, true);
	listens(&t, &t.b, SIZE_MAX);
	wait_for_both(&t);
	assert_true(io_poured(t.a.io));
	assert_false(io_poured(t.b.io));
	says(&t, &t.b, MUCH, true);
	listens(&t, &t.a, SIZE_MAX);
	wait_for_both(&t);
	assert_int_equal(t.a.drunk, MUCH);
	assert_true(io_poured(t.b.io));
	close_tunnel(&t);
}

static void
test_what_waits_comes_first(void **state)
{
	struct tunnel t;

	(void)state;
	open_tunnel(&t, false);
	say(&t.a, "hello, ");
	run_until(&t.a, 'I');
	io_puts(t.b.io, "I say ");
	io_pause(t.a.io);
	io_pour(t.a.io, t.b.io);
	assert_int_equal(io_input(t.a.io).len, 0);
	say(&t.a, "world");
	assert_int_equal(shutdown(t.a.peer, SHUT_WR), 0);
	run_until(&t.a, 'E');
	turn(&t.a, 0);
	hears(&t.b, "I say hello, world");
	hears(&t.b, "");
	assert_string_equal(t.a.told, "IE");
	assert_int_equal(spliced(), 0); /* too little for a pipe */
	close_tunnel(&t);
}

static void
test_what_waits_longer(void **state)
{
	struct tunnel t;
	uint64_t put = 0;

	(void)state;
	open_tunnel(&t, false);
	say(&t.a, "hello");
	run_until(&t.a, 'I');
	for (; !io_full(t.b.io); put += 16384) {
		io_put(t.b.io, t.bytes, 16384);
		io_flush(t.b.io);
	}
	io_pour(t.a.io, t.b.io);
	assert_int_equal(io_input(t.a.io).len, 5); /* there is no room */
	drink_all(&t.b, put + 5, false);
	assert_int_equal(io_input(t.a.io).len, 0);
	close_tunnel(&t);
}

static void
test_an_end_that_came_before(void **state)
{
	struct tunnel t;

	(void)state;
	open_tunnel(&t, false);
	say(&t.a, "bye");
	assert_int_equal(shutdown(t.a.peer, SHUT_WR), 0);
	run_until(&t.a, 'E');
	io_pour(t.a.io, t.b.io);
	turn(&t.a, 0);
	hears(&t.b, "bye");
	hears(&t.b, "");
	assert_true(io_poured(t.a.io));
	close_tunnel(&t);
}

static int64_t
cpu_ms(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts), 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
narrow(struct tunnel *t)
{
	int few = 128 * 1024;

	assert_int_equal(
	    setsockopt(t->b.peer, SOL_SOCKET, SO_RCVBUF, &few, sizeof(few)), 0);
	io_pour(t->a.io, t->b.io);
}

/* One block, if there is room for it. */
static bool
push(struct tunnel *t)
{
	static char block[65536];
	ssize_t n = write(t->a.peer, block, sizeof(block));

	t->a.drunk += n > 0 ? (uint64_t)n : 0;
	return n > 0;
}

/* As much as goes while b's peer does not read. */
static void
stuff(struct tunnel *t)
{
	narrow(t);
	for (int idle = 0; idle < 20; idle++) {
		if (push(t))
			idle = 0;
		assert_true(t->a.drunk < (uint64_t)64 << 20);
		turn(&t->a, idle == 0 ? 0 : 5);
	}
}

static unsigned looks;

/* In the place of the C library's. */
int poll_counted(struct pollfd *fds, nfds_t n, int ms) __asm__("poll");

int
poll_counted(struct pollfd *fds, nfds_t n, int ms)
{
	looks++;
	return (int)syscall(SYS_poll, fds, n, ms);
}

/* Room alone is no news of the peer: nobody looks where he has gone. */
static void
test_room_is_no_news(void **state)
{
	struct side s;
	char *bytes = pattern(MUCH);
	struct content *c = content_in_memory(bytes, MUCH);

	(void)state;
	open_tcp(&s);
	turn(&s, 5);
	io_feed(s.io, c, 0, MUCH);
	io_pause(s.io);
	looks = 0;
	drink_all(&s, MUCH, false);
	assert_int_equal(looks, 0);
	io_free(&s.io);
	content_free(&c);
	close_side(&s);
	free(bytes);
}

/* A sink that is full stops the source, and nobody spins meanwhile. */
static void
hold_up(bool copies)
{
	struct tunnel t;
	int64_t before;

	open_tunnel(&t, copies);
	stuff(&t);
	hold_pipes(&t, copies ? 0 : 1);
	before = cpu_ms();
	turn(&t.a, 400);
	assert_true(cpu_ms() - before < 200);
	drink_all(&t.b, t.a.drunk, false);
	turn(&t.a, 5);
	hold_pipes(&t, 0);
	close_tunnel(&t);
}

static void
test_a_full_sink_holds_up(void **state)
{
	(void)state;
	hold_up(false);
	hold_up(true);
}

/* Each owner hears of his own peer, whoever waits for whom. */
static void
test_resets(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct tunnel t;
		struct side *goes;

		(void)state;
		open_tunnel(&t, i >= 2);
		stuff(&t);
		goes = i % 2 == 0 ? &t.a : &t.b;
		reset_peer(goes);
		timer_set(t.a.guard, PATIENCE_MS);
		run_until(goes, 'G');
		assert_int_equal(io_error(goes->io), ECONNRESET);
		close_tunnel(&t);
	}
}

/* What came before was enough for a pipe to be tried, and splice(2) takes the
 * error away from recv(2).  halved: that peer was told our end before. */
static void
reset_of_an_idle_one(bool halved)
{
	struct tunnel t;

	open_tunnel(&t, false);
	io_pour(t.a.io, t.b.io);
	io_pour(t.b.io, t.a.io);
	if (halved) {
		assert_int_equal(shutdown(t.b.peer, SHUT_WR), 0);
		run_until(&t.b, 'E');
		turn(&t.a, 0);
		hears(&t.a, "");
	}
	assert_int_equal(write(t.a.peer, t.bytes, 20000), 20000);
	drink_all(&t.b, 20000, false);
	reset_peer(&t.a);
	run_until(&t.a, 'G');
	assert_int_equal(io_error(t.a.io), ECONNRESET);
	assert_null(strchr(t.a.told, 'E'));
	turn(&t.a, 5);
	assert_int_equal(read(t.b.peer, t.bytes, 1), -1);
	assert_int_equal(errno, EAGAIN);
	close_tunnel(&t);
}

static void
test_a_reset_after_bulk_is_no_end(void **state)
{
	(void)state;
	reset_of_an_idle_one(false);
	reset_of_an_idle_one(true);
}

static void
test_what_was_poured_is_the_sinks(void **state)
{
	struct tunnel t;
	uint64_t poured;

	(void)state;
	open_tunnel(&t, false);
	stuff(&t);
	poured = io_bytes_in(t.a.io);
	io_free(&t.a.io);
	io_finish(&t.b.io, PATIENCE_MS);
	drink_all(&t.b, poured, false);
	close_tunnel(&t);
}

static void
test_a_sink_goes_with_its_pipe(void **state)
{
	struct tunnel t;

	(void)state;
	open_tunnel(&t, false);
	stuff(&t);
	hold_pipes(&t, 1);
	io_free(&t.b.io);
	hold_pipes(&t, 0);
	run_until(&t.a, 'I'); /* its owner's again */
	close_tunnel(&t);
}

/* An urgent byte stands in the way of splice(2), which says that this is the
 * end when one has come, too; behind it are more. */
static void
test_an_urgent_byte_is_no_end(void **state)
{
	struct tunnel t;

	(void)state;
	open_tunnel(&t, false);
	io_pour(t.a.io, t.b.io);
	io_pause(t.a.io);
	assert_int_equal(write(t.a.peer, t.bytes, LOOP_SCRATCH), LOOP_SCRATCH);
	assert_int_equal(send(t.a.peer, "!", 1, MSG_OOB), 1);
	say(&t.a, "more");
	assert_int_equal(shutdown(t.a.peer, SHUT_WR), 0);
	turn(&t.a, 50);
	io_resume(t.a.io);
	drink_all(&t.b, LOOP_SCRATCH + 4, false);
	close_tunnel(&t);
}

/* ---- limits ---- */

static uint64_t
limited(const char *limit)
{
	return stats_limit(0, limit) - 1;
}

int pipe2_or_not(int ends[2], int flags) __asm__("pipe2");
static int no_pipe; /* errno of it */

int
pipe2_or_not(int ends[2], int flags)
{
	if (no_pipe == 0)
		return (int)syscall(SYS_pipe2, ends, flags);
	errno = no_pipe;
	return -1;
}

static void
pass_copied(rlim_t descriptors, int error, const char *limit)
{
	struct tunnel t;
	struct rlimit old, low;
	uint64_t before = limited(limit);

	open_tunnel(&t, false);
	log_to(no_log);
	io_pour(t.a.io, t.b.io);
	says(&t, &t.a, MUCH, true);
	listens(&t, &t.b, SIZE_MAX);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = (struct rlimit){descriptors, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	no_pipe = error;
	wait_for_both(&t);
	no_pipe = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	log_to(NULL);
	assert_int_equal(t.b.drunk, MUCH);
	assert_int_equal(spliced(), 0);
	assert_int_equal(limited(limit), before + 2); /* pipes, and before */
	close_tunnel(&t);
}

static void
test_without_pipes_it_is_copied(void **state)
{
	(void)state;
	pass_copied(3, 0, "nofile"); /* asked once */
	pass_copied(1000, ENFILE, "pipes");
}

static void
test_pipes_of_a_loop_are_few(void **state)
{
	static struct tunnel ts[66];
	struct loop *l = loop_open();
	unsigned n = sizeof(ts) / sizeof(ts[0]);

	(void)state;
	log_to(no_log);
	for (unsigned i = 0; i < n; i++) {
		open_tcp_in(&ts[i].a, l);
		open_tcp_in(&ts[i].b, l);
		narrow(&ts[i]);
	}
	while (l->pipes_rest_ms == 0) {
		for (unsigned i = 0; i < n; i++) {
			for (int j = 0; j < 16; j++)
				(void)push(&ts[i]);
		}
		turn(&ts[0].a, 0);
		assert_true(l->pipes_n <= 64);
	}
	assert_int_equal(limited("IO_PIPES_MAX"), 1);
	drink_all(&ts[0].b, ts[0].a.drunk, false);
	drink_all(&ts[n - 1].b, ts[n - 1].a.drunk, false);
	for (unsigned i = 0; i < n; i++)
		io_free(&ts[i].b.io);
	assert_in_range(l->pipes_n, 0, 4);
	assert_int_equal(l->pipes_n, l->pipes_spare);
	for (unsigned i = 0; i < n; i++) {
		ts[i].b.loop = NULL;
		close_side(&ts[i].b);
		ts[i].a.loop = i + 1 < n ? NULL : l;
		close_side(&ts[i].a);
	}
	log_to(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_much_both_ways),
	    cmocka_unit_test(test_one_end_is_not_both),
	    cmocka_unit_test(test_what_waits_comes_first),
	    cmocka_unit_test(test_what_waits_longer),
	    cmocka_unit_test(test_an_end_that_came_before),
	    cmocka_unit_test(test_a_full_sink_holds_up),
	    cmocka_unit_test(test_room_is_no_news),
	    cmocka_unit_test(test_resets),
	    cmocka_unit_test(test_a_reset_after_bulk_is_no_end),
	    cmocka_unit_test(test_what_was_poured_is_the_sinks),
	    cmocka_unit_test(test_a_sink_goes_with_its_pipe),
	    cmocka_unit_test(test_an_urgent_byte_is_no_end),
	    cmocka_unit_test(test_without_pipes_it_is_copied),
	    cmocka_unit_test(test_pipes_of_a_loop_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
