#ifndef SCAN_CODING_H
#define SCAN_CODING_H

#include <stddef.h>

#include "proxy/base/slice.h"

/*
 * coding: the content codings of HTTP (RFC 9110 8.4.1), undone as a stream:
 * memory is constant, however much comes out.  Pure but for the heap; what is
 * one taker call after the other is the decoded text.
 */

/* clang-format off */
/*	coding		words in Content-Encoding */
#define CODINGS(X) \
	X(GZIP,		"gzip") \
	X(ZLIB,		"deflate")	/* as RFC 9110 8.4.1.2 has it ... */ \
	X(RAW,		"raw-deflate")	/* ... and as some servers send it */ \
	X(BR,		"br") \
	X(ZSTD,		"zstd")

enum coding {
#define X(coding, word) CODING_##coding,
	CODINGS(X)
#undef X
	CODING_KINDS
};
/* clang-format on */

enum coding_end {
	CODING_WHOLE,  /* up to its end, and that was the end of the bytes */
	CODING_BEHIND, /* the same, but bytes follow */
	CODING_BROKEN, /* damaged, a wrong checksum, or it ends too early */
	CODING_STOPPED /* by the taker */
};

/* Takes decoded bytes; nonzero stops. */
typedef int coding_taker(void *arg, const void *bytes, size_t len);

/*
 * Undoes one coding.  gzip: one member of perhaps several.  *used_r: how many
 * bytes belonged to it, when it was WHOLE or BEHIND.
 */
enum coding_end coding_undo(enum coding coding, const void *bytes, size_t len,
    coding_taker *take, void *arg, size_t *used_r);

/* The coding that a word of Content-Encoding names, x-gzip too; CODING_KINDS:
 * none that we read. */
enum coding coding_of_word(struct slice word);
const char *coding_word(enum coding coding);

/* ---- one file for each library ---- */

enum coding_end coding_inflate(enum coding coding, const void *bytes,
    size_t len, coding_taker *take, void *arg, size_t *used_r);
enum coding_end coding_unbrotli(const void *bytes, size_t len,
    coding_taker *take, void *arg, size_t *used_r);
enum coding_end coding_unzstd(const void *bytes, size_t len, coding_taker *take,
    void *arg, size_t *used_r);

#endif
