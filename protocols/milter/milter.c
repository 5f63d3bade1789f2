/*
 * milter: Sendmail's filter interface, as Sendmail and Postfix speak it.  A
 * session is one connection from an MTA; its states are in milter.h, commands
 * in milter_cmd.c, a mail's life in milter_mail.c.
 *
 * One loop serves all of them: while a mail is scanned its session waits, and
 * no other does.
 */

#include "protocols/milter/milter.h"

#include "protocols/milter/milter_reply.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/stats.h"

/* clang-format off */
static const char *const words[] = {
#define X(state, word, text) word,
	MILTER_STATES(X)
#undef X
};
/* clang-format on */

const char *
milter_state_word(enum milter_state state)
{
	return words[state];
}

struct milter_own *
milter_own(const struct session *s)
{
	struct milter_own *o = s->place->own;

	IS(o, MILTER_OWN_MAGIC);
	return o;
}

/* How long the MTA may be silent; while we scan, how long we may be. */
static void
set_deadline(struct session *s)
{
	const struct milter *p = s->state;

	if (p->state == MILTER_IN_SCAN)
		io_deadline(s->client, milter_own(s)->progress, "mta_progress");
	else
		io_deadline(
		    s->client, milter_own(s)->mta_timeout, "mta_timeout");
}

void
milter_enter(struct session *s, enum milter_state next)
{
	struct milter *p = s->state;

	if (p->state == MILTER_IN_OVER || p->state == next)
		return;
	log_debug(s->id, "milter %s -> %s", words[p->state], words[next]);
	p->state = next;
	set_deadline(s);
}

static void
put(struct session *s, const struct buf *b)
{
	io_put(s->client, buf_at(b), b->len);
}

void
milter_say(struct session *s, char answer)
{
	struct buf b;

	log_debug(s->id, "milter says %c", answer);
	buf_init(&b, MILTER_REPLY_MAX);
	milter_put(&b, answer);
	put(s, &b);
	buf_free(&b);
}

void
milter_say_text(struct session *s, const char *text)
{
	struct buf b;

	log_debug(s->id, "milter says %s", log_quote(text));
	buf_init(&b, MILTER_REPLY_MAX);
	milter_put_text(&b, text);
	put(s, &b);
	buf_free(&b);
}

void
milter_say_go_on(struct session *s, uint32_t flag)
{
	const struct milter *p = s->state;
	bool lost = p->mail != NULL && p->mail->lost != NULL;

	if ((p->agreed.steps & flag) != 0)
		return;
	if (lost && flag == MILTER_NR_BODY &&
	    (p->agreed.steps & MILTER_CAN_SKIP) != 0)
		milter_say(s, MILTER_SKIP);
	else
		milter_say(s, MILTER_CONTINUE);
}

void
milter_cut(struct session *s, const char *reason)
{
	if (((struct milter *)s->state)->mail == NULL)
		stats_reason(s->place->counted, reason);
	milter_mail_end(s, "aborted", reason, NULL);
	milter_enter(s, MILTER_IN_OVER);
}

static void
bad_length(struct session *s, enum milter_packet_is is)
{
	const struct milter *p = s->state;

	log_warn(s->id, "milter bad_packet limit=%zu length=%u state=%s",
	    p->packet.most, p->packet.length, words[p->state]);
	milter_cut(s, is == PACKET_LONG ? "packet_size" : "bad_packet");
}

/* One packet.  False: nothing can be done now. */
static bool
step(struct session *s)
{
	struct milter *p = s->state;
	struct slice in = io_input(s->client), rest = in;
	enum milter_packet_is is;

	if (p->state == MILTER_IN_OVER || in.len == 0 || io_full(s->client))
		return false;
	is = milter_packet(&p->packet, &rest);
	if (is == PACKET_SOME)
		milter_command(s);
	else if (is != PACKET_NONE)
		bad_length(s, is);
	io_eat(s->client, in.len - rest.len);
	return is == PACKET_SOME;
}

void
milter_go_on(struct session *s)
{
	struct milter *p = s->state;

	IS(s, SESSION_MAGIC);
	if (p->going)
		return;
	p->going = true;
	while (step(s))
		;
	p->going = false;
	if (p->half_closed && !io_full(s->client))
		milter_cut(s, "client_gone");
	if (p->state == MILTER_IN_OVER)
		session_end(s);
}

static void
open_session(struct session *s)
{
	struct milter *p = s->state;

	milter_packet_init(&p->packet);
	set_deadline(s);
}

static void
late(struct session *s)
{
	const struct milter *p = s->state;
	const char *word = io_deadline_word(s->client);

	if (p->state == MILTER_IN_SCAN) {
		milter_say(s, MILTER_PROGRESS);
		set_deadline(s);
		return;
	}
	log_info(
	    s->id, "milter closed limit=%s state=%s", word, words[p->state]);
	milter_cut(s, word);
}

static void
client(struct session *s, enum io_event what)
{
	struct milter *p = s->state;

	if (what == IO_GONE)
		return; /* close() follows */
	if (what == IO_ENDED)
		p->half_closed = true;
	if (what == IO_LATE)
		late(s);
	if (what == IO_INPUT && p->state != MILTER_IN_SCAN)
		set_deadline(s);
	/* Most packets have no answer that an ACK could go with, and Nagle's
	 * algorithm in the MTA waits 40 ms for one. */
	if (what == IO_INPUT)
		io_acknowledge(s->client);
	milter_go_on(s);
}

/* Between two mails; an MTA comes back, to the next one of us. */
static void
drain(struct session *s)
{
	const struct milter *p = s->state;

	if (p->state == MILTER_IN_READY || p->state == MILTER_IN_OFFER)
		milter_enter(s, MILTER_IN_OVER);
	milter_go_on(s);
}

/* There are no words for it before an offer: the MTA takes an end for "not
 * available", and does what its configuration says about that. */
static void
refuse(struct io *io, const char *gateway, enum refusal why)
{
	(void)io;
	(void)gateway;
	(void)why;
}

static void
close_session(struct session *s)
{
	struct milter *p = s->state;

	p->state = MILTER_IN_OVER;
	milter_mail_end(s, "aborted", "client_gone", NULL);
	milter_packet_free(&p->packet);
}

extern const struct protocol milter_protocol;
const struct protocol milter_protocol = {
    .name = "milter",
    .state_size = sizeof(struct milter),
    .prepare = milter_prepare,
    .forget = milter_forget,
    .open = open_session,
    .client = client,
    .drain = drain,
    .refuse = refuse,
    .close = close_session,
};
