/*
 * f_local_packet: frames of both sides in arbitrary pieces, answers and
 * qmail's envelope.  What is taken lies inside, is within its limits, is the
 * same however it was cut up, and reads back when it is put again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "protocols/local/local_packet.h"
#include "proxy/base/check.h"
#include "proxy/qmail_envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
inside(struct slice part, struct slice whole)
{
	MUST(part.at >= whole.at && part.at <= whole.at + whole.len);
	MUST(part.len <= (size_t)(whole.at + whole.len - part.at));
}

static void
put_again(enum local_side side, const struct local_frame *f)
{
	struct local_frame g;
	struct slice in;
	struct buf b;

	buf_init(&b, LOCAL_FRAME_MAX);
	MUST(local_putn(&b, f->tag, f->text) == 0);
	in = (struct slice){buf_at(&b), b.len};
	MUST(local_take(side, &in, &g) == 1 && in.len == 0);
	MUST(g.tag == f->tag && g.text.len == f->text.len);
	MUST(
	    f->text.len == 0 || memcmp(g.text.at, f->text.at, g.text.len) == 0);
	buf_free(&b);
}

/* One byte at a time there is nothing until the frame is whole. */
static void
grows(enum local_side side, struct slice whole, size_t len)
{
	struct local_frame f;
	struct slice part;

	for (size_t n = 0; n < len && n < 64; n++) {
		part = (struct slice){whole.at, n};
		MUST(local_take(side, &part, &f) == 0 && part.len == n);
	}
}

static void
must_be_an_answer(const struct local_answer *a)
{
	struct local_answer again = {0};
	struct local_frame f;
	struct slice in;
	struct buf b;
	int is = 0;

	MUST(a->action < DO_ACTIONS);
	MUST(strpbrk(a->mark, "\r\n") == NULL);
	MUST(strpbrk(a->text, "\r\n") == NULL);
	buf_init(&b, 4096);
	MUST(local_put_answer(&b, a) == 0);
	in = (struct slice){buf_at(&b), b.len};
	while (is == 0 && local_take(LOCAL_ANSWER, &in, &f) == 1)
		is = local_add_answer(&again, &f);
	MUST(is == 1 && again.action == a->action);
	MUST(strcmp(again.mark, a->mark) == 0);
	MUST(strcmp(again.text, a->text) == 0);
	buf_free(&b);
}

static void
one_side(enum local_side side, struct slice all)
{
	struct local_answer a = {0};
	struct slice rest = all, before;
	struct local_frame f;
	unsigned at = 0;
	bool goes = true;
	int is = 0;

	for (;;) {
		before = rest;
		is = local_take(side, &rest, &f);
		if (is != 1)
			break;
		inside(f.text, all);
		grows(side, before, before.len - rest.len);
		put_again(side, &f);
		goes = side == LOCAL_ASK && goes && local_may_ask(&at, f.tag);
		is = side == LOCAL_ASK ? 0 : local_add_answer(&a, &f);
		if (is == 1)
			must_be_an_answer(&a);
		if (is != 0)
			return;
	}
	MUST(rest.len == before.len);
	/* a whole frame of the largest size is never "not yet" */
	MUST(is != 0 || rest.len < LOCAL_FRAME_MAX);
}

static void
count(void *arg, bool rcpt, const char *address)
{
	size_t *bytes = arg;

	MUST(rcpt || *bytes == 0);
	MUST(strlen(address) < QMAIL_ADDR_MAX);
	*bytes += strlen(address) + 2;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = {(const char *)data, size};
	size_t bytes = 0;

	if (size == 0)
		return 0;
	one_side(LOCAL_ASK, all);
	one_side(LOCAL_ANSWER, all);
	if (qmail_envelope(all, count, &bytes) == QMAIL_OK)
		MUST(bytes + 1 <= size);
	return 0;
}
