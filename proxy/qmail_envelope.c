/*
 * qmail_envelope: takes apart the envelope that qmail-queue(8) is given.  It is
 * as strict as qmail-queue itself, so that both mean the same recipients.
 */
#include "proxy/qmail_envelope.h"

/* The address at *in, behind its letter. */
static enum qmail_is
address(struct slice *in, const char **at_r)
{
	const char *end = memchr(in->at, '\0', in->len);
	size_t len = end == NULL ? in->len : (size_t)(end - in->at);

	if (len >= QMAIL_ADDR_MAX)
		return QMAIL_LONG;
	if (end == NULL)
		return QMAIL_SHORT;
	*at_r = in->at;
	*in = slice_skip(*in, len + 1);
	return QMAIL_OK;
}

/* The letter that must be there, or the NUL at the end. */
static enum qmail_is
letter(struct slice *in, char want)
{
	if (in->len == 0)
		return QMAIL_SHORT;
	if (in->at[0] != want)
		return QMAIL_BAD;
	*in = slice_skip(*in, 1);
	return QMAIL_OK;
}

static enum qmail_is
take(struct slice *in, char want, qmail_took *took, void *arg)
{
	const char *at = "";
	enum qmail_is is = letter(in, want);

	if (is == QMAIL_OK)
		is = address(in, &at);
	if (is == QMAIL_OK && took != NULL)
		took(arg, want == 'T', at);
	return is;
}

enum qmail_is
qmail_envelope(struct slice bytes, qmail_took *took, void *arg)
{
	enum qmail_is is = take(&bytes, 'F', took, arg);

	while (is == QMAIL_OK && bytes.len > 0 && bytes.at[0] != '\0')
		is = take(&bytes, 'T', took, arg);
	return is == QMAIL_OK ? letter(&bytes, '\0') : is;
}
