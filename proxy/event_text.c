/*
 * event_text: an event as one line for people and grep: the time, what it is,
 * then key=value.  A value is bare when it is plain ASCII without blanks, else
 * in quotes; addresses of mail stand in angle brackets.
 */

#include <inttypes.h>

#include "proxy/base/clock.h"
#include "proxy/base/escape.h"
#include "proxy/event.h"
#include "proxy/event_line.h"

/* Writes nothing for NULL and "". */
static void
put_text(struct buf *b, const char *key, const char *s, size_t most)
{
	struct slice value;

	if (event_value(s) == NULL)
		return;
	value = slice_of(s);
	if (escape_is_plain(value) && value.len <= most) {
		buf_printf(b, " %s=%s", key, s);
		return;
	}
	buf_printf(b, " %s=\"", key);
	escape_text(b, value, most);
	buf_puts(b, "\"");
}

static void
put_word(struct buf *b, const char *key, const char *s)
{
	put_text(b, key, s, EVENT_WORD_MAX);
}

static void
put_number(struct buf *b, const char *key, int64_t n)
{
	buf_printf(b, " %s=%" PRId64, key, n);
}

static void
put_fact(struct buf *b, const struct event *ev, enum field field)
{
	put_text(b, field_word(field), facts_get(ev->facts, field, 0),
	    event_most(field));
}

static void
put_angled(struct buf *b, const char *address, size_t most)
{
	buf_puts(b, "<");
	escape_word(b, slice_of(address), most);
	buf_puts(b, ">");
}

/* The first recipients, and how many there are when that is not all. */
static void
put_recipients(struct buf *b, const struct facts *f)
{
	size_t began = b->len, all = facts_count(f, FIELD_RECIPIENT), n = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (f->list[i].field != FIELD_RECIPIENT)
			continue;
		if (b->len - began > EVENT_RECIPIENTS_MAX)
			break;
		buf_puts(b, n++ == 0 ? " to=" : ",");
		put_angled(
		    b, buf_at(&f->text) + f->list[i].at, EVENT_RECIPIENT_MAX);
	}
	if (all > 1)
		put_number(b, "recipients", (int64_t)all);
}

/* Who sent what to whom. */
static void
put_facts(struct buf *b, const struct event *ev)
{
	const char *sender = facts_get(ev->facts, FIELD_SENDER, 0);

	if (sender != NULL) {
		buf_puts(b, " from=");
		put_angled(b, sender, event_most(FIELD_SENDER));
	}
	put_recipients(b, ev->facts);
	put_fact(b, ev, FIELD_USER);
	put_fact(b, ev, FIELD_METHOD);
	put_fact(b, ev, FIELD_HTTP_VERSION);
	put_fact(b, ev, FIELD_HOST);
	put_fact(b, ev, FIELD_URL);
	put_fact(b, ev, FIELD_NAME);
	put_fact(b, ev, FIELD_TYPE);
	put_fact(b, ev, FIELD_DETECTED);
	put_fact(b, ev, FIELD_CLIENT);
}

static void
put_origin(struct buf *b, const struct event *ev)
{
	put_fact(b, ev, FIELD_PROTOCOL);
	put_fact(b, ev, FIELD_LISTENER);
	put_fact(b, ev, FIELD_DIRECTION);
	put_fact(b, ev, FIELD_FLOW);
	put_fact(b, ev, FIELD_TLS_VERSION);
	put_fact(b, ev, FIELD_TLS_CIPHER);
	put_fact(b, ev, FIELD_SNI);
	put_fact(b, ev, FIELD_TLS_NOTE);
	put_fact(b, ev, FIELD_CLIENT_NAME);
	put_fact(b, ev, FIELD_HELO);
	put_fact(b, ev, FIELD_QUEUE_ID);
	put_fact(b, ev, FIELD_SUBJECT);
	put_fact(b, ev, FIELD_MESSAGE_ID);
	buf_printf(b, " session=%016" PRIx64, ev->session);
}

static void
put_decision(struct buf *b, const struct event *ev)
{
	const struct decision *d = ev->decision;

	put_word(b, "action", action_word(d->action));
	put_word(b, "verdict", d->verdict);
	put_text(b, "what", d->because.what, EVENT_WHAT_MAX);
	put_text(b, "where", d->because.where, EVENT_WHERE_MAX);
	put_word(b, "engine", d->because.engine);
}

static void
decision(struct buf *b, const struct event *ev)
{
	put_decision(b, ev);
	put_facts(b, ev);
	put_number(b, "size", (int64_t)ev->size);
	put_number(b, "ms", ev->ms_queued + ev->ms_scanned);
	put_number(b, "queued", ev->ms_queued);
	put_word(b, "cached", ev->cached ? "yes" : "no");
	put_word(b, "rule", ev->decision->rule);
	put_origin(b, ev);
	put_word(b, "sha256", ev->sha256);
	if (ev->report == NULL)
		return;
	put_number(b, "findings", ev->report->seen);
	put_number(b, "members", ev->report->members);
	put_number(b, "unscanned_bytes", (int64_t)ev->report->unscanned_bytes);
	put_word(b, "engines", ev->report->engines);
	put_word(b, "quarantine", ev->quarantine);
}

static void
end(struct buf *b, const struct event *ev)
{
	put_word(b, "result", ev->result);
	if (ev->decision != NULL)
		put_decision(b, ev);
	put_word(b, "reason", ev->reason);
	put_text(b, "reply", ev->reply, EVENT_REPLY_MAX);
	put_text(b, "next_hop", ev->next_hop, EVENT_HOP_MAX);
	put_word(b, "hop", ev->hop_address);
	put_word(b, "hop_tls", ev->hop_tls_version);
	put_word(b, "hop_cipher", ev->hop_tls_cipher);
	put_facts(b, ev);
	if (ev->decision != NULL)
		put_number(b, "size", (int64_t)ev->size);
	put_number(b, "bytes_in", (int64_t)ev->bytes_in);
	put_number(b, "bytes_out", (int64_t)ev->bytes_out);
	put_number(b, "ms", ev->ms_total);
	put_number(b, "delivered", ev->ms_delivered);
	if (ev->released_before_verdict)
		put_word(b, "released_before_verdict", "yes");
	put_origin(b, ev);
	if (ev->hop_tls_resumed)
		put_word(b, "hop_resumed", "yes");
	put_word(b, "quarantine", ev->quarantine);
}

void
event_text(struct buf *b, const struct event *ev, int64_t wall_ms)
{
	char when[CLOCK_TEXT];

	clock_iso(wall_ms, when);
	buf_printf(b, "%s %s", when, event_kind_word(ev->kind));
	put_word(b, "id", ev->id);
	if (ev->kind == EVENT_DECISION)
		decision(b, ev);
	else
		end(b, ev);
	buf_puts(b, "\n");
}
