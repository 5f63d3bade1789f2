#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "proxy/base/buf.h"
#include "proxy/base/slice.h"

/* http_range: parts of a representation (RFC 9110 14).  Pure. */
#define HTTP_RANGES_MAX 16

struct http_range {
	uint64_t first, last; /* last is in it */
};

/* As it was asked for. */
struct http_range_spec {
	bool has_first, has_last; /* no first: the last `last` bytes */
	uint64_t first, last;
};

struct http_range_set {
	unsigned n;
	struct http_range_spec list[HTTP_RANGES_MAX];
};

/*
 * The value of Range.  0, or -1: another unit, malformed, or more than
 * HTTP_RANGES_MAX of them: it is as if the field were not there (14.2).
 */
int http_ranges(struct slice value, struct http_range_set *s_r);

enum http_range_is {
	HTTP_RANGE_WHOLE, /* answer 200: what is asked for overlaps or is more
			     than the whole (14.2, 17.15) */
	HTTP_RANGE_SOME,  /* answer 206 */
	HTTP_RANGE_NONE   /* answer 416 */
};

/* Of a representation of size bytes, in the order they were asked for. */
enum http_range_is http_ranges_of(const struct http_range_set *s, uint64_t size,
    struct http_range list_r[HTTP_RANGES_MAX], unsigned *n_r);

struct http_content_range {
	bool has_range; /* not in a 416 */
	bool has_size;  /* no asterisk */
	struct http_range range;
	uint64_t size;
};

/* The value of Content-Range.  0 or -1. */
int http_content_range(struct slice value, struct http_content_range *c_r);

/* The value for it: "bytes 0-99/1000"; r NULL: of a 416. */
int http_content_range_put(
    struct buf *to, const struct http_range *r, uint64_t size);

/*
 * If-Range (13.1.5): is the range still of what we have?  Empty slices where
 * a field is not there.  A weak tag never matches; a date only when it is
 * exactly Last-Modified, and that a minute older than Date.
 */
bool http_if_range(struct slice value, struct slice etag,
    struct slice last_modified, struct slice date);

/* IMF-fixdate, the one form that may be sent.  0 or -1. */
int http_date(struct slice text, time_t *t_r);
#define HTTP_DATE_MAX 32
const char *http_date_text(time_t t, char to[HTTP_DATE_MAX]);

/* Is a Content-Type multipart/byteranges? */
bool http_is_byteranges(struct slice type);

/*
 * One multipart/byteranges: for each range its head, then its bytes; then the
 * end.  type may be empty.  boundary is of token bytes.
 */
int http_part_put(struct buf *to, const char *boundary, struct slice type,
    const struct http_range *r, uint64_t size);
int http_parts_end(struct buf *to, const char *boundary);

/* The bytes of all that. */
uint64_t http_parts_size(const char *boundary, struct slice type,
    const struct http_range *list, unsigned n, uint64_t size);

#endif
