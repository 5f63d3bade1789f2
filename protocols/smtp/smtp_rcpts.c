/*
 * smtp_rcpts: recipients wait for their answers in a line.  Pure but for what
 * it says to the client: it knows nothing of the next hop.
 */

#include "protocols/smtp/smtp_rcpts.h"

#include "proxy/base/mem.h"

/* RFC 5321 4.5.3.1.10: whoever hears it comes back with the rest. */
#define LINE_ANOTHER_ROUTE \
	"452 4.5.3 Another next hop: send this one in a mail of its own\r\n"
#define LINE_ONE_ONLY \
	"452 4.5.3 The next hop takes one recipient a mail: send it again\r\n"

static void
pop(struct smtp_mail *m)
{
	struct smtp_rcpt *r = m->first;

	m->first = r->next;
	if (m->first == NULL)
		m->last = &m->first;
	m->pending--;
	free(r);
}

static struct smtp_rcpt *
add(struct smtp_mail *m, enum smtp_rcpt_is is, struct slice text,
    const char *param)
{
	size_t more = strlen(param) + 1;
	struct smtp_rcpt *r = xcalloc(1, sizeof(*r) + text.len + 1 + more);

	r->is = is;
	memcpy(r->text, text.at, text.len);
	memcpy(r->text + text.len + 1, param, more);
	r->param = r->text + text.len + 1;
	*m->last = r;
	m->last = &r->next;
	m->pending++;
	return r;
}

void
smtp_rcpts_add(struct smtp_mail *m, struct slice address, const char *param,
    unsigned route)
{
	add(m, RCPT_WAITS, address, param)->route = route;
}

void
smtp_rcpts_answer(struct smtp_mail *m, const char *line)
{
	if (m->pending == 0)
		smtp_say(m->s, line);
	else
		(void)add(m, RCPT_OURS, slice_of(line), "");
}

void
smtp_rcpts_forget(struct smtp_mail *m)
{
	while (m->first != NULL)
		pop(m);
}

/* NULL: it is not for us to answer. */
static const char *
our_answer(const struct smtp_mail *m, const struct smtp_rcpt *r)
{
	if (r->is == RCPT_OURS)
		return r->text;
	if (r->is != RCPT_APART)
		return NULL;
	return r->route == m->route ? LINE_ONE_ONLY : LINE_ANOTHER_ROUTE;
}

void
smtp_rcpts_say_ours(struct smtp_mail *m)
{
	const char *line;

	while (m->first != NULL && (line = our_answer(m, m->first)) != NULL) {
		smtp_say(m->s, line);
		pop(m);
	}
	if (m->pending == 0)
		smtp_enter(m->s, SMTP_RCPT); /* it is the client's turn */
}

void
smtp_rcpts_first(struct smtp_mail *m, const char *line)
{
	smtp_say(m->s, line);
	pop(m);
	smtp_rcpts_say_ours(m);
}

void
smtp_rcpts_all(struct smtp_mail *m, const char *line)
{
	while (m->first != NULL)
		smtp_rcpts_first(m, line);
}

void
smtp_rcpts_of_route(struct smtp_mail *m, const char *line)
{
	while (m->first != NULL && m->first->route == m->route)
		smtp_rcpts_first(m, line);
}

void
smtp_rcpts_unsend(struct smtp_mail *m)
{
	for (struct smtp_rcpt *r = m->first; r != NULL; r = r->next) {
		if (r->is == RCPT_SENT)
			r->is = RCPT_WAITS;
	}
}
