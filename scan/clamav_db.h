#ifndef SCAN_CLAMAV_DB_H
#define SCAN_CLAMAV_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/err.h"

/*
 * clamav_db: signature files as files: whether there are any, which ones they
 * are, and a small set of our own for when there are none.  Knows nothing of
 * libclamav but the names of its files.
 */

/* True when path is a signature file or a folder that has one. */
bool clamav_db_is_there(const char *path);

/*
 * A hash of the names and contents of all signature files at path: another
 * one whenever a signature changed.  0, or -1 with words.
 */
int clamav_db_hash(const char *path, uint64_t *hash_r, struct err *e);

/*
 * Writes the EICAR test signature into a new folder, whose name is put into
 * dir_r; clamav_db_remove() takes it away again.  0, or -1 with words.
 */
#define CLAMAV_DB_DIR 64
int clamav_db_built_in(char dir_r[CLAMAV_DB_DIR], struct err *e);
void clamav_db_remove(const char *dir);

#endif
