/*
 * http_range: parts of a representation: what is asked for, what of it there
 * is, and how the parts are written (RFC 9110 14).  Pure.
 */

#include "protocols/http/http_range.h"

#include "protocols/http/http_list.h"

/* Whatever the unit: "bytes=", "bytes ". */
static bool
after_bytes(struct slice *value, char sign)
{
	static const char unit[] = "bytes";
	size_t n = sizeof(unit) - 1;

	if (value->len <= n ||
	    !slice_is_word((struct slice){value->at, n}, unit) ||
	    value->at[n] != sign)
		return false;
	*value = slice_skip(*value, n + 1);
	return true;
}

/* "0-99", "100-", "-100". */
static int
read_spec(struct slice text, struct http_range_spec *s)
{
	const char *dash = memchr(text.at, '-', text.len);
	struct slice first, last;

	if (dash == NULL)
		return -1;
	first = (struct slice){text.at, (size_t)(dash - text.at)};
	last = slice_skip(text, first.len + 1);
	*s = (struct http_range_spec){
	    .has_first = first.len > 0, .has_last = last.len > 0};
	if (!s->has_first && !s->has_last)
		return -1;
	if (s->has_first && http_number(first, &s->first) < 0)
		return -1;
	if (s->has_last && http_number(last, &s->last) < 0)
		return -1;
	return s->has_first && s->has_last && s->last < s->first ? -1 : 0;
}

int
http_ranges(struct slice value, struct http_range_set *s_r)
{
	struct http_list l;
	struct slice one;
	int got;

	s_r->n = 0;
	if (!after_bytes(&value, '='))
		return -1;
	http_list_of(&l, value);
	while ((got = http_list_next(&l, &one)) > 0) {
		if (s_r->n == HTTP_RANGES_MAX ||
		    read_spec(one, &s_r->list[s_r->n]) < 0)
			return -1;
		s_r->n++;
	}
	return got < 0 || s_r->n == 0 ? -1 : 0;
}

/* What of it there is; false: nothing. */
static bool
resolve(const struct http_range_spec *s, uint64_t size, struct http_range *r)
{
	if (!s->has_first) {
		uint64_t n = s->last < size ? s->last : size;

		r->first = size - n;
		r->last = size - 1; /* of no use when n is 0 */
		return n > 0;
	}
	if (s->first >= size)
		return false;
	r->first = s->first;
	r->last = s->has_last && s->last < size ? s->last : size - 1;
	return true;
}

static bool
overlap(const struct http_range *a, const struct http_range *b)
{
	return a->first <= b->last && b->first <= a->last;
}

enum http_range_is
http_ranges_of(const struct http_range_set *s, uint64_t size,
    struct http_range list_r[HTTP_RANGES_MAX], unsigned *n_r)
{
	unsigned n = 0;

	*n_r = 0;
	for (unsigned i = 0; i < s->n; i++) {
		if (!resolve(&s->list[i], size, &list_r[n]))
			continue;
		for (unsigned k = 0; k < n; k++) {
			if (overlap(&list_r[k], &list_r[n]))
				return HTTP_RANGE_WHOLE;
		}
		n++;
	}
	*n_r = n;
	return n == 0 ? HTTP_RANGE_NONE : HTTP_RANGE_SOME;
}

/* ---- Content-Range ---- */

int
http_content_range(struct slice value, struct http_content_range *c_r)
{
	struct http_range_spec spec;
	struct slice range, size;
	const char *slash;

	memset(c_r, 0, sizeof(*c_r));
	if (!after_bytes(&value, ' '))
		return -1;
	slash = memchr(value.at, '/', value.len);
	if (slash == NULL)
		return -1;
	range = (struct slice){value.at, (size_t)(slash - value.at)};
	size = slice_skip(value, range.len + 1);
	c_r->has_range = !slice_is(range, "*");
	c_r->has_size = !slice_is(size, "*");
	if (c_r->has_size && http_number(size, &c_r->size) < 0)
		return -1;
	if (!c_r->has_range)
		return c_r->has_size ? 0 : -1;
	if (read_spec(range, &spec) < 0 || !spec.has_first || !spec.has_last)
		return -1;
	c_r->range = (struct http_range){spec.first, spec.last};
	return c_r->has_size && spec.last >= c_r->size ? -1 : 0;
}

int
http_content_range_put(
    struct buf *to, const struct http_range *r, uint64_t size)
{
	if (r == NULL)
		return buf_printf(to, "bytes */%ju", (uintmax_t)size);
	return buf_printf(to, "bytes %ju-%ju/%ju", (uintmax_t)r->first,
	    (uintmax_t)r->last, (uintmax_t)size);
}

/* ---- multipart/byteranges ---- */

bool
http_is_byteranges(struct slice type)
{
	return slice_is_word(http_before_params(type), "multipart/byteranges");
}

int
http_part_put(struct buf *to, const char *boundary, struct slice type,
    const struct http_range *r, uint64_t size)
{
	size_t before = to->len;

	if (buf_printf(to, "\r\n--%s\r\n", boundary) == 0 &&
	    (type.len == 0 ||
		buf_printf(to, "Content-Type: %.*s\r\n", (int)type.len,
		    type.at) == 0) &&
	    buf_puts(to, "Content-Range: ") == 0 &&
	    http_content_range_put(to, r, size) == 0 &&
	    buf_puts(to, "\r\n\r\n") == 0)
		return 0;
	to->len = before;
	return -1;
}

int
http_parts_end(struct buf *to, const char *boundary)
{
	return buf_printf(to, "\r\n--%s--\r\n", boundary);
}

static uint64_t
digits(uint64_t n)
{
	uint64_t d = 1;

	for (; n >= 10; n /= 10)
		d++;
	return d;
}

uint64_t
http_parts_size(const char *boundary, struct slice type,
    const struct http_range *list, unsigned n, uint64_t size)
{
	static const char frame[] = "\r\n--\r\nContent-Range: bytes -/\r\n\r\n";
	static const char named[] = "Content-Type: \r\n";
	uint64_t each = sizeof(frame) - 1 + strlen(boundary) + digits(size);
	uint64_t sum = strlen("\r\n----\r\n") + strlen(boundary);

	if (type.len > 0)
		each += sizeof(named) - 1 + type.len;
	for (unsigned i = 0; i < n; i++)
		sum += each + digits(list[i].first) + digits(list[i].last) +
		    (list[i].last - list[i].first + 1);
	return sum;
}
