/*
 * local: mail on its last step, at the local delivery agent.  `sallyport
 * deliver`, `filter` and `qmail-queue` bring a mail over a unix socket, hear
 * what is to be done with it, do it, and say how that went.  What they deliver
 * is their own copy of the bytes that they sent; we trust them with nothing
 * else.
 */

#include "protocols/local/local.h"

#include <errno.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/io_peer.h"
#include "proxy/stats.h"

/* clang-format off */
static const char *const words[] = {
#define X(state, word, text) word,
	LOCAL_STATES(X)
#undef X
};
/* clang-format on */

/* Where a finding lies: "mail.eml/a.zip/x.exe". */
#define CONTENT_NAME "mail.eml"
#define ANSWER_MAX 2048

static const struct local_skip too_large = {DO_BLOCK,
    "5.3.4 Message size exceeds max_message_size", "refused",
    "max_message_size"};
static const struct local_skip no_space = {
    DO_TEMPFAIL, "4.3.1 Insufficient storage, try again", "deferred", "spool"};
static const struct local_skip too_many = {DO_TEMPFAIL,
    "4.5.3 Too many recipients: max_recipients", "deferred", "max_recipients"};
static const struct local_skip a_loop = {DO_BLOCK,
    "5.4.6 max_received: too many hops, a mail loop", "refused",
    "max_received"};
static const struct local_skip too_many_fields = {DO_BLOCK,
    "5.6.0 Too many X-Sallyport fields", "refused", "x_sallyport_fields"};
static const struct local_skip shutting_down = {
    DO_TEMPFAIL, "4.3.2 The gateway is shutting down", "deferred", "drain"};

static struct local_own *
own(const struct session *s)
{
	struct local_own *o = s->place->own;

	IS(o, LOCAL_OWN_MAGIC);
	return o;
}

static void
set_deadline(struct session *s, enum local_state state)
{
	const struct local_own *o = own(s);

	switch (state) {
	case LOCAL_IS_ENVELOPE:
		io_deadline(s->client, o->command_timeout, "command_timeout");
		break;
	case LOCAL_IS_CONTENT:
	case LOCAL_IS_SKIP:
		io_deadline(s->client, o->data_timeout, "data_timeout");
		break;
	case LOCAL_IS_TOLD:
		io_deadline(
		    s->client, o->outcome_timeout, "next_hop_data_timeout");
		break;
	default:
		io_deadline(s->client, 0, NULL);
		break;
	}
}

/* The only writer of state. */
static void
enter(struct session *s, enum local_state next)
{
	struct local *p = s->state;

	if (p->state == LOCAL_IS_OVER)
		return;
	if (p->state != next)
		log_debug(
		    s->id, "local %s -> %s", words[p->state], words[next]);
	p->state = next;
	set_deadline(s, next);
	if (next == LOCAL_IS_SCAN)
		io_pause(s->client); /* that it goes is still noticed */
	else if (next == LOCAL_IS_TOLD)
		io_resume(s->client);
}

/* ---- the answer and the end ---- */

static void
finish(struct session *s, const char *result, const char *reason,
    const char *reply)
{
	struct local *p = s->state;
	struct exchange_end end = {.result = result,
	    .reason = reason,
	    .reply = reply,
	    .next_hop = p->where,
	    .delivery_began_ms = p->told_ms,
	    .bytes_in = io_bytes_in(s->client),
	    .bytes_out = io_bytes_out(s->client)};

	enter(s, LOCAL_IS_OVER);
	exchange_finish(&p->x, &end);
}

static void
put_answer(struct io *io, const struct local_answer *a)
{
	struct buf b;

	buf_init(&b, ANSWER_MAX);
	MUST(local_put_answer(&b, a) == 0);
	io_put(io, buf_at(&b), b.len);
	io_flush(io);
	buf_free(&b);
}

static void
say(struct session *s, enum action action, const char *text)
{
	const struct local *p = s->state;
	struct local_answer a = {.action = action};

	if (p->x != NULL) {
		copy_text(a.id, sizeof(a.id), p->x->id);
		copy_text(a.verdict, sizeof(a.verdict), p->x->decision.verdict);
	}
	copy_text(a.text, sizeof(a.text), text);
	put_answer(s->client, &a);
}

/* Not looked at, or not to its end. */
static void
turn_down(struct session *s, const struct local_skip *why)
{
	say(s, why->action, why->text);
	finish(s, why->result, why->reason, why->text);
}

/* It is lost already; what is left of it is read and forgotten. */
static void
skip(struct session *s, const struct local_skip *why)
{
	struct local *p = s->state;

	p->skip = why;
	enter(s, LOCAL_IS_SKIP);
	content_free(&p->x->content);
}

/* ---- the verdict ---- */

static const char *
result_of(enum action action)
{
	switch (action) {
	case DO_DISCARD:
		return "discarded";
	case DO_TEMPFAIL:
		return "deferred";
	default:
		return "refused";
	}
}

static void
decided(void *arg, struct exchange *x)
{
	struct session *s = arg;
	struct local *p;
	struct local_answer a;

	IS(s, SESSION_MAGIC);
	p = s->state;
	local_answer_of(&a, &x->decision, &x->report, x->id, &own(s)->words);
	put_answer(s->client, &a);
	if (local_delivers(&a)) {
		p->told_ms = clock_ms();
		enter(s, LOCAL_IS_TOLD);
		return;
	}
	finish(s, result_of(a.action), "policy", a.text);
	session_end(s);
}

static void
tell_facts(struct local *p)
{
	const struct mail_head *h = &p->head;

	if (h->subject.seen)
		(void)facts_addn(&p->x->facts, FIELD_SUBJECT, h->subject.text,
		    h->subject.len);
	if (h->message_id.seen)
		(void)facts_addn(&p->x->facts, FIELD_MESSAGE_ID,
		    h->message_id.text, h->message_id.len);
}

static void
submit(struct session *s)
{
	struct local *p = s->state;

	tell_facts(p);
	enter(s, LOCAL_IS_SCAN);
	if (exchange_submit(p->x, own(s)->scan_deadline, decided, s) == 0)
		return;
	log_error(s->id, "spool_dir lost bytes error=%s", strerror(errno));
	turn_down(s, &no_space);
}

/* ---- what is asked, frame by frame ---- */

static void
begin(struct session *s)
{
	struct local *p = s->state;
	char user[32];
	int64_t uid = io_peer_uid(s->client);

	p->x = exchange_open(s);
	(void)snprintf(user, sizeof(user), "uid:%jd", (intmax_t)uid);
	if (uid >= 0)
		(void)facts_add(&p->x->facts, FIELD_USER, user);
}

static void
add_fact(struct session *s, enum field field, struct slice text)
{
	struct local *p = s->state;

	if (field == FIELD_RECIPIENT &&
	    p->recipients++ >= own(s)->max_recipients)
		p->skip = &too_many;
	else if (facts_addn(&p->x->facts, field, text.at, text.len) < 0)
		p->skip = &too_many;
}

static void
begin_content(struct session *s)
{
	struct local *p = s->state;

	if (p->state != LOCAL_IS_ENVELOPE)
		return;
	mail_head_init(&p->head);
	exchange_content(p->x, CONTENT_MAIL, CONTENT_NAME, own(s)->max_size);
	enter(s, LOCAL_IS_CONTENT);
	if (p->skip != NULL)
		skip(s, p->skip);
}

static void
keep(struct session *s, struct slice bytes)
{
	struct local *p = s->state;

	mail_head(&p->head, bytes.at, bytes.len);
	if (content_write(p->x->content, bytes.at, bytes.len) == 0)
		return;
	if (errno == EFBIG) {
		skip(s, &too_large);
		return;
	}
	log_error(s->id,
	    "spool_dir full or broken (spool_max_size, "
	    "spool_min_free) error=%s",
	    strerror(errno));
	skip(s, &no_space);
}

/* Whoever goes on and on with what is refused is sent away. */
static void
skip_on(struct session *s, size_t len)
{
	struct local *p = s->state;

	p->skipped += len;
	if (p->skipped > own(s)->max_size)
		turn_down(s, p->skip);
}

static void
ended(struct session *s)
{
	struct local *p = s->state;

	mail_head_end(&p->head);
	if (p->state == LOCAL_IS_SKIP)
		turn_down(s, p->skip);
	else if (p->head.received > own(s)->max_received)
		turn_down(s, &a_loop);
	else if (p->head.cuts > MAIL_CUTS_MAX)
		turn_down(s, &too_many_fields);
	else
		submit(s);
}

/* "delivered exit 0": one of our words, then theirs. */
static void
outcome(struct session *s, struct slice text)
{
	static const char *const results[] = {
	    "delivered", "refused", "deferred", "aborted"};
	char line[LOCAL_TEXT_MAX + 1];
	const char *result = "aborted";
	size_t n;

	(void)slice_copy(text, line, sizeof(line));
	n = strcspn(line, " ");
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		if (strlen(results[i]) == n && memcmp(line, results[i], n) == 0)
			result = results[i];
	}
	finish(s, result, "", line[n] == ' ' ? line + n + 1 : "");
}

static void
nonsense(struct session *s)
{
	log_warn(s->id, "local protocol error state=%s",
	    words[((struct local *)s->state)->state]);
	say(s, DO_TEMPFAIL, "4.5.0 sallyport and sallyportd do not agree");
	finish(s, "aborted", "protocol", "");
}

static void
take(struct session *s, const struct local_frame *f)
{
	struct local *p = s->state;

	if (!local_may_ask(&p->asked, f->tag) ||
	    (f->tag == LOCAL_VERSION && !slice_is(f->text, LOCAL_SPOKEN))) {
		nonsense(s);
		return;
	}
	switch (f->tag) {
	case LOCAL_VERSION:
		begin(s);
		break;
	case LOCAL_WHERE:
		(void)slice_copy(f->text, p->where, sizeof(p->where));
		break;
	case LOCAL_SENDER:
		add_fact(s, FIELD_SENDER, f->text);
		break;
	case LOCAL_RCPT:
		add_fact(s, FIELD_RECIPIENT, f->text);
		break;
	case LOCAL_HELO:
		add_fact(s, FIELD_HELO, f->text);
		break;
	case LOCAL_MAIL:
		begin_content(s);
		if (p->state == LOCAL_IS_CONTENT)
			keep(s, f->text);
		else
			skip_on(s, f->text.len);
		break;
	case LOCAL_END:
		begin_content(s);
		ended(s);
		break;
	default:
		outcome(s, f->text);
		break;
	}
}

/* Takes what has come, as far as it may be taken now. */
static void
go_on(struct session *s)
{
	struct local *p = s->state;
	struct slice in = io_input(s->client), rest = in;
	struct local_frame f;
	int is = 0;

	while (p->state != LOCAL_IS_SCAN && p->state != LOCAL_IS_OVER &&
	    (is = local_take(LOCAL_ASK, &rest, &f)) == 1)
		take(s, &f);
	io_eat(s->client, in.len - rest.len);
	if (is < 0)
		nonsense(s);
	if (p->state == LOCAL_IS_OVER)
		session_end(s);
}

/* ---- a session ---- */

static void
open_session(struct session *s)
{
	enter(s, LOCAL_IS_ENVELOPE);
}

static void
late(struct session *s)
{
	struct local *p = s->state;
	const char *word = io_deadline_word(s->client);
	char text[128];

	(void)snprintf(text, sizeof(text), "4.4.2 %s exceeded", word);
	if (p->state != LOCAL_IS_TOLD)
		say(s, DO_TEMPFAIL, text);
	if (p->x == NULL)
		stats_reason(s->place->counted, word);
	finish(s, "aborted", word, "");
	session_end(s);
}

static void
client(struct session *s, enum io_event what)
{
	switch (what) {
	case IO_INPUT:
		if (((struct local *)s->state)->state == LOCAL_IS_CONTENT)
			set_deadline(s, LOCAL_IS_CONTENT);
		go_on(s);
		break;
	case IO_LATE:
		late(s);
		break;
	case IO_ENDED: /* it has nobody left to tell */
		session_end(s);
		break;
	default: /* IO_GONE: close() follows */
		break;
	}
}

/* Who has begun may end. */
static void
drain(struct session *s)
{
	struct local *p = s->state;

	if (p->state != LOCAL_IS_ENVELOPE)
		return;
	if (p->x != NULL)
		turn_down(s, &shutting_down);
	session_end(s);
}

static void
refuse(struct io *io, const char *gateway, enum refusal why)
{
	static const char *const texts[] = {
	    [REFUSE_BUSY] = "4.3.2 max_sessions reached, try again later",
	    [REFUSE_CLIENT] = "4.7.0 max_sessions_per_client reached, try "
			      "again later",
	    [REFUSE_NOT_ALLOWED] = "4.7.1 allow_from does not name you",
	    [REFUSE_RATE] = "4.7.0 max_sessions_per_minute reached, try "
			    "again later",
	    [REFUSE_SHUTDOWN] = "4.3.2 The gateway is shutting down",
	};
	struct local_answer a = {.action = DO_TEMPFAIL};

	(void)gateway;
	copy_text(a.text, sizeof(a.text), texts[why]);
	put_answer(io, &a);
}

static void
close_session(struct session *s)
{
	const struct local *p = s->state;

	if (p->x != NULL)
		finish(s, "aborted", "client_gone", "");
}

extern const struct protocol local_protocol;
const struct protocol local_protocol = {
    .name = "local",
    .state_size = sizeof(struct local),
    .prepare = local_prepare,
    .forget = local_forget,
    .open = open_session,
    .client = client,
    .drain = drain,
    .refuse = refuse,
    .close = close_session,
};
