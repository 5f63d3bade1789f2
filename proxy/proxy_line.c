/*
 * proxy_line: takes apart the PROXY protocol's header, strictly: an address
 * that two readers could read differently would be a forged client.
 */
#include "proxy/proxy_line.h"

#include <netinet/in.h>

#define V1 "PROXY "
#define V1_LEN (sizeof(V1) - 1)
#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define V2_LEN (sizeof(V2) - 1)
#define V2_HEAD 16

#define V2_VERSION 0x20
#define V2_LOCAL 0x00
#define V2_PROXY 0x01
#define V2_TCP4 0x11
#define V2_TCP6 0x21
#define V2_TCP4_LEN 12
#define V2_TCP6_LEN 36

/* ---- version 1 ---- */

/* The word up to the next blank, which goes too.  False: there is none, or
 * nothing before it. */
static bool
take_word(struct slice *rest, struct slice *word_r)
{
	const char *blank = memchr(rest->at, ' ', rest->len);
	size_t len;

	if (blank == NULL || blank == rest->at)
		return false;
	len = (size_t)(blank - rest->at);
	*word_r = (struct slice){rest->at, len};
	*rest = slice_skip(*rest, len + 1);
	return true;
}

static bool
read_port(struct slice text, uint16_t *port_r)
{
	uint32_t port = 0;

	if (text.len == 0 || text.len > 5 ||
	    (text.at[0] == '0' && text.len > 1))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		port = port * 10 + (uint32_t)(text.at[i] - '0');
	}
	*port_r = (uint16_t)port;
	return port <= UINT16_MAX;
}

static bool
read_host(struct slice text, int family, uint16_t port, struct addr *a_r)
{
	char host[INET6_ADDRSTRLEN];

	/* a NUL would end the text before its end */
	if (memchr(text.at, '\0', text.len) != NULL ||
	    !slice_copy(text, host, sizeof(host)))
		return false;
	return addr_number(host, port, a_r) == 0 && a_r->ss.ss_family == family;
}

/* "192.0.2.1 192.0.2.9 1025 25" */
static bool
v1_addresses(struct slice rest, int family, struct addr *client_r)
{
	struct slice src, dst, sport;
	struct addr server;
	uint16_t port, server_port;

	if (!take_word(&rest, &src) || !take_word(&rest, &dst) ||
	    !take_word(&rest, &sport))
		return false;
	return read_port(sport, &port) && read_port(rest, &server_port) &&
	    read_host(dst, family, server_port, &server) &&
	    read_host(src, family, port, client_r);
}

/* The line without its CRLF, behind "PROXY ". */
static enum proxy_line_is
v1_line(struct slice rest, struct proxy_line *line_r)
{
	struct slice word;

	/* what stands behind UNKNOWN is to be ignored */
	if (slice_is(rest, "UNKNOWN") ||
	    (rest.len > 8 && memcmp(rest.at, "UNKNOWN ", 8) == 0))
		return PROXY_LINE_OK;
	if (!take_word(&rest, &word))
		return PROXY_LINE_BAD;
	line_r->carried = true;
	if (slice_is(word, "TCP4") &&
	    v1_addresses(rest, AF_INET, &line_r->client))
		return PROXY_LINE_OK;
	if (slice_is(word, "TCP6") &&
	    v1_addresses(rest, AF_INET6, &line_r->client))
		return PROXY_LINE_OK;
	return PROXY_LINE_BAD;
}

static enum proxy_line_is
version_1(struct slice in, struct proxy_line *line_r)
{
	size_t most = in.len < PROXY_V1_MAX ? in.len : PROXY_V1_MAX;
	const char *lf = memchr(in.at, '\n', most);
	size_t len;

	if (lf == NULL)
		return in.len < PROXY_V1_MAX ? PROXY_LINE_MORE : PROXY_LINE_BAD;
	len = (size_t)(lf - in.at);
	line_r->used = len + 1;
	if (len < V1_LEN || memchr(in.at, '\r', len) != lf - 1)
		return PROXY_LINE_BAD;
	return v1_line(
	    (struct slice){in.at + V1_LEN, len - 1 - V1_LEN}, line_r);
}

/* ---- version 2 ---- */

static void
v2_tcp4(const char *at, struct addr *client_r)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&client_r->ss;

	memset(client_r, 0, sizeof(*client_r));
	sin->sin_family = AF_INET;
	memcpy(&sin->sin_addr, at, 4);
	memcpy(&sin->sin_port, at + 8, 2); /* both in network byte order */
	client_r->len = sizeof(*sin);
}

static void
v2_tcp6(const char *at, struct addr *client_r)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&client_r->ss;

	memset(client_r, 0, sizeof(*client_r));
	sin6->sin6_family = AF_INET6;
	memcpy(&sin6->sin6_addr, at, 16);
	memcpy(&sin6->sin6_port, at + 32, 2);
	client_r->len = sizeof(*sin6);
}

/* Family and protocol, each with a meaning of its own. */
static bool
v2_family_is_known(unsigned char family)
{
	return (family >> 4) <= 3 && (family & 15) <= 2;
}

/* The block is whole: block is what stands behind its head. */
static enum proxy_line_is
v2_block(unsigned char family, struct slice block, struct proxy_line *line_r)
{
	line_r->carried = true;
	if (family == V2_TCP4 && block.len >= V2_TCP4_LEN)
		v2_tcp4(block.at, &line_r->client);
	else if (family == V2_TCP6 && block.len >= V2_TCP6_LEN)
		v2_tcp6(block.at, &line_r->client);
	else
		line_r->carried = false;
	if (family == V2_TCP4 || family == V2_TCP6)
		return line_r->carried ? PROXY_LINE_OK : PROXY_LINE_BAD;
	return v2_family_is_known(family) ? PROXY_LINE_OK : PROXY_LINE_BAD;
}

static enum proxy_line_is
version_2(struct slice in, struct proxy_line *line_r)
{
	const unsigned char *head = (const unsigned char *)in.at;
	unsigned command;
	size_t len;

	if (in.len < V2_HEAD)
		return PROXY_LINE_MORE;
	command = head[12] ^ V2_VERSION;
	len = (size_t)head[14] << 8 | head[15];
	if (command > V2_PROXY || V2_HEAD + len > PROXY_LINE_MAX)
		return PROXY_LINE_BAD;
	if (in.len < V2_HEAD + len)
		return PROXY_LINE_MORE;
	line_r->used = V2_HEAD + len;
	if (command == V2_LOCAL)
		return PROXY_LINE_OK;
	return v2_block(head[13], (struct slice){in.at + V2_HEAD, len}, line_r);
}

/* As far as it goes, is it this? */
static bool
begins(struct slice in, const char *with, size_t len)
{
	return memcmp(in.at, with, in.len < len ? in.len : len) == 0;
}

enum proxy_line_is
proxy_line(struct slice in, struct proxy_line *line_r)
{
	enum proxy_line_is is = PROXY_LINE_BAD;

	*line_r = (struct proxy_line){.used = 0};
	if (in.len == 0)
		return PROXY_LINE_MORE;
	if (begins(in, V1, V1_LEN))
		is = version_1(in, line_r);
	else if (begins(in, V2, V2_LEN))
		is = version_2(in, line_r);
	if (line_r->carried)
		addr_unmap(&line_r->client);
	return is;
}
