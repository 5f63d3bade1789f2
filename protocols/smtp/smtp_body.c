/*
 * smtp_body: takes a mail into a content, brings it to the gate, and does what
 * the policy has decided.  Nothing of it has gone to the next hop by then.
 */

#include <errno.h>

#include "protocols/smtp/smtp.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/mail_text.h"

/* Where a finding lies: "mail.eml/a.zip/x.exe". */
#define CONTENT_NAME "mail.eml"

const struct smtp_skip smtp_too_large = {
    "552 5.3.4 Message size exceeds max_message_size\r\n", "refused",
    "max_message_size", false};
static const struct smtp_skip no_space = {
    "452 4.3.1 Insufficient storage, try again\r\n", "deferred", "spool",
    false};
const struct smtp_skip smtp_bare_newline = {
    "554 5.6.0 bare_newline: a line ends without CRLF\r\n", "refused",
    "bare_newline", true};
static const struct smtp_skip a_loop = {
    "554 5.4.6 max_received: too many hops, a mail loop\r\n", "refused",
    "max_received", false};
static const struct smtp_skip too_many_fields = {
    "554 5.6.0 Too many X-Sallyport fields\r\n", "refused",
    "x_sallyport_fields", false};
const struct smtp_skip smtp_hop_gone = {
    SMTP_LINE_LOST, "deferred", "next_hop", false};

void
smtp_body_refuse(struct session *s, const struct smtp_skip *why)
{
	struct smtp *p = s->state;
	struct smtp_mail *m = p->mail;

	smtp_deliver_answer(m, why->result, why->reason, why->reply);
	if (why->close)
		smtp_enter(s, SMTP_OVER);
}

/* It is lost already; what is left of it is read and forgotten. */
static void
skip(struct session *s, const struct smtp_skip *why)
{
	struct smtp *p = s->state;

	p->skip = why;
	p->skipped = 0;
	smtp_enter(s, SMTP_SKIP);
	content_free(&p->mail->x->content);
}

void
smtp_body_open(struct smtp_mail *m)
{
	m->phase = PHASE_HELD;
	mail_head_init(&m->head);
	exchange_content(m->x, CONTENT_MAIL, CONTENT_NAME, m->own->max_size);
}

void
smtp_body_begin(struct session *s)
{
	struct smtp_mail *m = ((struct smtp *)s->state)->mail;

	smtp_body_open(m);
	smtp_data_init(&m->data, m->own->normalize);
	smtp_say(s, "354 End data with <CR><LF>.<CR><LF>\r\n");
	smtp_enter(s, SMTP_DATA);
}

const struct smtp_skip *
smtp_body_keep(struct smtp_mail *m, struct slice bytes)
{
	mail_head(&m->head, bytes.at, bytes.len);
	if (content_write(m->x->content, bytes.at, bytes.len) == 0)
		return NULL;
	if (errno == EFBIG)
		return &smtp_too_large;
	log_error(m->x->session,
	    "spool_dir full or broken (spool_max_size, "
	    "spool_min_free) error=%s",
	    strerror(errno));
	return &no_space;
}

/* ---- the verdict ---- */

static void
say_template(struct smtp_mail *m, const char *tpl, const char *result)
{
	char reason[MAIL_REASON_MAX], line[MAIL_TEXT_MAX];

	mail_text_reason(&m->x->decision.because, reason);
	mail_text_fill(tpl, reason, m->x->id, line);
	smtp_deliver_answer(m, result, "policy", line);
}

static void
discard(struct smtp_mail *m)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "250 2.0.0 Ok (%s)\r\n", m->x->id);
	smtp_deliver_answer(m, "discarded", "policy", line);
}

static void
decided(void *arg, struct exchange *x)
{
	struct smtp_mail *m = arg;
	struct session *s = m->s;

	IS(m, SMTP_MAIL_MAGIC);
	switch (x->decision.action) {
	case DO_PASS:
	case DO_TAG:
		if (m->hop_is == HOP_GONE)
			smtp_body_refuse(s, &smtp_hop_gone);
		else
			smtp_deliver(m);
		break;
	case DO_DISCARD:
		discard(m);
		break;
	case DO_TEMPFAIL:
		say_template(m, m->own->tempfail_text, "deferred");
		break;
	default: /* what we cannot do yet is not delivered */
		say_template(m, m->own->reject_text, "refused");
		break;
	}
	smtp_go_on(s);
}

static void
tell_facts(struct smtp_mail *m)
{
	const struct mail_head *h = &m->head;

	if (h->subject.seen)
		(void)facts_addn(&m->x->facts, FIELD_SUBJECT, h->subject.text,
		    h->subject.len);
	if (h->message_id.seen)
		(void)facts_addn(&m->x->facts, FIELD_MESSAGE_ID,
		    h->message_id.text, h->message_id.len);
}

static void
submit(struct session *s)
{
	struct smtp_mail *m = ((struct smtp *)s->state)->mail;

	tell_facts(m);
	smtp_enter(s, SMTP_SCAN);
	if (exchange_submit(m->x, m->own->scan_deadline, decided, m) == 0)
		return;
	log_error(s->id, "spool_dir lost bytes error=%s", strerror(errno));
	smtp_body_refuse(s, &no_space);
}

/* ---- the end ---- */

void
smtp_body_whole(struct session *s)
{
	struct smtp_mail *m = ((struct smtp *)s->state)->mail;

	mail_head_end(&m->head);
	if (m->head.received > m->own->max_received)
		smtp_body_refuse(s, &a_loop);
	else if (m->head.cuts > MAIL_CUTS_MAX)
		smtp_body_refuse(s, &too_many_fields);
	else if (m->hop_is == HOP_GONE)
		smtp_body_refuse(s, &smtp_hop_gone);
	else
		submit(s);
}

/* A client that goes on and on with what is refused is sent away. */
static void
skip_on(struct session *s, size_t len)
{
	struct smtp *p = s->state;

	p->skipped += len;
	if (p->skipped <= smtp_own(s)->max_size)
		return;
	smtp_body_refuse(s, p->skip);
	smtp_enter(s, SMTP_OVER);
}

bool
smtp_body_take(struct session *s)
{
	struct smtp *p = s->state;
	struct smtp_mail *m = p->mail;
	struct slice in = io_input(s->client), rest = in, out;
	const struct smtp_skip *why = NULL;
	enum smtp_data_is is;

	if (in.len == 0)
		return false;
	while ((is = smtp_data(&m->data, &rest, &out)) == DATA_SOME) {
		if (p->state == SMTP_DATA)
			why = smtp_body_keep(m, out);
		if (why != NULL && p->state == SMTP_DATA)
			skip(s, why);
	}
	io_eat(s->client, in.len - rest.len);
	if (p->state == SMTP_DATA && m->data.bare > 0 && !m->own->normalize)
		skip(s, &smtp_bare_newline);
	if (is == DATA_END && p->state == SMTP_SKIP)
		smtp_body_refuse(s, p->skip);
	else if (is == DATA_END)
		smtp_body_whole(s);
	else if (p->state == SMTP_SKIP)
		skip_on(s, in.len);
	return true;
}
