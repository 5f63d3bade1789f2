/*
 * ftp_reply: reads what a server answers (RFC 959 4.2), and writes it anew.
 * Pure.  Bytes that could mean something to a terminal are not kept.
 */

#include "protocols/ftp/ftp_reply.h"

#include <stdbool.h>

void
ftp_reply_init(struct ftp_reply *r)
{
	*r = (struct ftp_reply){0};
	buf_init(&r->text, FTP_REPLY_MAX);
}

void
ftp_reply_clear(struct ftp_reply *r)
{
	r->code = r->lines = 0;
	buf_free(&r->text);
}

void
ftp_reply_free(struct ftp_reply *r)
{
	buf_free(&r->text);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 100 to 599; 0: none. */
static unsigned
code_of(struct slice line)
{
	if (line.len < 3 || line.at[0] < '1' || line.at[0] > '5' ||
	    !is_digit(line.at[1]) || !is_digit(line.at[2]))
		return 0;
	return (unsigned)(line.at[0] - '0') * 100 +
	    (unsigned)(line.at[1] - '0') * 10 + (unsigned)(line.at[2] - '0');
}

static int
keep(struct ftp_reply *r, struct slice text)
{
	char *at;

	if (r->lines > 0 && buf_put(&r->text, "\n", 1) < 0)
		return -1;
	if (text.len == 0)
		return 0;
	at = buf_room(&r->text, text.len);
	if (at == NULL)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		bool control = ((unsigned char)c < ' ' && c != '\t') ||
		    c == 0x7f || (unsigned char)c == 0xff;

		at[i] = control ? '?' : c;
	}
	buf_grew(&r->text, text.len);
	return 0;
}

/* Behind its code where it repeats that, as most servers do in the middle. */
static struct slice
inner_text(const struct ftp_reply *r, struct slice line)
{
	if (code_of(line) == r->code && line.len > 3 && line.at[3] == '-')
		return slice_skip(line, 4);
	return line;
}

enum ftp_reply_is
ftp_reply_line(struct ftp_reply *r, struct slice line)
{
	unsigned code = code_of(line);
	bool ends = code != 0 && (line.len == 3 || line.at[3] == ' ');
	bool begins = code != 0 && line.len > 3 && line.at[3] == '-';

	if (line.len > FTP_REPLY_LINE_MAX)
		return FTP_REPLY_BAD;
	if (r->code == 0 && !ends && !begins)
		return FTP_REPLY_BAD;
	if (r->code == 0)
		r->code = code;
	ends = ends && code == r->code;
	if (ends || r->lines == 0)
		line = slice_skip(line, line.len > 3 ? 4 : 3);
	else
		line = inner_text(r, line);
	if (keep(r, line) < 0)
		return FTP_REPLY_BAD;
	r->lines++;
	return ends ? FTP_REPLY_DONE : FTP_REPLY_MORE;
}

struct slice
ftp_reply_text(const struct ftp_reply *r, unsigned nth)
{
	struct slice s = {
	    r->text.len == 0 ? "" : buf_at(&r->text), r->text.len};
	const char *end;

	if (nth >= r->lines)
		return (struct slice){NULL, 0};
	for (; nth > 0; nth--) {
		end = memchr(s.at, '\n', s.len);
		if (end == NULL)
			return (struct slice){NULL, 0};
		s = slice_skip(s, (size_t)(end - s.at) + 1);
	}
	end = memchr(s.at, '\n', s.len);
	if (end != NULL)
		s.len = (size_t)(end - s.at);
	return s;
}

/* In the middle a line that looks like an end is moved away from it. */
static void
put_line(
    struct buf *to, unsigned code, struct slice text, bool first, bool last)
{
	if (last)
		(void)buf_printf(to, "%03u ", code);
	else if (first)
		(void)buf_printf(to, "%03u-", code);
	else if (code_of(text) != 0)
		(void)buf_puts(to, " ");
	(void)buf_put(to, text.at, text.len);
	(void)buf_puts(to, "\r\n");
}

void
ftp_reply_put(const struct ftp_reply *r, unsigned code, struct buf *to)
{
	struct slice rest = {
	    r->text.len == 0 ? "" : buf_at(&r->text), r->text.len};

	for (unsigned i = 0; i < r->lines; i++) {
		const char *end = memchr(rest.at, '\n', rest.len);
		size_t len = end == NULL ? rest.len : (size_t)(end - rest.at);

		put_line(to, code, (struct slice){rest.at, len}, i == 0,
		    i + 1 == r->lines);
		rest = slice_skip(rest, end == NULL ? len : len + 1);
	}
}
