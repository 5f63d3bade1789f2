#ifndef SCAN_UNPACK_H
#define SCAN_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scan/type.h"

/*
 * unpack: takes the containers apart that the engine cannot, by libarchive.
 * This is the one file that speaks it.  No filter that would start a program
 * is ever enabled.  It knows no limits: who takes the bytes says when it is
 * enough.
 */

enum unpack_end {
	UNPACK_WHOLE,       /* to its end */
	UNPACK_STOPPED,     /* the taker had enough */
	UNPACK_ENCRYPTED,   /* cannot be read without a password */
	UNPACK_UNSUPPORTED, /* a method that nobody here knows */
	UNPACK_BROKEN       /* damaged, or cut short */
};

struct unpack_taker {
	/* A member; name is "" when it has none.  0: take it, 1: skip it,
	 * -1: stop. */
	int (*begin)(void *arg, const char *name);
	/* Its bytes, in order.  0, 1: no more of it, -1: stop. */
	int (*data)(void *arg, const void *bytes, size_t len);
	/* After each begin() that gave 0; how says how it ended. */
	void (*end)(void *arg, enum unpack_end how);
	/* A member that cannot be looked at; begin() was not called. */
	void (*closed)(void *arg, const char *name, enum unpack_end why);
};

/* False: not one of the types that can be read here. */
bool unpack_can(enum file_type type);

/* Reads the container; returns how it ended as a whole. */
enum unpack_end unpack(enum file_type type, const void *bytes, size_t len,
    const struct unpack_taker *taker, void *arg);

/* The same of a zip's members from here on, one behind the other, up to a
 * directory: by the heads that they have of their own. */
enum unpack_end unpack_zip_in_order(
    const void *bytes, size_t len, const struct unpack_taker *taker, void *arg);

/* False: nothing is listed in it, as in one compressed file. */
bool unpack_can_count(enum file_type type);

/*
 * How many members are listed with more than least bytes each and without
 * encryption; counts no further than most.  UINT32_MAX: cannot be listed.
 */
uint32_t unpack_count(enum file_type type, const void *bytes, size_t len,
    int64_t least, uint32_t most);

#endif
