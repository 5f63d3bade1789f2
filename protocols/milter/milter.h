#ifndef MILTER_H
#define MILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/milter/milter_agree.h"
#include "protocols/milter/milter_macro.h"
#include "protocols/milter/milter_packet.h"
#include "proxy/mail_head.h"
#include "proxy/session.h"

/*
 * milter.h: what the files of this folder share about a session, which is one
 * connection from an MTA: many clients and many mails, one behind the other.
 * The parsers have headers of their own and know nothing of this one.
 */

/* ---- a place (milter_own.c) ---- */

#define MILTER_OWN_MAGIC 0x3117e401u
struct milter_own {
	uint32_t magic;
	int64_t mta_timeout, progress, scan_deadline;
	uint64_t max_size;
	unsigned max_recipients, max_received;
	bool add_headers;
	const char *reject_text, *tempfail_text; /* in the configuration */
};

int milter_prepare(struct place *place, void **own_r, struct err *e);
void milter_forget(void *own);

/* ---- a session ---- */

/* clang-format off */
/*      state	word		what it means */
#define MILTER_STATES(X) \
	X(OFFER,	"offer",	"nothing is agreed upon yet") \
	X(READY,	"ready",	"no mail under way") \
	X(MAIL,		"mail",		"the envelope comes in") \
	X(HEAD,		"head",		"the header comes in") \
	X(BODY,		"body",		"the body comes in") \
	X(SCAN,		"scan",		"it is at the gate") \
	X(OVER,		"over",		"the session ends with this call")

enum milter_state {
#define X(state, word, text) MILTER_IN_##state,
	MILTER_STATES(X)
#undef X
};
/* clang-format on */

struct milter {
	enum milter_state state;
	bool going;        /* milter_go_on() is up the stack */
	bool half_closed;  /* the MTA sends no more */
	bool client_known; /* CONNECT has come */
	struct milter_agreed agreed;
	struct milter_packet packet;
	struct milter_macros macros;
	struct milter_client client;
	char helo[256];
	struct milter_mail *mail; /* from MAIL to its end */
};

const char *milter_state_word(enum milter_state state);

/* The only writer of state. */
void milter_enter(struct session *s, enum milter_state next);

/* Does what can be done now.  The last thing in every call from outside. */
void milter_go_on(struct session *s);

struct milter_own *milter_own(const struct session *s);

/* One packet without data. */
void milter_say(struct session *s, char answer);

/* One packet of text; see milter_put_text(). */
void milter_say_text(struct session *s, const char *text);

/* The answer to a step that flag allows to leave out, and SKIP where the rest
 * is of no use any more. */
void milter_say_go_on(struct session *s, uint32_t flag);

/* The MTA does not speak as it should, or not in time: says so in the log and
 * ends; the mail under way ends with reason. */
void milter_cut(struct session *s, const char *reason);

/* milter_cmd.c: does what the packet, or piece of a body, says. */
void milter_command(struct session *s);

/* ---- a mail (milter_mail.c) ---- */

/* A mail that was lost inside itself: what the MTA hears at its end. */
struct milter_lost {
	const char *reply, *result, *reason;
};

#define MILTER_MAIL_MAGIC 0x3117e402u
struct milter_mail {
	uint32_t magic;
	struct session *s;
	struct milter_own *own;
	struct exchange *x;
	unsigned recipients;
	bool body;      /* the header is over, and its empty line is written */
	unsigned marks; /* fields X-Sallyport, as the MTA counts them */
	struct mail_head head;
	const struct milter_lost *lost; /* NULL: it is whole */
	uint64_t in_before, out_before; /* the MTA's counts at MAIL */
};

void milter_mail_open(struct session *s, struct slice sender);
void milter_mail_rcpt(struct session *s, struct slice rcpt);
void milter_mail_field(
    struct session *s, struct slice name, struct slice value);
void milter_mail_body(struct session *s, struct slice bytes);
void milter_mail_submit(struct session *s);

/* How it ended, for the event; reply may be NULL.  None: nothing happens. */
void milter_mail_end(struct session *s, const char *result, const char *reason,
    const char *reply);

/* ---- milter_verdict.c ---- */

/*
 * What goes to an MTA about a mail that was judged, with what was agreed upon:
 * changes, then the answer.  Pure.  *out has room for MILTER_VERDICT_MAX.
 */
#define MILTER_VERDICT_MAX (16 * 1024)
struct milter_verdict {
	const struct decision *decision;
	const struct report *report;
	const char *id, *direction;
	const struct milter_agreed *agreed;
	unsigned marks; /* fields X-Sallyport that came with it */
	bool add_headers;
	const char *reject_text, *tempfail_text;
};

struct milter_said {
	const char *result; /* of the event */
	char reply[600];    /* of the event */
};

void milter_verdict(const struct milter_verdict *v, struct buf *out,
    struct milter_said *said_r);

#endif
