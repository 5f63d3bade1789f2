/*
 * smtp_addr: reads the path of a MAIL or RCPT command.  Pure.  What comes out
 * is written to the next hop between angle brackets of ours, so no byte gets
 * through that ends a path, a parameter or a line.
 */

#include "protocols/smtp/smtp_addr.h"

#include "protocols/smtp/smtp_xtext.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_utf8(char c)
{
	return (unsigned char)c >= 0x80;
}

static bool
is_atom(char c)
{
	if (is_utf8(c))
		return true;
	if (c <= ' ' || c > '~')
		return false;
	return strchr("()<>[]:;,\"\\@", c) == NULL;
}

static bool
is_name(char c) /* of a host; the underscore is seen in the field */
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	    is_utf8(c);
}

static bool
is_literal(char c) /* RFC 5321 4.1.3, dcontent */
{
	return c > ' ' && c <= '~' && c != '[' && c != ']' && c != '\\';
}

/* Takes n bytes off the front and returns them. */
static struct slice
take(struct slice *text, size_t n)
{
	struct slice taken = {text->at, n};

	*text = slice_skip(*text, n);
	return taken;
}

static size_t
count(struct slice text, bool is(char))
{
	size_t n = 0;

	while (n < text.len && is(text.at[n]))
		n++;
	return n;
}

/* The length of a quoted string, quotes included; 0: none. */
static size_t
quoted(struct slice text)
{
	for (size_t n = 1; n < text.len; n++) {
		if (text.at[n] == '"')
			return n + 1;
		if (text.at[n] == '\\')
			n++;
		if (n == text.len)
			return 0;
		if (!is_utf8(text.at[n]) &&
		    (text.at[n] < ' ' || text.at[n] > '~'))
			return 0;
	}
	return 0;
}

static enum smtp_addr_is
local_part(struct slice *text, struct slice *local_r)
{
	bool quote = text->len > 0 && text->at[0] == '"';
	size_t n = quote ? quoted(*text) : count(*text, is_atom);

	*local_r = take(text, n);
	if (n > SMTP_LOCAL_MAX)
		return ADDR_LONG;
	return n > 0 ? ADDR_OK : ADDR_BAD;
}

/* A name or an address literal behind '@'. */
static enum smtp_addr_is
domain_part(struct slice *text, struct slice *domain_r)
{
	size_t n;

	if (text->len == 0)
		return ADDR_BAD;
	if (text->at[0] == '[') {
		n = 1 + count(slice_skip(*text, 1), is_literal);
		if (n == 1 || n == text->len || text->at[n] != ']')
			return ADDR_BAD;
		n++;
	} else {
		n = count(*text, is_name);
		if (n == 0 || text->at[0] == '.' || text->at[0] == '-')
			return ADDR_BAD;
	}
	*domain_r = take(text, n);
	return n > SMTP_DOMAIN_MAX ? ADDR_LONG : ADDR_OK;
}

/* RFC 5321 4.1.1.3: "@a,@b:" SHOULD be ignored, and is. */
static enum smtp_addr_is
source_route(struct slice *text)
{
	struct slice domain;
	enum smtp_addr_is is;

	while (text->len > 0 && text->at[0] == '@') {
		take(text, 1);
		is = domain_part(text, &domain);
		if (is != ADDR_OK)
			return is;
		if (text->len == 0 ||
		    (text->at[0] != ',' && text->at[0] != ':'))
			return ADDR_BAD;
		if (take(text, 1).at[0] == ':')
			return ADDR_OK;
		if (text->len == 0 || text->at[0] != '@')
			return ADDR_BAD;
	}
	return ADDR_OK;
}

static enum smtp_addr_is
mailbox(struct slice *text, struct smtp_addr *a_r)
{
	enum smtp_addr_is is = local_part(text, &a_r->local);

	if (is != ADDR_OK)
		return is;
	a_r->whole = a_r->local;
	a_r->domain = (struct slice){text->at, 0};
	if (text->len == 0 || text->at[0] != '@')
		return ADDR_OK;
	take(text, 1);
	is = domain_part(text, &a_r->domain);
	a_r->whole.len = a_r->local.len + 1 + a_r->domain.len;
	return is;
}

/* RFC 6531 3.3: characters, and no control among them (U+0080 to U+009F). */
static enum smtp_addr_is
which(struct slice whole)
{
	bool ascii = true;

	for (size_t i = 0; i < whole.len; i++)
		ascii = ascii && !is_utf8(whole.at[i]);
	if (ascii)
		return ADDR_OK;
	for (size_t i = 0; i + 1 < whole.len; i++) {
		if (whole.at[i] == '\xc2' &&
		    (unsigned char)whole.at[i + 1] < 0xa0)
			return ADDR_BAD;
	}
	return smtp_utf8(whole) ? ADDR_UTF8 : ADDR_BAD;
}

static enum smtp_addr_is
bracketed(struct slice *text, struct smtp_addr *a_r)
{
	enum smtp_addr_is is;

	take(text, 1);
	if (text->len > 0 && text->at[0] == '>') {
		a_r->whole = a_r->local = a_r->domain =
		    (struct slice){text->at, 0};
		take(text, 1);
		return ADDR_OK;
	}
	is = source_route(text);
	if (is == ADDR_OK)
		is = mailbox(text, a_r);
	if (is != ADDR_OK)
		return is;
	if (text->len == 0 || text->at[0] != '>')
		return ADDR_BAD;
	take(text, 1);
	return ADDR_OK;
}

enum smtp_addr_is
smtp_addr(struct slice text, struct smtp_addr *a_r, struct slice *rest_r)
{
	enum smtp_addr_is is;

	while (text.len > 0 && is_blank(text.at[0]))
		take(&text, 1);
	if (text.len > 0 && text.at[0] == '<')
		is = bracketed(&text, a_r);
	else
		is = mailbox(&text, a_r);
	if (is != ADDR_OK)
		return is;
	if (text.len > 0 && !is_blank(text.at[0]))
		return ADDR_BAD;
	while (text.len > 0 && is_blank(text.at[0]))
		take(&text, 1);
	*rest_r = text;
	return which(a_r->whole);
}
