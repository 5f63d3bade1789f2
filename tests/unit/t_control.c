/*
 * t_control: messages between parent and armoury, and the words they share:
 * what does not fit is refused and its descriptors are closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/fdpass.h"
#include "proxy/base/words.h"
#include "scan/control.h"

static int ours, theirs, pipes[2];

static int
connect_both(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(pipe(pipes), 0);
	ours = pair[0];
	theirs = pair[1];
	return 0;
}

static int
close_both(void **state)
{
	(void)state;
	close(ours);
	close(theirs);
	close(pipes[0]);
	close(pipes[1]);
	return 0;
}

static void
a_pair_with_its_descriptors(void **state)
{
	const struct control m = {.kind = CONTROL_PAIR,
	    .generation = 7,
	    .slot = SLOTS_MAX - 1,
	    .sequence = 0xffffffff,
	    .net = NET_WORKERS_MAX};
	struct control back;
	int fds[CONTROL_FDS];
	unsigned n;

	(void)state;
	assert_int_equal(control_send(ours, &m, pipes, 2), 0);
	assert_int_equal(control_recv(theirs, &back, fds, &n), 1);
	assert_memory_equal(&back, &m, sizeof(m));
	assert_int_equal(n, 2);
	assert_int_equal(write(fds[1], "x", 1), 1);
	close(fds[0]);
	close(fds[1]);
	close(ours);
	assert_int_equal(control_recv(theirs, &back, fds, &n), 0);
}

/* Refused; and nobody holds what came along: the pipe's reader sees its end. */
static void
is_refused(const struct control *m, size_t len, unsigned n)
{
	struct control back;
	int fds[CONTROL_FDS], way[2];
	unsigned got;
	char byte;

	assert_int_equal(pipe(way), 0);
	fds[0] = fds[1] = way[1];
	assert_int_equal(fdpass_send(ours, m, len, fds, n), 0);
	close(way[1]);
	assert_int_equal(control_recv(theirs, &back, fds, &got), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(got, 0);
	assert_int_equal(read(way[0], &byte, 1), 0);
	close(way[0]);
}

static void
what_does_not_fit(void **state)
{
	const struct control good = {.kind = CONTROL_READY};
	struct control longer[2] = {good, good}, m = good;

	(void)state;
	is_refused(&good, sizeof(good) - 1, 0);
	is_refused(longer, sizeof(good) + 1, 2);
	is_refused(&good, sizeof(good), 1); /* nothing comes with it */
	m.kind = CONTROL_PAIR;
	is_refused(&m, sizeof(m), 0); /* both descriptors are missing */
	is_refused(&m, sizeof(m), 1);
	m.slot = SLOTS_MAX;
	is_refused(&m, sizeof(m), 2);
	m = good;
	m.kind = 0;
	is_refused(&m, sizeof(m), 0);
	m.kind = CONTROL_KINDS;
	is_refused(&m, sizeof(m), 0);
	m = good;
	m.net = NET_WORKERS_MAX + 1;
	is_refused(&m, sizeof(m), 0);
	m = good;
	memset(m.text, 'x', sizeof(m.text));
	is_refused(&m, sizeof(m), 0);
}

static void
words_are_claimed_once(void **state)
{
	int fd = words_fd();
	struct words *a = words_map(fd), *b = words_map(fd);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	/* Nobody is there yet. */
	assert_false(words_claim(a, 3, 0, 1));
	assert_int_equal(words_owner(a, 3, 0), SLOT_GONE);
	words_set(a, 3, 5, 0);
	assert_int_equal(words_sequence(b, 3), 5);
	assert_false(words_claim(b, 3, 4, 1));
	assert_true(words_claim(b, 3, 5, 1));
	assert_false(words_claim(a, 3, 5, 2));
	assert_int_equal(words_owner(a, 3, 5), 1);
	assert_int_equal(words_owner(a, 3, 4), SLOT_GONE);
	/* To the one that waits longest, and back. */
	assert_false(words_pass(a, 3, 5, 2, 0));
	assert_true(words_pass(a, 3, 5, 1, 2));
	assert_false(words_pass(a, 3, 5, 1, 0));
	assert_true(words_pass(a, 3, 5, 2, 0));
	/* Its successor is another one. */
	words_set(a, 3, 6, 0);
	assert_false(words_claim(b, 3, 5, 1));
	words_unmap(a);
	words_unmap(b);
	close(fd);
}

static void
words_need_all_their_room(void **state)
{
	int fd = memfd_create("short", 0);

	(void)state;
	assert_int_equal(ftruncate(fd, sizeof(struct words) - 1), 0);
	assert_null(words_map(fd));
	assert_int_equal(errno, EINVAL);
	close(fd);
}

#define WITH_BOTH(test) \
	cmocka_unit_test_setup_teardown(test, connect_both, close_both)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_BOTH(a_pair_with_its_descriptors),
	    WITH_BOTH(what_does_not_fit),
	    cmocka_unit_test(words_are_claimed_once),
	    cmocka_unit_test(words_need_all_their_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
