/*
 * t_exchange_keep: a content that is to be kept: the copy, then the event,
 * then the protocol; and whoever goes away meanwhile.  In place of the disk
 * stands a function that waits until the test lets it go on.
 */
#include "tests/unit/toy_house.h"

#include <semaphore.h>

#include "proxy/quarantine.h"
#include "proxy/quarantine_copy.h"

#define KEEPS \
	"[gateway]\nname = gw.example.org\nmax_sessions = 4\n" \
	"[listener in]\nprotocol = smtp\naddress = 127.0.0.1:1\n" \
	"policy = mail\n[policy mail]\nmalware = quarantine\n" ENGINE

static sem_t begun, go_on;
static const char *says;
static atomic_bool was_unwanted;
static char bytes[8];

const char *
quarantine_copy(struct quarantine_copy *c, int *error_r)
{
	*error_r = 0;
	assert_int_equal(c->size, 3);
	memcpy(bytes, c->bytes, 3);
	(void)sem_post(&begun);
	(void)sem_wait(&go_on);
	atomic_store(&was_unwanted, atomic_load(&c->unwanted));
	return says;
}

struct keeping {
	struct test t;
	struct quarantine_room *room;
	int fd;
};

/* A content is found bad, and its copy has begun. */
static void
begin_keeping(struct keeping *k)
{
	begin(&k->t, KEEPS);
	k->room = quarantine_room_open();
	k->t.w.quarantine = quarantine_open(k->t.w.loop, k->room, 2, k->t.conf);
	assert_int_equal(sem_init(&begun, 0, 0), 0);
	assert_int_equal(sem_init(&go_on, 0, 0), 0);
	says = "kept";
	k->fd = client(&k->t);
	hears(k->fd, "220 gw.example.org\r\n");
	say(&k->t, k->fd, "abc\r\n");
	judge("Some-Test");
	(void)sem_wait(&begun);
	turn(&k->t, 5);
	assert_string_equal(bytes, "abc");
	assert_int_equal(events.n, 0);
	assert_int_equal(read(k->fd, bytes, 1), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
let_go_on(struct keeping *k)
{
	unsigned before = events.n;

	(void)sem_post(&go_on);
	for (unsigned i = 0; i < 500 && events.n == before; i++)
		turn(&k->t, 10);
	turn(&k->t, 10);
}

static void
end_keeping(struct keeping *k)
{
	close(k->fd);
	quarantine_free(&k->t.w.quarantine);
	quarantine_room_free(&k->room);
	end(&k->t);
}

static void
the_copy_comes_first(void **state)
{
	struct keeping k;

	(void)state;
	begin_keeping(&k);
	let_go_on(&k);
	hears(k.fd, "quarantine policy/mail\r\n");
	assert_int_equal(events.n, 2);
	assert_int_equal(events.kind[0], EVENT_DECISION);
	assert_string_equal(events.quarantine[0], "kept");
	assert_int_equal(events.kind[1], EVENT_OUTCOME);
	assert_string_equal(events.quarantine[1], "kept");
	end_keeping(&k);
}

static void
what_cannot_be_kept_is_refused_too(void **state)
{
	struct keeping k;

	(void)state;
	begin_keeping(&k);
	says = "no_space";
	let_go_on(&k);
	hears(k.fd, "quarantine policy/mail\r\n");
	assert_string_equal(events.quarantine[0], "no_space");
	assert_non_null(strstr(last_log, "not kept why=no_space id="));
	end_keeping(&k);
}

static void
no_event_no_word(void **state)
{
	struct keeping k;

	(void)state;
	begin_keeping(&k);
	events.full = true;
	let_go_on(&k);
	hears(k.fd, "tempfail event_log\r\n");
	end_keeping(&k);
}

/* It was decided: that is written, whoever has gone. */
static void
a_client_goes_meanwhile(void **state)
{
	struct linger l = {.l_onoff = 1};
	struct keeping k;

	(void)state;
	begin_keeping(&k);
	assert_int_equal(
	    setsockopt(k.fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	close(k.fd);
	k.fd = -1;
	for (unsigned i = 0; i < 500 && events.n == 0; i++)
		turn(&k.t, 10);
	assert_int_equal(events.n, 2);
	assert_int_equal(events.kind[0], EVENT_DECISION);
	assert_string_equal(events.quarantine[0], "aborted");
	assert_int_equal(events.kind[1], EVENT_OUTCOME);
	(void)sem_post(&go_on);
	turn(&k.t, 20);
	quarantine_free(&k.t.w.quarantine);
	assert_true(atomic_load(&was_unwanted));
	assert_int_equal(events.n, 2);
	end_keeping(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_copy_comes_first),
	    cmocka_unit_test(what_cannot_be_kept_is_refused_too),
	    cmocka_unit_test(no_event_no_word),
	    cmocka_unit_test(a_client_goes_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
