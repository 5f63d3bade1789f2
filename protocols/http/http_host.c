/*
 * http_host: host and port of a URL or a Host field, read one way only.  Pure.
 * What it refuses and why is in tests/unit/t_http_target.c.
 */

#include "protocols/http/http_list.h"
#include "protocols/http/http_target.h"
#include "proxy/base/addr.h"
#include "proxy/base/mem.h"

#define LABEL_MAX 63
#define PORT_DIGITS_MAX 5

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_name_byte(char c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

/* Labels of 1 to 63 bytes, dots between them. */
static bool
is_name(const char *text)
{
	size_t label = 0;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '.' && label == 0)
			return false;
		if (*p != '.' && !is_name_byte(*p))
			return false;
		label = *p == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return label > 0;
}

/*
 * Ends in a number, decimal or hexadecimal: then some reader takes all of it
 * for an IPv4 address (inet_aton(3); WHATWG URL, "ends in a number").
 */
static bool
ends_in_number(const char *text)
{
	const char *dot = strrchr(text, '.');
	const char *label = dot == NULL ? text : dot + 1;
	const char *digits = "0123456789";

	if (label[0] == '0' && label[1] == 'x') {
		label += 2;
		digits = "0123456789abcdef";
	}
	return label[strspn(label, digits)] == '\0';
}

static enum http_bad
read_name(struct slice text, struct http_host *h)
{
	struct addr a;
	bool root = text.len > 0 && text.at[text.len - 1] == '.';

	if (root)
		text.len--;
	if (text.len == 0 || !slice_copy(text, h->name, sizeof(h->name)))
		return HTTP_BAD_AUTHORITY;
	for (char *p = h->name; *p != '\0'; p++)
		*p = lower(*p);
	if (strlen(h->name) != text.len || !is_name(h->name))
		return HTTP_BAD_AUTHORITY;
	h->is = HTTP_HOST_NAME;
	if (!ends_in_number(h->name))
		return HTTP_BAD_NONE;
	if (root || addr_number(h->name, 0, &a) < 0)
		return HTTP_BAD_AUTHORITY;
	h->is = HTTP_HOST_V4;
	return HTTP_BAD_NONE;
}

/* Between the brackets. */
static enum http_bad
read_v6(struct slice text, struct http_host *h)
{
	char number[64], canonical[ADDR_TEXT];
	struct addr a;

	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '\0' || text.at[i] == '%')
			return HTTP_BAD_AUTHORITY;
	}
	if (text.len == 0 || memchr(text.at, ':', text.len) == NULL ||
	    !slice_copy(text, number, sizeof(number)) ||
	    addr_number(number, 0, &a) < 0)
		return HTTP_BAD_AUTHORITY;
	copy_text(h->name, sizeof(h->name), addr_host(&a, canonical));
	h->is = HTTP_HOST_V6;
	return HTTP_BAD_NONE;
}

/* RFC 3986 6.2.3: an empty port is none. */
static enum http_bad
read_port(struct slice text, struct http_host *h)
{
	uint64_t port;

	if (text.len == 0)
		return HTTP_BAD_NONE;
	if (text.len > PORT_DIGITS_MAX || text.at[0] == '0' ||
	    http_number(text, &port) < 0 || port > UINT16_MAX)
		return HTTP_BAD_AUTHORITY;
	h->port = (uint16_t)port;
	return HTTP_BAD_NONE;
}

/* Cuts text at its port's colon; *port_r is what is behind it. */
static enum http_bad
split(struct slice *text, bool *v6_r, struct slice *port_r)
{
	const char *end;

	*v6_r = text->len > 0 && text->at[0] == '[';
	*port_r = (struct slice){text->at, 0};
	end = text->len == 0 ? NULL
			     : memchr(text->at, *v6_r ? ']' : ':', text->len);
	if (end == NULL)
		return *v6_r ? HTTP_BAD_AUTHORITY : HTTP_BAD_NONE;
	*port_r = slice_skip(*text, (size_t)(end - text->at) + 1);
	text->len = (size_t)(end - text->at);
	if (!*v6_r)
		return HTTP_BAD_NONE;
	*text = slice_skip(*text, 1);
	if (port_r->len > 0 && port_r->at[0] != ':')
		return HTTP_BAD_AUTHORITY;
	if (port_r->len > 0)
		*port_r = slice_skip(*port_r, 1);
	return HTTP_BAD_NONE;
}

enum http_bad
http_host(struct slice text, struct http_host *h_r)
{
	enum http_bad bad;
	struct slice port;
	bool v6;

	h_r->is = HTTP_HOST_NONE;
	h_r->port = 0;
	h_r->name[0] = '\0';
	if (text.len > 0 && memchr(text.at, '@', text.len) != NULL)
		return HTTP_BAD_USERINFO;
	bad = split(&text, &v6, &port);
	if (bad == HTTP_BAD_NONE)
		bad = v6 ? read_v6(text, h_r) : read_name(text, h_r);
	if (bad == HTTP_BAD_NONE)
		bad = read_port(port, h_r);
	return bad;
}

int
http_host_put(struct buf *to, const struct http_host *h, uint16_t usual)
{
	bool v6 = h->is == HTTP_HOST_V6;
	char host[HTTP_HOST_MAX + 3];

	(void)snprintf(host, sizeof(host), "%s%s%s", v6 ? "[" : "", h->name,
	    v6 ? "]" : "");
	if (h->port == 0 || h->port == usual)
		return buf_puts(to, host);
	return buf_printf(to, "%s:%u", host, h->port);
}

bool
http_host_same(
    const struct http_host *a, const struct http_host *b, uint16_t usual)
{
	uint16_t pa = a->port == 0 ? usual : a->port;
	uint16_t pb = b->port == 0 ? usual : b->port;

	return a->is == b->is && pa == pb && strcmp(a->name, b->name) == 0;
}
