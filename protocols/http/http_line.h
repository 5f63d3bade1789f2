#ifndef HTTP_LINE_H
#define HTTP_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "protocols/http/http_bad.h"
#include "proxy/base/slice.h"

/*
 * http_line: lines and field lines as heads and trailers have them (RFC 9112
 * 2.2 and 5).  Pure.
 */

/* A byte of a token (RFC 9110 5.6.2). */
bool http_is_tchar(char c);

/* At least one byte, all of a token. */
bool http_is_token(struct slice s);

/*
 * Looks for the end of the line that begins at in; seen bytes of it were
 * looked at before and had no LF.  1: *line_r is the line without its CRLF,
 * and it is good; 0: no end yet; -1: *bad_r is BARE_LF, BARE_CR or CONTROL.
 */
int http_line(
    struct slice in, size_t seen, struct slice *line_r, enum http_bad *bad_r);

/*
 * Takes apart a field line; the blanks around the value are off.  NONE, FOLD,
 * NO_COLON, COLON or FIELD_NAME.
 */
enum http_bad http_field_line(
    struct slice line, struct slice *name_r, struct slice *value_r);

/* Without the blanks (SP, HTAB) around it. */
struct slice http_trim(struct slice s);

#endif
