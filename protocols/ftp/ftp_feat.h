#ifndef FTP_FEAT_H
#define FTP_FEAT_H

#include <stdbool.h>

#include "proxy/base/slice.h"

/*
 * A line of a server's FEAT (without blanks in front): may the client hear of
 * it?  What it offers must mean to us what it means there.  Pure.
 */
bool ftp_feat_good(struct slice line);

#endif
