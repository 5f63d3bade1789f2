/*
 * ftp_dest: how a client names the server it wants to reach.
 */

#include "protocols/ftp/ftp_dest.h"

static bool
is_host_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static bool
is_number_byte(char c)
{
	return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
	    (c >= '0' && c <= '9') || c == ':' || c == '.';
}

static int
port_of(struct slice s, uint16_t *port_r)
{
	unsigned n = 0;

	if (s.len == 0 || s.len > 5)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return -1;
		n = n * 10 + (unsigned)(s.at[i] - '0');
	}
	if (n == 0 || n > 65535)
		return -1;
	*port_r = (uint16_t)n;
	return 0;
}

int
ftp_dest(struct slice text, struct ftp_dest *d_r)
{
	bool v6 = text.len > 0 && text.at[0] == '[';
	size_t n = v6 ? 1 : 0, from = n;

	*d_r = (struct ftp_dest){.port = FTP_PORT};
	while (n < text.len &&
	    (v6 ? is_number_byte(text.at[n]) : is_host_byte(text.at[n])))
		n++;
	if (n == from ||
	    !slice_copy((struct slice){text.at + from, n - from}, d_r->host,
		sizeof(d_r->host)))
		return -1;
	if (v6 && (n == text.len || text.at[n++] != ']'))
		return -1;
	if (n == text.len)
		return 0;
	if (text.at[n] != ':' && text.at[n] != ' ')
		return -1;
	return port_of(slice_skip(text, n + 1), &d_r->port);
}

int
ftp_dest_user(struct slice arg, struct slice *user_r, struct ftp_dest *d_r)
{
	size_t at = arg.len;

	while (at > 0 && arg.at[at - 1] != '@')
		at--;
	*user_r = arg;
	if (at == 0)
		return 1;
	user_r->len = at - 1;
	return user_r->len == 0 ? -1 : ftp_dest(slice_skip(arg, at), d_r);
}
