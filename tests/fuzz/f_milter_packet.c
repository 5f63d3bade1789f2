/*
 * f_milter_packet: whatever an MTA sends, cut wherever it likes: packets are
 * the same as when it comes at once, stay within their limit, and what stands
 * in them is read without a step outside.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/milter/milter_agree.h"
#include "protocols/milter/milter_macro.h"
#include "protocols/milter/milter_packet.h"
#include "protocols/milter/milter_reply.h"
#include "proxy/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken: enough to compare two ways of taking it. */
struct seen {
	enum milter_packet_is end;
	unsigned packets;
	size_t bytes;
	uint32_t sum; /* of letters and data */
};

static void
add(struct seen *seen, const struct milter_packet *p)
{
	seen->packets += p->last;
	seen->bytes += p->data.len;
	for (size_t i = 0; i < p->data.len; i++)
		seen->sum = seen->sum * 31 + (unsigned char)p->data.at[i];
	if (p->last)
		seen->sum = seen->sum * 31 + (unsigned char)p->command;
}

static void
offer(struct slice data)
{
	struct milter_offer o;
	struct milter_agreed a;
	struct buf b;

	if (!milter_parse_offer(data, &o) || !milter_agree(&o, &a))
		return;
	MUST(a.version >= MILTER_VERSION_LEAST && a.version <= o.version);
	MUST((a.actions & ~o.actions) == 0 && (a.steps & ~o.steps) == 0);
	buf_init(&b, MILTER_REPLY_MAX);
	milter_put_agreed(&b, &a);
	buf_free(&b);
}

static void
look(const struct milter_packet *p)
{
	static struct milter_macros macros;
	struct milter_client client;
	struct slice rest = p->data, text;

	MUST(p->data.len < p->most);
	if (!p->last)
		return;
	offer(p->data);
	(void)milter_macros_take(&macros, p->data);
	if (milter_parse_client(p->data, &client))
		MUST(strlen(client.name) <= MILTER_NAME_MAX);
	while (milter_text(&rest, &text)) {
		MUST(memchr(text.at, '\0', text.len) == NULL);
		MUST(milter_address(text).len <= text.len);
	}
}

/* In pieces of at most n bytes. */
static struct seen
take(const uint8_t *data, size_t size, size_t n)
{
	struct seen seen = {.end = PACKET_NONE};
	struct milter_packet p;

	milter_packet_init(&p);
	while (size > 0 && seen.end == PACKET_NONE) {
		size_t len = size < n ? size : n;
		struct slice in = {(const char *)data, len};

		while ((seen.end = milter_packet(&p, &in)) == PACKET_SOME) {
			look(&p);
			add(&seen, &p);
		}
		MUST(seen.end != PACKET_NONE || in.len == 0);
		data += len;
		size -= len;
	}
	milter_packet_free(&p);
	return seen;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = {1, 3, 1000};
	struct seen whole = take(data, size, SIZE_MAX);

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct seen cut = take(data, size, pieces[i]);

		MUST(cut.end == whole.end && cut.packets == whole.packets);
		MUST(cut.bytes == whole.bytes && cut.sum == whole.sum);
	}
	return 0;
}
