/*
 * http_put: an answer that has passed goes out: as a whole, behind what of it
 * has left already, or the parts of it that were asked for.
 */
#include "protocols/http/http.h"
#include "protocols/http/http_write.h"
#include "proxy/base/clock.h"
#include "proxy/base/mem.h"

#define HEAD_OUT_MAX (160 * 1024)

/* ---- parts of the whole ---- */

/* What of the answer's list is to be sent; WHOLE: all of it. */
static enum http_range_is
which_ranges(const struct http_req *q, struct http_range *list, unsigned *n_r)
{
	const struct http_head *h = &q->answer.head;
	struct slice condition = http_value(&q->head.head, HTTP_FIELD_IF_RANGE);

	if (!q->cut || q->answer.status != 200)
		return HTTP_RANGE_WHOLE;
	if (condition.at != NULL &&
	    !http_if_range(condition, http_value(h, HTTP_FIELD_ETAG),
		http_value(h, HTTP_FIELD_LAST_MODIFIED),
		http_value(h, HTTP_FIELD_DATE)))
		return HTTP_RANGE_WHOLE;
	return http_ranges_of(
	    &q->ranges, content_size(q->x->content), list, n_r);
}

static void
put_range_head(struct http_req *q, const struct http_range *r, uint64_t len)
{
	struct http_write_response w = {.body = {HTTP_BODY_LENGTH, len}};
	struct buf more;

	w.status = r == NULL ? 416 : 206;
	w.drop = HTTP_FIELD_BIT(CONTENT_RANGE);
	buf_init(&more, 256);
	buf_puts(&more, "Content-Range: ");
	(void)http_content_range_put(&more, r, content_size(q->x->content));
	buf_puts(&more, "\r\n");
	w.more = (struct slice){buf_at(&more), more.len};
	(void)snprintf(q->status, sizeof(q->status), "%u %s", w.status,
	    http_status_text(w.status));
	http_answer_head(q, &w);
	buf_free(&more);
}

/* Several: each with a head of its own (RFC 9110 15.3.7.2). */
static void
put_parts(struct http_req *q, const struct http_range *list, unsigned n)
{
	uint64_t size = content_size(q->x->content);
	struct slice type =
	    http_value(&q->answer.head, HTTP_FIELD_CONTENT_TYPE);
	const char *boundary = q->x->id; /* nobody knew it before */
	struct http_write_response w = {
	    .status = 206, .drop = HTTP_FIELD_BIT(CONTENT_TYPE)};
	struct buf b;

	w.body.is = HTTP_BODY_LENGTH;
	w.body.length = http_parts_size(boundary, type, list, n, size);
	buf_init(&b, HEAD_OUT_MAX);
	buf_printf(&b, "Content-Type: multipart/byteranges; boundary=%s\r\n",
	    boundary);
	w.more = (struct slice){buf_at(&b), b.len};
	copy_text(q->status, sizeof(q->status), "206 Partial Content");
	http_answer_head(q, &w);
	for (unsigned i = 0; i < n; i++) {
		buf_clear(&b);
		(void)http_part_put(&b, boundary, type, &list[i], size);
		io_put(q->s->client, buf_at(&b), b.len);
		io_feed(q->s->client, q->x->content, list[i].first,
		    list[i].last + 1);
	}
	buf_clear(&b);
	(void)http_parts_end(&b, boundary);
	io_put(q->s->client, buf_at(&b), b.len);
	buf_free(&b);
}

/* ---- what has passed goes out ---- */

static void
put_whole(struct http_req *q)
{
	uint64_t size = content_size(q->x->content);
	struct http_write_response w = {.body = {HTTP_BODY_LENGTH, size}};
	char line[HTTP_CHUNK_HEAD_MAX];
	struct io *io = q->s->client;

	if (!q->head_sent)
		http_answer_head(q, &w);
	if (!q->chunked) {
		io_feed(io, q->x->content, q->sent, size);
		return;
	}
	if (size > q->sent) {
		io_put(io, line, http_chunk_head(line, size - q->sent));
		io_feed(io, q->x->content, q->sent, size);
		io_puts(io, "\r\n");
	}
	io_puts(io, "0\r\n\r\n");
}

void
http_answer_put(struct http_req *q)
{
	struct http_range list[HTTP_RANGES_MAX];
	enum http_range_is is;
	unsigned n = 0;

	is = which_ranges(q, list, &n);
	q->result = "delivered";
	q->delivery_ms = clock_ms();
	if (is == HTTP_RANGE_NONE)
		put_range_head(q, NULL, 0);
	else if (is == HTTP_RANGE_SOME && n > 1)
		put_parts(q, list, n);
	else if (is == HTTP_RANGE_SOME) {
		put_range_head(q, list, list->last - list->first + 1);
		io_feed(
		    q->s->client, q->x->content, list->first, list->last + 1);
	} else {
		put_whole(q);
	}
	http_enter(q->s, HTTP_IN_ANSWER);
}
