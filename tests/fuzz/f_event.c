/*
 * f_event: a peer's bytes in every place of an event's lines that a peer can
 * reach.  Whatever they are, it is one line, not too long, of printable UTF-8.
 * Values are apart by 0xfe; they go to the fields in turn.
 */

#include <stddef.h>
#include <stdint.h>

#include "proxy/base/check.h"
#include "proxy/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
is_one_line(const struct buf *b)
{
	MUST(b->len > 0 && b->len <= EVENT_LINE_MAX);
	MUST(buf_at(b)[b->len - 1] == '\n');
	for (size_t i = 0; i + 1 < b->len; i++) {
		unsigned char c = (unsigned char)buf_at(b)[i];

		MUST(c >= 0x20 && c != 0x7f && c != 0xff && c != 0xc0);
	}
}

static void
fill(struct facts *f, const char *at, size_t len)
{
	unsigned field = 0;

	while (len > 0) {
		const char *end = memchr(at, 0xfe, len);
		size_t n = end == NULL ? len : (size_t)(end - at);

		facts_addn(f, field++ % FIELD_COUNT, at, n);
		n += end != NULL;
		at += n;
		len -= n;
	}
}

static void
write_both(const struct event *ev)
{
	struct buf b;

	buf_init(&b, EVENT_LINE_MAX);
	event_json(&b, ev, 0);
	is_one_line(&b);
	buf_clear(&b);
	event_text(&b, ev, 0);
	is_one_line(&b);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct decision d = {.action = DO_BLOCK, .rule = "rule/r"};
	struct event ev = {.kind = EVENT_OUTCOME, .id = "x", .sha256 = ""};
	struct facts facts;
	struct report r;
	const char *reply;

	facts_init(&facts, 1 << 16);
	fill(&facts, (const char *)bytes, len);
	reply = facts_get(&facts, FIELD_SUBJECT, 0);
	if (reply == NULL)
		reply = "";
	report_init(&r);
	for (unsigned i = 0; i < REPORT_MAX; i++)
		report_add(&r, i % FOUND_KINDS, "e", reply, "%u%s", i, reply);
	d.because = r.found[0];
	d.verdict = finding_word(d.because.kind);
	ev.facts = &facts;
	ev.report = &r;
	ev.decision = &d;
	ev.reply = ev.reason = ev.next_hop = ev.hop_address = reply;
	write_both(&ev);
	ev.kind = EVENT_DECISION;
	write_both(&ev);
	facts_free(&facts);
	return 0;
}
