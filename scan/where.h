#ifndef SCAN_WHERE_H
#define SCAN_WHERE_H

#include <stddef.h>

/*
 * where: paths through containers, "mail.eml/a.zip/x.exe".  A "/" inside a
 * name is "%2F", a "%" is "%25", a control byte or one that is no UTF-8 is
 * "%XX".  Pure.
 */
#define WHERE_MAX 511

struct where {
	char path[WHERE_MAX + 1];
};

/* A path of one name, as a peer wrote it. */
void where_start(struct where *w, const char *name);

/* base with one more name behind it; cut from the left when too long. */
void where_join(struct where *w, const struct where *base, const char *name);

/* The same with a tail that is a path already. */
void where_join_path(
    struct where *w, const struct where *base, const char *path);

#endif
