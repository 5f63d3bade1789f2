#ifndef UNIT_BOX_H
#define UNIT_BOX_H

/*
 * box: containers for tests, made in memory by libarchive.
 */
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#define BOX_MAX (4u << 20)

struct box {
	char *bytes;
	size_t len;
	struct archive *a;
};

/* format: archive_write_set_format_..., options as libarchive has them. */
static inline void
box_open(struct box *b, int (*format)(struct archive *),
    int (*filter)(struct archive *), const char *options)
{
	b->bytes = malloc(BOX_MAX);
	b->a = archive_write_new();
	if (b->bytes == NULL || b->a == NULL || format(b->a) != ARCHIVE_OK ||
	    (filter != NULL && filter(b->a) != ARCHIVE_OK) ||
	    (options != NULL &&
		archive_write_set_options(b->a, options) != ARCHIVE_OK) ||
	    archive_write_set_bytes_in_last_block(b->a, 1) != ARCHIVE_OK ||
	    archive_write_open_memory(b->a, b->bytes, BOX_MAX, &b->len) !=
		ARCHIVE_OK)
		abort();
}

static inline void
box_put(struct box *b, const char *name, const void *bytes, size_t len)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, name);
	archive_entry_set_size(e, (la_int64_t)len);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	if (archive_write_header(b->a, e) != ARCHIVE_OK ||
	    archive_write_data(b->a, bytes, len) != (la_ssize_t)len)
		abort();
	archive_entry_free(e);
}

static inline void
box_close(struct box *b)
{
	if (archive_write_close(b->a) != ARCHIVE_OK)
		abort();
	archive_write_free(b->a);
	b->a = NULL;
}

static inline void
box_free(struct box *b)
{
	free(b->bytes);
	b->bytes = NULL;
}

#endif
