/*
 * session: one client, from accept to close: what its socket says goes to its
 * protocol, and what is left of it goes when the turn of the loop ends.
 */
#include "proxy/session.h"

#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/io_carry.h"
#include "proxy/place_own.h"
#include "proxy/stats.h"

/* A client has so long to take our last words and to close. */
#define LINGER_MS 2000

/* The option whose deadline a handshake has. */
#define HANDSHAKE_TIMEOUT "handshake_timeout"

static struct session_own *
session_own(struct session *s)
{
	IS(s, SESSION_MAGIC);
	return (struct session_own *)(void *)s;
}

/*
 * Seconds (since a day before which this program did not run), then a count,
 * then the net worker: so an id does not come again after a restart, and it
 * stays below 2^53, which JSON readers need.
 */
static uint64_t
next_id(unsigned self)
{
	static uint64_t count;

	if (count == 0)
		count = (uint64_t)(clock_wall_ms() / 1000 - 1700000000) << 14;
	return ++count << 6 | (self & 63);
}

static void
session_secured(const struct session *s)
{
	log_debug(s->id, "tls client version=%s cipher=%s resumed=%s",
	    io_tls_version(s->client), io_tls_cipher(s->client),
	    io_tls_resumed(s->client) ? "yes" : "no");
}

/* One that did not come to an end. */
static void
log_handshake(const struct session *s, enum io_event what)
{
	const char *trouble = io_trouble(s->client);
	char host[ADDR_TEXT];

	if (what == IO_LATE &&
	    strcmp(io_deadline_word(s->client), HANDSHAKE_TIMEOUT) == 0) {
		(void)stats_limit(s->place->counted, HANDSHAKE_TIMEOUT);
		trouble = "TLS handshake: " HANDSHAKE_TIMEOUT " exceeded";
	}
	if (trouble[0] != '\0')
		log_info(s->id, "tls client=%s listener=%s reason=%s",
		    addr_host(io_peer(s->client), host), s->place->name,
		    log_quote(trouble));
}

static void
bury(void *arg)
{
	struct session_own *o = arg;
	struct place *place = o->s.place;

	if (o->gone)
		io_free(&o->s.client);
	else if (o->reset)
		io_reset(&o->s.client);
	else
		io_finish(&o->s.client, LINGER_MS);
	o->s.magic = 0;
	free(o);
	place_drop(place);
}

/* Nothing is said before it: a handshake that fails leaves no words. */
static void
told_of_tls(struct session_own *o, struct io *io, enum io_event what)
{
	struct session *s = &o->s;

	if (what == IO_SECURED) {
		io_deadline(io, 0, NULL);
		o->opened = true;
		session_secured(s);
		s->place->protocol->open(s);
	} else if (what == IO_GONE || what == IO_LATE) {
		session_end(s);
	}
}

static void
told(void *arg, struct io *io, enum io_event what)
{
	struct session_own *o = arg;
	struct session *s = &o->s;

	o->gone = o->gone || what == IO_GONE;
	if (what == IO_GONE || what == IO_LATE)
		log_handshake(s, what);
	if (!o->opened) {
		told_of_tls(o, io, what);
		return;
	}
	if (what == IO_SECURED)
		session_secured(s);
	s->place->protocol->client(s, what);
	if (what == IO_GONE)
		session_end(s);
}

static struct session_own *
open_own(struct place *place, struct io **iop)
{
	struct place_own *po = place_own(place);
	size_t size = place->protocol->state_size;
	struct session_own *o = xcalloc(1, sizeof(*o) + size);

	o->s.magic = SESSION_MAGIC;
	o->s.id = next_id(worker_self(place->worker));
	o->s.place = place;
	o->s.client = *iop;
	o->s.state = o->state;
	*iop = NULL;
	o->peer = *io_peer(o->s.client);
	job_init(&o->bury, bury, o);
	place_hold(place);
	LIST_INSERT_HEAD(&po->sessions, o, link);
	po->sessions_n++;
	io_owner(o->s.client, told, o);
	return o;
}

void
session_open(struct place *place, struct io **iop)
{
	struct session_own *o = open_own(place, iop);

	stats_addn(STAT_SESSIONS, place->counted, 1);
	stats_addn(STAT_SESSIONS_TOTAL, place->counted, 1);
	log_debug(o->s.id, "session begins listener=%s", place->name);
	if (place->tls_mode == TLS_IMPLICIT) {
		session_start_tls(&o->s, IO_TLS_KEEP);
		return;
	}
	o->opened = true;
	place->protocol->open(&o->s);
}

struct session *
session_open_stream(struct session *of, struct io **iop)
{
	struct session_own *o = open_own(of->place, iop);

	o->stream = true;
	o->opened = true;
	o->s.id = of->id; /* as its events tell whose it is */
	of->place->protocol->open(&o->s);
	return &o->s;
}

void
session_start_tls(struct session *s, unsigned how)
{
	const struct place *p = s->place;

	MUST(p->tls != NULL);
	io_start_tls(s->client, p->tls, NULL, how);
	io_deadline(s->client, p->tls_timeout, HANDSHAKE_TIMEOUT);
}

int
session_carry(struct session *s)
{
	struct io *inside = io_carry(&s->client);

	if (inside == NULL)
		return -1;
	s->client = inside;
	io_owner(inside, told, session_own(s));
	return 0;
}

static void
told_nothing(void *arg, struct io *io, enum io_event what)
{
	struct session_own *o = arg;

	(void)io;
	o->gone = o->gone || what == IO_GONE;
}

void
session_end(struct session *s)
{
	struct session_own *o = session_own(s);
	struct place *place = s->place;

	if (o->ended)
		return;
	o->ended = true;
	LIST_REMOVE(o, link);
	place_own(place)->sessions_n--;
	if (!o->stream)
		stats_addn(STAT_SESSIONS, place->counted, (uint64_t)-1);
	if (o->opened && place->protocol->close != NULL)
		place->protocol->close(s);
	if (!o->stream)
		admit_leave(place_admit(place), place->worker, &o->peer);
	log_debug(s->id, "%s ends in=%ju out=%ju",
	    o->stream ? "stream" : "session", (uintmax_t)io_bytes_in(s->client),
	    (uintmax_t)io_bytes_out(s->client));
	/* whoever is still reading lines up the stack finds no more */
	io_owner(s->client, told_nothing, o);
	io_deadline(s->client, 0, NULL);
	io_pause(s->client);
	io_discard(s->client);
	loop_later(worker_loop(place->worker), &o->bury);
}

void
session_reset(struct session *s)
{
	session_own(s)->reset = true;
	session_end(s);
}

bool
session_ended(struct session *s)
{
	return session_own(s)->ended;
}
