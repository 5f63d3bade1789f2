#ifndef UNIT_TOY_HOUSE_H
#define UNIT_TOY_HOUSE_H

/*
 * toy_house: a net worker for t_session.c and t_exchange.c, with a toy protocol
 * in smtp's place, a gate that answers when it is told to, and an event log
 * that only remembers.  To be included once, by the file with main().
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/digest.h"
#include "proxy/listener.h"
#include "proxy/loop.h"
#include "proxy/place.h"
#include "proxy/session.h"
#include "proxy/shared.h"
#include "tests/unit/turn.h"

#define ENGINE "[engine clamav]\ntype = clamav\n"
#define CONF_TEXT(more) \
	"[gateway]\nname = gw.example.org\nmax_sessions = 4\n" \
	"[listener in]\nprotocol = smtp\naddress = 127.0.0.1:1\n" \
	"policy = mail\n" more "[policy mail]\nmalware = block\n" ENGINE

/* ---- the net worker of this test ---- */

struct worker {
	struct loop *loop;
	struct shared *shared;
	struct spool_house house;
	struct quarantine *quarantine;
	bool draining;
};

struct loop *
worker_loop(const struct worker *w)
{
	return w->loop;
}

struct gate *
worker_gate(const struct worker *w)
{
	(void)w;
	return NULL;
}

struct sinks *
worker_sinks(const struct worker *w)
{
	(void)w;
	return NULL;
}

struct quarantine *
worker_quarantine(const struct worker *w)
{
	return w->quarantine;
}

struct spool_house *
worker_spool(const struct worker *w)
{
	return (struct spool_house *)(uintptr_t)&w->house;
}

struct shared *
worker_shared(const struct worker *w)
{
	return w->shared;
}

unsigned
worker_self(const struct worker *w)
{
	(void)w;
	return 1;
}

bool
worker_draining(const struct worker *w)
{
	return w->draining;
}

/* ---- gate and log ---- */

static struct {
	gate_done *done;
	void *arg;
	unsigned char digest[32];
	int64_t deadline_ms;
	unsigned submitted, cancelled;
} at_gate;

struct ticket *
gate_submit(struct gate *g, const struct content *c,
    const unsigned char *digest, int64_t deadline_ms, gate_done *done,
    void *arg)
{
	(void)g;
	assert_true(content_size(c) > 0);
	at_gate.done = done;
	at_gate.arg = arg;
	memcpy(at_gate.digest, digest, 32);
	at_gate.deadline_ms = deadline_ms;
	at_gate.submitted++;
	return (struct ticket *)&at_gate;
}

void
gate_cancel(struct ticket **tp)
{
	if (*tp != NULL)
		at_gate.cancelled++;
	*tp = NULL;
}

static struct {
	unsigned n;
	bool full; /* the disk is */
	enum event_kind kind[8];
	char what[8][160];
	char quarantine[8][32];
} events;

int
event_write(struct sinks *s, const struct event *ev)
{
	unsigned n = events.n++;

	(void)s;
	assert_true(n < 8);
	assert_int_equal(strlen(ev->id), ULID_TEXT - 1);
	assert_string_equal(facts_get(ev->facts, FIELD_CLIENT, 0), "127.0.0.1");
	assert_string_equal(facts_get(ev->facts, FIELD_PROTOCOL, 0), "smtp");
	assert_string_equal(facts_get(ev->facts, FIELD_LISTENER, 0), "in");
	assert_string_equal(
	    facts_get(ev->facts, FIELD_DIRECTION, 0), "inbound");
	events.kind[n] = ev->kind;
	(void)snprintf(events.what[n], sizeof(events.what[n]),
	    "%s %s size=%ju sha=%.6s result=%s reason=%s hop=%s in=%ju",
	    ev->decision == NULL ? "-" : ev->decision->verdict,
	    ev->decision == NULL ? "-" : action_word(ev->decision->action),
	    (uintmax_t)ev->size, ev->sha256, ev->result, ev->reason,
	    ev->next_hop, (uintmax_t)ev->bytes_in);
	copy_text(
	    events.quarantine[n], sizeof(events.quarantine[n]), ev->quarantine);
	return events.full ? -1 : 0;
}

/* ---- the toy protocol: a line each ---- */

struct toy {
	struct exchange *x;
	int *closed;
};

static int toy_prepared, toy_forgotten, toy_closed, toy_drained;
static struct session *last_session;
static bool keep_exchange; /* it outlives its session */
static struct exchange *kept;

static inline int
toy_prepare(struct place *p, void **own_r, struct err *e)
{
	if (strcmp(p->name, "bad") == 0)
		return err_set(e, "this one is bad");
	*own_r = &toy_prepared;
	toy_prepared++;
	return 0;
}

static inline void
toy_forget(void *own)
{
	assert_ptr_equal(own, &toy_prepared);
	toy_forgotten++;
}

static inline void
toy_open(struct session *s)
{
	struct toy *t = s->state;

	assert_null(t->x); /* zeroed */
	last_session = s;
	io_printf(s->client, "220 %s\r\n", s->place->gateway);
}

static inline void
toy_decided(void *arg, struct exchange *x)
{
	struct session *s = arg;
	struct toy *t = s->state;
	struct exchange_end end = {.result = "delivered",
	    .next_hop = "maildir:/x",
	    .bytes_in = 42,
	    .delivery_began_ms = 1};

	assert_ptr_equal(t->x, x);
	io_printf(s->client, "%s %s\r\n", action_word(x->decision.action),
	    x->decision.rule);
	exchange_finish(&t->x, &end);
}

static inline void
toy_mail(struct session *s, struct slice line)
{
	struct toy *t = s->state;

	t->x = exchange_open(s);
	exchange_content(t->x, CONTENT_MAIL, "mail", 100);
	if (content_write(t->x->content, line.at, line.len) == 0)
		assert_int_equal(exchange_submit(t->x, 777, toy_decided, s), 0);
	kept = t->x;
}

static inline void
toy_client(struct session *s, enum io_event what)
{
	struct slice line;

	if (what == IO_ENDED)
		session_end(s);
	while (
	    what == IO_INPUT && io_line(s->client, 200, &line) != LINE_NONE) {
		if (slice_is(line, "QUIT")) {
			io_puts(s->client, "221 bye\r\n");
			session_end(s);
			session_end(s); /* twice is as good as once */
		} else {
			toy_mail(s, line);
		}
	}
}

static inline void
toy_drain(struct session *s)
{
	toy_drained++;
	io_puts(s->client, "421 going\r\n");
	session_end(s);
}

static inline void
toy_refuse(struct io *client, const char *gateway, enum refusal why)
{
	io_printf(client, "%d %s\r\n", why, gateway);
}

static inline void
toy_close(struct session *s)
{
	struct toy *t = s->state;
	struct exchange_end end = {
	    .result = "aborted", .reason = "client_gone"};

	toy_closed++;
	if (keep_exchange)
		t->x = NULL;
	exchange_finish(&t->x, &end);
}

static const struct protocol toy = {
    .name = "smtp",
    .state_size = sizeof(struct toy),
    .prepare = toy_prepare,
    .forget = toy_forget,
    .open = toy_open,
    .client = toy_client,
    .drain = toy_drain,
    .refuse = toy_refuse,
    .close = toy_close,
};

const struct protocol *const protocols[] = {&toy, NULL};

/* ---- a house for them ---- */

struct test {
	struct worker w;
	struct conf *conf;
	struct policies *policies;
	struct place *place;
	struct listener *listener;
	struct addr at;
	bool gone;
};

static char last_log[512];
static unsigned logged;

static inline void
take_log(enum log_level level, uint64_t id, const char *text)
{
	(void)level;
	(void)id;
	logged++;
	copy_text(last_log, sizeof(last_log), text);
}

static inline void
turn(struct test *t, int64_t ms)
{
	turn_loop(t->w.loop, ms);
}

static inline struct place *
new_place(struct test *t)
{
	struct err e;
	struct place *p = place_open(&t->w, t->conf,
	    conf_section(t->conf, "listener", "in"), t->policies, NULL, &e);

	assert_non_null(p);
	return p;
}

static inline void
begin(struct test *t, const char *text)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct err e;

	*t = (struct test){.w.loop = loop_open()};
	t->w.shared = shared_open(1, 100);
	t->w.house = (struct spool_house){
	    .dir = "/tmp", .memory_each = 1000, .memory_max = 100000};
	t->conf = conf_from_text("test", text, strlen(text), false, stderr);
	assert_non_null(t->conf);
	t->policies = policies_open(t->conf, &e);
	assert_non_null(t->policies);
	t->place = new_place(t);
	assert_int_equal(addr_number("127.0.0.1", 0, &t->at), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&t->at.ss, t->at.len), 0);
	assert_int_equal(listen(fd, 50), 0);
	assert_int_equal(
	    getsockname(fd, (struct sockaddr *)&t->at.ss, &t->at.len), 0);
	t->listener = listener_open(&t->w, t->place, &fd);
	assert_int_equal(fd, -1);
	memset(&at_gate, 0, sizeof(at_gate));
	memset(&events, 0, sizeof(events));
	toy_prepared = 1;
	toy_forgotten = toy_closed = toy_drained = 0;
	keep_exchange = false;
	logged = 0;
	log_to(take_log);
}

static inline void
on_gone(void *arg)
{
	*(bool *)arg = true;
}

static inline void
end(struct test *t)
{
	listener_free(&t->listener);
	turn(t, 10);
	if (t->place != NULL) {
		assert_int_equal(place_sessions(t->place), 0);
		place_retire(&t->place, on_gone, &t->gone);
		turn(t, 5);
		assert_true(t->gone);
	}
	assert_int_equal(toy_forgotten, toy_prepared);
	assert_int_equal(shared_session_count(t->w.shared), 0);
	log_to(NULL);
	loop_free(&t->w.loop);
	shared_free(&t->w.shared);
	policies_free(&t->policies);
	conf_free(&t->conf);
}

static inline int
client(struct test *t)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(
	    connect(fd, (struct sockaddr *)&t->at.ss, t->at.len), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	turn(t, 10);
	return fd;
}

static inline void
say(struct test *t, int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	turn(t, 10);
}

static inline void
hears(int fd, const char *want)
{
	char got[256];
	ssize_t n = read(fd, got, sizeof(got) - 1);

	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, want);
}

static inline void
judge(const char *malware)
{
	static struct report r;
	struct gate_result result = {.report = &r, .ms_queued = 1};

	report_init(&r);
	if (malware != NULL)
		report_add(&r, FOUND_MALWARE, "clamav", "mail", "%s", malware);
	at_gate.done(at_gate.arg, &result);
}

#endif
