/*
 * local_packet: the frames between the tool and the gateway.  What is refused
 * and why is in tests/unit/t_local_packet.c.
 */

#include "protocols/local/local_packet.h"

/* clang-format off */
static const struct {
	unsigned char byte;
	enum local_side side;
	size_t most;
} frames[] = {
#define X(frame, byte, side, most, text) {byte, LOCAL_##side, most},
	LOCAL_FRAMES(X)
#undef X
};
/* clang-format on */

static enum local_tag
find(enum local_side side, unsigned char byte)
{
	enum local_tag tag = 0;

	while (tag < LOCAL_TAGS &&
	    (frames[tag].byte != byte || frames[tag].side != side))
		tag++;
	return tag;
}

int
local_take(enum local_side side, struct slice *in, struct local_frame *f_r)
{
	const unsigned char *at = (const unsigned char *)in->at;
	enum local_tag tag;
	size_t len;

	if (in->len == 0)
		return 0;
	tag = find(side, at[0]);
	if (tag == LOCAL_TAGS)
		return -1;
	if (in->len < LOCAL_HEAD)
		return 0;
	len = (size_t)at[1] << 8 | at[2];
	if (len > frames[tag].most)
		return -1;
	if (in->len < LOCAL_HEAD + len)
		return 0;
	f_r->tag = tag;
	f_r->text = (struct slice){in->at + LOCAL_HEAD, len};
	*in = slice_skip(*in, LOCAL_HEAD + len);
	return 1;
}

int
local_putn(struct buf *b, enum local_tag tag, struct slice text)
{
	size_t len = text.len < frames[tag].most ? text.len : frames[tag].most;
	char *to = buf_room(b, LOCAL_HEAD + len);

	if (to == NULL)
		return -1;
	to[0] = (char)frames[tag].byte;
	to[1] = (char)(len >> 8);
	to[2] = (char)(len & 0xff);
	if (len > 0)
		memcpy(to + LOCAL_HEAD, text.at, len);
	buf_grew(b, LOCAL_HEAD + len);
	return 0;
}

int
local_put(struct buf *b, enum local_tag tag, const char *text)
{
	return local_putn(b, tag, slice_of(text));
}

/* ---- what may be asked when ---- */

#define BIT(tag) (1u << (tag))
#define ENVELOPE \
	(BIT(LOCAL_WHERE) | BIT(LOCAL_SENDER) | BIT(LOCAL_RCPT) | \
	    BIT(LOCAL_HELO))

bool
local_may_ask(unsigned *at, enum local_tag next)
{
	unsigned said = *at, may;

	if (said == 0)
		may = BIT(LOCAL_VERSION);
	else if ((said & BIT(LOCAL_OUTCOME)) != 0)
		may = 0;
	else if ((said & BIT(LOCAL_END)) != 0)
		may = BIT(LOCAL_OUTCOME);
	else if ((said & BIT(LOCAL_MAIL)) != 0)
		may = BIT(LOCAL_MAIL) | BIT(LOCAL_END);
	else
		may = (ENVELOPE & ~said) | BIT(LOCAL_RCPT) | BIT(LOCAL_MAIL) |
		    BIT(LOCAL_END);
	*at = said | BIT(next);
	return (may & BIT(next)) != 0;
}
