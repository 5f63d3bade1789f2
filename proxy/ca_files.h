#ifndef PROXY_CA_FILES_H
#define PROXY_CA_FILES_H

#include "conf/conf.h"
#include "proxy/ca.h"
#include "proxy/child.h"

/*
 * ca_files: the two files of [tls-inspection].  Read by whoever we are, looked
 * at as who we become: no byte of them is taken apart by root.
 */
struct ca_files {
	struct buf cert, key;
};

/*
 * Reads both.  A key that others can read is an error; so is, where we are
 * root and they are not, one that the net workers could read.  Whatever is
 * wrong is printed as `file:line: text`; 0, or -1 when anything was.
 */
int ca_files_read(const struct conf *c, const struct who *who,
    struct ca_files *f_r, FILE *out);

/* Makes a CA of them and gives their memory back.  NULL when anything is
 * wrong; what is only odd is printed as `warning: file:line: text`. */
struct ca *ca_files_open(const struct conf *c, struct ca_files *f, FILE *out);

#endif
