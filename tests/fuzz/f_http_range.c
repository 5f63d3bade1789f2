/*
 * f_http_range: the first line is a Range, the second a Content-Range, the
 * third an If-Range: what of a representation is said to be asked for lies in
 * it, does not overlap, and the parts are as long as they are said to be.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/http/http_range.h"
#include "proxy/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice
line(struct slice *rest)
{
	const char *lf =
	    rest->len == 0 ? NULL : memchr(rest->at, '\n', rest->len);
	size_t n = lf == NULL ? rest->len : (size_t)(lf - rest->at);
	struct slice s = {rest->at, n};

	*rest = slice_skip(*rest, lf == NULL ? n : n + 1);
	return s;
}

static void
parts(const struct http_range *list, unsigned n, uint64_t size)
{
	struct slice type = slice_of(size % 2 ? "a/b" : "");
	uint64_t sum = 0;
	struct buf b;

	buf_init(&b, 64 * 1024);
	for (unsigned i = 0; i < n; i++) {
		MUST(http_part_put(&b, "xyz", type, &list[i], size) == 0);
		sum += list[i].last - list[i].first + 1;
	}
	MUST(http_parts_end(&b, "xyz") == 0);
	MUST(http_parts_size("xyz", type, list, n, size) == sum + b.len);
	buf_free(&b);
}

static void
asked(const struct http_range_set *set, uint64_t size)
{
	struct http_range list[HTTP_RANGES_MAX];
	enum http_range_is is;
	uint64_t sum = 0;
	unsigned n;

	is = http_ranges_of(set, size, list, &n);
	MUST((is == HTTP_RANGE_SOME) == (n > 0) && n <= set->n);
	for (unsigned i = 0; i < n; i++) {
		MUST(list[i].first <= list[i].last && list[i].last < size);
		sum += list[i].last - list[i].first + 1;
	}
	MUST(sum <= size);
	if (n > 0)
		parts(list, n, size);
}

static void
written_is_read(const struct http_content_range *c)
{
	struct http_content_range again;
	struct buf b;

	if (!c->has_size)
		return;
	buf_init(&b, 200);
	MUST(http_content_range_put(
		 &b, c->has_range ? &c->range : NULL, c->size) == 0);
	MUST(
	    http_content_range((struct slice){buf_at(&b), b.len}, &again) == 0);
	MUST(again.size == c->size && again.range.last == c->range.last);
	MUST(!c->has_range || c->range.last < c->size);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t sizes[] = {0, 1, 2, 999, 1000, INT64_MAX};
	struct slice rest = {(const char *)data, size}, value;
	struct http_content_range c;
	struct http_range_set set;
	char text[HTTP_DATE_MAX];
	time_t t;

	if (http_ranges(line(&rest), &set) == 0) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			asked(&set, sizes[i]);
	}
	if (http_content_range(line(&rest), &c) == 0)
		written_is_read(&c);
	value = line(&rest);
	if (http_date(value, &t) == 0)
		MUST(slice_is(value, http_date_text(t, text)));
	if (http_if_range(value, rest, rest, rest))
		MUST(value.len == rest.len && value.at[0] == '"');
	return 0;
}
