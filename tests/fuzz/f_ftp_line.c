/*
 * f_ftp_line: command lines and the servers they name.  What is taken holds
 * nothing that a server could read as the end of a line or as Telnet, and is
 * taken the same way when it is said to a server.
 */
#include <stdint.h>
#include <stdio.h>

#include "protocols/ftp/ftp_dest.h"
#include "protocols/ftp/ftp_line.h"
#include "proxy/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
a_dest(struct slice text)
{
	struct ftp_dest d, again;
	struct slice user;
	char written[FTP_HOST_MAX + 16];

	if (ftp_dest_user(text, &user, &d) != 0)
		return;
	MUST(user.len > 0 && user.len < text.len);
	MUST(d.host[0] != '\0' && d.port != 0);
	MUST(d.host[strcspn(d.host, "@[]/% \r\n")] == '\0');
	if (strchr(d.host, ':') != NULL)
		(void)snprintf(
		    written, sizeof(written), "[%s]:%u", d.host, d.port);
	else
		(void)snprintf(
		    written, sizeof(written), "%s:%u", d.host, d.port);
	MUST(ftp_dest(slice_of(written), &again) == 0);
	MUST(strcmp(d.host, again.host) == 0 && d.port == again.port);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	char room[FTP_LINE_MAX], second[FTP_LINE_MAX];
	char said[2 * FTP_LINE_MAX];
	struct ftp_line l, again;
	int n;

	if (size == 0)
		return 0;
	(void)ftp_line_has_abort(text);
	a_dest(text);
	if (ftp_line(text, room, &l) < 0)
		return 0;
	MUST(l.arg.at >= room && l.arg.len <= FTP_LINE_MAX);
	for (size_t i = 0; i < l.arg.len; i++)
		MUST((unsigned char)l.arg.at[i] >= ' ' && l.arg.at[i] != 0x7f &&
		    (unsigned char)l.arg.at[i] != 0xff);
	n = snprintf(
	    said, sizeof(said), "%s %.*s", l.verb, (int)l.arg.len, l.arg.at);
	MUST(n > 0 && (size_t)n < sizeof(said));
	if ((size_t)n > FTP_LINE_MAX)
		return 0;
	MUST(ftp_line((struct slice){said, (size_t)n}, second, &again) == 0);
	MUST(strcmp(l.verb, again.verb) == 0 && l.arg.len == again.arg.len);
	MUST(memcmp(l.arg.at, again.arg.at, l.arg.len) == 0);
	a_dest(l.arg);
	return 0;
}
