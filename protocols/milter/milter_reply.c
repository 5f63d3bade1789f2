/*
 * milter_reply: packets to an MTA, length first.
 */

#include "protocols/milter/milter_reply.h"

#include <string.h>

#include "proxy/base/check.h"

static void
put_number(struct buf *b, uint32_t n)
{
	const unsigned char bytes[4] = {(unsigned char)(n >> 24),
	    (unsigned char)(n >> 16), (unsigned char)(n >> 8),
	    (unsigned char)n};

	MUST(buf_put(b, bytes, sizeof(bytes)) == 0);
}

/* A packet is begun with no length, and gets it when all of it is there. */
static size_t
begin(struct buf *b, char answer)
{
	size_t at = b->len;

	put_number(b, 0);
	MUST(buf_put(b, &answer, 1) == 0);
	return at;
}

static void
end(struct buf *b, size_t at)
{
	size_t n = b->len - at - 4;
	char *head = buf_at(b) + at;

	head[0] = (char)(n >> 24);
	head[1] = (char)(n >> 16);
	head[2] = (char)(n >> 8);
	head[3] = (char)n;
}

static void
put_text(struct buf *b, const char *text)
{
	MUST(buf_put(b, text, strlen(text) + 1) == 0);
}

void
milter_put(struct buf *b, char answer)
{
	end(b, begin(b, answer));
}

static void
put_wanted(struct buf *b)
{
	for (enum milter_step step = 0; step <= MILTER_AT_EOH; step++) {
		const char *names = milter_wanted(step);

		if (names == NULL)
			continue;
		put_number(b, step);
		put_text(b, names);
	}
}

void
milter_put_agreed(struct buf *b, const struct milter_agreed *a)
{
	size_t at = begin(b, MILTER_OPTNEG);

	put_number(b, a->version);
	put_number(b, a->actions);
	put_number(b, a->steps);
	if (a->ours)
		put_wanted(b);
	end(b, at);
}

void
milter_put_text(struct buf *b, const char *text)
{
	size_t at = begin(b, MILTER_REPLYCODE);
	size_t len = strlen(text);

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	for (size_t i = 0; i < len; i++) {
		MUST(buf_put(b, text + i, 1) == 0);
		if (text[i] == '%')
			MUST(buf_put(b, "%", 1) == 0);
	}
	MUST(buf_put(b, "", 1) == 0);
	end(b, at);
}

void
milter_put_delete(struct buf *b, uint32_t nth, const char *name)
{
	size_t at = begin(b, MILTER_CHGHEADER);

	put_number(b, nth);
	put_text(b, name);
	put_text(b, "");
	end(b, at);
}

void
milter_put_insert(
    struct buf *b, const char *name, const char *value, bool space)
{
	size_t at = begin(b, MILTER_INSHEADER);

	put_number(b, 0);
	put_text(b, name);
	if (space)
		MUST(buf_put(b, " ", 1) == 0);
	put_text(b, value);
	end(b, at);
}

void
milter_put_quarantine(struct buf *b, const char *reason)
{
	size_t at = begin(b, MILTER_QUARANTINE);

	put_text(b, reason);
	end(b, at);
}
