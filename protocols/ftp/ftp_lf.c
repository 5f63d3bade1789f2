/*
 * ftp_lf: CRLF becomes LF, however the pieces are cut.
 */

#include "protocols/ftp/ftp_lf.h"

size_t
ftp_lf(const char *bytes, size_t len, bool *cr_r, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (*cr_r && bytes[i] != '\n')
			out[n++] = '\r';
		*cr_r = bytes[i] == '\r';
		if (!*cr_r)
			out[n++] = bytes[i];
	}
	return n;
}
