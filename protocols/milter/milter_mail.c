/*
 * milter_mail: one mail, from MAIL to its answer: put together from header
 * fields and pieces of a body as the MTA will deliver it, brought to the gate,
 * and told in one event, however it ends.
 */

#include <errno.h>

#include "protocols/milter/milter.h"
#include "protocols/milter/milter_reply.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/stats.h"

/* Where a finding lies: "mail.eml/a.zip/x.exe". */
#define CONTENT_NAME "mail.eml"

static const struct milter_lost too_large = {
    "552 5.3.4 Message size exceeds max_message_size", "refused",
    "max_message_size"};
static const struct milter_lost no_space = {
    "452 4.3.1 Insufficient storage, try again", "deferred", "spool"};
static const struct milter_lost a_loop = {
    "554 5.4.6 max_received: too many hops, a mail loop", "refused",
    "max_received"};
static const struct milter_lost too_many_fields = {
    "554 5.6.0 Too many X-Sallyport fields", "refused", "x_sallyport_fields"};

static struct milter_mail *
mail_of(const struct session *s)
{
	struct milter_mail *m = ((const struct milter *)s->state)->mail;

	IS(m, MILTER_MAIL_MAGIC);
	return m;
}

/* ---- the envelope ---- */

static void
add_fact(struct exchange *x, enum field field, const char *value)
{
	if (value != NULL && value[0] != '\0')
		(void)facts_add(&x->facts, field, value);
}

/* The client is the MTA's, not the MTA. */
static void
tell_client(const struct milter *p, struct exchange *x)
{
	struct facts *f = &x->facts;

	if (!p->client_known)
		return;
	facts_clear(f);
	add_fact(x, FIELD_PROTOCOL, x->place->protocol->name);
	add_fact(x, FIELD_LISTENER, x->place->name);
	add_fact(x, FIELD_DIRECTION, x->place->direction);
	add_fact(x, FIELD_CLIENT, p->client.address);
	add_fact(x, FIELD_CLIENT_NAME, p->client.name);
}

void
milter_mail_open(struct session *s, struct slice sender)
{
	struct milter *p = s->state;
	struct milter_mail *m = xcalloc(1, sizeof(*m));

	m->magic = MILTER_MAIL_MAGIC;
	m->s = s;
	m->own = milter_own(s);
	m->in_before = io_bytes_in(s->client);
	m->out_before = io_bytes_out(s->client);
	m->x = exchange_open(s);
	mail_head_init(&m->head);
	tell_client(p, m->x);
	add_fact(m->x, FIELD_HELO, p->helo);
	(void)facts_addn(&m->x->facts, FIELD_SENDER, sender.at, sender.len);
	exchange_content(m->x, CONTENT_MAIL, CONTENT_NAME, m->own->max_size);
	p->mail = m;
}

void
milter_mail_rcpt(struct session *s, struct slice rcpt)
{
	struct milter_mail *m = mail_of(s);

	if (m->recipients >= m->own->max_recipients ||
	    facts_addn(&m->x->facts, FIELD_RECIPIENT, rcpt.at, rcpt.len) < 0) {
		log_info(s->id, "milter refused limit=max_recipients id=%s",
		    m->x->id);
		(void)stats_limit(s->place->counted, "max_recipients");
		milter_say_text(
		    s, "452 4.5.3 max_recipients: too many recipients");
		return;
	}
	m->recipients++;
	milter_say_go_on(s, MILTER_NR_RCPT);
}

/* ---- the content ---- */

/* It is lost already; what is left of it is read and forgotten. */
static void
lose(struct milter_mail *m, const struct milter_lost *why)
{
	if (m->lost != NULL)
		return;
	log_info(
	    m->s->id, "milter refused limit=%s id=%s", why->reason, m->x->id);
	m->lost = why;
	content_free(&m->x->content);
}

static void
keep(struct milter_mail *m, const char *bytes, size_t len)
{
	if (m->lost != NULL || len == 0)
		return;
	mail_head(&m->head, bytes, len);
	if (content_write(m->x->content, bytes, len) == 0)
		return;
	if (errno == EFBIG) {
		lose(m, &too_large);
		return;
	}
	log_error(m->s->id,
	    "spool_dir full or broken (spool_max_size, "
	    "spool_min_free) error=%s",
	    strerror(errno));
	lose(m, &no_space);
}

/* A folded value has LF alone between its lines: on the wire it is CRLF. */
static void
keep_value(struct milter_mail *m, struct slice v)
{
	const char *lf;
	size_t n;

	while ((lf = memchr(v.at, '\n', v.len)) != NULL) {
		n = (size_t)(lf - v.at);
		if (n > 0 && lf[-1] == '\r')
			n--;
		keep(m, v.at, n);
		keep(m, "\r\n", 2);
		v = slice_skip(v, (size_t)(lf - v.at) + 1);
	}
	keep(m, v.at, v.len);
	keep(m, "\r\n", 2);
}

void
milter_mail_field(struct session *s, struct slice name, struct slice value)
{
	const struct milter *p = s->state;
	struct milter_mail *m = mail_of(s);
	bool whole = (p->agreed.steps & MILTER_LEADING_SPACE) != 0;

	m->marks += slice_is_word(name, "X-Sallyport");
	keep(m, name.at, name.len);
	keep(m, ": ", whole ? 1 : 2);
	keep_value(m, value);
}

void
milter_mail_body(struct session *s, struct slice bytes)
{
	struct milter_mail *m = mail_of(s);

	if (!m->body)
		keep(m, "\r\n", 2);
	m->body = true;
	keep(m, bytes.at, bytes.len);
}

/* ---- the end ---- */

static void
tell_value(
    struct exchange *x, enum field field, const struct mail_head_value *v)
{
	if (v->seen)
		(void)facts_addn(&x->facts, field, v->text, v->len);
}

static void
tell_macro(struct milter_mail *m, enum field field, enum milter_macro_is which)
{
	const struct milter *p = m->s->state;

	add_fact(m->x, field, milter_macro(&p->macros, which));
}

static void
tell_facts(struct milter_mail *m)
{
	mail_head_end(&m->head);
	tell_macro(m, FIELD_USER, MACRO_USER);
	tell_macro(m, FIELD_QUEUE_ID, MACRO_QUEUE_ID);
	tell_macro(m, FIELD_TLS_VERSION, MACRO_TLS_VERSION);
	tell_macro(m, FIELD_TLS_CIPHER, MACRO_TLS_CIPHER);
	tell_value(m->x, FIELD_SUBJECT, &m->head.subject);
	tell_value(m->x, FIELD_MESSAGE_ID, &m->head.message_id);
}

/* The answer is out; it waits for the next mail, or for nothing. */
static void
answered(struct session *s)
{
	milter_enter(s,
	    worker_draining(s->place->worker) ? MILTER_IN_OVER
					      : MILTER_IN_READY);
}

static void
turn_down(struct session *s, const struct milter_lost *why)
{
	milter_say_text(s, why->reply);
	io_flush(s->client);
	milter_mail_end(s, why->result, why->reason, why->reply);
	answered(s);
}

static void
decided(void *arg, struct exchange *x)
{
	struct milter_mail *m = arg;
	struct session *s = m->s;
	const struct milter *p = s->state;
	struct milter_said said;
	struct milter_verdict v = {.decision = &x->decision,
	    .report = &x->report,
	    .id = x->id,
	    .direction = s->place->direction,
	    .agreed = &p->agreed,
	    .marks = m->marks,
	    .add_headers = m->own->add_headers,
	    .reject_text = m->own->reject_text,
	    .tempfail_text = m->own->tempfail_text};
	struct buf out;

	IS(m, MILTER_MAIL_MAGIC);
	buf_init(&out, MILTER_VERDICT_MAX);
	milter_verdict(&v, &out, &said);
	io_put(s->client, buf_at(&out), out.len);
	buf_free(&out);
	io_flush(s->client);
	milter_mail_end(s, said.result, "policy", said.reply);
	answered(s);
	milter_go_on(s);
}

void
milter_mail_submit(struct session *s)
{
	struct milter_mail *m = mail_of(s);

	milter_mail_body(s, (struct slice){"", 0});
	tell_facts(m);
	if (m->head.received > m->own->max_received)
		lose(m, &a_loop);
	else if (m->marks > MAIL_CUTS_MAX)
		lose(m, &too_many_fields);
	if (m->lost != NULL) {
		turn_down(s, m->lost);
		return;
	}
	milter_enter(s, MILTER_IN_SCAN);
	if (exchange_submit(m->x, m->own->scan_deadline, decided, m) == 0)
		return;
	log_error(s->id, "spool_dir lost bytes error=%s", strerror(errno));
	turn_down(s, &no_space);
}

void
milter_mail_end(struct session *s, const char *result, const char *reason,
    const char *reply)
{
	struct milter *p = s->state;
	struct milter_mail *m = p->mail;
	struct exchange_end end = {
	    .result = result, .reason = reason, .reply = reply};

	if (m == NULL)
		return;
	IS(m, MILTER_MAIL_MAGIC);
	p->mail = NULL;
	milter_macros_forget(&p->macros, false);
	end.bytes_in = io_bytes_in(s->client) - m->in_before;
	end.bytes_out = io_bytes_out(s->client) - m->out_before;
	/* The last: the place may go with it. */
	exchange_finish(&m->x, &end);
	m->magic = 0;
	free(m);
}
