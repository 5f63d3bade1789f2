/*
 * milter_cmd: the table of commands: where each may come, and what it does.
 * As libmilter has it, a new mail or client in the middle of a mail ends that
 * mail; whatever else is out of turn ends the session.
 */

#include "protocols/milter/milter.h"
#include "protocols/milter/milter_reply.h"
#include "proxy/base/log.h"

#define IN(state) (1u << MILTER_IN_##state)
#define IN_MAIL (IN(MAIL) | IN(HEAD) | IN(BODY))
#define IN_ANY (IN(READY) | IN_MAIL)

struct command {
	char letter;
	const char *word;
	unsigned in;
	bool anew; /* ends the mail before it */
	bool (*act)(struct session *s, struct slice data); /* false: bad data */
};

static struct milter *
milter_of(const struct session *s)
{
	return s->state;
}

/* ---- before a mail ---- */

static bool
act_offer(struct session *s, struct slice data)
{
	struct milter *p = milter_of(s);
	struct milter_offer o;
	struct buf b;

	if (!milter_parse_offer(data, &o))
		return false;
	if (!milter_agree(&o, &p->agreed)) {
		log_warn(s->id, "milter version=%u least=%d", o.version,
		    MILTER_VERSION_LEAST);
		return false;
	}
	if ((p->agreed.steps & MILTER_SIZE_1M) != 0)
		p->packet.most = MILTER_PACKET_MAX_1M;
	log_debug(s->id,
	    "milter agreed version=%u actions=%x steps=%x offered=%u,%x,%x",
	    p->agreed.version, p->agreed.actions, p->agreed.steps, o.version,
	    o.actions, o.steps);
	buf_init(&b, MILTER_REPLY_MAX);
	milter_put_agreed(&b, &p->agreed);
	io_put(s->client, buf_at(&b), b.len);
	buf_free(&b);
	milter_enter(s, MILTER_IN_READY);
	return true;
}

static bool
act_macro(struct session *s, struct slice data)
{
	return milter_macros_take(&milter_of(s)->macros, data);
}

static bool
act_connect(struct session *s, struct slice data)
{
	struct milter *p = milter_of(s);

	if (!milter_parse_client(data, &p->client))
		return false;
	p->client_known = true;
	p->helo[0] = '\0';
	milter_say_go_on(s, MILTER_NR_CONNECT);
	return true;
}

static bool
act_helo(struct session *s, struct slice data)
{
	struct milter *p = milter_of(s);
	struct slice name;

	if (!milter_text(&data, &name))
		return false;
	(void)slice_copy(name, p->helo, sizeof(p->helo));
	milter_say_go_on(s, MILTER_NR_HELO);
	return true;
}

/* ---- a mail ---- */

static bool
act_mail(struct session *s, struct slice data)
{
	struct slice sender;

	if (!milter_text(&data, &sender))
		return false;
	milter_mail_open(s, milter_address(sender));
	milter_enter(s, MILTER_IN_MAIL);
	milter_say_go_on(s, MILTER_NR_MAIL);
	return true;
}

static bool
act_rcpt(struct session *s, struct slice data)
{
	struct slice rcpt;

	if (!milter_text(&data, &rcpt))
		return false;
	milter_mail_rcpt(s, milter_address(rcpt));
	return true;
}

static bool
act_data(struct session *s, struct slice data)
{
	(void)data;
	milter_say_go_on(s, MILTER_NR_DATA);
	return true;
}

static bool
act_header(struct session *s, struct slice data)
{
	struct slice name, value;

	if (!milter_text(&data, &name) || !milter_text(&data, &value))
		return false;
	milter_enter(s, MILTER_IN_HEAD);
	milter_mail_field(s, name, value);
	milter_say_go_on(s, MILTER_NR_HEADER);
	return true;
}

static bool
act_eoh(struct session *s, struct slice data)
{
	(void)data;
	milter_enter(s, MILTER_IN_BODY);
	milter_say_go_on(s, MILTER_NR_EOH);
	return true;
}

/* A piece of one; the answer goes with the last. */
static bool
act_body(struct session *s, struct slice data)
{
	milter_enter(s, MILTER_IN_BODY);
	milter_mail_body(s, data);
	if (milter_of(s)->packet.last)
		milter_say_go_on(s, MILTER_NR_BODY);
	return true;
}

static bool
act_end(struct session *s, struct slice data)
{
	milter_enter(s, MILTER_IN_BODY);
	milter_mail_body(s, data);
	if (milter_of(s)->packet.last)
		milter_mail_submit(s);
	return true;
}

/* ---- ends ---- */

static bool
act_abort(struct session *s, struct slice data)
{
	(void)data;
	milter_mail_end(s, "aborted", "mta_abort", NULL);
	milter_macros_forget(&milter_of(s)->macros, false);
	milter_enter(s, MILTER_IN_READY);
	return true;
}

static bool
act_quit_nc(struct session *s, struct slice data)
{
	struct milter *p = milter_of(s);

	(void)data;
	milter_mail_end(s, "aborted", "mta_quit", NULL);
	milter_macros_forget(&p->macros, true);
	p->client_known = false;
	p->helo[0] = '\0';
	milter_enter(s, MILTER_IN_READY);
	return true;
}

static bool
act_quit(struct session *s, struct slice data)
{
	(void)data;
	milter_mail_end(s, "aborted", "mta_quit", NULL);
	milter_enter(s, MILTER_IN_OVER);
	return true;
}

static bool
act_unknown(struct session *s, struct slice data)
{
	(void)data;
	milter_say_go_on(s, MILTER_NR_UNKNOWN);
	return true;
}

/* clang-format off */
static const struct command commands[] = {
    {MILTER_OPTNEG, "OPTNEG", IN(OFFER) | IN(READY), false, act_offer},
    {MILTER_MACRO, "MACRO", IN_ANY, false, act_macro},
    {MILTER_CONNECT, "CONNECT", IN_ANY, true, act_connect},
    {MILTER_HELO, "HELO", IN_ANY, true, act_helo},
    {MILTER_MAIL, "MAIL", IN_ANY, true, act_mail},
    {MILTER_RCPT, "RCPT", IN(MAIL), false, act_rcpt},
    {MILTER_DATA, "DATA", IN(MAIL), false, act_data},
    {MILTER_HEADER, "HEADER", IN(MAIL) | IN(HEAD), false, act_header},
    {MILTER_EOH, "EOH", IN(MAIL) | IN(HEAD), false, act_eoh},
    {MILTER_BODY, "BODY", IN_MAIL, false, act_body},
    {MILTER_BODYEOB, "BODYEOB", IN_MAIL, false, act_end},
    {MILTER_UNKNOWN, "UNKNOWN", IN_ANY, false, act_unknown},
    {MILTER_ABORT, "ABORT", IN_ANY | IN(SCAN), false, act_abort},
    {MILTER_QUIT_NC, "QUIT_NC", IN_ANY | IN(SCAN), false, act_quit_nc},
    {MILTER_QUIT, "QUIT", IN_ANY | IN(SCAN) | IN(OFFER), false, act_quit},
};
/* clang-format on */

static const struct command *
find(char letter)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (commands[i].letter == letter)
			return &commands[i];
	}
	return NULL;
}

static void
bad(struct session *s, const struct command *c, const char *reason)
{
	const struct milter *p = milter_of(s);
	char letter[] = {p->packet.command, '\0'};

	log_warn(s->id, "milter %s command=\"%s\" state=%s length=%u", reason,
	    c != NULL ? c->word : log_quote(letter),
	    milter_state_word(p->state), p->packet.length);
	milter_cut(s, reason);
}

void
milter_command(struct session *s)
{
	const struct milter *p = milter_of(s);
	const struct command *c = find(p->packet.command);

	if (c == NULL || (c->in & 1u << p->state) == 0) {
		bad(s, c, "bad_command");
		return;
	}
	if (c->letter != MILTER_MACRO)
		log_debug(s->id, "milter hears %s length=%u", c->word,
		    p->packet.length);
	if (c->anew && p->mail != NULL)
		(void)act_abort(s, (struct slice){"", 0});
	if (!c->act(s, p->packet.data))
		bad(s, c, "bad_packet");
}
