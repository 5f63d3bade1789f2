/*
 * f_ftp_lf: the reading with LF alone is the same wherever the bytes are cut,
 * and the same as one made in one go.  The first byte says how long the pieces
 * are.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/ftp/ftp_lf.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In one go: each CR that a LF follows is left out. */
static size_t
at_once(const char *bytes, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != '\r' || i + 1 == len || bytes[i + 1] != '\n')
			out[n++] = bytes[i];
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data + 1;
	size_t piece, len = size - 1, n = 0, wanted;
	char *out, *other;
	bool cr = false;

	if (size == 0)
		return 0;
	piece = (size_t)data[0] + 1;
	out = xcalloc(len + 2, 1);
	other = xcalloc(len + 2, 1);
	for (size_t at = 0; at < len; at += piece) {
		size_t some = len - at < piece ? len - at : piece;
		size_t made = ftp_lf(bytes + at, some, &cr, out + n);

		MUST(made <= some + 1);
		n += made;
	}
	if (cr)
		out[n++] = '\r';
	wanted = at_once(bytes, len, other);
	MUST(n == wanted && memcmp(out, other, n) == 0);
	free(out);
	free(other);
	return 0;
}
