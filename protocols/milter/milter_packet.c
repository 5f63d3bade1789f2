/*
 * milter_packet: length, letter, data, off a stream that ends where it likes.
 * What it refuses and why is in tests/unit/t_milter_packet.c.
 */

#include "protocols/milter/milter_packet.h"

#include "protocols/milter/milter_wire.h"
#include "proxy/base/check.h"

#define HEAD 5 /* the letter belongs to it */

void
milter_packet_init(struct milter_packet *p)
{
	*p = (struct milter_packet){.most = MILTER_PACKET_MAX};
	buf_init(&p->held, MILTER_PACKET_MAX_1M);
}

void
milter_packet_free(struct milter_packet *p)
{
	buf_free(&p->held);
}

static uint32_t
length_of(const unsigned char *head)
{
	return (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 |
	    (uint32_t)head[2] << 8 | head[3];
}

static struct slice
cut(struct slice *in, size_t n)
{
	struct slice front = {in->at, n};

	*in = slice_skip(*in, n);
	return front;
}

/* Length and letter.  PACKET_SOME: they are there. */
static enum milter_packet_is
take_head(struct milter_packet *p, struct slice *in)
{
	while (p->have < HEAD && in->len > 0) {
		p->head[p->have++] = (unsigned char)cut(in, 1).at[0];
		if (p->have < HEAD - 1)
			continue;
		p->length = length_of(p->head);
		if (p->length == 0)
			return PACKET_EMPTY;
		if (p->length > p->most)
			return PACKET_LONG;
	}
	if (p->have < HEAD)
		return PACKET_NONE;
	p->command = (char)p->head[HEAD - 1];
	p->left = p->length - 1;
	return PACKET_SOME;
}

static enum milter_packet_is
done(struct milter_packet *p, struct slice data)
{
	p->data = data;
	p->last = p->left == 0;
	if (p->last)
		p->have = 0;
	return PACKET_SOME;
}

static bool
is_body(const struct milter_packet *p)
{
	return p->command == MILTER_BODY || p->command == MILTER_BODYEOB;
}

static enum milter_packet_is
take_data(struct milter_packet *p, struct slice *in)
{
	size_t n = in->len < p->left ? in->len : p->left;
	struct slice piece = cut(in, n);

	p->left -= n;
	if (is_body(p)) {
		if (n == 0 && p->left > 0)
			return PACKET_NONE;
		return done(p, piece);
	}
	if (p->left == 0 && p->held.len == 0)
		return done(p, piece);
	MUST(buf_put(&p->held, piece.at, piece.len) == 0);
	if (p->left > 0)
		return PACKET_NONE;
	p->taken = true;
	return done(p, (struct slice){buf_at(&p->held), p->held.len});
}

enum milter_packet_is
milter_packet(struct milter_packet *p, struct slice *in)
{
	enum milter_packet_is is;

	if (p->taken) {
		buf_free(&p->held);
		p->taken = false;
	}
	if (p->have < HEAD) {
		is = take_head(p, in);
		if (is != PACKET_SOME)
			return is;
	}
	return take_data(p, in);
}
