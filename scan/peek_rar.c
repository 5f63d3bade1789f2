/*
 * peek_rar: what a RAR says of itself in its headers: that members are
 * encrypted, or that it is one of several volumes.  libarchive 3.6 passes
 * over both in a RAR5.  Pure, over bytes that an attacker wrote.
 */
#include <stdint.h>
#include <string.h>

#include "scan/peek.h"

struct reader {
	const unsigned char *at, *end;
	bool bad;
};

/* RAR 5.0: seven bits a byte, the low ones first; the top bit says more. */
static uint64_t
vint(struct reader *r)
{
	uint64_t n = 0;

	for (unsigned shift = 0; shift < 63 && r->at < r->end; shift += 7) {
		unsigned char c = *r->at++;

		n |= (uint64_t)(c & 0x7f) << shift;
		if ((c & 0x80) == 0)
			return n;
	}
	r->bad = true;
	return 0;
}

static void
skip(struct reader *r, uint64_t n)
{
	if (n > (uint64_t)(r->end - r->at))
		r->bad = true;
	else
		r->at += n;
}

enum { BLOCK_MAIN = 1, BLOCK_FILE = 2, BLOCK_ENCRYPTION = 4, BLOCK_END = 5 };

struct block {
	uint64_t type, flags;
	struct reader head;  /* behind the common fields, without the extras */
	struct reader extra; /* records: size, type, data */
};

/* The next block; false: there is none that can be read. */
static bool
next_block(struct reader *r, struct block *b)
{
	uint64_t size, extra = 0, data = 0;
	struct reader head;

	skip(r, 4); /* CRC */
	size = vint(r);
	head = *r;
	skip(r, size);
	if (r->bad)
		return false;
	head.end = r->at;
	b->type = vint(&head);
	b->flags = vint(&head);
	if ((b->flags & 1) != 0)
		extra = vint(&head);
	if ((b->flags & 2) != 0)
		data = vint(&head);
	if (head.bad || extra > (uint64_t)(head.end - head.at))
		return false;
	b->head = (struct reader){head.at, head.end - extra, false};
	b->extra = (struct reader){head.end - extra, head.end, false};
	/* Data that is not all here ends the walk at the next call. */
	skip(r, data);
	return true;
}

/* A file's record 1 is its encryption. */
static bool
has_encryption(struct reader extra)
{
	while (extra.at < extra.end && !extra.bad) {
		uint64_t size = vint(&extra);
		struct reader record = extra;

		if (vint(&record) == 1 && !record.bad)
			return true;
		skip(&extra, size);
	}
	return false;
}

/* volume: is it the flag of volumes that is asked for, or encryption? */
static bool
rar5_says(const unsigned char *s, size_t len, bool volume)
{
	struct reader r = {s + 8, s + len, len < 8};
	struct block b;

	while (!r.bad && r.at < r.end && next_block(&r, &b)) {
		if (volume && b.type == BLOCK_MAIN)
			return (vint(&b.head) & 1) != 0;
		if (!volume && b.type == BLOCK_ENCRYPTION)
			return true;
		if (!volume && b.type == BLOCK_FILE && has_encryption(b.extra))
			return true;
		if (b.type == BLOCK_END)
			return false;
	}
	return false;
}

bool
peek_rar_is_encrypted(enum file_type type, const void *bytes, size_t len)
{
	/* libarchive tells of a RAR4. */
	return type == FILE_RAR5 && len > 8 && rar5_says(bytes, len, false);
}

bool
peek_rar_is_volume(enum file_type type, const void *bytes, size_t len)
{
	const unsigned char *s = bytes;

	if (type == FILE_RAR5)
		return len > 8 && rar5_says(s, len, true);
	/* A marker of 7, then CRC, type 0x73 and flags: bit 0. */
	return type == FILE_RAR && len > 12 && s[9] == 0x73 && (s[10] & 1) != 0;
}
