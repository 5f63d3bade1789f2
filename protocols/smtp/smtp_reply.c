/*
 * smtp_reply: reads what a next hop answers (RFC 5321 4.2).  Pure.  A reply
 * goes on to the client, so only printable ASCII is kept of it.
 */

#include "protocols/smtp/smtp_reply.h"

#define LINE_OUT_MAX 510 /* octets of a line to a client, CRLF not counted */

void
smtp_reply_init(struct smtp_reply *r)
{
	r->code = r->lines = 0;
	r->len = 0;
	r->text[0] = '\0';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 200 to 599; 0: none. */
static unsigned
code_of(struct slice line)
{
	if (line.len < 3 || line.at[0] < '2' || line.at[0] > '5' ||
	    !is_digit(line.at[1]) || !is_digit(line.at[2]))
		return 0;
	return (unsigned)(line.at[0] - '0') * 100 +
	    (unsigned)(line.at[1] - '0') * 10 + (unsigned)(line.at[2] - '0');
}

/* A line that does not fit is not kept at all. */
static void
keep(struct smtp_reply *r, struct slice text)
{
	size_t more = text.len + (r->lines > 0 ? 1 : 0);

	if (r->len + more >= sizeof(r->text))
		return;
	if (r->lines > 0)
		r->text[r->len++] = '\n';
	for (size_t i = 0; i < text.len; i++) {
		bool printable = text.at[i] >= ' ' && text.at[i] <= '~';

		r->text[r->len++] = printable ? text.at[i] : '?';
	}
	r->text[r->len] = '\0';
}

enum smtp_reply_is
smtp_reply_line(struct smtp_reply *r, struct slice line)
{
	unsigned code = code_of(line);
	bool last = line.len <= 3 || line.at[3] == ' ';

	if (code == 0 || line.len > SMTP_REPLY_LINE_MAX)
		return REPLY_BAD;
	if (!last && line.at[3] != '-')
		return REPLY_BAD;
	if (r->code != 0 && r->code != code)
		return REPLY_BAD;
	if (r->lines >= SMTP_REPLY_LINES_MAX)
		return REPLY_BAD;
	r->code = code;
	keep(r, slice_skip(line, line.len > 3 ? 4 : 3));
	r->lines++;
	return last ? REPLY_DONE : REPLY_MORE;
}

struct slice
smtp_reply_text(const struct smtp_reply *r, unsigned nth)
{
	const char *at = r->text, *end;

	for (; nth > 0; nth--) {
		at = strchr(at, '\n');
		if (at == NULL)
			return (struct slice){NULL, 0};
		at++;
	}
	end = strchr(at, '\n');
	return (struct slice){
	    at, end == NULL ? strlen(at) : (size_t)(end - at)};
}

void
smtp_reply_put(const struct smtp_reply *r, unsigned code, struct buf *to)
{
	struct slice line = smtp_reply_text(r, 0), next;

	for (unsigned i = 1; line.at != NULL; i++, line = next) {
		next = smtp_reply_text(r, i);
		if (line.len > LINE_OUT_MAX - 4)
			line.len = LINE_OUT_MAX - 4;
		buf_printf(to, "%03u%c%.*s\r\n", code,
		    next.at == NULL ? ' ' : '-', (int)line.len, line.at);
	}
}

void
smtp_reply_caps(const struct smtp_reply *r, struct smtp_caps *c_r)
{
	struct slice line;

	*c_r = (struct smtp_caps){.known = true};
	/* the first line is the hop's name */
	for (unsigned i = 1;; i++) {
		line = smtp_reply_text(r, i);
		if (line.at == NULL)
			return;
		smtp_caps_line(c_r, line);
	}
}
