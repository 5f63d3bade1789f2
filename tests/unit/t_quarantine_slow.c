/*
 * t_quarantine_slow: a disk that hangs.  In its place stands a function that
 * waits until the test lets it go on: the loop goes on meanwhile, and nobody
 * waits longer than he may.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>

#include "conf/conf.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/loop.h"
#include "proxy/quarantine.h"
#include "proxy/quarantine_copy.h"
#include "proxy/quarantine_room.h"

#define ID "01KATE0000ZZZZZZZZZZZZZZZZ"
#define WAITING_MAX 1000 /* of quarantine.c */

static const char dir[] = "/nonexistent";
static sem_t begun, go_on;
static atomic_bool was_unwanted;

const char *
quarantine_copy(struct quarantine_copy *c, int *error_r)
{
	(void)sem_post(&begun);
	(void)sem_wait(&go_on);
	*error_r = 0;
	atomic_store(&was_unwanted, atomic_load(&c->unwanted));
	return "kept";
}

static struct {
	const char *how;
	unsigned times;
} told;

static char last_log[512];

static void
take_log(enum log_level level, uint64_t id, const char *text)
{
	(void)level;
	(void)id;
	copy_text(last_log, sizeof(last_log), text);
}

static void
on_done(void *arg, const char *how)
{
	told.how = how;
	told.times++;
	loop_stop(arg);
}

struct house {
	struct loop *loop;
	struct quarantine_room *room;
	struct quarantine *q;
	struct conf *conf;
	struct content *content;
	struct facts facts;
	struct event ev;
};

static void
open_house(struct house *h, const char *more)
{
	static struct report report;
	static const struct decision decision = {
	    .action = DO_QUARANTINE, .verdict = "malware", .rule = "policy/p"};
	char *text = xasprintf("[listener in]\nprotocol = smtp\n"
			       "address = 127.0.0.1:1\npolicy = p\n"
			       "[policy p]\nmalware = quarantine\n"
			       "[engine clamav]\n[quarantine]\npath = %s\n%s",
	    dir, more);
	struct spool *s = spool_over("abc", 3);

	*h = (struct house){.loop = loop_open()};
	h->conf = conf_from_text("t", text, strlen(text), false, stderr);
	assert_non_null(h->conf);
	free(text);
	h->room = quarantine_room_open();
	h->q = quarantine_open(h->loop, h->room, 2, h->conf);
	h->content = content_over(&s, CONTENT_MAIL, "mail");
	facts_init(&h->facts, 1 << 16);
	facts_add(&h->facts, FIELD_PROTOCOL, "smtp");
	facts_add(&h->facts, FIELD_SENDER, "a\"@example.org");
	facts_add(&h->facts, FIELD_RECIPIENT, "b@example.org");
	facts_add(&h->facts, FIELD_RECIPIENT, "c@example.org");
	report_init(&report);
	h->ev = (struct event){.kind = EVENT_DECISION,
	    .id = ID,
	    .facts = &h->facts,
	    .report = &report,
	    .decision = &decision,
	    .content = CONTENT_MAIL,
	    .size = 3,
	    .sha256 = "",
	    .quarantine = ""};
	assert_int_equal(sem_init(&begun, 0, 0), 0);
	assert_int_equal(sem_init(&go_on, 0, 0), 0);
	log_to(take_log);
	told.how = NULL;
	told.times = 0;
}

static void
close_house(struct house *h)
{
	quarantine_free(&h->q);
	quarantine_room_free(&h->room);
	content_free(&h->content);
	facts_free(&h->facts);
	conf_free(&h->conf);
	loop_free(&h->loop);
}

static struct keep *
keep(struct house *h)
{
	const char *how;
	struct keep *k =
	    quarantine_keep(h->q, h->content, &h->ev, on_done, h->loop, &how);

	assert_non_null(k);
	assert_null(how);
	return k;
}

static void
stop(void *arg)
{
	loop_stop(arg);
}

static void
turn(struct house *h, int64_t ms)
{
	struct timer *t = timer_open(h->loop, stop, h->loop);

	timer_set(t, ms);
	loop_run(h->loop);
	timer_free(&t);
}

static void
nobody_waits_for_ever(void **state)
{
	struct house h;

	(void)state;
	open_house(&h, "[scan]\ntimeout = 100ms\n");
	(void)keep(&h);
	(void)sem_wait(&begun);
	loop_run(h.loop); /* it goes on */
	assert_string_equal(told.how, "timeout");
	assert_non_null(
	    strstr(last_log, "quarantine not kept why=timeout id="));
	/* the thread is let go, sees that it is too late, and nobody hears it
	 */
	(void)sem_post(&go_on);
	turn(&h, 50);
	quarantine_free(&h.q);
	assert_true(atomic_load(&was_unwanted));
	assert_int_equal(told.times, 1);
	close_house(&h);
}

static void
one_that_waits_in_line_is_late_too(void **state)
{
	struct house h;
	struct keep *first;

	(void)state;
	open_house(&h, "[scan]\ntimeout = 100ms\n");
	first = keep(&h);
	(void)sem_wait(&begun);
	quarantine_cancel(&first);
	(void)keep(&h);
	loop_run(h.loop);
	assert_string_equal(told.how, "timeout");
	assert_int_equal(told.times, 1);
	(void)sem_post(&go_on);
	(void)sem_post(&go_on);
	close_house(&h);
}

static void
so_many_may_wait(void **state)
{
	struct house h;
	struct keep *k;
	const char *how;

	(void)state;
	open_house(&h, "");
	for (unsigned i = 0; i < WAITING_MAX; i++) {
		k = keep(&h);
		quarantine_cancel(&k);
	}
	assert_null(
	    quarantine_keep(h.q, h.content, &h.ev, on_done, h.loop, &how));
	assert_string_equal(how, "queue");
	assert_non_null(strstr(last_log, "quarantine not kept why=queue id="));
	assert_int_equal(told.times, 0);
	for (unsigned i = 0; i < WAITING_MAX; i++)
		(void)sem_post(&go_on);
	close_house(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nobody_waits_for_ever),
	    cmocka_unit_test(one_that_waits_in_line_is_late_too),
	    cmocka_unit_test(so_many_may_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
