#ifndef SMTP_H
#define SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/smtp/smtp_addr.h"
#include "protocols/smtp/smtp_data.h"
#include "protocols/smtp/smtp_head.h"
#include "protocols/smtp/smtp_hop.h"
#include "protocols/smtp/smtp_hops.h"
#include "protocols/smtp/smtp_next.h"
#include "protocols/smtp/smtp_param.h"
#include "protocols/smtp/smtp_stuff.h"
#include "proxy/session.h"

/*
 * smtp.h: what the files of this folder share about a session.  The parsers
 * have headers of their own and know nothing of this one.
 */

/* So many RCPTs may wait for their answers before reading rests. */
#define SMTP_PENDING_MAX 100

/* ---- a place: what prepare() made of the options (smtp_own.c) ---- */

#define SMTP_OWN_MAGIC 0x570b0010u
struct smtp_own {
	uint32_t magic;
	int64_t command_timeout, data_timeout, scan_deadline;
	int64_t hop_data_timeout;
	uint64_t max_size;
	unsigned max_recipients, max_received, max_errors;
	bool normalize, add_headers;
	const char *reject_text, *tempfail_text; /* in the configuration */
	struct smtp_hops *hops;
};

int smtp_prepare(struct place *place, void **own_r, struct err *e);
void smtp_forget(void *own);

/* ---- a session ---- */

/* clang-format off */
/*      state	word		what it means */
#define SMTP_STATES(X) \
	X(HELO,		"helo",		"greeted, no HELO yet") \
	X(READY,	"ready",	"no mail under way") \
	X(MAIL,		"mail",		"MAIL was answered") \
	X(RCPT,		"rcpt",		"a RCPT has come") \
	X(DATA,		"data",		"the mail comes in") \
	X(SKIP,		"skip",		"the rest of a refused mail comes in") \
	X(SCAN,		"scan",		"it is at the gate") \
	X(DELIVER,	"deliver",	"it goes to the next hop") \
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
	struct smtp_mail *mail; /* from MAIL to its end */
	const struct smtp_skip *skip;
	uint64_t skipped; /* bytes of SKIP so far */
};

/* The only writer of state. */
void smtp_enter(struct session *s, enum smtp_state next);

/* Does what can be done now: commands that wait, the end.  The last thing in
 * every call from outside; s may be gone behind it. */
void smtp_go_on(struct session *s);

/* One line to the client, CRLF included. */
void smtp_say(struct session *s, const char *line);

/* Says no to a command, behind the answers that are still to come; a 50x
 * counts as an error of the client. */
void smtp_error(struct session *s, const char *line);

/* "421 ..." and the end.  A mail under way ends with reason. */
void smtp_say_421(struct session *s, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

struct smtp_own *smtp_own(const struct session *s);

/* smtp_cmd.c: takes one command, if one is there and may be taken.  False:
 * nothing can be done now. */
bool smtp_command(struct session *s);

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

struct smtp_rcpt; /* smtp_envelope.c's */

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
	uint64_t in_before, out_before; /* the client's counts at MAIL */
	uint64_t in, out;               /* of this mail, once it is detached */

	/* envelope */
	struct smtp_rcpt *first, **last; /* not answered yet, in order */
	unsigned pending;                /* how many they are */
	unsigned accepted;
	enum { MAIL_UNSENT, MAIL_SENT, MAIL_OK } mail_is;
	struct buf refusal; /* lines of the hop's refusal of MAIL */

	/* next hop */
	enum smtp_hop_is hop_is;
	struct smtp_want want;
	struct smtp_hop *hop; /* NULL in a maildir */
	bool used_before;     /* the connection has carried mails */

	/* content */
	struct smtp_data data;
	struct smtp_head head;

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
void smtp_envelope_ask(struct smtp_mail *m, const struct smtp_addr *rcpt);

/* An answer of our own to a RCPT, behind those that wait. */
void smtp_envelope_answer(struct smtp_mail *m, const char *line);

/* Forgets those that wait for an answer. */
void smtp_envelope_forget(struct smtp_mail *m);

/* ---- smtp_body.c ---- */

void smtp_body_begin(struct session *s);

/* Takes what has come.  False: nothing can be done now. */
bool smtp_body_take(struct session *s);

/* ---- smtp_deliver.c ---- */

void smtp_deliver(struct smtp_mail *m);
void smtp_deliver_told(struct smtp_mail *m, enum smtp_hop_event what);

/* The mail has its last answer: says it to the client and ends the mail. */
void smtp_deliver_answer(struct smtp_mail *m, const char *result,
    const char *reason, const char *reply);

#endif
