/*
 * peek: looks at containers without unpacking them: which zip methods there
 * are, whether an ARJ is garbled, and what lies hidden behind a stub.
 */
#include "scan/peek.h"

#include <stdint.h>
#include <string.h>

static unsigned
le16(const unsigned char *s)
{
	return (unsigned)s[0] | (unsigned)s[1] << 8;
}

static uint32_t
le32(const unsigned char *s)
{
	return (uint32_t)s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16 |
	    (uint32_t)s[3] << 24;
}

/* APPNOTE 4.4.5: what libclamav 1.4 inflates. */
static bool
is_engine_method(unsigned method)
{
	return method == 0 || method == 6 || method == 8 || method == 9 ||
	    method == 12;
}

/* APPNOTE 4.3.7: method at 8, sizes at 18 and 22. */
static bool
local_is_odd(const unsigned char *s, size_t len)
{
	return len >= 30 &&
	    (!is_engine_method(le16(s + 8)) || le32(s + 18) == UINT32_MAX ||
		le32(s + 22) == UINT32_MAX);
}

/* APPNOTE 4.3.12: method at 10, sizes at 20 and 24, offset at 42. */
static bool
central_is_odd(const unsigned char *s, size_t len)
{
	return len >= 46 &&
	    (!is_engine_method(le16(s + 10)) || le32(s + 20) == UINT32_MAX ||
		le32(s + 24) == UINT32_MAX || le32(s + 42) == UINT32_MAX);
}

bool
peek_zip_is_odd(const void *bytes, size_t len)
{
	const unsigned char *s = bytes, *end = s + len;

	while ((s = memmem(s, (size_t)(end - s), "PK", 2)) != NULL) {
		size_t left = (size_t)(end - s);

		if (left >= 4 && s[2] == 3 && s[3] == 4 &&
		    local_is_odd(s, left))
			return true;
		if (left >= 4 && s[2] == 1 && s[3] == 2 &&
		    central_is_odd(s, left))
			return true;
		s += 2;
	}
	return false;
}

bool
peek_bzip2_goes_on(const void *bytes, size_t len)
{
	const unsigned char *s = bytes, *end = s + len;

	/* Streams begin at whole bytes: a block's magic, or an empty one's. */
	for (; end - s > 10; s++) {
		s = memmem(s + 1, (size_t)(end - s) - 1, "BZh", 3);
		if (s == NULL || end - s < 10)
			return false;
		if (memcmp(s + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0 ||
		    memcmp(s + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0)
			return true;
	}
	return false;
}

/*
 * A header: 60 EA, u16 size of the basic header, then it: its byte 4 is the
 * flags (bit 0: garbled), byte 6 the kind, bytes 12-15 the packed size; then
 * a CRC, then extended headers (u16 size, bytes, CRC) until a size of 0.
 * Returns where the next one begins, 0: there is none.
 */
static size_t
arj_next(const unsigned char *s, size_t len, size_t at, bool *garbled_r)
{
	const unsigned char *head = s + at + 4;
	size_t size;

	if (len - at < 4 || s[at] != 0x60 || s[at + 1] != 0xea)
		return 0;
	size = le16(s + at + 2);
	if (size < 16 || len - at < 4 + size + 6)
		return 0;
	if ((head[4] & 1) != 0)
		*garbled_r = true;
	at += 4 + size + 4;
	while (len - at >= 2 && le16(s + at) != 0) {
		size_t skip = 2 + le16(s + at) + 4;

		if (len - at < skip)
			return 0;
		at += skip;
	}
	at += 2;
	/* Kind 2 is the archive's own header: no data behind it. */
	size = head[6] == 2 ? 0 : le32(head + 12);
	return at <= len && len - at > size ? at + size : 0;
}

bool
peek_arj_is_garbled(const void *bytes, size_t len)
{
	bool garbled = false;
	size_t at = 0;

	do {
		at = arj_next(bytes, len, at, &garbled);
	} while (at != 0 && !garbled);
	return garbled;
}

/* APPNOTE 4.3.16: the end record, and a comment of at most 64 KB, are last. */
static bool
ends_as_zip(const unsigned char *s, size_t len)
{
	size_t n = len < 65557 ? len : 65557;
	const unsigned char *end = s + len;

	for (s = end - n; end - s >= 22; s++) {
		/* memmem() costs more to set up than most files are long. */
		s = memchr(s, 'P', (size_t)(end - s) - 21);
		if (s == NULL)
			return false;
		if (memcmp(s, "PK\5\6", 4) == 0)
			return true;
	}
	return false;
}

static void
stow(struct stowaway *list, unsigned *n, enum file_type type, size_t at)
{
	if (*n < STOWAWAYS_MAX) {
		list[(*n)++] = (struct stowaway){type, at, STOWED_WHOLE};
	}
}

/* Every place where it may begin: a stub may hold the magic number too. */
static void
stow_found(struct stowaway *list, unsigned *n, enum file_type type,
    const unsigned char *s, size_t len, const char *magic, size_t magic_len)
{
	const unsigned char *p = s, *end = s + len;

	while (*n < STOWAWAYS_MAX &&
	    (p = memmem(p, (size_t)(end - p), magic, magic_len)) != NULL) {
		stow(list, n, type, (size_t)(p - s));
		p++;
	}
}

static bool
is_iso(const unsigned char *s, size_t len)
{
	return len >= 32774 && memcmp(s + 32769, "CD001", 5) == 0;
}

unsigned
peek_stowaways(
    enum file_type type, const void *bytes, size_t len, struct stowaway *list_r)
{
	const unsigned char *s = bytes;
	unsigned n = 0;

	if (type == FILE_MAIL)
		return 0;
	if (type != FILE_ISO && is_iso(s, len))
		stow(list_r, &n, FILE_ISO, 0);
	if (type != FILE_ZIP && type_care(type) == CARE_ENGINE &&
	    ends_as_zip(s, len))
		stow(list_r, &n, FILE_ZIP, 0);
	if (type != FILE_PE && type != FILE_ELF)
		return n;
	stow_found(list_r, &n, FILE_7Z, s, len, "7z\xbc\xaf\x27\x1c\0", 7);
	stow_found(list_r, &n, FILE_RAR5, s, len, "Rar!\x1a\7\1\0", 8);
	stow_found(list_r, &n, FILE_RAR, s, len, "Rar!\x1a\7\0", 7);
	return n;
}
