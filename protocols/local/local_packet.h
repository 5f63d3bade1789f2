#ifndef LOCAL_PACKET_H
#define LOCAL_PACKET_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/buf.h"
#include "proxy/base/slice.h"
#include "proxy/base/ulid.h"
#include "proxy/mail_text.h"
#include "scan/policy.h"

/*
 * local_packet: what `sallyport deliver` and its kin say to sallyportd over a
 * unix socket, and what they hear.  Pure.  One mail a connection:
 *
 *	asks      V N? S? R* H? M* E          O
 *	answers                      A W I T? K? .
 *
 * A frame is one byte that says what it is, two bytes of length (most
 * significant first) and so many bytes.  Each end distrusts the other.
 */
#define LOCAL_SPOKEN "1"
#define LOCAL_HEAD 3
#define LOCAL_TEXT_MAX 1024 /* an address; qmail takes 1003 */
#define LOCAL_MAIL_MAX (32 * 1024)
#define LOCAL_FRAME_MAX (LOCAL_HEAD + LOCAL_MAIL_MAX)

/* clang-format off */
/*	frame	byte	says	most bytes	what is in it */
#define LOCAL_FRAMES(X) \
	X(VERSION, 'V',	ASK,	8,		"LOCAL_SPOKEN, first of all") \
	X(WHERE,   'N',	ASK,	LOCAL_TEXT_MAX,	"where it goes from there") \
	X(SENDER,  'S',	ASK,	LOCAL_TEXT_MAX,	"of the envelope") \
	X(RCPT,    'R',	ASK,	LOCAL_TEXT_MAX,	"one of the envelope") \
	X(HELO,    'H',	ASK,	LOCAL_TEXT_MAX,	"what its client was called") \
	X(MAIL,    'M',	ASK,	LOCAL_MAIL_MAX,	"bytes of the mail, in order") \
	X(END,     'E',	ASK,	0,		"that was the mail") \
	X(OUTCOME, 'O',	ASK,	LOCAL_TEXT_MAX,	"\"delivered WORDS\"") \
	X(ACTION,  'A',	ANSWER,	16,		"word of the action") \
	X(VERDICT, 'W',	ANSWER,	16,		"word of the verdict") \
	X(ID,      'I',	ANSWER,	26,		"of the event") \
	X(TEXT,    'T',	ANSWER,	512,		"one line why not") \
	X(MARK,    'K',	ANSWER,	MAIL_MARK_MAX,	"field for the top of it") \
	X(DONE,    '.',	ANSWER,	0,		"that was the answer")

enum local_tag {
#define X(frame, byte, side, most, text) LOCAL_##frame,
	LOCAL_FRAMES(X)
#undef X
	LOCAL_TAGS
};
/* clang-format on */

enum local_side { LOCAL_ASK, LOCAL_ANSWER };

struct local_frame {
	enum local_tag tag;
	struct slice text; /* inside what it was taken from */
};

/*
 * Takes one frame that side says off *in.  1, 0: it is not whole yet, -1: that
 * is none.  Never needs more than LOCAL_FRAME_MAX bytes to tell.
 */
int local_take(enum local_side side, struct slice *in, struct local_frame *f_r);

/* Appends a frame; text is cut to what it may hold.  0, or -1 EFBIG. */
int local_put(struct buf *b, enum local_tag tag, const char *text);
int local_putn(struct buf *b, enum local_tag tag, struct slice text);

/* May frame `next` follow what has been asked so far?  *at is 0 at first. */
bool local_may_ask(unsigned *at, enum local_tag next);

/* ---- the answer, as one thing ---- */

struct local_answer {
	enum action action;
	char verdict[16 + 1];
	char id[ULID_TEXT];           /* "" there is none */
	char text[512 + 1];           /* "" nothing to say */
	char mark[MAIL_MARK_MAX + 1]; /* "" none is wanted */
	bool has_action;
};

/* reject_text, tempfail_text and add_headers of a configuration. */
struct local_words {
	const char *reject, *tempfail; /* as mail_text_check() wants them */
	bool add_headers;
	const char *direction;
};

/* The answer that a decision is: one of pass, tag, discard, tempfail, block. */
void local_answer_of(struct local_answer *a_r, const struct decision *d,
    const struct report *report, const char *id, const struct local_words *w);

/* It says: deliver it. */
bool local_delivers(const struct local_answer *a);

int local_put_answer(struct buf *b, const struct local_answer *a);

/*
 * Adds a frame to what is known of it; a_r is zero at first.  1: it is whole,
 * 0: more comes, -1: it is no answer.  What is in it is printable ASCII: a
 * field cannot become two, a line cannot either.
 */
int local_add_answer(struct local_answer *a_r, const struct local_frame *f);

#endif
