#ifndef CONF_FILE_H
#define CONF_FILE_H

#include "proxy/base/buf.h"
#include "proxy/base/err.h"

#define FILE_MAX (16 * 1024 * 1024) /* bytes of a configuration or list */

/*
 * The whole of a regular file into b.  0, or -1 with words and errno.
 */
int file_read(const char *path, struct buf *b, struct err *e);

#endif
