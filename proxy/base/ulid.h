#ifndef BASE_ULID_H
#define BASE_ULID_H

#define ULID_TEXT 27

/*
 * A new ULID (26 signs of Crockford's base 32 and a NUL): 48 bits of time in
 * milliseconds, 80 random.  Within one process later ones sort later.
 */
void ulid_make(char to[ULID_TEXT]);

#endif
