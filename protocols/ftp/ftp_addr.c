/*
 * ftp_addr: PORT, EPRT, and the replies to PASV and EPSV.
 */

#include "protocols/ftp/ftp_addr.h"

#include <stdio.h>

#include "proxy/base/check.h"

/* A number of up to 5 digits, at most most, from the front of s. */
static int
number(struct slice *s, unsigned most, unsigned *n_r)
{
	size_t i = 0;

	for (*n_r = 0; i < s->len && s->at[i] >= '0' && s->at[i] <= '9'; i++) {
		if (i == 5)
			return -1;
		*n_r = *n_r * 10 + (unsigned)(s->at[i] - '0');
	}
	if (i == 0 || *n_r > most)
		return -1;
	*s = slice_skip(*s, i);
	return 0;
}

/* Six numbers from the front of s. */
static int
six(struct slice *s, struct addr *a_r)
{
	unsigned n[6];
	char host[16];

	for (int i = 0; i < 6; i++) {
		if (i > 0) {
			if (s->len == 0 || s->at[0] != ',')
				return -1;
			*s = slice_skip(*s, 1);
		}
		if (number(s, 255, &n[i]) < 0)
			return -1;
	}
	(void)snprintf(
	    host, sizeof(host), "%u.%u.%u.%u", n[0], n[1], n[2], n[3]);
	return addr_number(host, (uint16_t)(n[4] << 8 | n[5]), a_r);
}

int
ftp_addr_port(struct slice arg, struct addr *a_r)
{
	return six(&arg, a_r) == 0 && arg.len == 0 ? 0 : -1;
}

/* What is up to the next mark, which goes, too. */
static int
field(struct slice *s, char mark, struct slice *field_r)
{
	const char *end = memchr(s->at, mark, s->len);

	if (end == NULL)
		return -1;
	*field_r = (struct slice){s->at, (size_t)(end - s->at)};
	*s = slice_skip(*s, field_r->len + 1);
	return 0;
}

static int
port_of(struct slice s, uint16_t *port_r)
{
	unsigned n;

	if (number(&s, 65535, &n) < 0 || s.len > 0 || n == 0)
		return -1;
	*port_r = (uint16_t)n;
	return 0;
}

/* The mark is any printable byte (RFC 2428 2) that is in no address. */
static bool
is_mark(char c)
{
	return c > ' ' && c <= '~' && c != '.' && c != ':' &&
	    !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f') &&
	    !(c >= 'A' && c <= 'F');
}

int
ftp_addr_eprt(struct slice arg, struct addr *a_r)
{
	struct slice family, host, port;
	char text[48];
	uint16_t n;
	char mark;

	if (arg.len == 0 || !is_mark(arg.at[0]))
		return -1;
	mark = arg.at[0];
	arg = slice_skip(arg, 1);
	if (field(&arg, mark, &family) < 0 || field(&arg, mark, &host) < 0 ||
	    field(&arg, mark, &port) < 0 || arg.len > 0)
		return -1;
	if (!slice_is(family, "1") && !slice_is(family, "2"))
		return -2;
	if (!slice_copy(host, text, sizeof(text)) || port_of(port, &n) < 0 ||
	    memchr(host.at, '\0', host.len) != NULL ||
	    addr_number(text, n, a_r) < 0)
		return -1;
	return slice_is(family, "1") == (a_r->ss.ss_family == AF_INET) ? 0 : -1;
}

int
ftp_addr_227(struct slice text, struct addr *a_r)
{
	bool digit, before = false;

	for (; text.len > 0; text = slice_skip(text, 1)) {
		struct slice s = text;

		digit = s.at[0] >= '0' && s.at[0] <= '9';
		if (digit && !before && six(&s, a_r) == 0)
			return addr_port(a_r) == 0 ? -1 : 0;
		before = digit;
	}
	return -1;
}

int
ftp_addr_229(struct slice text, uint16_t *port_r)
{
	const char *open = memchr(text.at, '(', text.len);
	struct slice s, f;

	if (open == NULL)
		return -1;
	s = slice_skip(text, (size_t)(open - text.at) + 1);
	if (s.len < 5 || !is_mark(s.at[0]) || s.at[1] != s.at[0] ||
	    s.at[2] != s.at[0])
		return -1;
	open = s.at;
	s = slice_skip(s, 3);
	if (field(&s, *open, &f) < 0 || s.len == 0 || s.at[0] != ')')
		return -1;
	return port_of(f, port_r);
}

const char *
ftp_addr_text_port(const struct addr *a, char *to)
{
	char host[ADDR_TEXT];
	unsigned port = addr_port(a);
	int n;

	MUST(a->ss.ss_family == AF_INET);
	addr_host(a, host);
	for (char *c = host; *c != '\0'; c++) {
		if (*c == '.')
			*c = ',';
	}
	n = snprintf(
	    to, FTP_ADDR_TEXT, "%s,%u,%u", host, port >> 8, port & 255);
	MUST(n > 0 && n < FTP_ADDR_TEXT);
	return to;
}

const char *
ftp_addr_text_eprt(const struct addr *a, char *to)
{
	char host[ADDR_TEXT];
	int n;

	addr_host(a, host);
	host[strcspn(host, "%")] = '\0'; /* a zone is ours alone */
	n = snprintf(to, FTP_ADDR_TEXT, "|%d|%s|%u|",
	    a->ss.ss_family == AF_INET ? 1 : 2, host, addr_port(a));
	MUST(n > 0 && n < FTP_ADDR_TEXT);
	return to;
}
