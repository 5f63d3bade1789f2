/*
 * smtp_chunk: reads the argument of BDAT.  Pure.  Strictly: who reads another
 * number here than we do takes a part of a mail for a command.
 */

#include "protocols/smtp/smtp_chunk.h"

/* An exabyte, and it fits an integer. */
#define CHUNK_DIGITS 18

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

int
smtp_chunk(struct slice arg, struct smtp_chunk *c_r)
{
	size_t n = 0;

	*c_r = (struct smtp_chunk){0};
	for (; n < arg.len && arg.at[n] >= '0' && arg.at[n] <= '9'; n++) {
		if (n == CHUNK_DIGITS)
			return -1;
		c_r->size = c_r->size * 10 + (uint64_t)(arg.at[n] - '0');
	}
	if (n == 0)
		return -1;
	arg = slice_skip(arg, n);
	if (arg.len == 0)
		return 0;
	if (!is_blank(arg.at[0]))
		return -1;
	while (arg.len > 0 && is_blank(arg.at[0]))
		arg = slice_skip(arg, 1);
	c_r->last = slice_is_word(arg, "LAST");
	return c_r->last ? 0 : -1;
}
