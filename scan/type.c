/*
 * type: what bytes are, by their magic numbers.  A wrong answer costs no scan:
 * the engine looks at everything; the type only says what is unpacked beside
 * it, and what a person reads in the tree of members.
 */
#include "scan/type.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct magic {
	enum file_type type;
	unsigned at;
	unsigned len;
	const char *bytes;
};

/* clang-format off */
#define M(type, at, bytes) {FILE_##type, (at), sizeof(bytes) - 1, (bytes)}

/* Longer and rarer ones first. */
static const struct magic magics[] = {
	M(ZIP, 0, "PK\3\4"), M(ZIP, 0, "PK\5\6"),
	M(ZIP, 0, "PK00PK\3\4"), M(ZIP, 0, "PK\7\10"),
	M(PDF, 0, "%PDF-"),
	M(OLE2, 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
	M(PNG, 0, "\x89PNG"), M(JPEG, 0, "\xff\xd8\xff"), M(GIF, 0, "GIF8"),
	M(TIFF, 0, "II*\0"), M(TIFF, 0, "MM\0*"),
	M(GZIP, 0, "\x1f\x8b"), M(7Z, 0, "7z\xbc\xaf\x27\x1c"),
	M(RAR5, 0, "Rar!\x1a\7\1\0"), M(RAR, 0, "Rar!\x1a\7\0"),
	M(BZIP2, 0, "BZh"), M(XZ, 0, "\xfd" "7zXZ\0"),
	M(ZSTD, 0, "\x28\xb5\x2f\xfd"),
	M(LZ4, 0, "\x04\x22\x4d\x18"), M(LZ4, 0, "\x02\x21\x4c\x18"),
	M(LZIP, 0, "LZIP"), M(COMPRESS, 0, "\x1f\x9d"),
	M(LZOP, 0, "\x89LZO\0\r\n\x1a\n"), M(LRZIP, 0, "LRZI"),
	M(GRZIP, 0, "GRZipII"), M(RZIP, 0, "RZIP"), M(ZPAQ, 0, "zPQ"),
	M(ZPAQ, 0, "7kSt"), M(FREEARC, 0, "ArC\1"), M(ACE, 7, "**ACE**"),
	M(ZOO, 20, "\xdc\xa7\xc4\xfd"), M(SNAPPY, 0, "\xff\6\0\0sNaPpY"),
	M(LZFSE, 0, "bvx2"), M(STUFFIT, 0, "SIT!"), M(STUFFIT, 0, "StuffIt"),
	M(WIM, 0, "MSWIM\0\0\0"), M(SQUASHFS, 0, "hsqs"),
	M(SQUASHFS, 0, "sqsh"), M(CRAMFS, 0, "\x45\x3d\xcd\x28"),
	M(VHDX, 0, "vhdxfile"), M(VHD, 0, "conectix"),
	M(QCOW, 0, "QFI\xfb"), M(VMDK, 0, "KDMV"),
	M(EGG, 0, "EGGA"), M(ALZ, 0, "ALZ\1"), M(XAR, 0, "xar!"),
	M(CAB, 0, "MSCF"), M(ARJ, 0, "\x60\xea"), M(WARC, 0, "WARC/"),
	M(RPM, 0, "\xed\xab\xee\xdb"), M(AR, 0, "!<arch>\n"),
	M(CPIO, 0, "070701"), M(CPIO, 0, "070702"), M(CPIO, 0, "070707"),
	M(CPIO, 0, "\x71\xc7"), M(CPIO, 0, "\xc7\x71"),
	M(TAR, 257, "ustar"),
	M(PE, 0, "MZ"), M(ELF, 0, "\x7f" "ELF"),
	M(MACHO, 0, "\xcf\xfa\xed\xfe"), M(MACHO, 0, "\xce\xfa\xed\xfe"),
	M(JAVA, 0, "\xca\xfe\xba\xbe"),
	M(LNK, 0, "\x4c\0\0\0\1\x14\2\0"),
	M(ONENOTE, 0, "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d"),
	M(TNEF, 0, "\x78\x9f\x3e\x22"), M(CHM, 0, "ITSF"),
	M(SWF, 0, "FWS"), M(SWF, 0, "CWS"), M(SWF, 0, "ZWS"),
	M(RTF, 0, "{\\rt"), M(XML, 0, "<?xml"),
	M(XML, 0, "\xef\xbb\xbf<?xml"),
	/* Past a system area that may hold anything: after all others. */
	M(ISO, 32769, "CD001"), M(ISO, 34817, "CD001"),
	M(UDF, 32769, "BEA01"),
};

static const char *const words[FILE_TYPE_COUNT] = {
#define X(type, word, care) [FILE_##type] = (word),
	FILE_TYPES(X)
#undef X
};

static const enum type_care cares[FILE_TYPE_COUNT] = {
#define X(type, word, care) [FILE_##type] = CARE_##care,
	FILE_TYPES(X)
#undef X
};

/* Fields one of which is near the top of any message. */
static const char *const mail_fields[] = {
	"Received", "Return-Path", "Delivered-To", "From", "To", "Cc",
	"Subject", "Date", "Message-ID", "MIME-Version", "Content-Type",
	"Content-Transfer-Encoding", "Content-Disposition", "Reply-To",
	"DKIM-Signature", "Sender", "Envelope-To", "X-Original-To", NULL
};
/* clang-format on */

static bool
has_magic(const struct magic *m, const unsigned char *s, size_t len)
{
	/* The first byte decides nearly always. */
	return len >= m->at + m->len &&
	    s[m->at] == (unsigned char)m->bytes[0] &&
	    memcmp(s + m->at, m->bytes, m->len) == 0;
}

/* A first zstd or lz4 frame may be one to skip (RFC 8878 3.1.2). */
static bool
is_skippable_frame(const unsigned char *s, size_t len)
{
	return len >= 8 && (s[0] & 0xf0) == 0x50 && s[1] == 0x2a &&
	    s[2] == 0x4d && s[3] == 0x18;
}

/*
 * .lzma has no magic number: a byte below 225, a dictionary of a size that
 * encoders use, a length that is unknown or sane, and a range coder's 0.
 */
static bool
is_lzma(const unsigned char *s, size_t len)
{
	static const unsigned char unknown[8] = {
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint32_t dict;

	if (len < 18 || s[0] >= 225 || s[13] != 0)
		return false;
	dict = (uint32_t)s[1] | (uint32_t)s[2] << 8 | (uint32_t)s[3] << 16 |
	    (uint32_t)s[4] << 24;
	if (dict < 4096)
		return false;
	/* 2^n or 2^n + 2^(n-1) */
	while ((dict & 1) == 0)
		dict >>= 1;
	if (dict != 1 && dict != 3)
		return false;
	return memcmp(s + 5, unknown, 8) == 0 ||
	    (s[10] == 0 && s[11] == 0 && s[12] == 0);
}

/* -lh5- and friends at 2, and a header level at 20 that no text has. */
static bool
is_lha(const unsigned char *s, size_t len)
{
	return len >= 22 && s[2] == '-' && (s[3] == 'l' || s[3] == 'p') &&
	    (s[4] == 'h' || s[4] == 'z' || s[4] == 'm') && s[6] == '-' &&
	    s[20] <= 3;
}

/* A tar from before "ustar": only its header's checksum tells. */
static bool
is_old_tar(const unsigned char *s, size_t len)
{
	uint32_t sum = 8 * ' ', said = 0;
	size_t i = 148;

	if (len < 512 || s[0] == '\0')
		return false;
	for (size_t at = 0; at < 512; at++)
		sum += at < 148 || at >= 156 ? s[at] : 0U;
	while (i < 156 && s[i] == ' ')
		i++;
	if (i == 156 || s[i] < '0' || s[i] > '7')
		return false;
	for (; i < 156 && s[i] >= '0' && s[i] <= '7'; i++)
		said = said * 8 + (uint32_t)(s[i] - '0');
	return said == sum;
}

static bool
is_field_sign(unsigned char c)
{
	return c > 32 && c < 127 && c != ':'; /* RFC 5322 2.2 */
}

static bool
is_mail_field(const unsigned char *s, size_t len)
{
	for (const char *const *f = mail_fields; *f != NULL; f++) {
		if (strlen(*f) == len &&
		    strncasecmp(*f, (const char *)s, len) == 0)
			return true;
	}
	return false;
}

/* How long the field name is that a line begins with; 0: it is no field. */
static size_t
field_name(const unsigned char *s, size_t len)
{
	size_t n = 0, at;

	while (n < len && is_field_sign(s[n]))
		n++;
	at = n;
	while (at < len && (s[at] == ' ' || s[at] == '\t'))
		at++;
	return at < len && s[at] == ':' ? n : 0;
}

static bool
is_mbox_line(const unsigned char *s, size_t len)
{
	if (len > 0 && *s == '>')
		return is_mbox_line(s + 1, len - 1);
	return len >= 5 && memcmp(s, "From ", 5) == 0;
}

/*
 * A message begins with lines that are fields, and one of the first is a
 * field of mail.  An mbox's "From " line and empty lines may come before.
 */
static bool
is_mail(const unsigned char *s, size_t len)
{
	const unsigned char *end = s + len;

	if (len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
		s += 3;
	while (s < end && (*s == '\r' || *s == '\n'))
		s++;
	for (int line = 0; line < 16 && s < end; line++) {
		size_t left = (size_t)(end - s);
		size_t n = field_name(s, left);

		if (n > 0 && is_mail_field(s, n))
			return true;
		if (n == 0 && !(line == 0 && is_mbox_line(s, left)) &&
		    !(line > 0 && (*s == ' ' || *s == '\t')))
			return false;
		s = memchr(s, '\n', left);
		if (s == NULL)
			return false;
		s++;
	}
	return false;
}

static bool
has_word(const unsigned char *s, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len >= n && strncasecmp((const char *)s, word, n) == 0;
}

static bool
is_html(const unsigned char *s, size_t len)
{
	static const char *const tags[] = {"<!doctype html", "<html", "<head",
	    "<body", "<script", "<iframe", "<table", "<div", "<svg", NULL};

	while (len > 0 && (*s <= ' ' || *s >= 0x80)) { /* and a BOM */
		s++;
		len--;
	}
	for (const char *const *t = tags; *t != NULL; t++) {
		if (has_word(s, len, *t))
			return true;
	}
	return false;
}

static bool
is_text(const unsigned char *s, size_t len)
{
	size_t n = len < 512 ? len : 512;

	for (size_t i = 0; i < n; i++) {
		if (s[i] < 32 && s[i] != '\n' && s[i] != '\r' && s[i] != '\t' &&
		    s[i] != '\f' && s[i] != 27)
			return false;
	}
	return len > 0;
}

static enum file_type
type_of_text(const unsigned char *s, size_t len)
{
	if (is_mail(s, len))
		return FILE_MAIL;
	if (is_html(s, len))
		return FILE_HTML;
	return is_text(s, len) ? FILE_TEXT : FILE_DATA;
}

enum file_type
type_of(const void *bytes, size_t len)
{
	const unsigned char *s = bytes;

	if (len == 0)
		return FILE_DATA;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (has_magic(&magics[i], s, len))
			return magics[i].type;
	}
	if (is_skippable_frame(s, len))
		return FILE_ZSTD;
	if (is_lzma(s, len))
		return FILE_LZMA;
	if (is_lha(s, len))
		return FILE_LHA;
	if (is_old_tar(s, len))
		return FILE_TAR;
	return type_of_text(s, len);
}

const char *
type_word(enum file_type type)
{
	return words[type];
}

enum type_care
type_care(enum file_type type)
{
	return cares[type];
}
