/*
 * http_escape: a value inside HTML, inside a string of a field, inside a
 * script: nothing in it ends where it stands.  Pure.
 */

#include <errno.h>
#include <stdint.h>

#include "protocols/http/http_page.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define DETAILS_MAX 512            /* of Proxy-Status */

/* How many bytes a sequence has that begins with this one; 0: none. */
static size_t
lead(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c < 0xc0 || c > 0xf7)
		return 0;
	return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/*
 * The length of the UTF-8 sequence s begins with, 0: it is none (RFC 3629: no
 * overlong ones, no surrogates, nothing past U+10FFFF).  *code_r: what it is.
 */
static size_t
sequence(struct slice s, uint32_t *code_r)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *at = (const unsigned char *)s.at;
	size_t n = lead(at[0]);
	uint32_t code;

	if (n == 0 || n > s.len)
		return 0;
	code = n == 1 ? at[0] : at[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	*code_r = code;
	if (code < least[n] || code > 0x10ffff || (code >> 11) == 0x1b)
		return 0;
	return n;
}

/* Controls, line separators, what turns the direction of writing. */
static bool
is_hidden(uint32_t c)
{
	return (c < ' ' && c != '\t' && c != '\n') || (c >= 0x7f && c < 0xa0) ||
	    c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	    c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb);
}

/* A reference for what means something in HTML; NULL: it means itself. */
static const char *
reference(uint32_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	case '`':
		return "&#96;";
	default:
		return NULL;
	}
}

int
http_escape(struct buf *to, struct slice value, size_t max)
{
	size_t before = to->len, n;
	const char *instead;
	uint32_t code = 0;

	while (value.len > 0) {
		n = sequence(value, &code);
		instead =
		    n == 0 || is_hidden(code) ? REPLACEMENT : reference(code);
		if (n == 0)
			n = 1;
		if (to->len - before + n > max ||
		    (instead != NULL &&
			to->len - before + strlen(instead) > max))
			break;
		if (instead != NULL ? buf_puts(to, instead) < 0
				    : buf_put(to, value.at, n) < 0)
			return -1;
		value = slice_skip(value, n);
	}
	return 0;
}

bool
http_is_utf8(struct slice text)
{
	uint32_t code;
	size_t n;

	for (; text.len > 0; text = slice_skip(text, n)) {
		n = sequence(text, &code);
		if (n == 0 || code == 0)
			return false;
	}
	return true;
}

/* ---- Proxy-Status ---- */

/* RFC 8941 3.3.3: printable ASCII, quotes and backslashes escaped. */
static int
put_string(struct buf *to, const char *text)
{
	char out[2] = {'\\', 0};

	for (size_t i = 0; i < DETAILS_MAX && text[i] != '\0'; i++) {
		bool escaped = text[i] == '"' || text[i] == '\\';

		out[1] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
		if (buf_put(to, escaped ? out : out + 1, escaped ? 2 : 1) < 0)
			return -1;
	}
	return 0;
}

int
http_proxy_status(struct buf *to, const char *name, enum http_cause cause,
    const char *details)
{
	size_t before = to->len;

	/* The name as a string: a token must begin with a letter. */
	if (buf_puts(to, "\"") == 0 && put_string(to, name) == 0 &&
	    buf_printf(to, "\"; error=%s", http_cause_type(cause)) == 0 &&
	    (details == NULL ||
		(buf_puts(to, "; details=\"") == 0 &&
		    put_string(to, details) == 0 && buf_puts(to, "\"") == 0)))
		return 0;
	to->len = before;
	return -1;
}

/* ---- proxy.pac ---- */

static bool
is_pac_word(const char *text)
{
	return text[0] != '\0' &&
	    strspn(text,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789.-_:[]") == strlen(text);
}

static int
put_direct(struct buf *to, const char *name)
{
	if (name[0] == '.')
		return buf_printf(to,
		    "\tif (dnsDomainIs(host, \"%s\") || host === \"%s\")\n"
		    "\t\treturn \"DIRECT\";\n",
		    name, name + 1);
	return buf_printf(
	    to, "\tif (host === \"%s\")\n\t\treturn \"DIRECT\";\n", name);
}

static int
put_pac(struct buf *to, bool secured, const char *proxy,
    const char *const *direct, size_t n)
{
	if (buf_puts(to,
		"function FindProxyForURL(url, host)\n{\n"
		"\thost = host.toLowerCase();\n"
		"\tif (isPlainHostName(host))\n"
		"\t\treturn \"DIRECT\";\n") < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (put_direct(to, direct[i]) < 0)
			return -1;
	}
	/* No "; DIRECT" behind it: a gateway that can be gone around when it
	 * is down is none. */
	return buf_printf(
	    to, "\treturn \"%s %s\";\n}\n", secured ? "HTTPS" : "PROXY", proxy);
}

int
http_pac_put(struct buf *to, bool secured, const char *proxy,
    const char *const *direct, size_t n)
{
	size_t before = to->len;

	for (size_t i = 0; i < n; i++) {
		if (!is_pac_word(direct[i])) {
			errno = EINVAL;
			return -1;
		}
	}
	if (!is_pac_word(proxy) || strchr(proxy, ':') == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (put_pac(to, secured, proxy, direct, n) == 0)
		return 0;
	to->len = before;
	return -1;
}
