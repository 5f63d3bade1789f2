/*
 * ftp_line: takes apart one FTP command line (RFC 959 4.1, with Telnet's
 * commands in it).  Pure.  What it refuses and why is in
 * tests/unit/t_ftp_line.c.
 */

#include "protocols/ftp/ftp_line.h"

#define IAC 255 /* RFC 854 */
#define SB 250
#define SE 240
#define WILL 251

/* How many bytes the Telnet command at the front has; 0: it is none, or not
 * whole. */
static size_t
telnet_len(struct slice s)
{
	unsigned char what;

	if (s.len < 2)
		return 0;
	what = (unsigned char)s.at[1];
	if (what == IAC || what < SE)
		return 0;
	if (what >= WILL)
		return s.len < 3 ? 0 : 3;
	if (what != SB)
		return 2;
	for (size_t i = 2; i + 1 < s.len; i++) {
		if ((unsigned char)s.at[i] == IAC &&
		    (unsigned char)s.at[i + 1] == SE)
			return i + 2;
	}
	return 0;
}

/* Without Telnet's commands, in room.  A byte 255 that is none of them is
 * read in two ways by servers: -1. */
static int
strip_telnet(struct slice line, char *room, struct slice *out_r)
{
	size_t len = 0, skip;

	while (line.len > 0) {
		if ((unsigned char)line.at[0] != IAC) {
			room[len++] = line.at[0];
			line = slice_skip(line, 1);
			continue;
		}
		skip = telnet_len(line);
		if (skip == 0)
			return -1;
		line = slice_skip(line, skip);
	}
	*out_r = (struct slice){room, len};
	return 0;
}

static char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool
is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

int
ftp_line(struct slice line, char *room, struct ftp_line *l_r)
{
	struct slice s;
	size_t n = 0;

	if (line.len > FTP_LINE_MAX || strip_telnet(line, room, &s) < 0)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (is_control(s.at[i]))
			return -1;
	}
	while (n < s.len && upper(s.at[n]) >= 'A' && upper(s.at[n]) <= 'Z')
		n++;
	if (n < 3 || n > FTP_VERB_MAX || (n < s.len && s.at[n] != ' '))
		return -1;
	for (size_t i = 0; i < n; i++)
		l_r->verb[i] = upper(s.at[i]);
	l_r->verb[n] = '\0';
	l_r->arg = slice_skip(s, n < s.len ? n + 1 : n);
	return 0;
}

bool
ftp_line_has_abort(struct slice input)
{
	char room[FTP_LINE_MAX];
	struct ftp_line l;
	const char *end;

	while ((end = memchr(input.at, '\n', input.len)) != NULL) {
		struct slice line = {input.at, (size_t)(end - input.at)};

		input = slice_skip(input, line.len + 1);
		if (line.len > 0 && line.at[line.len - 1] == '\r')
			line.len--;
		if (ftp_line(line, room, &l) == 0 &&
		    strcmp(l.verb, "ABOR") == 0)
			return true;
	}
	return false;
}
