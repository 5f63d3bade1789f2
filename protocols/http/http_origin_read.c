/*
 * http_origin_read: the answer of an origin, from its first byte to its end.
 */
#include "protocols/http/http_origin_own.h"
#include "proxy/base/check.h"
#include "proxy/io.h"

/* 1xx answers before the real one: more is a loop of its own. */
#define INTERIMS_MAX 16

static bool
malformed(struct http_origin *o, enum http_bad bad)
{
	return http_origin_lost(o, HTTP_CAUSE_MALFORMED, http_bad_word(bad));
}

/* It is whole.  What follows was not asked for. */
bool
http_origin_whole(struct http_origin *o)
{
	o->is = ORIGIN_DONE;
	io_deadline(o->io, 0, NULL);
	io_pause(o->io);
	return http_origin_tell(o, HTTP_ORIGIN_END);
}

/* What is behind the head is what the head says.  False: o may be gone. */
static bool
head_is_whole(struct http_origin *o)
{
	const struct http_framing *f = &o->head.head.framing;

	/* it is us whom a proxy asks who we are, and not the client */
	if (o->absolute && o->head.status == 407)
		return http_parent_refuses(o);
	o->is = ORIGIN_BODY;
	o->left = f->length;
	http_chunk_init(&o->chunks, NULL);
	if (!http_origin_tell(o, HTTP_ORIGIN_HEAD) || o->is != ORIGIN_BODY)
		return false;
	if (f->is == HTTP_BODY_NONE ||
	    (f->is == HTTP_BODY_LENGTH && f->length == 0))
		return http_origin_whole(o);
	return f->is != HTTP_BODY_TUNNEL;
}

/* 1xx: told, and the next head begins. */
static bool
interim(struct http_origin *o)
{
	if (++o->interims > INTERIMS_MAX)
		return http_origin_lost(
		    o, HTTP_CAUSE_MALFORMED, "1xx without end");
	if (!http_origin_tell(o, HTTP_ORIGIN_INTERIM) || o->is != ORIGIN_ASKED)
		return false;
	http_response_head_init(&o->head, o->asked);
	buf_clear(&o->bytes);
	http_origin_wait(o);
	return true;
}

static bool
take_head(struct http_origin *o, struct slice in)
{
	enum http_head_is is =
	    http_response_head(&o->head, in, o->conf->max_header);
	size_t size = o->head.head.size;

	if (is == HTTP_HEAD_BAD)
		return malformed(o, o->head.head.bad);
	if (is == HTTP_HEAD_MORE)
		return false;
	MUST(buf_put(&o->bytes, in.at, size) == 0);
	http_head_move(&o->head.head, buf_at(&o->bytes));
	io_eat(o->io, size);
	if (o->head.status < 200 && o->head.status != 101)
		return interim(o);
	return head_is_whole(o);
}

static bool
give(struct http_origin *o, struct slice data)
{
	o->data = data;
	return http_origin_tell(o, HTTP_ORIGIN_DATA) && o->is == ORIGIN_BODY;
}

static bool
take_chunks(struct http_origin *o, struct slice in)
{
	struct slice rest = in, data;
	enum http_chunk_is is;

	while ((is = http_chunk(&o->chunks, &rest, &data)) == HTTP_CHUNK_DATA) {
		if (!give(o, data))
			return false;
	}
	if (is == HTTP_CHUNK_BAD)
		return malformed(o, o->chunks.bad);
	io_eat(o->io, in.len - rest.len);
	return is == HTTP_CHUNK_DONE ? http_origin_whole(o) : false;
}

static bool
take_length(struct http_origin *o, struct slice in)
{
	if (in.len > o->left)
		in.len = (size_t)o->left;
	if (!give(o, in))
		return false;
	io_eat(o->io, in.len);
	o->left -= in.len;
	return o->left == 0 ? http_origin_whole(o) : true;
}

static bool
take_body(struct http_origin *o, struct slice in)
{
	switch (o->head.head.framing.is) {
	case HTTP_BODY_CHUNKED:
		return take_chunks(o, in);
	case HTTP_BODY_LENGTH:
		return take_length(o, in);
	case HTTP_BODY_CLOSE:
		if (!give(o, in))
			return false;
		io_eat(o->io, in.len);
		return true;
	default:
		return false;
	}
}

/* False: nothing more can be done, or o may be gone. */
bool
http_origin_take(struct http_origin *o)
{
	struct slice in = io_input(o->io);

	if (in.len == 0)
		return false;
	o->spoke = true;
	if (o->is == ORIGIN_ASKED)
		return take_head(o, in);
	return o->is == ORIGIN_BODY && take_body(o, in);
}
