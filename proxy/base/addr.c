/*
 * addr: addresses and networks, from text and back.  Pure: asks no resolver.
 */
#include "proxy/base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "proxy/base/mem.h"
#include "proxy/base/slice.h"

static const unsigned char mapped[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static struct sockaddr_in *
in4(const struct addr *a)
{
	return (struct sockaddr_in *)&a->ss;
}

static struct sockaddr_in6 *
in6(const struct addr *a)
{
	return (struct sockaddr_in6 *)&a->ss;
}

int
addr_number(const char *host, uint16_t port, struct addr *a_r)
{
	memset(a_r, 0, sizeof(*a_r));
	if (inet_pton(AF_INET, host, &in4(a_r)->sin_addr) == 1) {
		a_r->ss.ss_family = AF_INET;
		in4(a_r)->sin_port = htons(port);
		a_r->len = sizeof(struct sockaddr_in);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &in6(a_r)->sin6_addr) == 1) {
		a_r->ss.ss_family = AF_INET6;
		in6(a_r)->sin6_port = htons(port);
		a_r->len = sizeof(struct sockaddr_in6);
		return 0;
	}
	return -1;
}

static int
parse_unix(const char *path, struct addr *a_r, struct err *e)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a_r->ss;

	memset(a_r, 0, sizeof(*a_r));
	if (path[0] != '/')
		return err_set(e, "unix:%s: the path must begin with /", path);
	if (strlen(path) >= sizeof(un->sun_path))
		return err_set(e, "unix:%s: longer than %zu bytes", path,
		    sizeof(un->sun_path) - 1);
	un->sun_family = AF_UNIX;
	copy_text(un->sun_path, sizeof(un->sun_path), path);
	a_r->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(path) + 1);
	return 0;
}

static int
parse_port(const char *text, uint16_t *port_r)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || n < 0 || n > 65535)
		return -1;
	*port_r = (uint16_t)n;
	return 0;
}

int
addr_parse(const char *text, struct addr *a_r, struct err *e)
{
	const char *colon = strrchr(text, ':');
	struct slice host;
	char number[64];
	uint16_t port;

	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, a_r, e);
	if (colon == NULL || parse_port(colon + 1, &port) < 0)
		return err_set(e,
		    "%s: want ADDRESS:PORT, [ADDRESS]:PORT or unix:/path",
		    text);
	host = (struct slice){text, (size_t)(colon - text)};
	if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
		host = (struct slice){host.at + 1, host.len - 2};
	else if (memchr(host.at, ':', host.len) != NULL)
		return err_set(e, "%s: write IPv6 as [ADDRESS]:PORT", text);
	if (!slice_copy(host, number, sizeof(number)) ||
	    addr_number(number, port, a_r) < 0)
		return err_set(e, "%s: %.*s is not a number address", text,
		    (int)host.len, host.at);
	return 0;
}

/* The number below 256 at *to, which moves on; then end. */
static void
put_octet(char **to, unsigned n, char end)
{
	if (n >= 100)
		*(*to)++ = (char)('0' + n / 100);
	if (n >= 10)
		*(*to)++ = (char)('0' + n / 10 % 10);
	*(*to)++ = (char)('0' + n % 10);
	*(*to)++ = end;
}

/* As inet_ntop(3) does, a tenth of the time: each event asks some times. */
static void
host4(const struct in_addr *a, char *to)
{
	unsigned char octet[4];

	memcpy(octet, a, sizeof(octet));
	for (int i = 0; i < 4; i++)
		put_octet(&to, octet[i], i < 3 ? '.' : '\0');
}

const char *
addr_host(const struct addr *a, char *to)
{
	if (a->ss.ss_family == AF_INET)
		host4(&in4(a)->sin_addr, to);
	else if (a->ss.ss_family == AF_INET6)
		inet_ntop(AF_INET6, &in6(a)->sin6_addr, to, ADDR_TEXT);
	else
		copy_text(to, ADDR_TEXT, "unix");
	return to;
}

const char *
addr_text(const struct addr *a, char *to)
{
	char host[ADDR_TEXT];

	if (a->ss.ss_family == AF_INET)
		snprintf(to, ADDR_TEXT, "%.64s:%u", addr_host(a, host),
		    addr_port(a));
	else if (a->ss.ss_family == AF_INET6)
		snprintf(to, ADDR_TEXT, "[%.64s]:%u", addr_host(a, host),
		    addr_port(a));
	else
		snprintf(to, ADDR_TEXT, "unix:%.108s",
		    ((const struct sockaddr_un *)&a->ss)->sun_path);
	return to;
}

uint16_t
addr_port(const struct addr *a)
{
	if (a->ss.ss_family == AF_INET)
		return ntohs(in4(a)->sin_port);
	if (a->ss.ss_family == AF_INET6)
		return ntohs(in6(a)->sin6_port);
	return 0;
}

void
addr_set_port(struct addr *a, uint16_t port)
{
	if (a->ss.ss_family == AF_INET)
		in4(a)->sin_port = htons(port);
	if (a->ss.ss_family == AF_INET6)
		in6(a)->sin6_port = htons(port);
}

void
addr_unmap(struct addr *a)
{
	unsigned char ip[16];
	uint16_t port = addr_port(a);

	if (a->ss.ss_family != AF_INET6)
		return;
	memcpy(ip, &in6(a)->sin6_addr, 16);
	if (memcmp(ip, mapped, sizeof(mapped)) != 0)
		return;
	memset(a, 0, sizeof(*a));
	a->ss.ss_family = AF_INET;
	a->len = sizeof(struct sockaddr_in);
	memcpy(&in4(a)->sin_addr, ip + 12, 4);
	in4(a)->sin_port = htons(port);
}

/* Networks whose addresses hold an IPv4 one, and where. */
static const struct {
	unsigned char bytes[12];
	unsigned len, at;
} inner[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 12, 12},
    {{0}, 12, 12},
    {{0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}, 12, 12},
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 6, 12},
    {{0x20, 0x02}, 2, 2},
};

bool
addr_inner(const struct addr *a, struct addr *v4_r)
{
	static const unsigned char loopback[16] = {[15] = 1};
	unsigned char key[16];

	if (a->ss.ss_family != AF_INET6)
		return false;
	addr_key(a, key);
	if (memcmp(key, loopback, 16) == 0)
		return false; /* ::1 is no 0.0.0.1 */
	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
		if (memcmp(key, inner[i].bytes, inner[i].len) != 0)
			continue;
		memset(v4_r, 0, sizeof(*v4_r));
		v4_r->ss.ss_family = AF_INET;
		v4_r->len = sizeof(struct sockaddr_in);
		memcpy(&in4(v4_r)->sin_addr, key + inner[i].at, 4);
		in4(v4_r)->sin_port = htons(addr_port(a));
		return true;
	}
	return false;
}

void
addr_key(const struct addr *a, unsigned char key[16])
{
	memset(key, 0, 16);
	if (a->ss.ss_family == AF_INET6)
		memcpy(key, &in6(a)->sin6_addr, 16);
	if (a->ss.ss_family == AF_INET) {
		memcpy(key, mapped, sizeof(mapped));
		memcpy(key + 12, &in4(a)->sin_addr, 4);
	}
}

bool
addr_same(const struct addr *a, const struct addr *b)
{
	unsigned char ka[16], kb[16];

	if (a->ss.ss_family != b->ss.ss_family)
		return false;
	if (a->ss.ss_family == AF_UNIX)
		return strcmp(((const struct sockaddr_un *)&a->ss)->sun_path,
			   ((const struct sockaddr_un *)&b->ss)->sun_path) == 0;
	addr_key(a, ka);
	addr_key(b, kb);
	return memcmp(ka, kb, 16) == 0 && addr_port(a) == addr_port(b);
}

/* The bits behind the slash, if there is one. */
static int
parse_bits(const char *slash, unsigned most, unsigned *bits_r)
{
	char *end;
	unsigned long n;

	*bits_r = most;
	if (slash == NULL)
		return 0;
	if (slash[1] < '0' || slash[1] > '9')
		return -1;
	n = strtoul(slash + 1, &end, 10);
	if (*end != '\0' || n > most)
		return -1;
	*bits_r = (unsigned)n;
	return 0;
}

int
net_parse(const char *text, struct net *n_r, struct err *e)
{
	const char *slash = strchr(text, '/');
	struct slice host = {
	    text, slash == NULL ? strlen(text) : (size_t)(slash - text)};
	char number[64];
	struct addr a;

	memset(n_r, 0, sizeof(*n_r));
	if (strcasecmp(text, "any") == 0)
		return 0;
	n_r->family = AF_UNIX;
	if (strcasecmp(text, "unix") == 0)
		return 0;
	if (!slice_copy(host, number, sizeof(number)) ||
	    addr_number(number, 0, &a) < 0)
		return err_set(e,
		    "%s: want an address, a network (10.0.0.0/8), any or unix",
		    text);
	n_r->family = a.ss.ss_family;
	addr_key(&a, n_r->bytes);
	if (parse_bits(slash, n_r->family == AF_INET ? 32 : 128, &n_r->bits) <
	    0)
		return err_set(e, "%s: bad number of bits", text);
	if (n_r->family == AF_INET)
		n_r->bits += 96;
	return 0;
}

bool
net_has(const struct net *n, const struct addr *a)
{
	unsigned char key[16];
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (n->family == AF_UNSPEC)
		return true;
	if (n->family != a->ss.ss_family)
		return false;
	if (n->family == AF_UNIX)
		return true;
	addr_key(a, key);
	if (memcmp(key, n->bytes, whole) != 0)
		return false;
	return rest == 0 || (key[whole] ^ n->bytes[whole]) >> (8 - rest) == 0;
}
