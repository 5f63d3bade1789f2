/*
 * decode_zstd: Zstandard (RFC 8878); frames may follow one another.  The one
 * file that speaks libzstd.
 */
#include <stdbool.h>
#include <zstd.h>

#include "scan/coding.h"

#define OUT_ROOM ((size_t)64 * 1024)

/* RFC 9659: 8 MB is what every client has to take; some take more. */
#define WINDOW_LOG_MAX 27

/* 0: a frame has ended with the input; else what is still to come, or an
 * error. */
static size_t
run(ZSTD_DStream *d, ZSTD_inBuffer *in, coding_taker *take, void *arg,
    bool *stopped_r)
{
	unsigned char room[OUT_ROOM];
	size_t rc;

	do {
		ZSTD_outBuffer out = {room, sizeof(room), 0};
		size_t before = in->pos;

		rc = ZSTD_decompressStream(d, &out, in);
		*stopped_r = out.pos > 0 && take(arg, room, out.pos) != 0;
		if (*stopped_r || ZSTD_isError(rc))
			break;
		/* the end of the bytes, and no more comes out */
		if (in->pos == before && out.pos == 0)
			break;
	} while (in->pos < in->size || rc != 0);
	return rc;
}

enum coding_end
coding_unzstd(const void *bytes, size_t len, coding_taker *take, void *arg,
    size_t *used_r)
{
	ZSTD_DStream *d = ZSTD_createDStream();
	ZSTD_inBuffer in = {bytes, len, 0};
	bool stopped = false;
	size_t rc;

	if (d == NULL)
		return CODING_BROKEN;
	(void)ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	rc = run(d, &in, take, arg, &stopped);
	(void)ZSTD_freeDStream(d);
	*used_r = in.pos;
	if (stopped)
		return CODING_STOPPED;
	if (rc != 0 || in.pos != len)
		return CODING_BROKEN;
	return CODING_WHOLE;
}
