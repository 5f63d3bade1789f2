#ifndef FTP_LF_H
#define FTP_LF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * ftp_lf: text as receivers keep it that end lines with LF: without each CR
 * that a LF follows.  Pure.  *cr_r is false at first and kept from one piece to
 * the next: a CR waits for what follows it, and stands at the end where nothing
 * does.  Writes at most len + 1 bytes; returns how many.
 */
size_t ftp_lf(const char *bytes, size_t len, bool *cr_r, char *out);

#endif
