#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/*
 * buf: bytes that grow at the end and are taken from the front.  Its limit is
 * given at birth; a write that would pass it appends nothing and fails.  An
 * empty buf that was freed holds no memory and can be used again.
 */
struct buf {
	char *mem;
	size_t start; /* the first byte still there */
	size_t len;   /* bytes from start on */
	size_t cap;
	size_t limit;
};

void buf_init(struct buf *b, size_t limit);

/* Gives the memory back; the buf is empty and keeps its limit. */
void buf_free(struct buf *b);

/* Appends.  0, or -1 with errno EFBIG when the limit would be passed. */
int buf_put(struct buf *b, const void *bytes, size_t len);
int buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Here, so that the length of what is written out is known beforehand. */
static inline int
buf_puts(struct buf *b, const char *text)
{
	return buf_put(b, text, strlen(text));
}

/*
 * Room for len bytes at the end, NULL past the limit; buf_grew() says how many
 * of them were filled.  For read(2) and friends.
 */
char *buf_room(struct buf *b, size_t len);
void buf_grew(struct buf *b, size_t len);

/* The bytes; valid until the next change.  Not ended by a NUL. */
static inline char *
buf_at(const struct buf *b)
{
	return b->mem + b->start;
}

/* Takes n bytes off the front. */
void buf_drop(struct buf *b, size_t n);

/* Forgets the bytes and keeps the memory. */
void buf_clear(struct buf *b);

/* The bytes with a NUL behind them (not counted); "" when empty. */
const char *buf_text(struct buf *b);

#endif
