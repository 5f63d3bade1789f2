#ifndef LOCAL_H
#define LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/local/local_packet.h"
#include "proxy/mail_head.h"
#include "proxy/session.h"

/*
 * local.h: what the files of this folder share about a session.  local_packet.h
 * stands alone: the tool speaks it, too.
 */

/* ---- a place: what prepare() made of the options (local_own.c) ---- */

#define LOCAL_OWN_MAGIC 0x10ca1010u
struct local_own {
	uint32_t magic;
	int64_t command_timeout, data_timeout, scan_deadline, outcome_timeout;
	uint64_t max_size;
	unsigned max_recipients, max_received;
	struct local_words words; /* in the configuration */
};

int local_prepare(struct place *place, void **own_r, struct err *e);
void local_forget(void *own);

/* ---- a session ---- */

/* clang-format off */
/*      state	word		what it means */
#define LOCAL_STATES(X) \
	X(ENVELOPE,	"envelope",	"nothing of the mail yet") \
	X(CONTENT,	"content",	"the mail comes in") \
	X(SKIP,		"skip",		"the rest of a refused mail comes in") \
	X(SCAN,		"scan",		"it is at the gate") \
	X(TOLD,		"told",		"it may go on; how did it end?") \
	X(OVER,		"over",		"the session ends with this call")

enum local_state {
#define X(state, word, text) LOCAL_IS_##state,
	LOCAL_STATES(X)
#undef X
};
/* clang-format on */

/* Why a mail is not even looked at: what the tool hears. */
struct local_skip {
	enum action action;
	const char *text, *result, *reason;
};

struct local {
	enum local_state state;
	unsigned asked;     /* of local_may_ask() */
	struct exchange *x; /* from VERSION to its end */
	struct mail_head head;
	const struct local_skip *skip;
	uint64_t skipped; /* bytes of SKIP so far */
	unsigned recipients;
	char where[LOCAL_TEXT_MAX + 1]; /* "deliver:/usr/bin/procmail" */
	int64_t told_ms;
};

#endif
