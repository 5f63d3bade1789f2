/*
 * milter_parse: the data of packets.  Texts end with a NUL; numbers are in
 * network order.
 */

#include "protocols/milter/milter_parse.h"

#include "proxy/base/mem.h"

bool
milter_text(struct slice *data, struct slice *text_r)
{
	const char *nul = memchr(data->at, '\0', data->len);

	if (nul == NULL)
		return false;
	*text_r = (struct slice){data->at, (size_t)(nul - data->at)};
	*data = slice_skip(*data, text_r->len + 1);
	return true;
}

static uint32_t
number(const char *at)
{
	const unsigned char *b = (const unsigned char *)at;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	    (uint32_t)b[2] << 8 | b[3];
}

bool
milter_parse_offer(struct slice data, struct milter_offer *o_r)
{
	if (data.len < 12)
		return false;
	o_r->version = number(data.at);
	o_r->actions = number(data.at + 4);
	o_r->steps = number(data.at + 8);
	return true;
}

/* Behind the family: port and address.  What is no address is "unknown". */
static bool
address_of(char family, struct slice data, char *to)
{
	char host[ADDR_TEXT];
	struct slice text;
	struct addr a;

	if (data.len < 2)
		return false;
	data = slice_skip(data, 2);
	if (!milter_text(&data, &text))
		return false;
	if (family == 'L') {
		copy_text(to, ADDR_TEXT, "unix");
		return true;
	}
	/* Sendmail writes some of them as in an address literal. */
	if (text.len > 5 && strncasecmp(text.at, "IPv6:", 5) == 0)
		text = slice_skip(text, 5);
	if (!slice_copy(text, host, sizeof(host)) ||
	    addr_number(host, 0, &a) < 0)
		return true;
	addr_unmap(&a);
	addr_host(&a, to);
	return true;
}

bool
milter_parse_client(struct slice data, struct milter_client *c_r)
{
	struct slice name;
	char family;

	if (!milter_text(&data, &name) || data.len < 1)
		return false;
	(void)slice_copy(name, c_r->name, sizeof(c_r->name));
	copy_text(c_r->address, sizeof(c_r->address), "unknown");
	family = data.at[0];
	if (family == 'U')
		return true;
	if (family != 'L' && family != '4' && family != '6')
		return false;
	return address_of(family, slice_skip(data, 1), c_r->address);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct slice
milter_address(struct slice text)
{
	while (text.len > 0 && is_blank(text.at[0]))
		text = slice_skip(text, 1);
	while (text.len > 0 && is_blank(text.at[text.len - 1]))
		text.len--;
	if (text.len >= 2 && text.at[0] == '<' && text.at[text.len - 1] == '>')
		text = (struct slice){text.at + 1, text.len - 2};
	return text;
}
