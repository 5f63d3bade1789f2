#ifndef UNIT_QUARANTINE_HOUSE_H
#define UNIT_QUARANTINE_HOUSE_H

/*
 * quarantine_house: the quarantine of a net worker, a mail to be kept, and what
 * its owner was told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/loop.h"
#include "proxy/quarantine.h"
#include "proxy/quarantine_copy.h"
#include "proxy/quarantine_room.h"

#define ID "01KATE0000ZZZZZZZZZZZZZZZZ"

static struct {
	const char *how;
	unsigned times;
} told;

static inline void
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

static inline void
open_house(struct house *h, const char *dir, const char *more)
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
	told.how = NULL;
	told.times = 0;
}

static inline void
close_house(struct house *h)
{
	quarantine_free(&h->q);
	quarantine_room_free(&h->room);
	content_free(&h->content);
	facts_free(&h->facts);
	conf_free(&h->conf);
	loop_free(&h->loop);
}

static inline struct keep *
keep(struct house *h)
{
	const char *how;
	struct keep *k =
	    quarantine_keep(h->q, h->content, &h->ev, on_done, h->loop, &how);

	assert_non_null(k);
	assert_null(how);
	return k;
}

#endif
