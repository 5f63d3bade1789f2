/*
 * f_mail_head: a mail's header in arbitrary pieces: the same is found, and the
 * cuts are whole lines, in order, apart; what is left holds no field of ours.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/buf.h"
#include "proxy/base/check.h"
#include "proxy/mail_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_in_pieces(
    const uint8_t *data, size_t size, size_t piece, struct mail_head *h)
{
	size_t n;

	mail_head_init(h);
	for (size_t at = 0; at < size; at += n) {
		n = size - at < piece ? size - at : piece;
		mail_head(h, (const char *)data + at, n);
	}
	mail_head_end(h);
}

static void
must_be_same(const struct mail_head *a, const struct mail_head *b)
{
	MUST(a->no_field == b->no_field && a->received == b->received);
	MUST(a->cuts == b->cuts);
	MUST(memcmp(a->cut, b->cut, sizeof(a->cut)) == 0);
	MUST(strcmp(a->subject.text, b->subject.text) == 0);
	MUST(strcmp(a->message_id.text, b->message_id.text) == 0);
}

static void
cuts_are_whole_lines(
    const struct mail_head *h, const uint8_t *data, size_t size)
{
	uint64_t at = 0;

	for (unsigned i = 0; i < h->cuts; i++) {
		const struct mail_cut *c = &h->cut[i];

		MUST(c->from >= at && c->from < c->to && c->to <= size);
		MUST(c->from == 0 || data[c->from - 1] == '\n');
		MUST(c->to == size || data[c->to - 1] == '\n');
		at = c->to;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mail_head whole, pieces, rest;
	struct buf left;
	uint64_t at = 0;

	read_in_pieces(data, size, size == 0 ? 1 : size, &whole);
	for (size_t piece = 1; piece < 8; piece += 3) {
		read_in_pieces(data, size, piece, &pieces);
		must_be_same(&whole, &pieces);
	}
	if (whole.cuts > MAIL_CUTS_MAX)
		return 0;
	cuts_are_whole_lines(&whole, data, size);
	buf_init(&left, size + 1);
	for (unsigned i = 0; i < whole.cuts; i++) {
		MUST(buf_put(&left, data + at, whole.cut[i].from - at) == 0);
		at = whole.cut[i].to;
	}
	MUST(size == at || buf_put(&left, data + at, size - at) == 0);
	if (left.len > 0) {
		read_in_pieces(
		    (const uint8_t *)buf_at(&left), left.len, left.len, &rest);
		MUST(rest.cuts == 0);
		MUST(rest.received == whole.received || rest.no_field);
	}
	buf_free(&left);
	return 0;
}
