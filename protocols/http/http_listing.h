#ifndef HTTP_LISTING_H
#define HTTP_LISTING_H

#include <stdbool.h>

#include "proxy/base/buf.h"
#include "proxy/base/slice.h"

/*
 * http_listing: what an FTP server says of a directory, as a page: each line as
 * it came, escaped, and a link where it is seen what it names.  Pure.
 */

/* path: of the directory, for the title.  0 or -1 EFBIG. */
int http_listing_put(struct buf *to, struct slice path, struct slice text);

/*
 * The name in a line of `ls -l`; *dir_r: it is a directory.  {NULL, 0}: nobody
 * can tell, or it is not to be linked to.
 */
struct slice http_listing_name(struct slice line, bool *dir_r);

#endif
