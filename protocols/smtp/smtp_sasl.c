/*
 * smtp_sasl: reads what a client says in an AUTH exchange (RFC 4954 4).  Pure.
 * It looks at the coding alone: what is in it is between the client and the
 * next hop.
 */

#include "protocols/smtp/smtp_sasl.h"

#define MECH_MAX 20 /* RFC 4422 3.1 */

static bool
is_base64(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '+' || c == '/';
}

bool
smtp_sasl_coded(struct slice line)
{
	size_t n = 0, pads;

	while (n < line.len && is_base64(line.at[n]))
		n++;
	for (pads = 0; n + pads < line.len; pads++) {
		if (line.at[n + pads] != '=')
			return false;
	}
	return pads <= 2 && line.len % 4 == 0;
}

static bool
is_mech(struct slice s)
{
	if (s.len == 0 || s.len > MECH_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		bool word =
		    is_base64(s.at[i]) && s.at[i] != '+' && s.at[i] != '/';

		if (!word && s.at[i] != '-' && s.at[i] != '_')
			return false;
	}
	return true;
}

enum smtp_sasl_is
smtp_sasl(struct slice arg, struct smtp_sasl *a_r)
{
	const char *blank = arg.len == 0 ? NULL : memchr(arg.at, ' ', arg.len);

	*a_r = (struct smtp_sasl){.mech = arg};
	if (blank != NULL) {
		a_r->mech.len = (size_t)(blank - arg.at);
		a_r->initial = slice_skip(arg, a_r->mech.len + 1);
	}
	if (!is_mech(a_r->mech))
		return SASL_SYNTAX;
	if (blank == NULL || slice_is(a_r->initial, "="))
		return SASL_OK;
	if (a_r->initial.len == 0 || !smtp_sasl_coded(a_r->initial))
		return SASL_CODING;
	return SASL_OK;
}
