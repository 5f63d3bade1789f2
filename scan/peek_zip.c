/*
 * peek_zip: members of a zip that its directory does not list.  Readers that
 * begin at the end take what the last directory names; those that begin in
 * front (7-Zip, all that read from a pipe) take what has a head of its own:
 * of two zips one behind the other each sees another one.  And members of which
 * the directory says another thing than their own head: there, too.
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
#define LOCATOR "PK\6\7"
#define LOCAL_SIZE 30
#define CENTRAL_SIZE 46
#define END_SIZE 22
#define END64_SIZE 56
#define LOCATOR_SIZE 20
#define LARGE 1        /* the extra field of zip64 */
#define ENCRYPTED 1    /* APPNOTE 4.4.4: bit 0 */
#define SIZES_FOLLOW 8 /* bit 3, a data descriptor */

/* Where a listed member lies. */
struct extent {
	size_t begin, end;
	bool open; /* it says behind its data how long these are */
};

/* What a local and a central head both say. */
struct head {
	unsigned method;
	bool locked, open;
	uint32_t crc;
	uint64_t packed, size;
	uint64_t at;   /* central: where the local one is */
	uint64_t data; /* behind the name and the extra fields */
};

struct zip {
	const unsigned char *s;
	size_t len;
	size_t end; /* the last end record; len: there is none */
	struct extent *list;
	size_t n;
	bool differ; /* some member's two heads do */
};

/* What was found. */
struct places {
	struct stowaway *list;
	unsigned n;
	bool in_order;
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

static bool
is_at(const struct zip *z, size_t at, const char *magic)
{
	return z->len - at >= 4 && memcmp(z->s + at, magic, 4) == 0;
}

static size_t
last_end(const struct zip *z)
{
	size_t at = z->len < END_SIZE ? 0 : z->len - END_SIZE + 1;

	while (at-- > 0) {
		if (z->s[at] == 'P' && is_at(z, at, END))
			return at;
	}
	return z->len;
}

/*
 * APPNOTE 4.3.14: the record of a large zip lies in front of its locator; who
 * writes to a pipe makes one of every zip.
 */
static bool
directory64(const struct zip *z, uint64_t *at_r, uint64_t *size_r)
{
	size_t record = z->end - LOCATOR_SIZE - END64_SIZE;

	if (z->end < LOCATOR_SIZE + END64_SIZE ||
	    !is_at(z, z->end - LOCATOR_SIZE, LOCATOR) ||
	    !is_at(z, record, END64))
		return false;
	*size_r = le64(z->s + record + 40);
	*at_r = le64(z->s + record + 48);
	return true;
}

/* False: by the numbers of 32 bits the directory is another one. */
static bool
agrees(uint64_t small, uint64_t large)
{
	return small == UINT32_MAX || small == large;
}

/* Where the last directory is, and how far all is from where it says. */
static bool
find_directory(struct zip *z, size_t *at_r, size_t *end_r, size_t *off_r)
{
	size_t place = z->end;
	uint64_t at, size, at32, size32;

	if (z->end == z->len)
		return false;
	size = size32 = le32(z->s + z->end + 12);
	at = at32 = le32(z->s + z->end + 16);
	if (directory64(z, &at, &size))
		place -= LOCATOR_SIZE + END64_SIZE;
	z->differ = !agrees(size32, size) || !agrees(at32, at);
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
read_large(const unsigned char *p, size_t left, struct head *h)
{
	uint64_t *large[] = {&h->size, &h->packed, &h->at};
	size_t n;

	while (left >= 4 && left >= (n = 4 + (size_t)le16(p + 2))) {
		const unsigned char *value = p + 4, *stop = p + n;

		p += n;
		left -= n;
		if (le16(stop - n) != LARGE)
			continue;
		for (unsigned i = 0; i < 3; i++) {
			if (*large[i] != UINT32_MAX || stop - value < 8)
				continue;
			*large[i] = le64(value);
			value += 8;
		}
		return;
	}
}

/* size: of a local or a central head; that much is there. */
static void
read_head(const struct zip *z, size_t at, size_t size, struct head *h_r)
{
	bool central = size == CENTRAL_SIZE;
	/* APPNOTE 4.3.12: a central one says first who made it */
	const unsigned char *s = z->s + at + (central ? 2 : 0);
	size_t extra = at + size + le16(s + 26);

	*h_r = (struct head){.locked = (le16(s + 6) & ENCRYPTED) != 0,
	    .open = (le16(s + 6) & SIZES_FOLLOW) != 0,
	    .method = le16(s + 8),
	    .crc = le32(s + 14),
	    .packed = le32(s + 18),
	    .size = le32(s + 22),
	    .at = central ? le32(z->s + at + 42) : 0,
	    .data = extra + le16(s + 28)};
	if (h_r->data <= z->len)
		read_large(z->s + extra, le16(s + 28), h_r);
}

/* open: that it is not known yet is no difference. */
static bool
differs(uint64_t local, uint64_t central, bool open)
{
	if (open && (local == 0 || local == UINT32_MAX))
		return false;
	return local != central;
}

/* Readers differ in which they believe. */
static bool
heads_differ(const struct head *local, const struct head *central)
{
	bool open = local->open;

	return local->method != central->method ||
	    local->locked != central->locked ||
	    differs(local->crc, central->crc, open) ||
	    differs(local->packed, central->packed, open) ||
	    differs(local->size, central->size, open);
}

/* Where the data of a head ends; false: not in these bytes. */
static bool
end_of_data(
    const struct zip *z, const struct head *h, uint64_t packed, size_t *end_r)
{
	if (h->data > z->len || packed > z->len - h->data)
		return false;
	*end_r = (size_t)(h->data + packed);
	return true;
}

/* What the member of that central head takes, as all readers see it. */
static bool
extent_of(struct zip *z, size_t central, size_t off, struct extent *e_r)
{
	struct head c, l;
	size_t at;

	read_head(z, central, CENTRAL_SIZE, &c);
	if (c.at > z->len - off)
		return false;
	at = (size_t)c.at + off;
	if (z->len - at < LOCAL_SIZE || !is_at(z, at, LOCAL))
		return false;
	read_head(z, at, LOCAL_SIZE, &l);
	z->differ = z->differ || heads_differ(&l, &c);
	if (!l.open && l.packed < c.packed)
		c.packed = l.packed;
	e_r->open = l.open;
	e_r->begin = at;
	if (!end_of_data(z, &l, c.packed, &e_r->end))
		e_r->end = z->len;
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

/* To align what follows: neither a name nor data. */
static bool
is_filler(const unsigned char *s)
{
	static const unsigned char none[10];

	/* flags and method; sizes and the length of the name */
	return memcmp(s + 6, none, 4) == 0 && memcmp(s + 18, none, 10) == 0;
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
	if (name > z->len - at - LOCAL_SIZE || is_filler(s))
		return false;
	if (!stub)
		return true;
	for (unsigned i = 0; i < name; i++) {
		if (s[LOCAL_SIZE + i] < ' ')
			return false;
	}
	return s[5] == 0 && s[4] <= 63 && le16(s + 8) < 100 && name > 0;
}

/* APPNOTE 4.3: what a reader that goes from one to the next looks for. */
static size_t
next_record(const struct zip *z, size_t from)
{
	for (; from < z->len && z->len - from >= 4; from++) {
		const unsigned char *p =
		    memchr(z->s + from, 'P', z->len - from - 3);

		if (p == NULL)
			break;
		from = (size_t)(p - z->s);
		if (is_at(z, from, LOCAL) || is_at(z, from, CENTRAL) ||
		    is_at(z, from, END) || is_at(z, from, END64))
			return from;
	}
	return z->len;
}

/*
 * Who reads one behind the other from there stops at the next directory.  One
 * in a member's data is none, as long as it is known where these end.
 */
static size_t
end_of_run(const struct zip *z, size_t at)
{
	bool known = true;

	while (is_at(z, at, LOCAL)) {
		size_t next = at + 4;
		struct head h;

		known = known && z->len - at >= LOCAL_SIZE;
		if (known) {
			read_head(z, at, LOCAL_SIZE, &h);
			known = !h.open && end_of_data(z, &h, h.packed, &next);
		}
		at = next_record(z, next);
	}
	return at;
}

/* False: there are too many. */
static bool
add_place(struct places *p, size_t at, enum stowed how)
{
	bool fits = p->n < ZIP_PLACES_MAX;

	p->list[p->n++] =
	    (struct stowaway){FILE_ZIP, at, fits ? how : STOWED_MORE};
	return fits;
}

/* Its data may end before the directory says so. */
static bool
add_listed(const struct zip *z, const struct extent *e, struct places *p)
{
	if (!e->open || p->in_order ||
	    next_of(z, e->begin + 4, LOCAL) >= e->end)
		return true;
	p->in_order = true;
	return add_place(p, e->begin, STOWED_IN_ORDER);
}

static void
find_places(const struct zip *z, size_t at, bool stub, struct places *p)
{
	bool fits = true;

	while (fits && (at = next_of(z, at, LOCAL)) < z->len) {
		const struct extent *e = listed(z, at);

		if (e != NULL) {
			fits = add_listed(z, e, p);
			at = e->end > at ? e->end : at + 4;
		} else if (is_head(z, at, stub)) {
			fits = add_place(p, at, STOWED_APART);
			at = end_of_run(z, at);
		} else {
			at += 4;
		}
	}
}

unsigned
peek_zip_apart(const void *bytes, size_t len, bool stub,
    struct stowaway list_r[ZIP_STOWED_MAX])
{
	struct zip z = {.s = bytes, .len = len};
	struct places places = {.list = list_r};
	size_t at = 0;

	z.end = last_end(&z);
	read_directory(&z);
	/* without one all readers begin in front */
	if (!stub && z.end == len && len > 0 && next_of(&z, 0, LOCAL) == 0)
		at = end_of_run(&z, 0);
	find_places(&z, at, stub, &places);
	free(z.list);
	if (z.differ)
		list_r[places.n++] =
		    (struct stowaway){FILE_ZIP, 0, STOWED_DIFFERS};
	return places.n;
}
