#ifndef SMTP_H
#define SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/smtp/smtp_addr.h"
#include "protocols/smtp/smtp_chunk.h"
#include "protocols/smtp/smtp_data.h"
#include "protocols/smtp/smtp_hop.h"
#include "protocols/smtp/smtp_hops.h"
#include "protocols/smtp/smtp_next.h"
#include "protocols/smtp/smtp_param.h"
#include "protocols/smtp/smtp_route.h"
#include "protocols/smtp/smtp_stuff.h"
#include "protocols/smtp/smtp_who.h"
#include "proxy/mail_head.h"
#include "proxy/session.h"

/*
 * smtp.h: what the files of this folder share about a session.  The parsers
 * have headers of their own and know nothing of this one.
 */

/* What a mail hears that has lost its next hop; or whose hop said 421. */
#define SMTP_LINE_LOST "451 4.4.2 Next hop lost, try again\r\n"
#define SMTP_LINE_421 "451 4.3.2 Next hop is not available, try again\r\n"

/* So many RCPTs may wait for their answers before reading rests. */
#define SMTP_PENDING_MAX 100

/* ---- a place: what prepare() made of the options (smtp_own.c) ---- */

#define SMTP_OWN_MAGIC 0x570b0010u
struct smtp_own {
	uint32_t magic;
	int64_t command_timeout, data_timeout, scan_deadline;
	uint64_t max_size;
	unsigned max_recipients, max_received, max_errors;
	unsigned max_messages; /* of a client, a minute; 0: any */
	bool normalize, add_headers, auth_without_tls;
	const char *reject_text, *tempfail_text; /* in the configuration */
	const char *address_tag;                 /* "": none */
	struct smtp_hops *hops;
	struct smtp_routes routes;
	struct net *forwarders; /* xforward_from */
	size_t forwarders_n;
};

int smtp_prepare(struct place *place, void **own_r, struct err *e);
void smtp_forget(void *own);

/* ---- a session ---- */

/* clang-format off */
/*      state	word		what it means */
#define SMTP_STATES(X) \
	X(HELO,		"helo",		"greeted, no HELO yet") \
	X(TLS,		"tls",		"behind STARTTLS: the handshake") \
	X(READY,	"ready",	"no mail under way") \
	X(MAIL,		"mail",		"MAIL was answered") \
	X(RCPT,		"rcpt",		"a RCPT has come") \
	X(DATA,		"data",		"the mail comes in") \
	X(SKIP,		"skip",		"the rest of a refused mail comes in") \
	X(CHUNK,	"chunk",	"octets of a BDAT come in") \
	X(CHUNKS,	"chunks",	"between two BDATs of a mail") \
	X(EAT,		"eat",		"octets of a refused BDAT come in") \
	X(SCAN,		"scan",		"it is at the gate") \
	X(DELIVER,	"deliver",	"it goes to the next hop") \
	X(AUTH,		"auth",		"the next hop's turn in an AUTH exchange") \
	X(SASL,		"sasl",		"the client's turn in it") \
	X(OVER,		"over",		"the session ends with this call")

enum smtp_state {
#define X(state, word, text) SMTP_##state,
	SMTP_STATES(X)
#undef X
};
/* clang-format on */

/* A mail that was refused inside itself: what the client hears at its end. */
struct smtp_skip {
	const char *reply, *result, *reason;
	bool close; /* and then it is sent away */
};

struct smtp {
	enum smtp_state state;
	bool going;       /* smtp_go_on() is up the stack */
	bool esmtp;       /* EHLO, not HELO */
	bool half_closed; /* the client sends no more; it may still read */
	unsigned errors;  /* of the client, so far */
	char helo[256];
	struct smtp_auth *auth;    /* smtp_auth.c's; NULL: not tried */
	struct smtp_who *xclient;  /* what XCLIENT said; NULL */
	struct smtp_who *xforward; /* of the next mail; NULL */
	struct smtp_mail *mail;    /* from MAIL to its end */
	const struct smtp_skip *skip;
	uint64_t skipped;        /* bytes of SKIP, or of EATs since MAIL */
	struct smtp_chunk chunk; /* in CHUNK and EAT */
	uint64_t chunk_at;       /* so much of it has come */
	enum smtp_state back;    /* where EAT goes, if no mail ends with it */
};

/* The only writer of state. */
void smtp_enter(struct session *s, enum smtp_state next);

/* Does what can be done now: commands that wait, the end.  The last thing in
 * every call from outside; s may be gone behind it. */
void smtp_go_on(struct session *s);

/* Is the client's side TLS? */
bool smtp_secure(const struct session *s);

/* Says the greeting. */
void smtp_greet(struct session *s);

/* One line to the client, CRLF included. */
void smtp_say(struct session *s, const char *line);

/* Says no to a command, behind the answers that are still to come; a 50x
 * counts as an error of the client. */
void smtp_error(struct session *s, const char *line);

/* "421 ..." and the end.  A mail under way ends with reason. */
void smtp_say_421(struct session *s, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A limit of clients was passed: counts it; a line in the log, if `line`. */
void smtp_count_refusal(struct session *s, const char *limit, bool line);

struct smtp_own *smtp_own(const struct session *s);

/* smtp_cmd.c: takes one command, if one is there and may be taken.  False:
 * nothing can be done now. */
bool smtp_command(struct session *s);

/* The same: a line with a bare CR or LF came; the session ends. */
void smtp_refuse_bare(struct session *s);

/* ---- smtp_offer.c ---- */

/* The reply to EHLO. */
void smtp_offer(struct session *s);

/* What this client may use now. */
void smtp_offered(const struct session *s, struct smtp_caps *c_r);
struct smtp_param_offer smtp_offered_params(const struct session *s);

/* The largest mail that we and the next hops take. */
uint64_t smtp_size_limit(const struct session *s);

/* ---- smtp_auth.c ---- */

/* May this client say AUTH?  Has it, with 235?  Is that connection lost, so
 * that nobody knows any more who it is? */
bool smtp_auth_allowed(const struct session *s);
bool smtp_auth_done(const struct session *s);
bool smtp_auth_gone(const struct session *s);

/* AUTH was said. */
void smtp_auth(struct session *s, struct slice arg);

/* In SASL: takes a line.  False: there is none. */
bool smtp_auth_take(struct session *s);

/* The connection on which AUTH was said, for a mail, and back.  NULL: who it
 * is was not said, any will do.  good: no mail's body is under way on it. */
struct smtp_hop *smtp_auth_lend(struct session *s, size_t *index_r);
void smtp_auth_back(struct session *s, struct smtp_hop **hp, bool good);

void smtp_auth_close(struct smtp *p);

/* ---- smtp_forward.c ---- */

/* xforward_from names this peer. */
bool smtp_forward_allowed(const struct session *s);

/* Takes XFORWARD's or XCLIENT's argument.  NULL, or the refusal; then nothing
 * has changed. */
const char *smtp_forward_check(
    struct session *s, struct slice arg, bool xclient);

/* What XFORWARD said holds no longer; nor what XCLIENT did. */
void smtp_forward_forget(struct smtp *p);
void smtp_forward_close(struct smtp *p);

/* The client's address, which may lie in *room, and its HELO. */
const struct addr *smtp_forward_client(
    const struct session *s, struct addr *room);
const char *smtp_forward_helo(const struct session *s);

/* Tells the mail's exchange who the client is. */
void smtp_forward_facts(struct smtp_mail *m);

/* Says XCLIENT, where the hop takes that and no XFORWARD: HOP_READY comes.
 * False: there is nothing to be said. */
bool smtp_forward_introduce(struct smtp_mail *m);

/* Sends XFORWARD, part 0 or 1.  False: the hop wants none of that part. */
bool smtp_forward_say(struct smtp_mail *m, unsigned part);

/* ---- smtp_tls.c ---- */

/* EHLO names STARTTLS. */
bool smtp_tls_offered(const struct session *s);

/* tls = require, there is none, and verb may not be said before it. */
bool smtp_tls_demanded(const struct session *s, const char *verb);

/* STARTTLS was said.  NULL, or the refusal. */
const char *smtp_tls_check(const struct session *s, struct slice arg);
void smtp_tls_begin(struct session *s);

/* The handshake is done: the dialogue begins anew. */
void smtp_tls_secured(struct session *s);

/* ---- a mail transaction ---- */

enum smtp_phase {
	PHASE_ENVELOPE, /* MAIL and RCPT */
	PHASE_HELD,     /* we have it: it comes in, or is scanned */
	PHASE_ASKED,    /* DATA was sent to the next hop */
	PHASE_BODY,     /* the body goes there */
	PHASE_LAST,     /* all of it is put, and not all sent */
	PHASE_DOT       /* the dot is out of our hands: its reply is awaited */
};

/* How it stands with the next hop. */
enum smtp_hop_is {
	HOP_NONE,    /* none is held */
	HOP_WANTED,  /* one is being got */
	HOP_OPEN,    /* it is there */
	HOP_REFUSED, /* MAIL was refused: refusal says how */
	HOP_GONE     /* lost behind an accepted recipient */
};

struct smtp_rcpt; /* smtp_rcpts.h */

#define SMTP_MAIL_MAGIC 0x570b0011u
struct smtp_mail {
	uint32_t magic;
	enum smtp_phase phase;
	struct session *s; /* NULL: the client has gone, its mail has not */
	struct smtp_own *own;
	struct exchange *x;
	char sender[SMTP_ADDR_MAX + 1];
	char recipient[SMTP_ADDR_MAX + 1]; /* the first one accepted */
	struct smtp_param param;
	struct smtp_who *who;           /* what XFORWARD said of it; NULL */
	uint64_t in_before, out_before; /* the client's counts at MAIL */
	uint64_t in, out;               /* of this mail, once it is detached */

	/* envelope */
	struct smtp_rcpt *first, **last; /* not answered yet, in order */
	unsigned pending;                /* how many they are */
	unsigned accepted;
	bool crowded; /* max_recipients was passed */
	enum { MAIL_UNSENT, MAIL_SENT, MAIL_OK } mail_is;
	unsigned forwarded, forwards; /* XFORWARDs: sent, not answered yet */
	struct buf refusal;           /* lines of the hop's refusal of MAIL */

	/* next hop */
	enum smtp_hop_is hop_is;
	unsigned route; /* of smtp_hops.h, once a hop is wanted */
	struct smtp_want want;
	struct smtp_hop *hop; /* NULL in a maildir */
	bool lent;            /* it is the session's own: smtp_auth.c */
	bool used_before;     /* the connection has carried mails */

	/* content */
	bool by_chunks; /* it came by BDAT */
	struct smtp_data data;
	struct mail_head head;

	/* delivery */
	uint64_t at;  /* the next byte to send */
	unsigned cut; /* the next cut */
	struct smtp_stuff stuff;
	int64_t began_ms;
};

/* How a mail ended, for the event; reply may be NULL. */
void smtp_mail_end(struct smtp_mail **mp, const char *result,
    const char *reason, const char *reply);

/* Opens one at MAIL. */
struct smtp_mail *smtp_mail_open(struct session *s,
    const struct smtp_addr *sender, const struct smtp_param *param);

/* The client has gone: ends the mail, or lets it be if its dot is out. */
void smtp_mail_orphan(struct smtp_mail **mp);

/* Gives the next hop back; good: it may be used again. */
void smtp_mail_drop_hop(struct smtp_mail *m, bool good);

/* ---- smtp_envelope.c ---- */

/* A recipient that is asked of the next hop. */
void smtp_envelope_ask(struct smtp_mail *m, const struct smtp_addr *rcpt,
    const struct smtp_rcpt_param *param);

/* ---- smtp_rcpts.c ---- */

/* An answer of our own, behind the RCPTs that wait for theirs. */
void smtp_rcpts_answer(struct smtp_mail *m, const char *line);

/* Forgets those that wait for an answer. */
void smtp_rcpts_forget(struct smtp_mail *m);

/* ---- smtp_body.c ---- */

extern const struct smtp_skip smtp_too_large, smtp_bare_newline, smtp_hop_gone;

/* From here on we hold the mail. */
void smtp_body_open(struct smtp_mail *m);

/* The mail's next bytes.  NULL, or why they cannot be kept. */
const struct smtp_skip *smtp_body_keep(struct smtp_mail *m, struct slice bytes);

/* The mail is all there: it goes to the gate, or the client hears why not. */
void smtp_body_whole(struct session *s);

/* The mail is over, and this is what the client hears. */
void smtp_body_refuse(struct session *s, const struct smtp_skip *why);

/* DATA was said. */
void smtp_body_begin(struct session *s);

/* Takes what has come.  False: nothing can be done now. */
bool smtp_body_take(struct session *s);

/* ---- smtp_bdat.c ---- */

/* BDAT was said. */
void smtp_bdat(struct session *s, struct slice arg);

/* Takes octets of it.  False: none are there. */
bool smtp_bdat_take(struct session *s);

/* ---- smtp_deliver.c ---- */

void smtp_deliver(struct smtp_mail *m);
void smtp_deliver_told(struct smtp_mail *m, enum smtp_hop_event what);

/* The mail has its last answer: says it to the client and ends the mail. */
void smtp_deliver_answer(struct smtp_mail *m, const char *result,
    const char *reason, const char *reply);

#endif
