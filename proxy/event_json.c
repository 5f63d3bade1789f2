/*
 * event_json: an event as one line of JSON with the names of the Elastic
 * Common Schema, as nested objects; what ECS has no name for lies below
 * "sallyport".  docs/events.md is the reference.
 */

#include <inttypes.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/escape.h"
#include "proxy/event.h"
#include "proxy/event_line.h"

#define ECS_VERSION "8.11.0"
#define JSON_PATH_MAX 96

/*
 * Writes values by their dotted names.  Objects are opened and closed as the
 * names ask for it, so names that share a beginning MUST come together.
 */
struct json {
	struct buf *b;
	char path[JSON_PATH_MAX]; /* the objects that are open, dotted */
	size_t len;               /* of path */
	bool comma;               /* something stands before, on this level */
};

/* Put together by hand: a line has fifty of them, and printf shows. */
static void
json_name(struct json *j, const char *name, size_t len)
{
	char *begin = buf_room(j->b, len + 4), *to = begin;

	if (begin == NULL)
		return;
	if (j->comma)
		*to++ = ',';
	*to++ = '"';
	memcpy(to, name, len);
	to += len;
	*to++ = '"';
	*to++ = ':';
	buf_grew(j->b, (size_t)(to - begin));
}

static void
json_open(struct json *j, const char *name, size_t len)
{
	MUST(j->len + len + 1 < sizeof(j->path));
	json_name(j, name, len);
	buf_puts(j->b, "{");
	if (j->len > 0)
		j->path[j->len++] = '.';
	memcpy(j->path + j->len, name, len);
	j->len += len;
	j->comma = false;
}

static void
json_close(struct json *j)
{
	const char *dot = memrchr(j->path, '.', j->len);

	j->len = dot == NULL ? 0 : (size_t)(dot - j->path);
	buf_puts(j->b, "}");
	j->comma = true;
}

/* Whether what is open holds an object called key[0..len-1]. */
static bool
json_is_inside(const struct json *j, const char *key, size_t len)
{
	if (j->len == 0)
		return true;
	return j->len <= len && memcmp(j->path, key, j->len) == 0 &&
	    (j->len == len || key[j->len] == '.');
}

static void
json_key(struct json *j, const char *key)
{
	const char *leaf = strrchr(key, '.');
	size_t want = leaf == NULL ? 0 : (size_t)(leaf - key), from, end;

	leaf = leaf == NULL ? key : leaf + 1;
	while (!json_is_inside(j, key, want))
		json_close(j);
	while (j->len < want) {
		from = j->len == 0 ? 0 : j->len + 1;
		end = from + strcspn(key + from, ".");
		json_open(j, key + from, end - from);
	}
	json_name(j, leaf, strlen(leaf));
	j->comma = true;
}

static void
json_quoted(struct json *j, const char *s, size_t most)
{
	struct slice value = slice_of(s);
	char *to = NULL;

	if (value.len <= most && escape_is_json(value))
		to = buf_room(j->b, value.len + 2);
	if (to != NULL) {
		*to++ = '"';
		memcpy(to, value.at, value.len);
		to[value.len] = '"';
		buf_grew(j->b, value.len + 2);
		return;
	}
	buf_puts(j->b, "\"");
	escape_json(j->b, value, most);
	buf_puts(j->b, "\"");
}

/* Writes nothing for NULL. */
static void
json_text(struct json *j, const char *key, const char *s, size_t most)
{
	if (s == NULL)
		return;
	json_key(j, key);
	json_quoted(j, s, most);
}

static void
json_word(struct json *j, const char *key, const char *s)
{
	json_text(j, key, event_value(s), EVENT_WORD_MAX);
}

static void
json_list(struct json *j, const char *key, const char *word)
{
	json_key(j, key);
	buf_puts(j->b, "[\"");
	buf_puts(j->b, word);
	buf_puts(j->b, "\"]");
}

static void
json_digits(struct json *j, uint64_t n)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	buf_put(j->b, text + at, sizeof(text) - at);
}

/* The sixteen signs that log lines have. */
static void
json_hex(struct json *j, uint64_t n)
{
	static const char signs[] = "0123456789abcdef";
	char text[18];

	text[0] = text[17] = '"';
	for (size_t i = 16; i > 0; i--, n >>= 4)
		text[i] = signs[n & 15];
	buf_put(j->b, text, sizeof(text));
}

static void
json_int(struct json *j, const char *key, int64_t n)
{
	json_key(j, key);
	if (n < 0)
		buf_puts(j->b, "-");
	json_digits(j, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

static void
json_size(struct json *j, const char *key, uint64_t n)
{
	json_key(j, key);
	json_digits(j, n);
}

static void
json_bool(struct json *j, const char *key, bool yes)
{
	json_key(j, key);
	buf_puts(j->b, yes ? "true" : "false");
}

/* ---- the groups, in the order of the line ---- */

static void
put_fact(struct json *j, const struct event *ev, enum field field)
{
	json_text(j, field_ecs(field), facts_get(ev->facts, field, 0),
	    event_most(field));
}

static const char *
category(const struct event *ev)
{
	const char *protocol = facts_get(ev->facts, FIELD_PROTOCOL, 0);

	if (protocol == NULL)
		return "network";
	if (strcmp(protocol, "smtp") == 0 || strcmp(protocol, "milter") == 0 ||
	    strcmp(protocol, "local") == 0)
		return "email";
	if (strcmp(protocol, "http") == 0 || strcmp(protocol, "icap") == 0)
		return "web";
	return "file";
}

static const char *
type(const struct event *ev)
{
	if (ev->kind != EVENT_DECISION)
		return "end";
	return event_is_blocked(ev) ? "denied" : "allowed";
}

static const char *
outcome(const struct event *ev)
{
	const char *r = event_value(ev->result);

	if (ev->kind == EVENT_DECISION)
		return strcmp(ev->decision->verdict, "failed") == 0 ? "failure"
								    : "success";
	if (r == NULL)
		return "unknown";
	return strcmp(r, "deferred") == 0 || strcmp(r, "aborted") == 0
	    ? "failure"
	    : "success";
}

static void
put_event(struct json *j, const struct event *ev, int64_t wall_ms)
{
	char when[CLOCK_TEXT];

	clock_iso(wall_ms, when);
	json_text(j, "@timestamp", when, CLOCK_TEXT);
	json_word(j, "ecs.version", ECS_VERSION);
	json_word(j, "event.kind", event_is_blocked(ev) ? "alert" : "event");
	json_list(j, "event.category", category(ev));
	json_list(j, "event.type", type(ev));
	json_word(j, "event.action", event_kind_word(ev->kind));
	json_word(j, "event.outcome", outcome(ev));
	json_word(j, "event.id", ev->id);
	if (ev->kind != EVENT_DECISION) /* nanoseconds, says ECS */
		json_int(j, "event.duration", ev->ms_total * 1000000);
}

struct address_keys {
	const char *address, *ip, *port;
};

static const struct address_keys client_keys = {
    "client.address", "client.ip", "client.port"};
static const struct address_keys server_keys = {
    "server.address", "server.ip", "server.port"};

static void
put_address(struct json *j, const struct address_keys *keys, const char *text,
    const struct addr *a)
{
	char host[ADDR_TEXT];

	json_text(j, keys->address, text, EVENT_WORD_MAX);
	if (a == NULL || a->ss.ss_family == AF_UNIX)
		return;
	json_text(j, keys->ip, addr_host(a, host), EVENT_WORD_MAX);
	if (addr_port(a) != 0)
		json_int(j, keys->port, addr_port(a));
}

static void
put_peers(struct json *j, const struct event *ev)
{
	const char *client = facts_get(ev->facts, FIELD_CLIENT, 0);
	struct addr a;

	put_fact(j, ev, FIELD_PROTOCOL);
	put_fact(j, ev, FIELD_DIRECTION);
	put_fact(j, ev, FIELD_LISTENER);
	put_address(j, &client_keys, client,
	    facts_client(ev->facts, &a) == 0 ? &a : NULL);
	put_fact(j, ev, FIELD_CLIENT_NAME);
	put_fact(j, ev, FIELD_TLS_VERSION);
	put_fact(j, ev, FIELD_TLS_CIPHER);
	put_fact(j, ev, FIELD_SNI);
	if (event_value(ev->hop_address) == NULL)
		return;
	put_address(j, &server_keys, ev->hop_address,
	    addr_parse(ev->hop_address, &a, NULL) == 0 ? &a : NULL);
}

/* The first recipients; sallyport.recipients says how many there are. */
static void
put_recipients(struct json *j, const struct facts *f)
{
	size_t began = j->b->len, n = 0;

	if (facts_get(f, FIELD_RECIPIENT, 0) == NULL)
		return;
	json_key(j, field_ecs(FIELD_RECIPIENT));
	buf_puts(j->b, "[");
	for (size_t i = 0; i < f->n; i++) {
		if (f->list[i].field != FIELD_RECIPIENT)
			continue;
		if (j->b->len - began > EVENT_RECIPIENTS_MAX)
			break;
		if (n++ > 0)
			buf_puts(j->b, ",");
		json_quoted(
		    j, buf_at(&f->text) + f->list[i].at, EVENT_RECIPIENT_MAX);
	}
	buf_puts(j->b, "]");
}

static void
put_content(struct json *j, const struct event *ev)
{
	const char *sender = facts_get(ev->facts, FIELD_SENDER, 0);

	put_fact(j, ev, FIELD_USER);
	put_fact(j, ev, FIELD_HOST);
	put_fact(j, ev, FIELD_URL);
	put_fact(j, ev, FIELD_METHOD);
	put_fact(j, ev, FIELD_HTTP_VERSION);
	if (sender != NULL) {
		json_key(j, field_ecs(FIELD_SENDER));
		buf_puts(j->b, "[");
		json_quoted(j, sender, event_most(FIELD_SENDER));
		buf_puts(j->b, "]");
	}
	put_recipients(j, ev->facts);
	put_fact(j, ev, FIELD_SUBJECT);
	put_fact(j, ev, FIELD_MESSAGE_ID);
	put_fact(j, ev, FIELD_NAME);
	put_fact(j, ev, FIELD_TYPE);
	if (ev->decision == NULL)
		return;
	json_size(j, "file.size", ev->size);
	json_word(j, "file.hash.sha256", ev->sha256);
	json_word(j, "rule.name", ev->decision->rule);
}

static void
put_finding(struct json *j, const char *path, const struct finding *f)
{
	struct json in = {.b = j->b};

	if (path != NULL)
		json_key(j, path);
	buf_puts(j->b, "{");
	json_word(&in, "kind", finding_word(f->kind));
	json_word(&in, "engine", f->engine);
	json_text(&in, "what", f->what, EVENT_WHAT_MAX);
	json_text(&in, "where", f->where, EVENT_WHERE_MAX);
	buf_puts(j->b, "}");
}

static void
put_report(struct json *j, const struct event *ev)
{
	const struct report *r = ev->report;
	size_t began = j->b->len;

	json_int(j, "sallyport.findings", r->seen);
	json_key(j, "sallyport.finding");
	buf_puts(j->b, "[");
	for (unsigned i = 0; i < r->n; i++) {
		if (j->b->len - began + EVENT_FINDING_MAX > EVENT_FINDINGS_MAX)
			break;
		if (i > 0)
			buf_puts(j->b, ",");
		put_finding(j, NULL, &r->found[i]);
	}
	buf_puts(j->b, "]");
	json_word(j, "sallyport.engines", r->engines);
	json_int(j, "sallyport.members", r->members);
	json_size(j, "sallyport.unscanned_bytes", r->unscanned_bytes);
	json_bool(j, "sallyport.cached", ev->cached);
}

static void
put_judgement(struct json *j, const struct event *ev)
{
	size_t recipients = facts_count(ev->facts, FIELD_RECIPIENT);
	const struct decision *d = ev->decision;

	json_key(j, "sallyport.session");
	json_hex(j, ev->session);
	put_fact(j, ev, FIELD_FLOW);
	put_fact(j, ev, FIELD_TLS_NOTE);
	put_fact(j, ev, FIELD_DETECTED);
	put_fact(j, ev, FIELD_HELO);
	put_fact(j, ev, FIELD_QUEUE_ID);
	if (recipients > 0)
		json_size(j, "sallyport.recipients", recipients);
	if (d == NULL)
		return;
	json_word(j, "sallyport.content", content_kind_word(ev->content));
	json_word(j, "sallyport.verdict", d->verdict);
	json_word(j, "sallyport.action", action_word(d->action));
	json_word(j, "sallyport.quarantine", ev->quarantine);
	if (d->because.what[0] != '\0' || d->because.engine[0] != '\0')
		put_finding(j, "sallyport.because", &d->because);
	if (ev->kind == EVENT_DECISION && ev->report != NULL)
		put_report(j, ev);
}

static void
put_end(struct json *j, const struct event *ev)
{
	if (ev->decision != NULL) {
		json_int(j, "sallyport.ms.queued", ev->ms_queued);
		json_int(j, "sallyport.ms.scanned", ev->ms_scanned);
	}
	if (ev->kind == EVENT_DECISION)
		return;
	json_int(j, "sallyport.ms.delivered", ev->ms_delivered);
	json_int(j, "sallyport.ms.total", ev->ms_total);
	json_word(j, "sallyport.result", ev->result);
	json_text(
	    j, "sallyport.next_hop", event_value(ev->next_hop), EVENT_HOP_MAX);
	json_word(j, "sallyport.next_hop_tls.version", ev->hop_tls_version);
	json_word(j, "sallyport.next_hop_tls.cipher", ev->hop_tls_cipher);
	if (event_value(ev->hop_tls_version) != NULL)
		json_bool(
		    j, "sallyport.next_hop_tls.resumed", ev->hop_tls_resumed);
	json_text(
	    j, "sallyport.reply", event_value(ev->reply), EVENT_REPLY_MAX);
	json_word(j, "sallyport.reason", ev->reason);
	json_size(j, "sallyport.bytes.in", ev->bytes_in);
	json_size(j, "sallyport.bytes.out", ev->bytes_out);
	if (ev->kind == EVENT_OUTCOME || ev->released_before_verdict)
		json_bool(j, "sallyport.released_before_verdict",
		    ev->released_before_verdict);
}

void
event_json(struct buf *b, const struct event *ev, int64_t wall_ms)
{
	struct json j = {.b = b};

	buf_puts(b, "{");
	put_event(&j, ev, wall_ms);
	put_peers(&j, ev);
	put_content(&j, ev);
	put_judgement(&j, ev);
	put_end(&j, ev);
	while (j.len > 0)
		json_close(&j);
	buf_puts(b, "}\n");
}
