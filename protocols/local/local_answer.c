/*
 * local_answer: what the gateway answers about a mail, made from a decision and
 * taken apart again.  Pure.
 */

#include "protocols/local/local_packet.h"
#include "proxy/base/mem.h"

static void
fill_text(
    struct local_answer *a, const char *tpl, const struct finding *because)
{
	char reason[MAIL_REASON_MAX], line[MAIL_TEXT_MAX];

	mail_text_reason(because, reason);
	mail_text_fill(tpl, reason, a->id, line);
	line[strcspn(line, "\r\n")] = '\0';
	/* As in SMTP, but for the code: agents take "5.7.1 ..." for the reason
	 * of a bounce. */
	copy_text(a->text, sizeof(a->text), line + strlen("554 "));
}

void
local_answer_of(struct local_answer *a_r, const struct decision *d,
    const struct report *report, const char *id, const struct local_words *w)
{
	*a_r = (struct local_answer){.action = d->action, .has_action = true};
	copy_text(a_r->verdict, sizeof(a_r->verdict), d->verdict);
	copy_text(a_r->id, sizeof(a_r->id), id);
	switch (d->action) {
	case DO_PASS:
	case DO_TAG:
		if (w->add_headers)
			mail_text_mark(d, report, id, w->direction, a_r->mark);
		break;
	case DO_DISCARD:
		break;
	case DO_TEMPFAIL:
		fill_text(a_r, w->tempfail, &d->because);
		break;
	default: /* what we cannot do yet is not delivered */
		a_r->action = DO_BLOCK;
		fill_text(a_r, w->reject, &d->because);
		break;
	}
}

bool
local_delivers(const struct local_answer *a)
{
	return a->action == DO_PASS || a->action == DO_TAG;
}

int
local_put_answer(struct buf *b, const struct local_answer *a)
{
	if (local_put(b, LOCAL_ACTION, action_word(a->action)) < 0 ||
	    local_put(b, LOCAL_VERDICT, a->verdict) < 0)
		return -1;
	if (a->id[0] != '\0' && local_put(b, LOCAL_ID, a->id) < 0)
		return -1;
	if (a->text[0] != '\0' && local_put(b, LOCAL_TEXT, a->text) < 0)
		return -1;
	if (a->mark[0] != '\0' && local_put(b, LOCAL_MARK, a->mark) < 0)
		return -1;
	return local_put(b, LOCAL_DONE, "");
}

/* A copy, if it is printable ASCII. */
static int
take_text(struct slice text, char *to, size_t size)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < ' ' || text.at[i] > '~')
			return -1;
	}
	return slice_copy(text, to, size) ? 0 : -1;
}

static int
take_action(struct local_answer *a, struct slice text)
{
	char word[16 + 1];

	if (a->has_action || take_text(text, word, sizeof(word)) < 0)
		return -1;
	a->action = action_of_word(word);
	a->has_action = true;
	return a->action == DO_ACTIONS ? -1 : 0;
}

static int
take_mark(struct local_answer *a, struct slice text)
{
	static const char name[] = "X-Sallyport: ";

	if (text.len < sizeof(name) ||
	    memcmp(text.at, name, sizeof(name) - 1) != 0)
		return -1;
	return take_text(text, a->mark, sizeof(a->mark));
}

int
local_add_answer(struct local_answer *a_r, const struct local_frame *f)
{
	switch (f->tag) {
	case LOCAL_ACTION:
		return take_action(a_r, f->text);
	case LOCAL_VERDICT:
		return take_text(f->text, a_r->verdict, sizeof(a_r->verdict));
	case LOCAL_ID:
		return take_text(f->text, a_r->id, sizeof(a_r->id));
	case LOCAL_TEXT:
		return take_text(f->text, a_r->text, sizeof(a_r->text));
	case LOCAL_MARK:
		return take_mark(a_r, f->text);
	case LOCAL_DONE:
		return a_r->has_action ? 1 : -1;
	default:
		return -1;
	}
}
