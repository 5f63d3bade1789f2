/*
 * http_head: reads the head of a request or a response, line by line as it
 * comes.  Pure.  What it refuses is in tests/unit/t_http_head.c; what the
 * fields say about the body is http_framing.c's.
 */

#include "protocols/http/http_head.h"

#include "protocols/http/http_framing.h"
#include "protocols/http/http_line.h"
#include "proxy/base/check.h"

_Static_assert(HTTP_FIELD_COUNT <= 64, "a set of fields is one word");

enum times { MANY, SAME, ONCE };

static const struct {
	const char *name;
	size_t len;
	bool hop;
	enum times times;
} known[] = {
#define X(id, name, hop, times) {name, sizeof(name) - 1, hop, times},
    HTTP_FIELDS(X)
#undef X
};

/* ---- what is known by name ---- */

enum http_field_id
http_field_id(struct slice name)
{
	for (int i = HTTP_FIELD_OTHER + 1; i < HTTP_FIELD_COUNT; i++) {
		if (known[i].len == name.len &&
		    strncasecmp(known[i].name, name.at, name.len) == 0)
			return (enum http_field_id)i;
	}
	return HTTP_FIELD_OTHER;
}

const char *
http_field_word(enum http_field_id id)
{
	return known[id].name;
}

bool
http_field_is_hop(enum http_field_id id)
{
	return known[id].hop;
}

enum http_method
http_method_of(struct slice word)
{
	static const char *const words[] = {
	    [HTTP_GET] = "GET",
	    [HTTP_HEAD] = "HEAD",
	    [HTTP_POST] = "POST",
	    [HTTP_PUT] = "PUT",
	    [HTTP_PATCH] = "PATCH",
	    [HTTP_DELETE] = "DELETE",
	    [HTTP_OPTIONS] = "OPTIONS",
	    [HTTP_TRACE] = "TRACE",
	    [HTTP_CONNECT] = "CONNECT",
	};

	for (int i = HTTP_GET; i <= HTTP_CONNECT; i++) {
		if (slice_is(word, words[i]))
			return (enum http_method)i;
	}
	return HTTP_OTHER;
}

struct slice
http_value(const struct http_head *h, enum http_field_id id)
{
	for (unsigned i = 0; http_has(h, id) && i < h->n; i++) {
		if (h->fields[i].id == id)
			return http_at(h, h->fields[i].value);
	}
	return (struct slice){NULL, 0};
}

struct slice
http_value_named(const struct http_head *h, const char *name)
{
	for (unsigned i = 0; i < h->n; i++) {
		if (slice_is_word(http_at(h, h->fields[i].name), name))
			return http_at(h, h->fields[i].value);
	}
	return (struct slice){NULL, 0};
}

void
http_head_move(struct http_head *h, const char *bytes)
{
	h->bytes = bytes;
}

/* ---- lines ---- */

static enum http_head_is
bad(struct http_head *h, enum http_bad why)
{
	h->bad = why;
	return HTTP_HEAD_BAD;
}

/*
 * The next line of at most most bytes.  It is looked for in a window that
 * depends on the limits alone, so that how the bytes were cut changes nothing.
 */
static enum http_head_is
next_line(struct http_head *h, struct slice in, size_t limit, size_t most,
    struct slice *line_r)
{
	struct slice rest = slice_skip(in, h->size);
	size_t left = limit - h->size, window = most + 2;
	int got;

	if (left < window)
		window = left;
	if (rest.len > window)
		rest.len = window;
	got = http_line(rest, h->seen, line_r, &h->bad);
	if (got < 0)
		return HTTP_HEAD_BAD;
	if (got > 0) {
		h->size += (uint32_t)line_r->len + 2;
		h->seen = 0;
		return HTTP_HEAD_DONE;
	}
	h->seen = (uint32_t)rest.len;
	if (rest.len < window)
		return HTTP_HEAD_MORE;
	if (!h->begun)
		return bad(h, HTTP_BAD_LONG_START);
	return bad(
	    h, window == left ? HTTP_BAD_LONG_HEAD : HTTP_BAD_LONG_FIELD);
}

static struct http_span
span(const struct http_head *h, struct slice s)
{
	return (struct http_span){(uint32_t)(s.at - h->bytes), (uint32_t)s.len};
}

static enum http_bad
twice(const struct http_head *h, enum http_field_id id, struct slice value)
{
	struct slice first = http_value(h, id);

	if (known[id].times == MANY)
		return HTTP_BAD_NONE;
	if (known[id].times == SAME && first.at != NULL &&
	    first.len == value.len &&
	    memcmp(first.at, value.at, value.len) == 0)
		return HTTP_BAD_NONE;
	if (id == HTTP_FIELD_HOST)
		return HTTP_BAD_TWO_HOSTS;
	if (id == HTTP_FIELD_CONTENT_LENGTH)
		return HTTP_BAD_TWO_LENGTHS;
	if (id == HTTP_FIELD_TRANSFER_ENCODING)
		return HTTP_BAD_CODING;
	return HTTP_BAD_TWICE;
}

static enum http_bad
add_field(struct http_head *h, struct slice line)
{
	struct http_field *f = &h->fields[h->n];
	struct slice name, value;
	enum http_bad why = http_field_line(line, &name, &value);

	if (why != HTTP_BAD_NONE)
		return why;
	if (h->n == HTTP_FIELDS_MAX)
		return HTTP_BAD_MANY_FIELDS;
	f->id = http_field_id(name);
	f->name = span(h, name);
	f->value = span(h, value);
	if (http_has(h, f->id))
		why = twice(h, f->id, value);
	h->has |= UINT64_C(1) << f->id;
	h->n++;
	return why;
}

/* Fields up to the empty line. */
static enum http_head_is
read_fields(struct http_head *h, struct slice in, size_t limit)
{
	enum http_head_is is;
	struct slice line;

	while ((is = next_line(h, in, limit, HTTP_FIELD_LINE_MAX, &line)) ==
	    HTTP_HEAD_DONE) {
		if (line.len == 0)
			return HTTP_HEAD_DONE;
		h->bad = add_field(h, line);
		if (h->bad != HTTP_BAD_NONE)
			return HTTP_HEAD_BAD;
	}
	return is;
}

/*
 * The first line.  What begins with no token is refused before its end has
 * come: a TLS handshake may never have one.
 */
static enum http_head_is
read_start(
    struct http_head *h, struct slice in, size_t limit, struct slice *line_r)
{
	if (in.len > h->size && !http_is_tchar(in.at[h->size]) &&
	    in.at[h->size] != '\r' && in.at[h->size] != '\n')
		return bad(h, HTTP_BAD_START);
	return next_line(h, in, limit, HTTP_START_MAX, line_r);
}

/* "HTTP/1.1" or "HTTP/1.0", in upper case (RFC 9112 2.3). */
static enum http_bad
read_version(struct http_head *h, struct slice word)
{
	if (word.len < 5 || memcmp(word.at, "HTTP/", 5) != 0)
		return HTTP_BAD_START;
	if (!slice_is(word, "HTTP/1.1") && !slice_is(word, "HTTP/1.0"))
		return HTTP_BAD_VERSION;
	h->minor = (uint8_t)(word.at[7] - '0');
	return HTTP_BAD_NONE;
}

static void
head_init(struct http_head *h)
{
	h->bytes = NULL;
	h->size = h->seen = h->n = 0;
	h->begun = h->goes_on = false;
	h->bad = HTTP_BAD_NONE;
	h->minor = 0;
	h->has = 0;
	h->framing = (struct http_framing){HTTP_BODY_NONE, 0};
}

static void
resume(struct http_head *h, struct slice in, size_t limit)
{
	MUST(limit <= HTTP_HEAD_MAX && in.len >= h->size);
	h->bytes = in.at;
}

/* ---- requests ---- */

void
http_request_head_init(struct http_request_head *r)
{
	head_init(&r->head);
	r->word = r->text = (struct http_span){0, 0};
	r->method = HTTP_OTHER;
	r->target = (struct http_target){.form = HTTP_FORM_ORIGIN};
	r->host = (struct http_host){.is = HTTP_HOST_NONE};
}

/* "GET /path HTTP/1.1": one blank between two. */
static enum http_bad
request_line(struct http_request_head *r, struct slice line)
{
	const char *first = memchr(line.at, ' ', line.len);
	const char *last = memrchr(line.at, ' ', line.len);
	struct slice word, text;
	enum http_bad why;

	if (first == NULL || first == last)
		return HTTP_BAD_START;
	word = (struct slice){line.at, (size_t)(first - line.at)};
	text = (struct slice){first + 1, (size_t)(last - first) - 1};
	if (word.len > HTTP_METHOD_MAX || !http_is_token(word))
		return HTTP_BAD_METHOD;
	why = read_version(
	    &r->head, slice_skip(line, (size_t)(last - line.at) + 1));
	if (why != HTTP_BAD_NONE)
		return why;
	r->word = span(&r->head, word);
	r->text = span(&r->head, text);
	r->method = http_method_of(word);
	why = http_target(text, r->method == HTTP_CONNECT, &r->target);
	if (why == HTTP_BAD_NONE && r->target.form == HTTP_FORM_ASTERISK &&
	    r->method != HTTP_OPTIONS)
		return HTTP_BAD_FORM;
	return why;
}

static enum http_bad
request_host(struct http_request_head *r)
{
	if (!http_has(&r->head, HTTP_FIELD_HOST))
		return r->head.minor == 0 ? HTTP_BAD_NONE : HTTP_BAD_NO_HOST;
	if (http_host(http_value(&r->head, HTTP_FIELD_HOST), &r->host) !=
	    HTTP_BAD_NONE)
		return HTTP_BAD_HOST;
	return HTTP_BAD_NONE;
}

enum http_head_is
http_request_head(struct http_request_head *r, struct slice in, size_t limit)
{
	struct http_head *h = &r->head;
	enum http_head_is is;
	struct slice line;

	resume(h, in, limit);
	while (!h->begun) {
		is = read_start(h, in, limit, &line);
		if (is != HTTP_HEAD_DONE)
			return is;
		if (line.len == 0 && h->size == 2)
			continue; /* RFC 9112 2.2 */
		h->begun = true;
		h->bad = request_line(r, line);
		if (h->bad != HTTP_BAD_NONE)
			return HTTP_HEAD_BAD;
	}
	is = read_fields(h, in, limit);
	if (is != HTTP_HEAD_DONE)
		return is;
	h->bad = request_host(r);
	if (h->bad == HTTP_BAD_NONE)
		h->bad = http_framing_of_request(r);
	return h->bad == HTTP_BAD_NONE ? HTTP_HEAD_DONE : HTTP_HEAD_BAD;
}

/* ---- responses ---- */

void
http_response_head_init(struct http_response_head *r, enum http_method asked)
{
	head_init(&r->head);
	r->asked = asked;
	r->status = 0;
	r->reason = (struct http_span){0, 0};
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK"; many leave out the blank in front of no reason. */
static enum http_bad
status_line(struct http_response_head *r, struct slice line)
{
	struct slice word = {line.at, line.len < 8 ? line.len : 8};
	enum http_bad why = read_version(&r->head, word);

	if (why != HTTP_BAD_NONE)
		return why;
	line = slice_skip(line, 8);
	if (line.len == 0 || line.at[0] != ' ')
		return HTTP_BAD_START;
	if (line.len < 4 || line.at[1] < '1' || line.at[1] > '9' ||
	    !is_digit(line.at[2]) || !is_digit(line.at[3]))
		return HTTP_BAD_STATUS;
	if (line.len > 4 && line.at[4] != ' ')
		return HTTP_BAD_STATUS;
	r->status = (uint16_t)((line.at[1] - '0') * 100 +
	    (line.at[2] - '0') * 10 + (line.at[3] - '0'));
	r->reason = span(&r->head, slice_skip(line, line.len > 4 ? 5 : 4));
	return HTTP_BAD_NONE;
}

enum http_head_is
http_response_head(struct http_response_head *r, struct slice in, size_t limit)
{
	struct http_head *h = &r->head;
	enum http_head_is is;
	struct slice line;

	resume(h, in, limit);
	if (!h->begun) {
		is = read_start(h, in, limit, &line);
		if (is != HTTP_HEAD_DONE)
			return is;
		h->begun = true;
		h->bad = status_line(r, line);
		if (h->bad != HTTP_BAD_NONE)
			return HTTP_HEAD_BAD;
	}
	is = read_fields(h, in, limit);
	if (is != HTTP_HEAD_DONE)
		return is;
	h->bad = http_framing_of_response(r);
	return h->bad == HTTP_BAD_NONE ? HTTP_HEAD_DONE : HTTP_HEAD_BAD;
}
