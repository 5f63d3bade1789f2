/*
 * http_pages: what a client sees instead of what it wanted: a status, the
 * page, and fields that say who refused and why (RFC 9209).
 */
#include "protocols/http/http.h"
#include "protocols/http/http_style.h"
#include "protocols/http/http_write.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

#define PAGE_MAX (256 * 1024)
#define HEAD_MAX (8 * 1024)

/* Those that browsers use; others pass as well, but for TRACE. */
#define METHODS_HERE "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
#define METHODS METHODS_HERE ", CONNECT"

static const char *
fact(const struct http_req *q, enum field field)
{
	const char *value = facts_get(&q->x->facts, field, 0);

	return value == NULL ? "" : value;
}

static bool
is_head(const struct http_req *q)
{
	return q->head.head.bad == HTTP_BAD_NONE && q->head.method == HTTP_HEAD;
}

void
http_date_put(struct buf *to, uint64_t age_s)
{
	int64_t now = clock_wall_ms() / 1000;
	char text[HTTP_DATE_MAX];

	(void)buf_printf(to, "Date: %s\r\n",
	    http_date_text((time_t)(now - (int64_t)age_s), text));
}

/* The answer's head and body; the rest of the connection follows it. */
static void
put_answer(struct http_req *q, unsigned status, const struct buf *fields,
    struct slice body)
{
	struct io *io = q->s->client;
	struct buf b;

	q->close = q->close || q->unread;
	buf_init(&b, HEAD_MAX);
	(void)http_write_status(&b, status);
	http_date_put(&b, 0);
	io_put(io, buf_at(&b), b.len);
	buf_free(&b);
	io_put(io, buf_at(fields), fields->len);
	io_printf(io, "Content-Length: %zu\r\n", body.len);
	if (q->close)
		io_puts(io, "Connection: close\r\n");
	io_puts(io, "\r\n");
	if (!is_head(q))
		io_put(io, body.at, body.len);
	q->delivery_ms = clock_ms();
	http_enter(q->s, HTTP_IN_ANSWER);
}

/* The methods for what was asked for. */
static const char *
allowed(const struct http_req *q)
{
	if (q->scheme == HTTP_SCHEME_FTP || http_is_self(q))
		return "GET, HEAD";
	return q->head.method == HTTP_CONNECT ? METHODS_HERE : METHODS;
}

static void
fill_page(struct http_req *q, struct buf *b, enum http_cause cause,
    const char *reason)
{
	char when[CLOCK_TEXT];
	struct http_tags tags = {
	    .reason = reason,
	    .url = fact(q, FIELD_URL),
	    .host = fact(q, FIELD_HOST),
	    .client = fact(q, FIELD_CLIENT),
	    .user = fact(q, FIELD_USER),
	    .id = q->x->id,
	    .gateway = q->s->place->gateway,
	    .contact = q->own->contact[0] == '\0' ? "whoever runs this gateway"
						  : q->own->contact,
	    .time = when,
	};

	clock_iso(clock_wall_ms(), when);
	if (http_page_put(b, q->own->page, cause, &tags) == 0)
		return;
	log_warn(q->s->id, "http block_page is too large when filled in");
	buf_clear(b);
	(void)http_page_put(b, (struct slice){NULL, 0}, cause, &tags);
}

static void
put_page(struct http_req *q, enum http_cause cause, const char *reason)
{
	const char *name = q->s->place->gateway;
	char details[256];
	struct buf page, fields;

	(void)snprintf(details, sizeof(details), "%s%s%s",
	    reason == NULL ? "" : reason, reason == NULL ? "" : "; ", q->x->id);
	buf_init(&page, PAGE_MAX);
	buf_init(&fields, HEAD_MAX);
	fill_page(q, &page, cause, reason);
	buf_puts(&fields,
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
	/* a page of one's own may have pictures and scripts */
	if (q->own->page.at == NULL)
		buf_puts(&fields, HTTP_STYLE_POLICY);
	/* conf has looked at the name */
	if (cause == HTTP_CAUSE_AUTH)
		buf_printf(&fields,
		    "Proxy-Authenticate: Basic realm=\"%s\", "
		    "charset=\"UTF-8\"\r\n",
		    name);
	/* RFC 9110 15.5.6 */
	if (cause == HTTP_CAUSE_METHOD)
		buf_printf(&fields, "Allow: %s\r\n", allowed(q));
	buf_puts(&fields, "Proxy-Status: ");
	(void)http_proxy_status(&fields, name, cause, details);
	buf_puts(&fields, "\r\n");
	put_answer(q, http_cause_status(cause), &fields,
	    (struct slice){buf_at(&page), page.len});
	buf_free(&page);
	buf_free(&fields);
}

static bool
says_malformed(enum http_cause cause)
{
	return cause == HTTP_CAUSE_REQUEST || cause == HTTP_CAUSE_TARGET ||
	    cause == HTTP_CAUSE_HEADER || cause == HTTP_CAUSE_MALFORMED;
}

void
http_page(struct http_req *q, enum http_cause cause, const char *result,
    const char *reason)
{
	unsigned status = http_cause_status(cause);
	const char *word = reason;

	http_origin_free(&q->o);
	/* a word goes to the event's reason, a sentence to its reply */
	if (word == NULL || strchr(word, ' ') != NULL)
		word = http_cause_word(cause);
	copy_text(q->reason, sizeof(q->reason), word);
	q->malformed = says_malformed(cause);
	q->result = result;
	(void)snprintf(q->status, sizeof(q->status), "%u %s%s%s", status,
	    http_status_text(status), reason == NULL ? "" : ": ",
	    reason == NULL ? "" : reason);
	if (q->turned) /* it awaits TLS */
		http_connect_end(q->s, result, q->reason);
	else
		put_page(q, cause, reason);
}

static enum http_cause
cause_of(const struct exchange *x)
{
	if (x->decision.action == DO_TEMPFAIL)
		return HTTP_CAUSE_FAILED;
	switch (x->decision.because.kind) {
	case FOUND_LIMIT:
		return HTTP_CAUSE_LIMIT;
	case FOUND_ENCRYPTED:
		return HTTP_CAUSE_ENCRYPTED;
	case FOUND_FAILED:
		return HTTP_CAUSE_FAILED;
	case FOUND_URL:
		return HTTP_CAUSE_URL;
	default:
		return HTTP_CAUSE_BLOCKED;
	}
}

void
http_page_decision(struct http_req *q, const struct exchange *x)
{
	const struct finding *f = &x->decision.because;
	enum http_cause cause = cause_of(x);
	unsigned status = http_cause_status(cause);
	bool later = x->decision.action == DO_TEMPFAIL;
	char reason[FINDING_WHAT_MAX + 32];

	/* a rule about clean contents speaks for itself */
	(void)snprintf(reason, sizeof(reason), "%s%s%s",
	    strcmp(x->decision.verdict, "clean") == 0 ? x->decision.rule
						      : x->decision.verdict,
	    f->what[0] == '\0' ? "" : ": ", f->what);
	http_origin_free(&q->o);
	copy_text(q->reason, sizeof(q->reason), "policy");
	q->result = later ? "deferred" : "refused";
	(void)snprintf(q->status, sizeof(q->status), "%u %s", status,
	    http_status_text(status));
	put_page(q, cause, reason);
}

void
http_plain(struct http_req *q, unsigned status, const char *type,
    struct slice body, const char *reason)
{
	struct buf fields;

	buf_init(&fields, HEAD_MAX);
	buf_printf(&fields,
	    "Content-Type: %s\r\nCache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\n",
	    type);
	copy_text(q->reason, sizeof(q->reason), reason);
	q->result = "delivered";
	(void)snprintf(q->status, sizeof(q->status), "%u %s", status,
	    http_status_text(status));
	put_answer(q, status, &fields, body);
	buf_free(&fields);
}

void
http_options(struct http_req *q)
{
	struct buf fields;

	buf_init(&fields, HEAD_MAX);
	buf_puts(&fields, "Allow: " METHODS "\r\n");
	copy_text(q->reason, sizeof(q->reason), "options");
	q->result = "delivered";
	copy_text(q->status, sizeof(q->status), "200 OK");
	put_answer(q, 200, &fields, slice_of(""));
	buf_free(&fields);
}
