/*
 * milter_verdict: a decision in the words an MTA understands.  Pure: a mail
 * that may not be changed is answered for all the same, and what is not agreed
 * upon is not done: a mail that cannot be quarantined is refused.
 */

#include <stdio.h>

#include "protocols/milter/milter.h"
#include "protocols/milter/milter_reply.h"
#include "proxy/mail_text.h"

#define MARK "X-Sallyport"

static bool
may(const struct milter_verdict *v, uint32_t action)
{
	return (v->agreed->actions & action) != 0;
}

/* The last one first: whether an MTA counts those that are gone or not, the
 * numbers of the others stay. */
static void
take_marks_off(const struct milter_verdict *v, struct buf *out)
{
	if (!may(v, MILTER_ACT_CHGHDRS))
		return;
	for (unsigned i = v->marks; i > 0; i--)
		milter_put_delete(out, i, MARK);
}

static void
put_mark(const struct milter_verdict *v, struct buf *out)
{
	char line[MAIL_MARK_MAX];
	bool space = (v->agreed->steps & MILTER_LEADING_SPACE) != 0;

	if (!v->add_headers || !may(v, MILTER_ACT_ADDHDRS))
		return;
	mail_text_mark(v->decision, v->report, v->id, v->direction, line);
	milter_put_insert(out, MARK, line + sizeof(MARK ": ") - 1, space);
}

static void
say(struct milter_said *said, const char *result, const char *reply)
{
	size_t len = strcspn(reply, "\r\n");

	said->result = result;
	(void)snprintf(
	    said->reply, sizeof(said->reply), "%.*s", (int)len, reply);
}

static void
accept_mail(
    const struct milter_verdict *v, struct buf *out, struct milter_said *said)
{
	take_marks_off(v, out);
	put_mark(v, out);
	milter_put(out, MILTER_ACCEPT);
	say(said, "delivered", "accept");
}

static void
refuse(const struct milter_verdict *v, const char *tpl, const char *result,
    struct buf *out, struct milter_said *said)
{
	char reason[MAIL_REASON_MAX], line[MAIL_TEXT_MAX];

	mail_text_reason(&v->decision->because, reason);
	mail_text_fill(tpl, reason, v->id, line);
	milter_put_text(out, line);
	say(said, result, line);
}

static void
quarantine(
    const struct milter_verdict *v, struct buf *out, struct milter_said *said)
{
	char reason[MAIL_REASON_MAX], text[MAIL_REASON_MAX + 64];

	mail_text_reason(&v->decision->because, reason);
	(void)snprintf(text, sizeof(text), "%s (%s)", reason, v->id);
	take_marks_off(v, out);
	put_mark(v, out);
	milter_put_quarantine(out, text);
	milter_put(out, MILTER_ACCEPT);
	say(said, "quarantined", text);
}

void
milter_verdict(
    const struct milter_verdict *v, struct buf *out, struct milter_said *said_r)
{
	switch (v->decision->action) {
	case DO_PASS:
	case DO_TAG:
		accept_mail(v, out, said_r);
		return;
	case DO_DISCARD:
		milter_put(out, MILTER_DISCARD);
		say(said_r, "discarded", "discard");
		return;
	case DO_TEMPFAIL:
		refuse(v, v->tempfail_text, "deferred", out, said_r);
		return;
	case DO_QUARANTINE:
		if (!may(v, MILTER_ACT_QUARANTINE))
			break;
		quarantine(v, out, said_r);
		return;
	default: /* what we cannot do yet is not delivered */
		break;
	}
	refuse(v, v->reject_text, "refused", out, said_r);
}
