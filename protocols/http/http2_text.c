/*
 * http2_text: heads of HTTP/2 and of HTTP/1.1, one to the other.
 */
#include "protocols/http/http2_text.h"

#include <stdio.h>

#include "protocols/http/http_field.h"
#include "proxy/base/check.h"

static const char *const pseudo_words[] = {
    [HTTP2_METHOD] = ":method",
    [HTTP2_SCHEME] = ":scheme",
    [HTTP2_AUTHORITY] = ":authority",
    [HTTP2_PATH] = ":path",
    [HTTP2_STATUS] = ":status",
};

/* RFC 9113 8.2.2: they speak of a connection, and there is none of that kind
 * any more. */
static bool
is_of_connection(enum http_field_id id)
{
	return id == HTTP_FIELD_CONNECTION || id == HTTP_FIELD_KEEP_ALIVE ||
	    id == HTTP_FIELD_PROXY_CONNECTION ||
	    id == HTTP_FIELD_TRANSFER_ENCODING || id == HTTP_FIELD_UPGRADE ||
	    id == HTTP_FIELD_HTTP2_SETTINGS;
}

/* ---- fields to text ---- */

void
http2_read_init(struct http2_read *r, bool request, size_t limit)
{
	*r = (struct http2_read){.request = request, .limit = limit};
	for (unsigned i = 0; i < HTTP2_PSEUDO_N; i++)
		buf_init(&r->pseudo[i], limit);
	buf_init(&r->host, limit);
	buf_init(&r->cookie, limit);
	buf_init(&r->fields, limit);
}

void
http2_read_free(struct http2_read *r)
{
	for (unsigned i = 0; i < HTTP2_PSEUDO_N; i++)
		buf_free(&r->pseudo[i]);
	buf_free(&r->host);
	buf_free(&r->cookie);
	buf_free(&r->fields);
}

static struct slice
text_of(const struct buf *b)
{
	return b->len == 0 ? (struct slice){"", 0}
			   : (struct slice){buf_at(b), b->len};
}

/* A token in lower case. */
static bool
is_name(struct slice s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    (c == '\0' || strchr(others, c) == NULL))
			return false;
	}
	return s.len > 0;
}

/* No line end, and no blanks around it (RFC 9113 8.2.1). */
static bool
is_value(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] == '\r' || s.at[i] == '\n' || s.at[i] == '\0')
			return false;
	}
	return s.len == 0 ||
	    (strchr(" \t", s.at[0]) == NULL &&
		strchr(" \t", s.at[s.len - 1]) == NULL);
}

/* What stands in a first line: a blank would be its end. */
static bool
is_word(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if (c <= ' ' || c == 0x7f)
			return false;
	}
	return s.len > 0;
}

static void
read_pseudo(struct http2_read *r, struct slice name, struct slice value)
{
	unsigned i = 0;

	while (i < HTTP2_PSEUDO_N && !slice_is(name, pseudo_words[i]))
		i++;
	if (i == HTTP2_PSEUDO_N || r->regular ||
	    r->request == (i == HTTP2_STATUS) || (r->given >> i & 1) != 0 ||
	    !is_word(value)) {
		r->bad = "pseudo_header";
		return;
	}
	r->given |= 1u << i;
	if (buf_put(&r->pseudo[i], value.at, value.len) < 0)
		r->over = true;
}

/* RFC 9113 8.2.3 */
static void
read_cookie(struct http2_read *r, struct slice value)
{
	if ((r->cookie.len > 0 && buf_put(&r->cookie, "; ", 2) < 0) ||
	    buf_put(&r->cookie, value.at, value.len) < 0)
		r->over = true;
}

static void
read_host(struct http2_read *r, struct slice value)
{
	if (r->host.len > 0 || !is_word(value))
		r->bad = "host";
	else if (buf_put(&r->host, value.at, value.len) < 0)
		r->over = true;
}

static int
put_line(struct buf *to, struct slice name, struct slice value)
{
	if (buf_put(to, name.at, name.len) < 0 || buf_put(to, ": ", 2) < 0 ||
	    buf_put(to, value.at, value.len) < 0)
		return -1;
	return buf_put(to, "\r\n", 2);
}

static void
read_regular(struct http2_read *r, struct slice name, struct slice value)
{
	enum http_field_id id = http_field_id(name);

	r->regular = true;
	if (!is_name(name))
		r->bad = "field_name";
	else if (!is_value(value))
		r->bad = "field_value";
	else if (is_of_connection(id) ||
	    (id == HTTP_FIELD_TE && !slice_is_word(value, "trailers")))
		r->bad = "connection_field";
	else if (r->request && id == HTTP_FIELD_HOST)
		read_host(r, value);
	else if (r->request && slice_is(name, "cookie"))
		read_cookie(r, value);
	else if (put_line(&r->fields, name, value) < 0)
		r->over = true;
	r->has_length = r->has_length || id == HTTP_FIELD_CONTENT_LENGTH;
}

void
http2_read_field(struct http2_read *r, struct slice name, struct slice value)
{
	if (r->bad != NULL || r->over)
		return;
	if (name.len > 0 && name.at[0] == ':')
		read_pseudo(r, name, value);
	else
		read_regular(r, name, value);
}

enum http_method
http2_read_method(const struct http2_read *r)
{
	return http_method_of(text_of(&r->pseudo[HTTP2_METHOD]));
}

unsigned
http2_read_status(const struct http2_read *r)
{
	struct slice s = text_of(&r->pseudo[HTTP2_STATUS]);
	unsigned n = 0;

	if (s.len != 3)
		return 0;
	for (unsigned i = 0; i < 3; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return 0;
		n = n * 10 + (unsigned)(s.at[i] - '0');
	}
	return n < 100 ? 0 : n;
}

/* Whom it is for: :authority, which Host must not contradict. */
static const char *
request_is_bad(const struct http2_read *r)
{
	struct slice path = text_of(&r->pseudo[HTTP2_PATH]);
	struct slice to = text_of(&r->pseudo[HTTP2_AUTHORITY]);
	struct slice host = text_of(&r->host);
	bool connects = http2_read_method(r) == HTTP_CONNECT;
	unsigned must = connects
	    ? 1u << HTTP2_METHOD | 1u << HTTP2_AUTHORITY
	    : 1u << HTTP2_METHOD | 1u << HTTP2_SCHEME | 1u << HTTP2_PATH;

	if ((r->given & must) != must || (connects && (r->given & ~must) != 0))
		return "pseudo_header";
	if (!connects && !slice_is(text_of(&r->pseudo[HTTP2_SCHEME]), "https"))
		return "scheme";
	if (!connects && path.at[0] != '/' && !slice_is(path, "*"))
		return "path";
	if (to.len == 0 && host.len == 0)
		return "authority";
	if (to.len > 0 && host.len > 0 &&
	    (to.len != host.len || strncasecmp(to.at, host.at, to.len) != 0))
		return "two_hosts";
	return NULL;
}

static int
put_request_line(const struct http2_read *r, struct buf *to)
{
	struct slice method = text_of(&r->pseudo[HTTP2_METHOD]);
	struct slice host = text_of(&r->pseudo[HTTP2_AUTHORITY]);
	struct slice path = text_of(&r->pseudo[HTTP2_PATH]);

	if (host.len == 0)
		host = text_of(&r->host);
	if (path.len == 0)
		path = host;
	return buf_printf(to, "%.*s %.*s HTTP/1.1\r\nhost: %.*s\r\n",
	    (int)method.len, method.at, (int)path.len, path.at, (int)host.len,
	    host.at);
}

static int
put_cookie(const struct http2_read *r, struct buf *to)
{
	return r->cookie.len == 0
	    ? 0
	    : put_line(to, slice_of("cookie"), text_of(&r->cookie));
}

/* How the body is told, where it does not tell itself. */
static int
put_body(const struct http2_read *r, struct buf *to, bool ended, bool bare,
    bool *chunked_r)
{
	unsigned status = r->request ? 0 : http2_read_status(r);
	bool none = bare || (status != 0 && status < 200) || status == 204 ||
	    status == 304;

	*chunked_r = !ended && !r->has_length && !none;
	if (*chunked_r)
		return buf_puts(to, "transfer-encoding: chunked\r\n");
	if (ended && !r->request && !r->has_length && !none)
		return buf_puts(to, "content-length: 0\r\n");
	return 0;
}

static bool
put_text(const struct http2_read *r, struct buf *to, bool ended, bool bare,
    bool *chunked_r)
{
	struct slice fields = text_of(&r->fields);

	if ((r->request ? put_request_line(r, to)
			: buf_printf(to, "HTTP/1.1 %03u \r\n",
			      http2_read_status(r))) < 0 ||
	    buf_put(to, fields.at, fields.len) < 0 || put_cookie(r, to) < 0 ||
	    put_body(r, to, ended, bare, chunked_r) < 0)
		return false;
	return buf_put(to, "\r\n", 2) == 0;
}

/* More than its reader takes, whatever it was. */
static void
put_too_much(const struct http2_read *r, struct buf *to)
{
	static const char head[] = "GET / HTTP/1.1\r\n";
	static const char fill[] =
	    "x: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n";
	size_t begin = to->len;

	buf_puts(to, head);
	while (to->len - begin <= r->limit && buf_puts(to, fill) == 0)
		;
}

const char *
http2_read_text(struct http2_read *r, struct buf *to, bool ended, bool bare,
    bool *chunked_r)
{
	size_t before = to->len;

	*chunked_r = false;
	if (r->bad == NULL && r->request && !r->over)
		r->bad = request_is_bad(r);
	if (r->bad == NULL && !r->request &&
	    (http2_read_status(r) == 0 || http2_read_status(r) == 101))
		r->bad = "status";
	if (r->bad != NULL)
		return r->bad;
	if (!r->over && put_text(r, to, ended, bare, chunked_r))
		return NULL;
	to->len = before;
	if (r->request)
		put_too_much(r, to);
	return r->request ? NULL : "long_head";
}

/* ---- text to fields ---- */

void
http2_fields_init(struct http2_fields *f)
{
	buf_init(&f->bytes, HTTP_HEAD_MAX);
	f->n = 0;
}

void
http2_fields_free(struct http2_fields *f)
{
	buf_free(&f->bytes);
	f->n = 0;
}

static struct http_span
add_bytes(struct http2_fields *f, struct slice s)
{
	struct http_span at = {(uint32_t)f->bytes.len, (uint32_t)s.len};

	MUST(buf_put(&f->bytes, s.at, s.len) == 0);
	return at;
}

static void
add(struct http2_fields *f, struct slice name, struct slice value)
{
	MUST(f->n < HTTP2_FIELDS_MAX);
	f->at[f->n].name = add_bytes(f, name);
	f->at[f->n].value = add_bytes(f, value);
	for (uint32_t i = 0; i < f->at[f->n].name.len; i++) {
		char *c = buf_at(&f->bytes) + f->at[f->n].name.at + i;

		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	}
	f->n++;
}

static void
add_fields(struct http2_fields *f, const struct http_head *h, uint64_t drop)
{
	for (unsigned i = 0; i < h->n; i++) {
		const struct http_field *of = &h->fields[i];

		if (of->id != HTTP_FIELD_OTHER &&
		    (is_of_connection(of->id) || (drop >> of->id & 1) != 0))
			continue;
		add(f, http_at(h, of->name), http_at(h, of->value));
	}
}

void
http2_put_request(struct http2_fields *f, const struct http_request_head *r,
    const char *scheme)
{
	const struct http_head *h = &r->head;

	add(f, slice_of(":method"), http_at(h, r->word));
	add(f, slice_of(":scheme"), slice_of(scheme));
	add(f, slice_of(":authority"), http_value(h, HTTP_FIELD_HOST));
	add(f, slice_of(":path"), http_at(h, r->text));
	add_fields(f, h, HTTP_FIELD_BIT(HOST) | HTTP_FIELD_BIT(TE));
}

void
http2_put_response(struct http2_fields *f, const struct http_response_head *r)
{
	char status[8];

	(void)snprintf(status, sizeof(status), "%03u", r->status);
	add(f, slice_of(":status"), slice_of(status));
	add_fields(f, &r->head, 0);
}
