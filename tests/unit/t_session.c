/*
 * t_session: listeners, limits, sessions, places.
 */
#include "tests/unit/toy_house.h"

/* ---- sessions ---- */

static void
test_session(void **state)
{
	struct test t;
	int fd;

	(void)state;
	begin(&t, CONF_TEXT(""));
	fd = client(&t);
	hears(fd, "220 gw.example.org\r\n");
	assert_int_equal(place_sessions(t.place), 1);
	assert_int_equal(shared_session_count(t.w.shared), 1);
	say(&t, fd, "QUIT\r\nQUIT\r\n");
	hears(fd, "221 bye\r\n");
	hears(fd, "");
	assert_int_equal(toy_closed, 1);
	assert_int_equal(place_sessions(t.place), 0);
	assert_int_equal(shared_session_count(t.w.shared), 0);
	close(fd);
	end(&t);
}

static void
test_ids_differ(void **state)
{
	struct test t;
	uint64_t id;
	int a, b;

	(void)state;
	begin(&t, CONF_TEXT(""));
	a = client(&t);
	id = last_session->id;
	b = client(&t);
	assert_int_not_equal(last_session->id, id);
	assert_true(last_session->id < UINT64_C(1) << 53);
	close(a);
	close(b);
	end(&t);
	assert_int_equal(toy_closed, 2);
}

static void
test_limits(void **state)
{
	struct test t;
	int fds[6];

	(void)state;
	begin(&t, CONF_TEXT("max_sessions_per_client = 2\n"));
	for (int i = 0; i < 3; i++)
		fds[i] = client(&t);
	hears(fds[1], "220 gw.example.org\r\n");
	hears(fds[2], "1 gw.example.org\r\n"); /* REFUSE_CLIENT */
	hears(fds[2], "");
	assert_non_null(strstr(last_log, "limit=max_sessions_per_client"));
	assert_int_equal(logged, 1);
	fds[3] = client(&t);
	assert_int_equal(logged, 1); /* one line a second */
	/* a place is free again */
	close(fds[0]);
	fds[0] = client(&t);
	hears(fds[0], "220 gw.example.org\r\n");
	assert_int_equal(shared_session_count(t.w.shared), 2);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	end(&t);

	begin(&t, CONF_TEXT("max_sessions = 1\n"));
	fds[0] = client(&t);
	fds[1] = client(&t);
	hears(fds[1], "0 gw.example.org\r\n"); /* REFUSE_BUSY */
	assert_non_null(strstr(last_log, "limit=max_sessions "));
	close(fds[0]);
	close(fds[1]);
	end(&t);

	begin(&t, CONF_TEXT(""));
	for (int i = 0; i < 5; i++)
		fds[i] = client(&t);
	hears(fds[3], "220 gw.example.org\r\n");
	hears(fds[4], "0 gw.example.org\r\n");
	assert_non_null(strstr(last_log, "limit=gateway_max_sessions"));
	for (int i = 0; i < 5; i++)
		close(fds[i]);
	end(&t);
}

static void
test_not_allowed_and_draining(void **state)
{
	struct test t;
	int fd;

	(void)state;
	begin(&t, CONF_TEXT("allow_from = 192.0.2.0/24, ::1\n"));
	fd = client(&t);
	hears(fd, "2 gw.example.org\r\n"); /* REFUSE_NOT_ALLOWED */
	assert_int_equal(shared_session_count(t.w.shared), 0);
	close(fd);
	end(&t);

	begin(&t, CONF_TEXT("allow_from = 192.0.2.0/24, 127.0.0.0/8\n"));
	fd = client(&t);
	hears(fd, "220 gw.example.org\r\n");
	t.w.draining = true;
	close(client(&t));
	assert_non_null(strstr(last_log, "limit=drain"));
	place_drain(t.place);
	turn(&t, 5);
	hears(fd, "421 going\r\n");
	assert_int_equal(toy_drained, 1);
	close(fd);
	end(&t);
}

/* Without descriptors left the loop rests, and then the client comes in. */
static void
test_nofile(void **state)
{
	struct rlimit old, now;
	struct test t;
	int fd, spare;
	clock_t cpu;

	(void)state;
	begin(&t, CONF_TEXT(""));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&t.at.ss, t.at.len), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	spare = dup(0);
	assert_int_equal(close(spare), 0);
	now = old;
	now.rlim_cur = (rlim_t)spare;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	cpu = clock();
	turn(&t, 80);
	assert_true(clock() - cpu < CLOCKS_PER_SEC / 25); /* it rests */
	assert_int_equal(place_sessions(t.place), 0);
	assert_non_null(strstr(last_log, "limit=nofile"));
	assert_int_equal(logged, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	turn(&t, 120);
	assert_int_equal(place_sessions(t.place), 1);
	hears(fd, "220 gw.example.org\r\n");
	close(fd);
	end(&t);
}

/* ---- places ---- */

static void
test_place_outlives_its_configuration(void **state)
{
	struct place *old, *new;
	struct test t;
	bool gone = false;
	int a, b;

	(void)state;
	begin(&t, CONF_TEXT(""));
	a = client(&t);
	old = t.place;
	new = new_place(&t);
	assert_int_equal(toy_prepared, 2);
	listener_place(t.listener, new);
	t.place = NULL;
	place_retire(&old, on_gone, &gone);
	assert_null(old);
	b = client(&t);
	assert_ptr_equal(last_session->place, new);
	assert_false(gone);
	say(&t, a, "still served\r\n");
	assert_int_equal(at_gate.submitted, 1);
	close(a);
	turn(&t, 10);
	assert_true(gone);
	assert_int_equal(toy_forgotten, 1);
	close(b);
	t.place = new;
	end(&t);
}

/* Nobody held it, and before it went somebody did. */
static void
test_place_that_is_held_again(void **state)
{
	struct place *p, *held;
	struct test t;
	bool gone = false;

	(void)state;
	begin(&t, CONF_TEXT(""));
	p = held = new_place(&t);
	place_retire(&p, on_gone, &gone);
	place_hold(held);
	turn(&t, 5);
	assert_false(gone);
	assert_int_equal(toy_forgotten, 0);
	place_drop(held);
	turn(&t, 5);
	assert_true(gone);
	assert_int_equal(toy_forgotten, 1);
	end(&t);
}

/* TERM soon behind HUP: the last sessions of the old place hear it, too, and
 * with them it goes. */
static void
test_old_place_drains(void **state)
{
	struct place *old, *held;
	struct test t;
	bool gone = false;
	int fds[3];

	(void)state;
	begin(&t, CONF_TEXT(""));
	for (int i = 0; i < 3; i++)
		fds[i] = client(&t);
	old = held = t.place;
	t.place = new_place(&t);
	listener_place(t.listener, t.place);
	place_retire(&old, on_gone, &gone);
	turn(&t, 5);
	assert_false(gone);
	assert_int_equal(place_sessions(held), 3);
	place_drain(held);
	assert_int_equal(place_sessions(held), 0);
	assert_false(gone); /* not while anybody may be inside it */
	turn(&t, 5);
	assert_true(gone);
	assert_int_equal(toy_drained, 3);
	for (int i = 0; i < 3; i++)
		hears(fds[i], "220 gw.example.org\r\n421 going\r\n");
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	end(&t);
}

static void
test_place_that_cannot_be(void **state)
{
	static const char text[] =
	    "[listener bad]\nprotocol = smtp\naddress = 127.0.0.1:1\n"
	    "policy = mail\n[policy mail]\n" ENGINE;
	struct conf *conf =
	    conf_from_text("test", text, sizeof(text) - 1, false, stderr);
	struct err e;

	(void)state;
	assert_non_null(conf);
	assert_null(place_open(
	    NULL, conf, conf_section(conf, "listener", "bad"), NULL, NULL, &e));
	assert_string_equal(e.text, "this one is bad");
	conf_free(&conf);
}

static void
test_place_for_a_check(void **state)
{
	static const char text[] = CONF_TEXT("");
	struct conf *conf =
	    conf_from_text("test", text, sizeof(text) - 1, false, stderr);
	struct place *p;
	struct err e;
	bool gone = false;

	(void)state;
	toy_forgotten = 0;
	p = place_open(
	    NULL, conf, conf_section(conf, "listener", "in"), NULL, NULL, &e);
	assert_non_null(p);
	place_retire(&p, on_gone, &gone);
	assert_true(gone);
	assert_int_equal(toy_forgotten, 1);
	conf_free(&conf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_session),
	    cmocka_unit_test(test_ids_differ),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_not_allowed_and_draining),
	    cmocka_unit_test(test_nofile),
	    cmocka_unit_test(test_place_outlives_its_configuration),
	    cmocka_unit_test(test_place_that_is_held_again),
	    cmocka_unit_test(test_old_place_drains),
	    cmocka_unit_test(test_place_that_cannot_be),
	    cmocka_unit_test(test_place_for_a_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
