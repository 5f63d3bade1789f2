#ifndef SCAN_TYPE_H
#define SCAN_TYPE_H

#include <stddef.h>

/*
 * type: what bytes are, by their magic numbers, and who can look inside.
 * Pure; the name and the declared type count for nothing.
 */

/* clang-format off */
/*	care: who looks inside
 *	  ENGINE  the engine that unpacks does, or there is nothing inside
 *	  US      only we can (unpack.c)
 *	  BOTH    the engine can read some of it; what it leaves is ours
 *	  MAIL    the engine and mime.c
 *	  NOBODY  it is known what it is, and that nobody here can read it */
/*      type		word		care */
#define FILE_TYPES(X) \
	X(DATA,		"data",		ENGINE) \
	X(TEXT,		"text",		ENGINE) \
	X(HTML,		"html",		ENGINE) \
	X(XML,		"xml",		ENGINE) \
	X(RTF,		"rtf",		ENGINE) \
	X(MAIL,		"mail",		MAIL) \
	X(PE,		"pe",		ENGINE) \
	X(ELF,		"elf",		ENGINE) \
	X(MACHO,	"macho",	ENGINE) \
	X(JAVA,		"java-class",	ENGINE) \
	X(LNK,		"lnk",		ENGINE) \
	X(PDF,		"pdf",		ENGINE) \
	X(OLE2,		"ole2",		ENGINE) \
	X(ONENOTE,	"onenote",	ENGINE) \
	X(TNEF,		"tnef",		ENGINE) \
	X(CHM,		"chm",		ENGINE) \
	X(SWF,		"swf",		ENGINE) \
	X(PNG,		"png",		ENGINE) \
	X(JPEG,		"jpeg",		ENGINE) \
	X(GIF,		"gif",		ENGINE) \
	X(TIFF,		"tiff",		ENGINE) \
	X(ZIP,		"zip",		BOTH) \
	X(7Z,		"7z",		BOTH) \
	X(GZIP,		"gzip",		ENGINE) \
	X(BZIP2,	"bzip2",	BOTH) \
	X(XZ,		"xz",		ENGINE) \
	X(ZSTD,		"zstd",		US) \
	X(LZ4,		"lz4",		US) \
	X(LZIP,		"lzip",		US) \
	X(LZMA,		"lzma",		US) \
	X(COMPRESS,	"compress",	US) \
	X(RAR,		"rar",		US) \
	X(RAR5,		"rar5",		US) \
	X(ISO,		"iso",		BOTH) \
	X(WARC,		"warc",		US) \
	X(RPM,		"rpm",		US) \
	X(TAR,		"tar",		BOTH) \
	X(CPIO,		"cpio",		BOTH) \
	X(AR,		"ar",		US) \
	X(XAR,		"xar",		ENGINE) \
	X(ARJ,		"arj",		ENGINE) \
	X(CAB,		"cab",		BOTH) \
	X(LHA,		"lha",		BOTH) \
	X(UDF,		"udf",		ENGINE) \
	X(EGG,		"egg",		ENGINE) \
	X(ALZ,		"alz",		ENGINE) \
	X(WIM,		"wim",		NOBODY) \
	X(SQUASHFS,	"squashfs",	NOBODY) \
	X(CRAMFS,	"cramfs",	NOBODY) \
	X(LRZIP,	"lrzip",	NOBODY) \
	X(LZOP,		"lzop",		NOBODY) \
	X(GRZIP,	"grzip",	NOBODY) \
	X(RZIP,		"rzip",		NOBODY) \
	X(ZPAQ,		"zpaq",		NOBODY) \
	X(FREEARC,	"freearc",	NOBODY) \
	X(ACE,		"ace",		NOBODY) \
	X(ZOO,		"zoo",		NOBODY) \
	X(STUFFIT,	"stuffit",	NOBODY) \
	X(SNAPPY,	"snappy",	NOBODY) \
	X(LZFSE,	"lzfse",	NOBODY) \
	X(VHD,		"vhd",		NOBODY) \
	X(VHDX,		"vhdx",		NOBODY) \
	X(QCOW,		"qcow",		NOBODY) \
	X(VMDK,		"vmdk",		NOBODY)

enum file_type {
#define X(type, word, care) FILE_##type,
	FILE_TYPES(X)
#undef X
	FILE_TYPE_COUNT
};
/* clang-format on */

enum type_care { CARE_ENGINE, CARE_US, CARE_BOTH, CARE_MAIL, CARE_NOBODY };

/* The type of the whole file that these bytes are. */
enum file_type type_of(const void *bytes, size_t len);

const char *type_word(enum file_type type);
enum type_care type_care(enum file_type type);

#endif
