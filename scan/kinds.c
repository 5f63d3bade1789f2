/*
 * kinds: what a content is, in the words of rules.  A program for Windows is
 * told from a library by a bit, an installer from other OLE2 files by the class
 * of its root; offsets come from the file, so each read may find nothing.
 */

#include "scan/kinds.h"

#include "proxy/base/mem.h"
#include "proxy/base/slice.h"
#include "scan/type.h"

#define HEAD 65536 /* what type_of() may want to see */

static bool
read_at(const struct content *c, void *to, size_t len, uint64_t at)
{
	return content_read(c, to, len, at) == (ssize_t)len;
}

static uint32_t
little(const unsigned char *at, unsigned bytes)
{
	uint32_t n = 0;

	for (unsigned i = bytes; i > 0; i--)
		n = n << 8 | at[i - 1];
	return n;
}

/* IMAGE_FILE_DLL, of the COFF header behind "PE\0\0". */
static bool
is_library(const struct content *c)
{
	unsigned char at[4], coff[24];

	if (!read_at(c, at, sizeof(at), 0x3c) ||
	    !read_at(c, coff, sizeof(coff), little(at, 4)))
		return false;
	return memcmp(coff, "PE\0", 4) == 0 &&
	    (little(coff + 22, 2) & 0x2000) != 0;
}

/* [MS-CFB] 2.6.1: the class of the root, which is first in the directory. */
static bool
is_installer(const struct content *c)
{
	static const unsigned char msi[16] = {0x84, 0x10, 0x0c, 0x00, 0x00,
	    0x00, 0x00, 0x00, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46};
	unsigned char head[64], class[16];
	uint64_t sector;

	if (!read_at(c, head, sizeof(head), 0))
		return false;
	sector = little(head + 30, 2) == 12 ? 4096 : 512;
	return read_at(c, class, sizeof(class),
		   ((uint64_t)little(head + 48, 4) + 1) * sector + 80) &&
	    memcmp(class, msi, sizeof(msi)) == 0;
}

static void
tell(struct facts *f, const char *word)
{
	(void)facts_add(f, FIELD_DETECTED, word);
}

void
kinds_tell(const struct content *c, struct facts *f)
{
	unsigned char *head = xcalloc(HEAD, 1);
	ssize_t n = content_read(c, head, HEAD, 0);
	enum file_type type = type_of(head, n < 0 ? 0 : (size_t)n);

	free(head);
	if (n < 0)
		return;
	tell(f, type_word(type));
	if (type == FILE_PE && is_library(c)) {
		tell(f, "dll");
	} else if (type == FILE_PE) {
		tell(f, "exe");
		tell(f, "scr");
	}
	if (type == FILE_OLE2 && is_installer(c))
		tell(f, "msi");
}

bool
kinds_know(const char *word)
{
	static const char *const more[] = {"exe", "scr", "dll", "msi"};

	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		if (strcasecmp(more[i], word) == 0)
			return true;
	}
	for (enum file_type t = 0; t < FILE_TYPE_COUNT; t++) {
		if (strcasecmp(type_word(t), word) == 0)
			return true;
	}
	return false;
}
