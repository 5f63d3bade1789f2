/*
 * t_exchange: from a content to its two lines.
 */
#include "tests/unit/toy_house.h"

/* ---- exchanges ---- */

static void
test_clean(void **state)
{
	char hex[DIGEST_TEXT];
	struct test t;
	int fd;

	(void)state;
	begin(&t, CONF_TEXT(""));
	fd = client(&t);
	hears(fd, "220 gw.example.org\r\n");
	say(&t, fd, "abc\r\n");
	assert_int_equal(at_gate.submitted, 1);
	assert_int_equal(at_gate.deadline_ms, 777);
	digest_text(at_gate.digest, hex);
	assert_memory_equal(hex, "ba7816bf", 8); /* of "abc" */
	assert_int_equal(events.n, 0);
	judge(NULL);
	turn(&t, 5);
	hears(fd, "pass policy/mail\r\n");
	assert_int_equal(events.n, 2);
	assert_int_equal(events.kind[0], EVENT_DECISION);
	assert_string_equal(events.what[0],
	    "clean pass size=3 sha=ba7816 result= reason= hop= in=0");
	assert_int_equal(events.kind[1], EVENT_OUTCOME);
	assert_string_equal(events.what[1],
	    "clean pass size=3 sha=ba7816 result=delivered reason= "
	    "hop=maildir:/x in=42");
	assert_int_equal(at_gate.cancelled, 0);
	close(fd);
	end(&t);
}

static void
test_malware(void **state)
{
	struct test t;
	int fd;

	(void)state;
	begin(&t, CONF_TEXT(""));
	fd = client(&t);
	hears(fd, "220 gw.example.org\r\n");
	say(&t, fd, "abc\r\n");
	judge("Some-Test");
	turn(&t, 5);
	hears(fd, "block policy/mail\r\n");
	close(fd);
	end(&t);
}

/* What cannot be written down is not delivered, whatever it is. */
static void
test_log_is_full(void **state)
{
	struct test t;
	int fd;

	(void)state;
	begin(&t, CONF_TEXT(""));
	fd = client(&t);
	hears(fd, "220 gw.example.org\r\n");
	say(&t, fd, "abc\r\n");
	events.full = true;
	judge(NULL);
	turn(&t, 5);
	hears(fd, "tempfail event_log\r\n");
	close(fd);
	end(&t);
}

static void
test_client_gone_cancels(void **state)
{
	struct linger l = {.l_onoff = 1};
	struct test t;
	int fd;

	(void)state;
	begin(&t, CONF_TEXT(""));
	fd = client(&t);
	say(&t, fd, "abc\r\n");
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	close(fd);
	turn(&t, 10);
	assert_int_equal(at_gate.cancelled, 1);
	assert_int_equal(toy_closed, 1);
	assert_int_equal(events.n, 1);
	assert_int_equal(events.kind[0], EVENT_ENDED);
	assert_string_equal(events.what[0],
	    "- - size=3 sha=ba7816 result=aborted reason=client_gone hop= "
	    "in=0");
	end(&t);
}

/* A next hop's answer may be awaited when the client is gone. */
static void
test_exchange_outlives_session(void **state)
{
	struct exchange_end e = {.result = "delivered"};
	struct test t;
	int fd;

	(void)state;
	begin(&t, CONF_TEXT(""));
	keep_exchange = true;
	fd = client(&t);
	say(&t, fd, "abc\r\n");
	close(fd);
	turn(&t, 10);
	assert_int_equal(place_sessions(t.place), 0);
	place_retire(&t.place, on_gone, &t.gone);
	listener_free(&t.listener);
	turn(&t, 5);
	assert_false(t.gone);
	exchange_finish(&kept, &e);
	assert_false(t.gone); /* not while anybody may be inside it */
	turn(&t, 5);
	assert_true(t.gone);
	assert_int_equal(events.n, 1);
	end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_clean),
	    cmocka_unit_test(test_malware),
	    cmocka_unit_test(test_log_is_full),
	    cmocka_unit_test(test_client_gone_cancels),
	    cmocka_unit_test(test_exchange_outlives_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
