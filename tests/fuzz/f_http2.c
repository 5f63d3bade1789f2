/*
 * f_http2: what a client says in HTTP/2, cut as the first byte has it.  Of each
 * stream at most one request is read, in whole or in part, and whatever stands
 * in the frames nothing follows it that could be a second one.
 */
#include <stdint.h>
#include <stdlib.h>

#include "protocols/http/http2.h"
#include "protocols/http/http_chunk.h"
#include "protocols/http/http_head.h"
#include "proxy/base/check.h"
#include "proxy/io_wire.h"
#include "proxy/loop.h"

#define LIMIT (16 * 1024)
#define READERS 128

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- who serves a stream ---- */

static struct reader {
	struct io *io;
	bool headed, whole;
	struct http_request_head head;
	struct http_chunks chunks;
	uint64_t left;
} readers[READERS];

static void
drop(struct reader *r)
{
	io_free(&r->io);
	http_chunk_free(&r->chunks);
}

static void
answer(struct reader *r)
{
	r->whole = true;
	io_puts(r->io, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static bool
take_head(struct reader *r, struct slice in)
{
	enum http_head_is is = http_request_head(&r->head, in, LIMIT);
	const struct http_framing *f = &r->head.head.framing;

	if (is == HTTP_HEAD_MORE)
		return false;
	if (is == HTTP_HEAD_BAD) {
		drop(r);
		return false;
	}
	io_eat(r->io, r->head.head.size);
	r->headed = true;
	r->left = f->length;
	http_chunk_init(&r->chunks, NULL);
	if (f->is == HTTP_BODY_NONE ||
	    (f->is == HTTP_BODY_LENGTH && r->left == 0))
		answer(r);
	return true;
}

static void
take_body(struct reader *r, struct slice in)
{
	struct slice rest = in, data;
	enum http_chunk_is is;

	if (r->head.head.framing.is == HTTP_BODY_LENGTH) {
		MUST(in.len <= r->left);
		r->left -= in.len;
		io_eat(r->io, in.len);
		if (r->left == 0)
			answer(r);
		return;
	}
	while ((is = http_chunk(&r->chunks, &rest, &data)) == HTTP_CHUNK_DATA)
		;
	MUST(is != HTTP_CHUNK_BAD); /* they are our own */
	io_eat(r->io, in.len - rest.len);
	if (is == HTTP_CHUNK_DONE)
		answer(r);
}

static void
told(void *arg, struct io *io, enum io_event what)
{
	struct reader *r = arg;

	if (what == IO_GONE || what == IO_ENDED) {
		drop(r);
		return;
	}
	while (what == IO_INPUT && r->io != NULL && io_input(io).len > 0) {
		MUST(!r->whole); /* a second request */
		if (r->headed)
			take_body(r, io_input(io));
		else if (!take_head(r, io_input(io)))
			return;
	}
}

static void
opened(void *arg, struct io **iop)
{
	struct reader *r = readers;

	(void)arg;
	while (r < readers + READERS && r->io != NULL)
		r++;
	MUST(r < readers + READERS);
	*r = (struct reader){.io = *iop};
	http_request_head_init(&r->head);
	io_owner(r->io, told, r);
}

static void
busy(void *arg, bool is)
{
	(void)arg;
	(void)is;
}

static void
over(void *arg)
{
	*(bool *)arg = true;
}

/* ---- the connection below ---- */

static struct slice coming;
static size_t step;

static size_t
below_read(void *arg, char *to, size_t room, bool *end_r)
{
	size_t n = coming.len < step ? coming.len : step;

	(void)arg;
	(void)end_r;
	n = n < room ? n : room;
	memcpy(to, coming.at, n);
	coming = slice_skip(coming, n);
	return n;
}

static int
below_lost(void *arg)
{
	(void)arg;
	return 0;
}

static void
below_wants(void *arg)
{
	struct io *io = *(struct io **)arg;
	char bytes[4096];
	bool end;

	while (io_wire_take(io, bytes, sizeof(bytes), &end) > 0)
		;
}

static void
below_closed(void *arg, bool reset)
{
	(void)arg;
	(void)reset;
}

static struct http2 *h2;

static void
below_told(void *arg, struct io *io, enum io_event what)
{
	(void)arg;
	(void)io;
	if (h2 != NULL && (what == IO_INPUT || what == IO_DRAINED))
		http2_says(h2, what);
}

/* ---- all of it ---- */

static void
turn_ends(void *arg)
{
	loop_stop(arg);
}

static void
run(struct loop *l, int turns)
{
	struct job end;

	job_init(&end, turn_ends, l);
	for (int i = 0; i < turns; i++) {
		loop_next(l, &end);
		loop_run(l);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct io_wire wire = {
	    below_read, below_lost, below_wants, below_closed};
	static const struct http2_calls calls = {opened, busy, over};
	static struct loop *l;
	static struct io *socket_io;
	struct io *below;
	bool is_over = false;
	int pair[2];

	if (l == NULL) {
		l = loop_open();
		MUST(socketpair(
			 AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
		socket_io = io_open(l, &pair[0], NULL);
	}
	if (size < 1)
		return 0;
	step = data[0] == 0 ? SIZE_MAX : data[0];
	coming = (struct slice){(const char *)data + 1, size - 1};
	below = io_open_wire(l, &wire, &below, socket_io);
	io_owner(below, below_told, NULL);
	h2 = http2_open(true, l, below, LIMIT, 0, &calls, &is_over);
	for (int i = 0; i < 4000 && coming.len > 0 && !is_over; i++) {
		io_wire_ready(below);
		run(l, 1);
	}
	run(l, 3);
	http2_free(&h2);
	for (size_t i = 0; i < READERS; i++)
		drop(&readers[i]);
	io_free(&below);
	run(l, 2);
	return 0;
}
