#ifndef SCAN_PEEK_H
#define SCAN_PEEK_H

#include <stdbool.h>
#include <stddef.h>

#include "scan/type.h"

/*
 * peek: looks at containers without unpacking them.  Pure, over bytes that an
 * attacker wrote.
 */

/*
 * True when a zip has members that the clamav engine passes over: a method
 * beside store, deflate, deflate64, bzip2 and implode, or zip64 sizes.  Local
 * and central headers both count: readers differ in which they believe.
 */
bool peek_zip_is_odd(const void *bytes, size_t len);

/* True when another bzip2 stream follows: the engine stops before it. */
bool peek_bzip2_goes_on(const void *bytes, size_t len);

/* True when a member of this ARJ archive is garbled (encrypted). */
bool peek_arj_is_garbled(const void *bytes, size_t len);

/* True when a member of this RAR is encrypted, or all of it. */
bool peek_rar_is_encrypted(enum file_type type, const void *bytes, size_t len);

/* True when this is one of several: what is in it begins or ends elsewhere. */
bool peek_rar_is_volume(enum file_type type, const void *bytes, size_t len);

/*
 * An archive inside a file of another type: a zip behind a stub or a picture,
 * a 7z or RAR in a program, an ISO image whose system area is something else.
 */
enum stowed {
	STOWED_WHOLE,
	STOWED_IN_ORDER, /* a zip, to be read from there on */
	STOWED_APART,    /* so, and its directory does not name it */
	/* nothing to be read: */
	STOWED_MORE,   /* of them than ZIP_PLACES_MAX */
	STOWED_DIFFERS /* the two heads of a member that is named */
};

struct stowaway {
	enum file_type type;
	size_t at; /* where it begins, for its reader */
	enum stowed how;
};

#define STOWAWAYS_MAX 8

/* Fills at most STOWAWAYS_MAX of them; returns how many. */
unsigned peek_stowaways(enum file_type type, const void *bytes, size_t len,
    struct stowaway *list_r);

#define ZIP_PLACES_MAX 64
#define ZIP_STOWED_MAX (ZIP_PLACES_MAX + 2)

/*
 * Members of a zip that its last directory does not list, or not as they say
 * themselves, and may be all that another reader sees.  stub: something else
 * is in front of it.  Returns how many there are in the list.
 */
unsigned peek_zip_apart(const void *bytes, size_t len, bool stub,
    struct stowaway list_r[ZIP_STOWED_MAX]);

#endif
