#ifndef TESTS_UNIT_PACK_H
#define TESTS_UNIT_PACK_H

/*
 * pack: archives for tests, made by libarchive in memory, and what may lie in
 * them: the EICAR test string, which must not stand in a file as it is.
 * Included after cmocka.h.
 */
#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct packed {
	char *bytes;
	size_t len;
};

struct entry {
	const char *name;
	const void *bytes;
	size_t len;
};

static inline const char *
eicar(void)
{
	static char text[69];

	snprintf(text, sizeof(text), "%s%s%s%s", "X5O!P%@AP[4\\PZX54(P^)7CC)7}",
	    "$EICAR-STAND", "ARD-ANTIVIRUS-TEST-", "FILE!$H+H*");
	return text;
}

static inline void
pack_entry(struct archive *a, const struct entry *e)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, e->name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)e->len);
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, e->bytes, e->len), e->len);
	archive_entry_free(entry);
}

/* how: "zip", "7zip", "gnutar", "raw" ...; filter: "zstd", NULL ...;
 * options: "zip:encryption=traditional", NULL.  The passphrase is "x". */
static inline struct packed
pack_all(const char *how, const char *filter, const char *options,
    const struct entry *entries, size_t n)
{
	struct archive *a = archive_write_new();
	struct packed p = {NULL, 0};
	size_t cap = 64 * 1024;

	for (size_t i = 0; i < n; i++)
		cap += entries[i].len + 1024;
	p.bytes = malloc(cap);
	assert_non_null(p.bytes);
	assert_int_equal(archive_write_set_format_by_name(a, how), ARCHIVE_OK);
	if (filter != NULL)
		assert_int_equal(
		    archive_write_add_filter_by_name(a, filter), ARCHIVE_OK);
	archive_write_set_bytes_in_last_block(a, 1);
	if (options != NULL)
		assert_int_equal(
		    archive_write_set_options(a, options), ARCHIVE_OK);
	(void)archive_write_set_passphrase(a, "x");
	assert_int_equal(
	    archive_write_open_memory(a, p.bytes, cap, &p.len), ARCHIVE_OK);
	for (size_t i = 0; i < n; i++)
		pack_entry(a, &entries[i]);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	return p;
}

static inline struct packed
pack_one(const char *how, const char *filter, const char *options,
    const char *name, const void *bytes, size_t len)
{
	const struct entry e = {name, bytes, len};

	return pack_all(how, filter, options, &e, 1);
}

#endif
