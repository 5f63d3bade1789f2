#ifndef PROXY_SESSION_H
#define PROXY_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "proxy/event.h"
#include "proxy/gate.h"
#include "proxy/protocol.h"
#include "proxy/tls.h"
#include "proxy/worker.h"

struct io;

/*
 * A place is a [listener] under one configuration in one net worker: what a
 * session finds where it begins.  Sessions keep the one they began with; it
 * goes when the last of them has gone.
 */
#define PLACE_MAGIC 0x91ace001u
struct place {
	uint32_t magic;
	const char *name; /* of the listener */
	const struct protocol *protocol;
	unsigned counted; /* the protocol's number, for stats.h */
	const struct conf *conf;
	const struct conf_section *listener;
	const char *gateway;   /* [gateway] name */
	const char *direction; /* "inbound" or "outbound" */
	const char *policy;    /* name of its [policy] */
	const struct policies *policies;
	struct worker *worker;  /* NULL while only checking */
	enum tls_mode tls_mode; /* towards clients ... */
	struct tls *tls;        /* ... and our side there; NULL: TLS_OFF */
	struct tls *tls_client; /* our side towards servers */
	int64_t tls_timeout;    /* of a handshake with a client */
	/* while prepare() runs, for tls_trust(); NULL: there are no files */
	const struct tls_kit *tls_kit;
	void *own; /* the protocol's */
};

/*
 * A session is one client, from accept to close.
 */
#define SESSION_MAGIC 0x5e5510a1u
struct session {
	uint32_t magic;
	uint64_t id; /* in every log line about it */
	struct place *place;
	struct io *client;
	void *state; /* the protocol's own, protocol->state_size bytes */
};

/* A client that admit_enter() has let in; takes io over.  Greets it. */
void session_open(struct place *place, struct io **iop);

/*
 * One more session of the same place and client, which has no connection of
 * its own: a stream of that of of.  Takes io over.  It MUST end before of does.
 */
struct session *session_open_stream(struct session *of, struct io **iop);

/*
 * Calls protocol->close(), sends what was put to the client, and frees when
 * this turn of the loop ends.  May be called from any of the protocol's own
 * functions, also twice; until the turn ends *s and its state can be touched,
 * but s->client has no more input.
 */
void session_end(struct session *s);

/*
 * The same, but the connection is reset and what was not sent is lost: the
 * client cannot take what it has got for whole.
 */
void session_reset(struct session *s);

/*
 * The client's connection turns to TLS, behind what was put to it; how: see
 * io_start_tls().  place->tls MUST be there.  The protocol is told IO_SECURED,
 * or IO_LATE when [tls] handshake_timeout has passed, or IO_GONE.
 */
void session_start_tls(struct session *s, unsigned how);

/*
 * What the client says from here on, behind what waits in its input, is a
 * connection inside of that: s->client is another one, which can turn to TLS
 * though the first one has (proxy/io_carry.h).  0, or -1 with errno.
 */
int session_carry(struct session *s);

/* It has been: nothing is read or said any more. */
bool session_ended(struct session *s);

/*
 * An exchange is one mail transaction (HTTP request, FTP transfer): its facts,
 * its content, its ticket at the gate, its decision and its events.  It may
 * outlive its session (a next hop's answer is awaited and logged when the
 * client has gone), and holds its place as a session does.
 */
#define EXCHANGE_MAGIC 0xe8c4a17eu
struct exchange {
	uint32_t magic;
	char id[ULID_TEXT]; /* in the reply, the page, the log */
	uint64_t session;   /* its id */
	struct place *place;
	struct facts facts; /* protocol, listener, direction, client are in */
	struct content *content;
	struct decision decision; /* once decided; rule "" before */

	/* exchange.c's own: digest, ticket, times, what was written */
	struct exchange_own *own;

	struct report report; /* last: large, and mostly not touched */
};

struct exchange *exchange_open(struct session *s);

/* Opens x->content; what is written is digested on the way. */
void exchange_content(
    struct exchange *x, enum content_kind kind, const char *name, uint64_t cap);

/*
 * Does the policy refuse it for what is known by now, whatever it will hold?
 * True: x->decision is set and its event is written; nothing may be submitted
 * any more.  There need be no content.
 */
bool exchange_refused(struct exchange *x);

/*
 * x->content is this sealed one, which has other owners too, and whose SHA-256
 * (32 bytes) is known: it was another exchange's.
 */
void exchange_share(
    struct exchange *x, struct content *c, const unsigned char *sum);

/* The SHA-256 of what was submitted. */
const unsigned char *exchange_sum(const struct exchange *x);

/*
 * x->content is to have size bytes: does the policy refuse it for that alone?
 * True: it is larger than [scan] max_scan_size and that is not let pass;
 * x->report and x->decision are set, the decision's event is written, nothing
 * may be submitted any more.  Asked again for more bytes it costs nothing.
 */
bool exchange_too_large(struct exchange *x, uint64_t size);

/*
 * Seals x->content and has it judged.  decided() is called once, from the
 * loop, when x->report and x->decision are set and the decision's event is
 * written.  If that line could not be written x->decision.action is
 * DO_TEMPFAIL and its rule "event_log".  Returns -1 with errno when the
 * content could not be sealed (bytes were lost: 452); nothing was submitted.
 */
typedef void exchange_decided(void *arg, struct exchange *x);
int exchange_submit(struct exchange *x, int64_t deadline_ms,
    exchange_decided *decided, void *arg);

/* The SHA-256 of its content in hex, once that was submitted; "" before. */
const char *exchange_sha256(const struct exchange *x);

/* How it ended; all may be NULL.  See struct event for the words. */
struct exchange_end {
	const char *result, *next_hop, *hop_address, *reply, *reason;
	const char *hop_tls_version, *hop_tls_cipher;
	bool hop_tls_resumed;
	uint64_t bytes_in, bytes_out;
	int64_t delivery_began_ms; /* clock_ms(); 0: it did not */
	bool released_before_verdict;
	bool malformed; /* nothing came to the gate: it could not be read;
			 * reason: why */
};

/*
 * Writes the outcome (or `ended`, when there was no decision), cancels what
 * is at the gate, frees all.  *xp becomes NULL.
 */
void exchange_finish(struct exchange **xp, const struct exchange_end *end);

#endif
