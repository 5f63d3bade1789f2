#ifndef BASE_TREE_H
#define BASE_TREE_H

#include <stdint.h>

#include "proxy/base/err.h"

/*
 * tree: a directory that somebody else may have filled with ill will: links
 * are not followed, and what lies too deep is an error.
 */

/* Removes all that lies below dir, not dir itself.  No such dir is fine.
 * 0, or -1 with words; it removes what it can. */
int tree_empty(const char *dir, struct err *e);

/* A directory that is emptied again and again and mostly holds nothing. */
struct tree;

/* NULL with words: it cannot be opened. */
struct tree *tree_open(const char *dir, struct err *e);
int tree_empty_again(struct tree *t, struct err *e); /* as tree_empty() */
void tree_close(struct tree **tp);

/* The same and dir itself. */
int tree_remove(const char *dir, struct err *e);

struct tree_size {
	uint64_t bytes; /* on the disk */
	uint64_t files; /* and directories */
};

/* What lies below dir; what goes away meanwhile is not counted.  0 or -1;
 * counting stops when either is past its most (0: any). */
int tree_measure(const char *dir, const struct tree_size *most,
    struct tree_size *size_r, struct err *e);

#endif
