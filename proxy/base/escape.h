#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include <stddef.h>

#include "proxy/base/buf.h"
#include "proxy/base/slice.h"

/*
 * escape: a peer's bytes inside one line of a log.  Pure.  What is appended is
 * printable UTF-8 without a line end, at most max bytes of it; a value that
 * would be longer is cut between two characters and ends in an ellipsis
 * (U+2026).  What a terminal or a reader could take for something else (C0,
 * DEL, C1, line separators, marks that turn the direction of writing) is
 * escaped too.  0, or -1 EFBIG from the buf.
 */

#define ESCAPE_MIN 16 /* least max: one escape and the ellipsis */

/* Inside the quotes of a JSON string.  A byte that is not UTF-8 becomes
 * \ufffd (the Unicode replacement character). */
int escape_json(struct buf *b, struct slice s, size_t max);

/* Inside quotes: \" \\ and \xNN for each byte that cannot stand there. */
int escape_text(struct buf *b, struct slice s, size_t max);

/* As a bare word, for address: blanks and angle brackets as \xNN too. */
int escape_word(struct buf *b, struct slice s, size_t max);

/* True when s stands in a JSON string as it is. */
bool escape_is_json(struct slice s);

/* True when s needs neither quotes nor escapes as a value in a text line. */
bool escape_is_plain(struct slice s);

#endif
