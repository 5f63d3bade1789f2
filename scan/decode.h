#ifndef SCAN_DECODE_H
#define SCAN_DECODE_H

#include <stddef.h>
#include <stdint.h>

/*
 * decode: the transfer encodings of mail.  Pure: from a pointer and a length
 * into room the caller made.  Decoders of mail readers differ wherever the
 * text is not exactly as the RFC has it, so each decoder has variants, and
 * the checks say whether they matter: 0 is "all readers agree".
 */

/* What base64_check() sees; the variants of base64_decode() that matter. */
#define BASE64_JUNK 0x01    /* bytes of no alphabet between the text */
#define BASE64_PADDING 0x02 /* "=" and then more text */
#define BASE64_URL 0x04     /* "-" or "_" */
#define BASE64_LINES 0x08   /* a line that does not hold whole groups */
#define BASE64_TAIL 0x10    /* the last group lacks its "=" */

unsigned base64_check(const char *text, size_t len);

enum base64_variant {
	BASE64_PLAIN,    /* skips junk, goes on behind "=" in a new group */
	BASE64_STOPS,    /* ends at the first complete padding */
	BASE64_SKIPS,    /* "=" is junk like any other */
	BASE64_URL_SAFE, /* "-" is 62 and "_" is 63 */
	BASE64_BY_LINE,  /* each line is a text of its own */
	BASE64_NO_JUNK,  /* ends at the first byte that is junk */
	BASE64_VARIANTS
};

#define BASE64_ROOM(len) ((len) / 4 * 3 + 3)

/* Returns the bytes written; to has BASE64_ROOM(len). */
size_t base64_decode(
    const char *text, size_t len, enum base64_variant variant, void *to);

#define QP_ESCAPE 0x01 /* "=" and not two hex digits */
#define QP_BYTE 0x02   /* a byte that should have been encoded */
#define QP_SOFT 0x04   /* a soft line break with something behind "=" */
#define QP_BLANKS 0x08 /* blanks at the end of a line */
#define QP_INDENT \
	0x10 /* behind a soft line break an empty line, or blanks \
		 and an escape */

unsigned qp_check(const char *text, size_t len);

enum qp_variant {
	QP_PLAIN,        /* RFC 2045 6.7; a wrong escape stands as it is */
	QP_KEEPS_BLANKS, /* at the end of a line, behind "=" too */
	QP_DROPS_1,      /* of a wrong escape the "=", and wrong bytes */
	QP_DROPS_2,      /* "=" and the next byte */
	QP_DROPS_3,      /* "=" and the next two */
	QP_JOINS,        /* hex digits over line ends; no indent, no lines */
	QP_VARIANTS
};

/* Returns the bytes written, at most len; to has len. */
size_t qp_decode(
    const char *text, size_t len, enum qp_variant variant, void *to);

/*
 * text begins with the "begin 644 name" line, or right with the data.  Ends
 * at "end" or at a line that is not uuencode.  to has UU_ROOM(len).
 */
#define UU_ROOM(len) (2 * (len) + 64)
size_t uu_decode(const char *text, size_t len, void *to);

/* text begins with "=ybegin"; ends at "=yend".  to has len. */
size_t yenc_decode(const char *text, size_t len, void *to);

#endif
