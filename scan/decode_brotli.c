/*
 * decode_brotli: brotli (RFC 7932).  The one file that speaks libbrotlidec.
 */
#include <brotli/decode.h>

#include "scan/coding.h"

#define OUT_ROOM ((size_t)64 * 1024)

static BrotliDecoderResult
run(BrotliDecoderState *s, const unsigned char *in, size_t *left,
    coding_taker *take, void *arg, bool *stopped_r)
{
	unsigned char out[OUT_ROOM];
	BrotliDecoderResult rc;

	do {
		unsigned char *to = out;
		size_t room = sizeof(out), n;

		rc = BrotliDecoderDecompressStream(
		    s, left, &in, &room, &to, NULL);
		n = sizeof(out) - room;
		*stopped_r = n > 0 && take(arg, out, n) != 0;
	} while (!*stopped_r && rc == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT);
	return rc;
}

enum coding_end
coding_unbrotli(const void *bytes, size_t len, coding_taker *take, void *arg,
    size_t *used_r)
{
	BrotliDecoderState *s = BrotliDecoderCreateInstance(NULL, NULL, NULL);
	BrotliDecoderResult rc;
	bool stopped = false;
	size_t left = len;

	if (s == NULL)
		return CODING_BROKEN;
	rc = run(s, bytes, &left, take, arg, &stopped);
	BrotliDecoderDestroyInstance(s);
	*used_r = len - left;
	if (stopped)
		return CODING_STOPPED;
	if (rc != BROTLI_DECODER_RESULT_SUCCESS)
		return CODING_BROKEN;
	return left == 0 ? CODING_WHOLE : CODING_BEHIND;
}
