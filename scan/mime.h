#ifndef SCAN_MIME_H
#define SCAN_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * mime: our own walk of a mail.  Mail readers differ wherever a mail is odd
 * (two boundaries, two encodings, a delimiter with something behind it); an
 * attacker picks the reader that the scanner is not.  So the walk follows
 * every reading that any reader could make and hands out the parts of all of
 * them; bytes that several readings share are handed out once.
 *
 * Pure: no I/O, no libraries, no clock.  The mail is not changed or copied;
 * what must be decoded lies on the heap within mime_limits.bytes.
 */

/* clang-format off */
/*	what was odd	class		in words, for reports */
#define MIME_ODDS(X) \
	X(TWO_TYPES,	AMBIGUOUS, "duplicate content-type") \
	X(TWO_CTES,	AMBIGUOUS, "duplicate content-transfer-encoding") \
	X(TWO_BOUNDARIES, AMBIGUOUS, "two boundaries") \
	X(ODD_FIELD,	AMBIGUOUS, "oddly written header field") \
	X(ODD_TYPE,	AMBIGUOUS, "oddly written content-type") \
	X(ODD_CTE,	AMBIGUOUS, "unknown content-transfer-encoding") \
	X(ODD_BOUNDARY,	AMBIGUOUS, "oddly written boundary") \
	X(NO_BOUNDARY,	AMBIGUOUS, "multipart without boundary") \
	X(NOT_MULTIPART, AMBIGUOUS, "boundary on a type that is not multipart") \
	X(CTE_MULTIPART, AMBIGUOUS, "encoded multipart") \
	X(ODD_HEADER,	AMBIGUOUS, "header ends in two places") \
	X(ODD_DELIMITER, AMBIGUOUS, "oddly written delimiter") \
	X(AFTER_CLOSE,	AMBIGUOUS, "parts after the closing delimiter") \
	X(PREAMBLE,	AMBIGUOUS, "content before the first delimiter") \
	X(EPILOGUE,	AMBIGUOUS, "content after the closing delimiter") \
	X(BARE_CR,	AMBIGUOUS, "bare CR") \
	X(BARE_LF,	AMBIGUOUS, "bare LF among CRLF") \
	X(NUL,		AMBIGUOUS, "NUL byte") \
	X(LONG_LINE,	AMBIGUOUS, "line over 998 bytes") \
	X(ODD_BASE64,	AMBIGUOUS, "oddly written base64") \
	X(ODD_QP,	AMBIGUOUS, "oddly written quoted-printable") \
	X(HIDDEN,	AMBIGUOUS, "encoded text no field speaks of") \
	X(PARTIAL,	MALFORMED, "message/partial") \
	X(MANY_PARTS,	MALFORMED, "mime_parts") \
	X(DEEP,		MALFORMED, "mime_depth") \
	X(MANY_READINGS, MALFORMED, "mime_readings") \
	X(BYTES,	LIMIT,	   "mime_bytes")

enum mime_odd {
#define X(odd, class, words) MIME_##odd,
	MIME_ODDS(X)
#undef X
	MIME_ODD_COUNT
};
/* clang-format on */

enum mime_class { MIME_IS_AMBIGUOUS, MIME_IS_MALFORMED, MIME_IS_LIMIT };

enum mime_class mime_odd_class(enum mime_odd odd);
const char *mime_odd_word(enum mime_odd odd); /* "two boundaries" */

/* 0 is "the default of this module", never "unlimited". */
struct mime_limits {
	uint64_t bytes;    /* decoded bytes in memory or handed out, together */
	uint32_t parts;    /* handed out, of all readings */
	uint32_t depth;    /* parts in parts */
	uint32_t readings; /* entities walked, of all readings */
};

enum mime_codec {
	MIME_IDENTITY, /* 7bit 8bit binary: the bytes as they stand */
	MIME_BASE64,
	MIME_QP,
	MIME_UUENCODE,
	MIME_YENC,
	MIME_CODECS
};

struct mime_walk; /* what is in it is mime.c's business */

#define MIME_HEAD_MAX 64
#define MIME_NAME_MAX 255
#define MIME_TYPE_MAX 79

/*
 * One thing a reader could show or save: always a leaf, never a multipart.
 * Everything here is gone when the callback returns.
 */
struct mime_part {
	/*
	 * Path inside the mail, for where_join_path(): "a.zip", "part 2",
	 * "letter.eml/a.zip"; names are escaped as scan/where.h has it.
	 */
	const char *where;
	const char *name; /* as declared, decoded where easy; "" when none */
	const char *type; /* declared, lower case; "text/plain" when none */
	uint64_t at, len; /* raw bytes in the mail; of the encoded message it
			     lies in when that was encoded itself */
	enum mime_codec codec;
	unsigned depth; /* multiparts and messages around it */

	/*
	 * The engine's own mail parser, given the whole mail, is known to
	 * reach this part too: look inside only where the engine cannot.
	 */
	bool seen_by_engine;
	bool other_reading; /* not in the reading of the RFCs */

	size_t head_len; /* the first decoded bytes, for a look at the type */
	unsigned char head[MIME_HEAD_MAX];

	struct mime_walk *walk; /* these two for mime_part_bytes() */
	const void *leaf;
};

/*
 * The whole decoded part.  The bytes belong to the walk and are good until
 * the callback returns.  Returns 0, or -1: it does not fit into what is left
 * of mime_limits.bytes (MIME_BYTES is then in the result).
 */
int mime_part_bytes(
    const struct mime_part *p, const void **bytes_r, size_t *len_r);

/* Called for each part, in the order of the mail; nonzero stops the walk. */
typedef int mime_part_fn(void *arg, const struct mime_part *p);

struct mime_result {
	/*
	 * One reading, and one the engine's mail parser shares: every part
	 * was handed out with seen_by_engine.
	 */
	bool plain;
	uint32_t odd;   /* bits: 1 << MIME_TWO_TYPES ...; each a finding */
	uint32_t parts; /* handed out */
};

/*
 * Walks the whole mail, then hands out its parts.  limits may be NULL.  part
 * may be NULL: then only the result is wanted.  Returns 0, or what part()
 * returned when it stopped the walk.  *r is always filled.
 */
int mime_walk(const void *bytes, size_t len, const struct mime_limits *limits,
    mime_part_fn *part, void *arg, struct mime_result *r);

#endif
