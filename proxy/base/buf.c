/*
 * buf: bytes that grow at the end and are taken from the front, never past
 * the limit they were born with.
 */
#include "proxy/base/buf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"

#define BUF_FIRST 256

void
buf_init(struct buf *b, size_t limit)
{
	*b = (struct buf){.limit = limit};
}

void
buf_free(struct buf *b)
{
	free(b->mem);
	buf_init(b, b->limit);
}

void
buf_clear(struct buf *b)
{
	b->start = 0;
	b->len = 0;
}

/* Makes cap at least need, doubling so that growing costs little. */
static void
grow(struct buf *b, size_t need)
{
	size_t cap = b->cap == 0 ? BUF_FIRST : b->cap;

	while (cap < need)
		cap *= 2;
	if (cap > b->limit)
		cap = b->limit > need ? b->limit : need;
	b->mem = xrealloc(b->mem, cap, 1);
	b->cap = cap;
}

char *
buf_room(struct buf *b, size_t len)
{
	if (len > b->limit || b->len > b->limit - len) {
		errno = EFBIG;
		return NULL;
	}
	if (b->cap - b->start - b->len >= len && b->mem != NULL)
		return b->mem + b->start + b->len;
	if (b->start > 0 && b->mem != NULL) {
		memmove(b->mem, b->mem + b->start, b->len);
		b->start = 0;
	}
	if (b->cap - b->len < len || b->mem == NULL)
		grow(b, b->len + (len == 0 ? 1 : len));
	return b->mem + b->len;
}

void
buf_grew(struct buf *b, size_t len)
{
	MUST(b->start + b->len + len <= b->cap);
	b->len += len;
}

/* There is room for them already: true for most of what is put. */
static inline bool
has_room(const struct buf *b, size_t len)
{
	return b->mem != NULL && len <= b->cap - b->start - b->len &&
	    len <= b->limit && b->len <= b->limit - len;
}

int
buf_put(struct buf *b, const void *bytes, size_t len)
{
	char *to =
	    has_room(b, len) ? b->mem + b->start + b->len : buf_room(b, len);

	if (to == NULL)
		return -1;
	if (len > 0)
		memcpy(to, bytes, len);
	b->len += len;
	return 0;
}

int
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	char small[512];
	char *big;
	int n, rc;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	MUST(n >= 0);
	if ((size_t)n < sizeof(small)) {
		va_end(again);
		return buf_put(b, small, (size_t)n);
	}
	big = xcalloc((size_t)n + 1, 1);
	vsnprintf(big, (size_t)n + 1, fmt, again);
	va_end(again);
	rc = buf_put(b, big, (size_t)n);
	free(big);
	return rc;
}

int
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = buf_vprintf(b, fmt, ap);
	va_end(ap);
	return rc;
}

void
buf_drop(struct buf *b, size_t n)
{
	MUST(n <= b->len);
	b->start += n;
	b->len -= n;
	if (b->len == 0)
		b->start = 0;
}

const char *
buf_text(struct buf *b)
{
	if (b->mem == NULL)
		return "";
	if (b->start + b->len == b->cap) {
		b->mem = xrealloc(b->mem, b->cap + 1, 1);
		b->cap++;
	}
	b->mem[b->start + b->len] = '\0';
	return buf_at(b);
}
