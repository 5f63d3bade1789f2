/*
 * peek_zip: members of a zip that its directory does not list.  Readers that
 * begin at the end take what the last directory names; those that begin in
 * front (7-Zip, all that read from a pipe) take what has a head of its own:
 * of two zips one behind the other each sees another one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/mem.h"
#include "scan/peek.h"

#define LOCAL "PK\3\4"
#define CENTRAL "PK\1\2"
#define END "PK\5\6"
#define END64 "PK\6\6"
#define LOCAL_SIZE 30
#define CENTRAL_SIZE 46
#define END_SIZE 22
#define END64_SIZE 56
#define LOCATOR_SIZE 20
#define LARGE 1        /* the extra field of zip64 */
#define SIZES_FOLLOW 8 /* APPNOTE 4.4.4: bit 3, a data descriptor */

/* Where a listed member lies. */
struct extent {
	size_t begin, end;
	bool open; /* it says behind its data how long these are */
};

struct zip {
	const unsigned char *s;
	size_t len;
	struct extent *list;
	size_t n;
};

static unsigned
le16(const unsigned char *s)
{
	return (unsigned)s[0] | (unsigned)s[1] << 8;
}

static uint32_t
le32(const unsigned char *s)
{
	return le16(s) | (uint32_t)le16(s + 2) << 16;
}

static uint64_t
le64(const unsigned char *s)
{
	return le32(s) | (uint64_t)le32(s + 4) << 32;
}

/* The next of that kind at from or behind it; z->len: there is none. */
static size_t
next_of(const struct zip *z, size_t from, const char *magic)
{
	const unsigned char *p;

	if (from >= z->len)
		return z->len;
	p = memmem(z->s + from, z->len - from, magic, 4);
	return p == NULL ? z->len : (size_t)(p - z->s);
}

/* The last end record; z->len: there is none. */
static size_t
last_end(const struct zip *z)
{
	size_t at = z->len < END_SIZE ? 0 : z->len - END_SIZE + 1;

	while (at-- > 0) {
		const unsigned char *p = memrchr(z->s, 'P', at + 1);

		if (p == NULL)
			break;
		at = (size_t)(p - z->s);
		if (memcmp(p, END, 4) == 0)
			return at;
	}
	return z->len;
}

/* APPNOTE 4.3.14: the record of a large zip lies in front of its locator. */
static bool
directory64(const struct zip *z, size_t end, uint64_t *at_r, uint64_t *size_r)
{
	const unsigned char *p;

	if (end < LOCATOR_SIZE + END64_SIZE)
		return false;
	p = z->s + end - LOCATOR_SIZE - END64_SIZE;
	if (memcmp(p, END64, 4) != 0)
		return false;
	*size_r = le64(p + 40);
	*at_r = le64(p + 48);
	return true;
}

/* Where the last directory is, and how far all is from where it says. */
static bool
find_directory(const struct zip *z, size_t *at_r, size_t *end_r, size_t *off_r)
{
	size_t end = last_end(z), place = end;
	uint64_t at, size;

	if (end == z->len)
		return false;
	size = le32(z->s + end + 12);
	at = le32(z->s + end + 16);
	if ((size == UINT32_MAX || at == UINT32_MAX ||
		le16(z->s + end + 10) == UINT16_MAX) &&
	    directory64(z, end, &at, &size))
		place = end - LOCATOR_SIZE - END64_SIZE;
	if (size > place || at > place - size)
		return false;
	*at_r = place - (size_t)size;
	*end_r = place;
	*off_r = *at_r - (size_t)at; /* a stub in front */
	return true;
}

/*
 * APPNOTE 4.5.3: of the three numbers those that do not fit in 32 bits, in
 * this order, in an extra field of its own.
 */
static void
read_large(const unsigned char *c, const unsigned char *end, uint64_t *size_r,
    uint64_t *at_r)
{
	const unsigned char *p = c + CENTRAL_SIZE + le16(c + 28);
	size_t left = le16(c + 30), n;

	if (p > end || (size_t)(end - p) < left)
		return;
	while (left >= 4 && left >= (n = 4 + (size_t)le16(p + 2))) {
		const unsigned char *value = p + 4, *stop = p + n;

		p += n;
		left -= n;
		if (le16(stop - n) != LARGE)
			continue;
		value += le32(c + 24) == UINT32_MAX ? 8 : 0;
		if (*size_r == UINT32_MAX && stop - value >= 8) {
			*size_r = le64(value);
			value += 8;
		}
		if (*at_r == UINT32_MAX && stop - value >= 8)
			*at_r = le64(value);
		return;
	}
}

/* What the member of that central head takes, as all readers see it. */
static bool
extent_of(const struct zip *z, size_t central, size_t off, struct extent *e_r)
{
	const unsigned char *c = z->s + central, *l;
	uint64_t at = le32(c + 42), size = le32(c + 20), own;

	read_large(c, z->s + z->len, &size, &at);
	if (at > z->len - off)
		return false;
	at += off;
	if (z->len - at < LOCAL_SIZE || memcmp(z->s + at, LOCAL, 4) != 0)
		return false;
	l = z->s + at;
	own = le32(l + 18);
	e_r->open = (le16(l + 6) & SIZES_FOLLOW) != 0;
	if (!e_r->open && own < size)
		size = own;
	size += LOCAL_SIZE + le16(l + 26) + le16(l + 28);
	if (size > z->len - at)
		size = z->len - at;
	e_r->begin = (size_t)at;
	e_r->end = (size_t)(at + size);
	return true;
}

static int
by_begin(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* All that the last directory lists. */
static void
read_directory(struct zip *z)
{
	size_t at, end, off;

	if (!find_directory(z, &at, &end, &off))
		return;
	z->list = xcalloc((end - at) / CENTRAL_SIZE + 1, sizeof(*z->list));
	while (end - at >= CENTRAL_SIZE && memcmp(z->s + at, CENTRAL, 4) == 0) {
		size_t size = CENTRAL_SIZE + le16(z->s + at + 28) +
		    le16(z->s + at + 30) + le16(z->s + at + 32);

		z->n += extent_of(z, at, off, &z->list[z->n]);
		if (size > end - at)
			break;
		at += size;
	}
	if (z->n > 1)
		qsort(z->list, z->n, sizeof(*z->list), by_begin);
}

/* NULL: it is not listed. */
static const struct extent *
listed(const struct zip *z, size_t at)
{
	struct extent wanted = {.begin = at};

	if (z->n == 0)
		return NULL;
	return bsearch(&wanted, z->list, z->n, sizeof(*z->list), by_begin);
}

/* A stub that unpacks itself has the magic number among its code. */
static bool
is_head(const struct zip *z, size_t at, bool stub)
{
	const unsigned char *s = z->s + at;
	unsigned name;

	if (z->len - at < LOCAL_SIZE)
		return false;
	name = le16(s + 26);
	if (name > z->len - at - LOCAL_SIZE)
		return false;
	if (!stub)
		return true;
	for (unsigned i = 0; i < name; i++) {
		if (s[LOCAL_SIZE + i] < ' ')
			return false;
	}
	return s[5] == 0 && s[4] <= 63 && le16(s + 8) < 100 && name > 0;
}

/* Who reads one behind the other from there stops at the next directory. */
static size_t
end_of_run(const struct zip *z, size_t at)
{
	size_t central = next_of(z, at + LOCAL_SIZE, CENTRAL);
	size_t end = next_of(z, at + LOCAL_SIZE, END);

	return central < end ? central : end;
}

unsigned
peek_zip_apart(const void *bytes, size_t len, bool stub,
    struct stowaway list_r[STOWAWAYS_MAX + 1])
{
	struct zip z = {.s = bytes, .len = len};
	unsigned n = 0;
	bool opened = false;
	size_t at = 0;

	read_directory(&z);
	/* without one all readers begin in front */
	if (!stub && last_end(&z) == len && next_of(&z, 0, LOCAL) == 0)
		at = end_of_run(&z, 0);
	while (n <= STOWAWAYS_MAX && (at = next_of(&z, at, LOCAL)) < len) {
		const struct extent *e = listed(&z, at);

		if (e == NULL && is_head(&z, at, stub)) {
			list_r[n++] =
			    (struct stowaway){FILE_ZIP, at, STOWED_APART};
			at = end_of_run(&z, at);
		} else if (e == NULL) {
			at += 4;
		} else {
			/* its data may end before the directory says so */
			if (e->open && !opened &&
			    next_of(&z, at + 4, LOCAL) < e->end) {
				list_r[n++] = (struct stowaway){
				    FILE_ZIP, at, STOWED_IN_ORDER};
				opened = true;
			}
			at = e->end > at ? e->end : at + 4;
		}
	}
	free(z.list);
	return n;
}
