/*
 * http_chunk: the chunked coding, byte by byte where it is structure, in
 * pieces where it is data.  Pure.  What it refuses is in
 * tests/unit/t_http_chunk.c.
 */

#include "protocols/http/http_chunk.h"

#include "protocols/http/http_head.h"
#include "protocols/http/http_line.h"

enum state {
	IN_SIZE,
	IN_EXTENSION,
	IN_SIZE_LF, /* behind the CR of the size line */
	IN_DATA,
	IN_DATA_CR, /* behind the data */
	IN_DATA_LF,
	IN_TRAILER,
	IS_OVER,
	IS_BAD
};

void
http_chunk_init(struct http_chunks *c, struct buf *keep)
{
	*c = (struct http_chunks){.state = IN_SIZE, .keep = keep};
	buf_init(&c->line, HTTP_TRAILER_LINE_MAX);
}

void
http_chunk_free(struct http_chunks *c)
{
	buf_free(&c->line);
}

static int
bad(struct http_chunks *c, enum http_bad why)
{
	c->bad = why;
	return IS_BAD;
}

static int
in_size(struct http_chunks *c, char byte)
{
	int digit = slice_hex(byte);

	if (digit >= 0) {
		if (++c->digits > HTTP_CHUNK_DIGITS_MAX)
			return bad(c, HTTP_BAD_CHUNK_SIZE);
		c->left = c->left << 4 | (uint64_t)digit;
		return IN_SIZE;
	}
	if (c->digits == 0 || c->left > (uint64_t)INT64_MAX - c->size)
		return bad(c, HTTP_BAD_CHUNK_SIZE);
	if (byte == '\r')
		return IN_SIZE_LF;
	return byte == ';' ? IN_EXTENSION : bad(c, HTTP_BAD_CHUNK_SIZE);
}

/* Passed over: nobody knows one (RFC 9112 7.1.1). */
static int
in_extension(struct http_chunks *c, char byte)
{
	unsigned char u = (unsigned char)byte;

	if (byte == '\r')
		return IN_SIZE_LF;
	if ((u < ' ' && u != '\t') || u == 0x7f)
		return bad(c, HTTP_BAD_CHUNK_LINE);
	if (++c->extension > HTTP_CHUNK_EXTENSION_MAX ||
	    ++c->extensions > HTTP_CHUNK_EXTENSIONS_MAX)
		return bad(c, HTTP_BAD_CHUNK_MORE);
	return IN_EXTENSION;
}

static int
next_chunk(struct http_chunks *c)
{
	c->digits = 0;
	c->left = 0;
	c->extension = 0;
	return IN_SIZE;
}

static int
size_is_read(struct http_chunks *c, char byte)
{
	if (byte != '\n')
		return bad(c, HTTP_BAD_CHUNK_LINE);
	return c->left == 0 ? IN_TRAILER : IN_DATA;
}

/*
 * RFC 9110 6.5.1: what frames, routes or says how to read a body cannot come
 * behind it.  The first three would be smuggling, the rest is left out.
 */
static bool
is_framing(enum http_field_id id)
{
	return id == HTTP_FIELD_CONTENT_LENGTH || id == HTTP_FIELD_HOST ||
	    id == HTTP_FIELD_TRANSFER_ENCODING;
}

static int
trailer(struct http_chunks *c, struct slice line)
{
	struct slice name, value;
	enum http_bad why = http_field_line(line, &name, &value);
	enum http_field_id id;

	if (why != HTTP_BAD_NONE)
		return bad(c, why);
	id = http_field_id(name);
	if (is_framing(id))
		return bad(c, HTTP_BAD_TRAILER);
	if (++c->fields > HTTP_TRAILER_FIELDS_MAX)
		return bad(c, HTTP_BAD_MANY_FIELDS);
	if (c->keep == NULL || id != HTTP_FIELD_OTHER)
		return IN_TRAILER;
	if (buf_printf(c->keep, "%.*s: %.*s\r\n", (int)name.len, name.at,
		(int)value.len, value.at) < 0)
		return bad(c, HTTP_BAD_LONG_HEAD);
	return IN_TRAILER;
}

/* A whole line lies in c->line. */
static int
trailer_line(struct http_chunks *c)
{
	struct slice all = {buf_at(&c->line), c->line.len}, line;
	enum http_bad why;
	int next;

	if (http_line(all, 0, &line, &why) < 0)
		return bad(c, why);
	next = line.len == 0 ? IS_OVER : trailer(c, line);
	buf_clear(&c->line);
	return next;
}

static int
in_trailer(struct http_chunks *c, char byte)
{
	if (++c->trailers > HTTP_TRAILERS_MAX)
		return bad(c, HTTP_BAD_LONG_HEAD);
	if (buf_put(&c->line, &byte, 1) < 0)
		return bad(c, HTTP_BAD_LONG_FIELD);
	return byte == '\n' ? trailer_line(c) : IN_TRAILER;
}

static int
step(struct http_chunks *c, char byte)
{
	switch (c->state) {
	case IN_SIZE:
		return in_size(c, byte);
	case IN_EXTENSION:
		return in_extension(c, byte);
	case IN_SIZE_LF:
		return size_is_read(c, byte);
	case IN_DATA_CR:
		return byte == '\r' ? IN_DATA_LF : bad(c, HTTP_BAD_CHUNK_END);
	case IN_DATA_LF:
		return byte == '\n' ? next_chunk(c)
				    : bad(c, HTTP_BAD_CHUNK_END);
	default:
		return in_trailer(c, byte);
	}
}

static struct slice
take_data(struct http_chunks *c, struct slice *in)
{
	struct slice data = *in;

	if (data.len > c->left)
		data.len = (size_t)c->left;
	*in = slice_skip(*in, data.len);
	c->left -= data.len;
	c->size += data.len;
	if (c->left == 0)
		c->state = IN_DATA_CR;
	return data;
}

enum http_chunk_is
http_chunk(struct http_chunks *c, struct slice *in, struct slice *data_r)
{
	while (c->state != IS_OVER && c->state != IS_BAD) {
		if (in->len == 0)
			return HTTP_CHUNK_MORE;
		if (c->state == IN_DATA) {
			*data_r = take_data(c, in);
			return HTTP_CHUNK_DATA;
		}
		c->state = step(c, in->at[0]);
		*in = slice_skip(*in, 1);
	}
	return c->state == IS_OVER ? HTTP_CHUNK_DONE : HTTP_CHUNK_BAD;
}

/* ---- the other way ---- */

size_t
http_chunk_head(char to[HTTP_CHUNK_HEAD_MAX], uint64_t len)
{
	return (size_t)snprintf(
	    to, HTTP_CHUNK_HEAD_MAX, "%jx\r\n", (uintmax_t)len);
}

int
http_chunk_put(struct buf *to, struct slice data)
{
	char head[HTTP_CHUNK_HEAD_MAX];
	size_t n = http_chunk_head(head, data.len), before = to->len;

	if (buf_put(to, head, n) == 0 && buf_put(to, data.at, data.len) == 0 &&
	    buf_put(to, "\r\n", 2) == 0)
		return 0;
	to->len = before;
	return -1;
}

int
http_chunk_end(struct buf *to, struct slice trailers)
{
	size_t before = to->len;

	if (buf_puts(to, "0\r\n") == 0 &&
	    buf_put(to, trailers.at, trailers.len) == 0 &&
	    buf_put(to, "\r\n", 2) == 0)
		return 0;
	to->len = before;
	return -1;
}
