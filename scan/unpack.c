/*
 * unpack: takes containers apart by libarchive: the one file that speaks it.
 * Filters and formats are enabled one by one, for the type that type_of() saw:
 * archive_read_support_filter_all() would start lrzip and lzop as children.
 */
#include "scan/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "proxy/base/check.h"

struct reader {
	enum file_type type;
	int (*filter)(struct archive *);
	int (*format)(struct archive *);
};

static const struct reader readers[] = {
    {FILE_ZIP, NULL, archive_read_support_format_zip},
    {FILE_7Z, NULL, archive_read_support_format_7zip},
    {FILE_RAR, NULL, archive_read_support_format_rar},
    {FILE_RAR5, NULL, archive_read_support_format_rar5},
    {FILE_ISO, NULL, archive_read_support_format_iso9660},
    {FILE_TAR, NULL, archive_read_support_format_tar},
    {FILE_CPIO, NULL, archive_read_support_format_cpio},
    {FILE_AR, NULL, archive_read_support_format_ar},
    {FILE_CAB, NULL, archive_read_support_format_cab},
    {FILE_LHA, NULL, archive_read_support_format_lha},
    {FILE_BZIP2, archive_read_support_filter_bzip2, NULL},
    {FILE_WARC, NULL, archive_read_support_format_warc},
    {FILE_ZSTD, archive_read_support_filter_zstd, NULL},
    {FILE_LZ4, archive_read_support_filter_lz4, NULL},
    {FILE_LZIP, archive_read_support_filter_lzip, NULL},
    {FILE_LZMA, archive_read_support_filter_lzma, NULL},
    {FILE_COMPRESS, archive_read_support_filter_compress, NULL},
    {FILE_RPM, archive_read_support_filter_rpm, NULL},
};

static const struct reader *
reader_of(enum file_type type)
{
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (readers[i].type == type)
			return &readers[i];
	}
	return NULL;
}

bool
unpack_can(enum file_type type)
{
	return reader_of(type) != NULL;
}

static struct archive *
open_reader(const struct reader *rd, const void *bytes, size_t len)
{
	struct archive *a = archive_read_new();

	MUST(a != NULL);
	if (rd->filter != NULL)
		(void)rd->filter(a);
	/* One compressed file is an archive of one without a name. */
	(void)(rd->format != NULL ? rd->format(a)
				  : archive_read_support_format_raw(a));
	/* A tar may go on behind its end; some readers do. */
	if (rd->type == FILE_TAR)
		(void)archive_read_set_options(a, "read_concatenated_archives");
	if (archive_read_open_memory(a, bytes, len) == ARCHIVE_OK)
		return a;
	archive_read_free(a);
	return NULL;
}

/* libarchive has one error number for all of these; the words differ. */
static enum unpack_end
why_closed(struct archive *a)
{
	const char *words = archive_error_string(a);

	if (words == NULL)
		return UNPACK_BROKEN;
	if (strcasestr(words, "encrypt") != NULL ||
	    strcasestr(words, "passphrase") != NULL ||
	    strcasestr(words, "password") != NULL)
		return UNPACK_ENCRYPTED;
	if (strcasestr(words, "unsupported") != NULL ||
	    strcasestr(words, "not supported") != NULL ||
	    strcasestr(words, "unknown") != NULL ||
	    strcasestr(words, "unexpected codec") != NULL)
		return UNPACK_UNSUPPORTED;
	return UNPACK_BROKEN;
}

/* True when the engine reads this zip method and libarchive does not. */
static bool
is_left_to_engine(struct archive *a)
{
	const char *words = archive_error_string(a);

	return words != NULL &&
	    (strcasestr(words, "deflation-64") != NULL ||
		strcasestr(words, "deflate64") != NULL ||
		strcasestr(words, "imploded") != NULL);
}

/* NULL: nothing here has a name. */
static const char *
entry_name(const struct reader *rd, struct archive_entry *entry)
{
	const char *name;

	if (rd->format == NULL)
		return ""; /* libarchive would call it "data" */
	name = archive_entry_pathname_utf8(entry);
	if (name == NULL)
		name = archive_entry_pathname(entry);
	return name == NULL ? "" : name;
}

/* Hands out one member's bytes; returns how it ended, *step_r: taker's word. */
static enum unpack_end
take_data(struct archive *a, la_int64_t size, const struct unpack_taker *t,
    void *arg, int *step_r)
{
	static char block[64 * 1024];
	la_int64_t all = 0;
	la_ssize_t n;

	while ((n = archive_read_data(a, block, sizeof(block))) > 0) {
		all += n;
		*step_r = t->data(arg, block, (size_t)n);
		if (*step_r != 0)
			return UNPACK_STOPPED;
	}
	if (n < 0)
		return why_closed(a);
	/* A part of it may lie in another volume. */
	return all < size ? UNPACK_BROKEN : UNPACK_WHOLE;
}

/*
 * Zip and ISO members lie apart and are passed over by their size.  Elsewhere
 * what cannot be read would be read on to come to the next one; libbz2 writes
 * past its own stack when it is called again after an error.
 */
static bool
can_go_on(const struct reader *rd, enum unpack_end how)
{
	return how != UNPACK_BROKEN || rd->type == FILE_ZIP ||
	    rd->type == FILE_ISO;
}

/* Returns what unpack() ends with; UNPACK_WHOLE: go on. */
static enum unpack_end
take_member(struct archive *a, const struct reader *rd,
    struct archive_entry *entry, const struct unpack_taker *t, void *arg)
{
	const char *name = entry_name(rd, entry);
	la_int64_t size = 0;
	enum unpack_end how;
	int step;

	if (archive_entry_is_encrypted(entry)) {
		t->closed(arg, name, UNPACK_ENCRYPTED);
		return UNPACK_WHOLE;
	}
	if (archive_entry_size_is_set(entry))
		size = archive_entry_size(entry);
	step = t->begin(arg, name);
	if (step != 0)
		return step < 0 ? UNPACK_STOPPED : UNPACK_WHOLE;
	how = take_data(a, size, t, arg, &step);
	/* What the engine reads was seen by it: not our finding. */
	if (how == UNPACK_UNSUPPORTED && is_left_to_engine(a))
		how = UNPACK_STOPPED;
	t->end(arg, how);
	if (step < 0)
		return UNPACK_STOPPED;
	return can_go_on(rd, how) ? UNPACK_WHOLE : how;
}

static bool
has_bytes(struct archive_entry *entry)
{
	__LA_MODE_T type = archive_entry_filetype(entry);

	return type != AE_IFDIR && type != AE_IFLNK;
}

/* The next header that can be used; ARCHIVE_OK, _EOF or what else it was. */
static int
next_member(struct archive *a, struct archive_entry **entry_r)
{
	int rc, tries = 0;

	do {
		rc = archive_read_next_header(a, entry_r);
		if (rc == ARCHIVE_WARN)
			rc = ARCHIVE_OK;
		if (rc == ARCHIVE_OK && !has_bytes(*entry_r))
			rc = ARCHIVE_RETRY;
		else if (rc == ARCHIVE_RETRY && ++tries > 8)
			rc = ARCHIVE_FATAL;
	} while (rc == ARCHIVE_RETRY);
	return rc;
}

static enum unpack_end
take_all(struct archive *a, const struct reader *rd,
    const struct unpack_taker *t, void *arg)
{
	struct archive_entry *entry;
	enum unpack_end how;
	int rc;

	while ((rc = next_member(a, &entry)) == ARCHIVE_OK) {
		/* The filter did not know its own magic: nothing was done. */
		if (rd->filter != NULL && archive_filter_count(a) < 2)
			return UNPACK_UNSUPPORTED;
		how = take_member(a, rd, entry, t, arg);
		if (how != UNPACK_WHOLE)
			return how;
	}
	return rc == ARCHIVE_EOF ? UNPACK_WHOLE : why_closed(a);
}

static enum unpack_end
unpack_by(const struct reader *rd, const void *bytes, size_t len,
    const struct unpack_taker *taker, void *arg)
{
	struct archive *a = open_reader(rd, bytes, len);
	enum unpack_end how;

	if (a == NULL)
		return UNPACK_BROKEN;
	how = take_all(a, rd, taker, arg);
	archive_read_free(a);
	return how;
}

enum unpack_end
unpack(enum file_type type, const void *bytes, size_t len,
    const struct unpack_taker *taker, void *arg)
{
	const struct reader *rd = reader_of(type);

	MUST(rd != NULL);
	return unpack_by(rd, bytes, len, taker, arg);
}

enum unpack_end
unpack_zip_in_order(
    const void *bytes, size_t len, const struct unpack_taker *taker, void *arg)
{
	static const struct reader rd = {
	    FILE_ZIP, NULL, archive_read_support_format_zip_streamable};

	return unpack_by(&rd, bytes, len, taker, arg);
}

bool
unpack_can_count(enum file_type type)
{
	const struct reader *rd = reader_of(type);

	return rd != NULL && rd->format != NULL;
}

uint32_t
unpack_count(enum file_type type, const void *bytes, size_t len, int64_t least,
    uint32_t most)
{
	const struct reader *rd = reader_of(type);
	struct archive *a;
	struct archive_entry *entry;
	uint32_t n = 0;
	int rc = ARCHIVE_FATAL;

	MUST(rd != NULL);
	a = open_reader(rd, bytes, len);
	if (a == NULL)
		return UINT32_MAX;
	while (n < most && (rc = next_member(a, &entry)) == ARCHIVE_OK) {
		if (!archive_entry_is_encrypted(entry) &&
		    (!archive_entry_size_is_set(entry) ||
			archive_entry_size(entry) > least))
			n++;
	}
	archive_read_free(a);
	return rc == ARCHIVE_OK || rc == ARCHIVE_EOF ? n : UINT32_MAX;
}
