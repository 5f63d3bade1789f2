/*
 * smtp_line: takes apart one SMTP command line.  Pure: no I/O, no memory, no
 * session.  What it refuses and why is in tests/unit/t_smtp_line.c.
 */

#include "protocols/smtp/smtp_line.h"

#define HELO_MAX 255

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_control(char c)
{
	return ((unsigned char)c < ' ' && c != '\t') || c == 0x7f;
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

static struct slice
trim(struct slice s)
{
	while (s.len > 0 && is_blank(s.at[0]))
		s = slice_skip(s, 1);
	while (s.len > 0 && is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

int
smtp_line(struct slice line, struct smtp_line *l_r)
{
	size_t n = 0;

	for (size_t i = 0; i < line.len; i++) {
		if (is_control(line.at[i]))
			return -1;
	}
	while (n < line.len && is_word(line.at[n]))
		n++;
	if (n == 0 || (n < line.len && !is_blank(line.at[n])))
		return -1;
	l_r->verb = (struct slice){line.at, n};
	l_r->arg = trim(slice_skip(line, n));
	return 0;
}

int
smtp_line_after(struct slice arg, const char *word, struct slice *rest_r)
{
	size_t n = strlen(word);
	struct slice head = {arg.at, n};

	if (arg.len <= n || !slice_is_word(head, word))
		return -1;
	arg = trim(slice_skip(arg, n)); /* "FROM :" is seen in the field */
	if (arg.len == 0 || arg.at[0] != ':')
		return -1;
	*rest_r = trim(slice_skip(arg, 1));
	return 0;
}

bool
smtp_line_helo(struct slice arg)
{
	if (arg.len == 0 || arg.len > HELO_MAX)
		return false;
	for (size_t i = 0; i < arg.len; i++) {
		if (arg.at[i] <= ' ' || arg.at[i] > '~')
			return false;
	}
	return true;
}
