/*
 * http_write: heads written anew.  Nothing of what was read goes on but the
 * fields that are for the other end, one to a line, and the body is framed by
 * us.  Pure.
 */

#include "protocols/http/http_write.h"

#include "protocols/http/http_field.h"

/* What we write ourselves, whatever came. */
#define OURS \
	(HTTP_FIELD_BIT(HOST) | HTTP_FIELD_BIT(VIA) | \
	    HTTP_FIELD_BIT(CONTENT_LENGTH))
#define OURS_IN_REQUEST \
	(OURS | HTTP_FIELD_BIT(ACCEPT_ENCODING) | HTTP_FIELD_BIT(MAX_FORWARDS))

static int
put_slice(struct buf *to, struct slice s)
{
	return buf_put(to, s.at, s.len);
}

static int
put_fields(struct buf *to, const struct http_head *h, uint64_t drop)
{
	for (unsigned i = 0; i < h->n; i++) {
		const struct http_field *f = &h->fields[i];
		bool dropped = f->id != HTTP_FIELD_OTHER && (drop >> f->id & 1);

		if (dropped || http_is_hop(h, f))
			continue;
		if (put_slice(to, http_at(h, f->name)) < 0 ||
		    buf_put(to, ": ", 2) < 0 ||
		    put_slice(to, http_at(h, f->value)) < 0 ||
		    buf_put(to, "\r\n", 2) < 0)
			return -1;
	}
	return 0;
}

static int
put_framing(struct buf *to, const struct http_framing *f)
{
	if (f->is == HTTP_BODY_LENGTH)
		return buf_printf(
		    to, "Content-Length: %ju\r\n", (uintmax_t)f->length);
	if (f->is == HTTP_BODY_CHUNKED)
		return buf_puts(to, "Transfer-Encoding: chunked\r\n");
	return 0;
}

static int
put_connection(struct buf *to, bool closes, const char *upgrade)
{
	if (upgrade != NULL)
		return buf_printf(
		    to, "Connection: Upgrade\r\nUpgrade: %s\r\n", upgrade);
	return closes ? buf_puts(to, "Connection: close\r\n") : 0;
}

/* ---- requests ---- */

static int
put_target(struct buf *to, const struct http_request_head *r,
    const struct http_write_request *w)
{
	struct slice text = http_at(&r->head, r->text);
	const struct http_target *t = &r->target;
	struct slice path = {text.at + t->path.at, t->path.len};
	struct slice query = {text.at + t->query.at, t->query.len};
	bool whole; /* RFC 9112 3.2.4: "*" of the server at the end */

	if (r->method == HTTP_CONNECT)
		return http_host_put(to, w->host, 0);
	whole = r->method == HTTP_OPTIONS && path.len == 0 && !t->has_query;
	if (w->absolute &&
	    (buf_printf(to, "%s://", http_scheme_word(w->scheme)) < 0 ||
		http_host_put(to, w->host, http_scheme_port(w->scheme)) < 0))
		return -1;
	if (whole)
		return w->absolute ? 0 : buf_put(to, "*", 1);
	if (path.len == 0 ? buf_put(to, "/", 1) < 0 : put_slice(to, path) < 0)
		return -1;
	if (!t->has_query)
		return 0;
	return buf_put(to, "?", 1) < 0 ? -1 : put_slice(to, query);
}

/* The first line, and Host right behind it (RFC 9110 7.2). */
static int
put_request_line(struct buf *to, const struct http_request_head *r,
    const struct http_write_request *w)
{
	uint16_t usual =
	    r->method == HTTP_CONNECT ? 0 : http_scheme_port(w->scheme);

	if (put_slice(to, http_at(&r->head, r->word)) < 0 ||
	    buf_put(to, " ", 1) < 0 || put_target(to, r, w) < 0 ||
	    buf_puts(to, " HTTP/1.1\r\nHost: ") < 0 ||
	    http_host_put(to, w->host, usual) < 0)
		return -1;
	return buf_put(to, "\r\n", 2);
}

static int
put_request(struct buf *to, const struct http_request_head *r,
    const struct http_write_request *w)
{
	if (put_request_line(to, r, w) < 0 ||
	    put_fields(to, &r->head, OURS_IN_REQUEST | w->drop) < 0 ||
	    http_via_put(to, &r->head, w->via) < 0)
		return -1;
	if (w->accept_encoding != NULL &&
	    buf_printf(to, "Accept-Encoding: %s\r\n", w->accept_encoding) < 0)
		return -1;
	if (w->has_max_forwards &&
	    buf_printf(
		to, "Max-Forwards: %ju\r\n", (uintmax_t)w->max_forwards) < 0)
		return -1;
	if (put_framing(to, &w->body) < 0 ||
	    put_connection(to, w->close, w->upgrade) < 0 ||
	    put_slice(to, w->more) < 0)
		return -1;
	return buf_put(to, "\r\n", 2);
}

int
http_write_request(struct buf *to, const struct http_request_head *r,
    const struct http_write_request *w)
{
	size_t before = to->len;

	if (put_request(to, r, w) == 0)
		return 0;
	to->len = before;
	return -1;
}

/* ---- responses ---- */

/* With the reason that came, unless the status is another; HTTP/2 has none. */
static int
put_status_line(struct buf *to, const struct http_response_head *r,
    const struct http_write_response *w)
{
	if (w->status != 0 && w->status != r->status)
		return http_write_status(to, w->status);
	if (r->reason.len == 0)
		return http_write_status(to, r->status);
	if (buf_printf(to, "HTTP/1.1 %u ", r->status) < 0 ||
	    put_slice(to, http_at(&r->head, r->reason)) < 0)
		return -1;
	return buf_put(to, "\r\n", 2);
}

static int
put_response(struct buf *to, const struct http_response_head *r,
    const struct http_write_response *w)
{
	struct http_framing length_of = {HTTP_BODY_LENGTH, w->length_of};
	bool none = w->body.is == HTTP_BODY_NONE;

	if (put_status_line(to, r, w) < 0 ||
	    put_fields(to, &r->head, OURS | w->drop) < 0 ||
	    http_via_put(to, &r->head, w->via) < 0)
		return -1;
	if (put_framing(to, none && w->has_length_of ? &length_of : &w->body) <
	    0)
		return -1;
	if (put_connection(to, w->close, w->upgrade) < 0 ||
	    put_slice(to, w->more) < 0)
		return -1;
	return buf_put(to, "\r\n", 2);
}

int
http_write_response(struct buf *to, const struct http_response_head *r,
    const struct http_write_response *w)
{
	size_t before = to->len;

	if (put_response(to, r, w) == 0)
		return 0;
	to->len = before;
	return -1;
}

/* ---- status ---- */

static const struct {
	unsigned status;
	const char *text;
} statuses[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {204, "No Content"},
    {206, "Partial Content"},
    {302, "Found"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {426, "Upgrade Required"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {508, "Loop Detected"},
};

const char *
http_status_text(unsigned status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (statuses[i].status == status)
			return statuses[i].text;
	}
	return "";
}

int
http_write_status(struct buf *to, unsigned status)
{
	return buf_printf(
	    to, "HTTP/1.1 %u %s\r\n", status, http_status_text(status));
}
