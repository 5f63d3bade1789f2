/*
 * quarantine_note: the note beside what is kept: the line of its event, and for
 * a mail all of its envelope in the same object.  Pure.
 */
#include "proxy/quarantine_note.h"

#include "proxy/base/check.h"
#include "proxy/base/escape.h"

#define ADDRESS_MAX 65536

static void
put_address(struct buf *b, const char *text)
{
	(void)buf_puts(b, "\"");
	(void)escape_json(b, slice_of(text), ADDRESS_MAX);
	(void)buf_puts(b, "\"");
}

/* All recipients: the event names only the first, and a mail that is let go
 * by hand is to go to each of them. */
static void
put_envelope(struct buf *b, const struct facts *f)
{
	const char *from = facts_get(f, FIELD_SENDER, 0);
	const char *next = "";

	(void)buf_puts(b, ",\"envelope\":{\"from\":");
	put_address(b, from == NULL ? "" : from);
	(void)buf_puts(b, ",\"to\":[");
	for (size_t i = 0; i < f->n; i++) {
		if (f->list[i].field != FIELD_RECIPIENT)
			continue;
		(void)buf_puts(b, next);
		put_address(b, buf_at(&f->text) + f->list[i].at);
		next = ",";
	}
	(void)buf_puts(b, "]}");
}

int
quarantine_note(struct buf *b, const struct event *ev, int64_t wall_ms)
{
	struct event said = *ev;
	struct buf line;
	int rc;

	said.quarantine = "kept";
	buf_init(&line, EVENT_LINE_MAX);
	event_json(&line, &said, wall_ms);
	MUST(line.len > 2); /* its end is "}\n" */
	rc = buf_put(b, buf_at(&line), line.len - 2);
	buf_free(&line);
	if (ev->content == CONTENT_MAIL)
		put_envelope(b, ev->facts);
	return rc < 0 ? rc : buf_puts(b, "}\n");
}
