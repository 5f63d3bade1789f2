/*
 * decode_zlib: gzip (RFC 1952), zlib (RFC 1950) and bare deflate (RFC 1951).
 * The one file that speaks zlib.
 */
#include <zlib.h>

#include "scan/coding.h"

#define OUT_ROOM ((size_t)64 * 1024)
#define IN_STEP ((size_t)1 << 30) /* zlib counts in unsigned int */

/* What inflateInit2() calls them. */
static int
window_bits(enum coding coding)
{
	if (coding == CODING_GZIP)
		return MAX_WBITS + 16;
	return coding == CODING_RAW ? -MAX_WBITS : MAX_WBITS;
}

static void
refill(z_stream *z, size_t *left)
{
	size_t step = *left < IN_STEP ? *left : IN_STEP;

	if (z->avail_in > 0 || step == 0)
		return;
	z->avail_in = (uInt)step;
	*left -= step;
}

/* Z_STREAM_END, or what went wrong; Z_ERRNO: the taker has stopped it. */
static int
run(z_stream *z, size_t left, coding_taker *take, void *arg)
{
	unsigned char out[OUT_ROOM];
	int rc;

	do {
		size_t n;

		refill(z, &left);
		z->next_out = out;
		z->avail_out = sizeof(out);
		rc = inflate(z, Z_NO_FLUSH);
		n = sizeof(out) - z->avail_out;
		if (n > 0 && take(arg, out, n) != 0)
			return Z_ERRNO;
	} while (
	    rc == Z_OK && (z->avail_in > 0 || left > 0 || z->avail_out == 0));
	return rc;
}

enum coding_end
coding_inflate(enum coding coding, const void *bytes, size_t len,
    coding_taker *take, void *arg, size_t *used_r)
{
	z_stream z = {.next_in = (z_const Bytef *)bytes};
	int rc;

	if (inflateInit2(&z, window_bits(coding)) != Z_OK)
		return CODING_BROKEN;
	rc = run(&z, len, take, arg);
	*used_r = (size_t)((const unsigned char *)z.next_in -
	    (const unsigned char *)bytes);
	(void)inflateEnd(&z);
	if (rc == Z_ERRNO)
		return CODING_STOPPED;
	if (rc != Z_STREAM_END)
		return CODING_BROKEN;
	return *used_r == len ? CODING_WHOLE : CODING_BEHIND;
}
