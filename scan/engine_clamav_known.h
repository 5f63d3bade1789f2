#ifndef SCAN_ENGINE_CLAMAV_KNOWN_H
#define SCAN_ENGINE_CLAMAV_KNOWN_H

#include <stddef.h>
#include <stdint.h>

#include "scan/engine.h"

/*
 * engine_clamav_known: members that this worker has found clean before: the
 * same picture comes with every mail of a house.  libclamav has such a memory,
 * too, but it forgets to tell what lies inside of what it knows, and rules ask
 * for every member's name: so that is kept here with each.  It ends with the
 * worker, and workers end with their signatures.
 */
struct clamav_known;

/* A member: its SHA-256, and what it is and lies in. */
#define CLAMAV_KEY_SIZE 40
struct clamav_key {
	unsigned char bytes[CLAMAV_KEY_SIZE];
};

#define CLAMAV_INSIDE_MAX 64 /* members in one that is kept */

struct clamav_known *clamav_known_open(void);
void clamav_known_close(struct clamav_known **kp);

/* kin: a hash of its type and of those around it.  0, or -1: no digest. */
int clamav_key_of(
    const void *bytes, size_t len, uint64_t kin, struct clamav_key *key_r);

/* kin of one that is of this type in something of kin. */
uint64_t clamav_kin(uint64_t kin, const char *type, uint32_t attributes);

/*
 * What lies in the member of that key, n_r of them, until the next add; NULL:
 * it is not known.
 */
const struct told_member *clamav_known_find(
    const struct clamav_known *k, const struct clamav_key *key, unsigned *n_r);

/* Remembers it with the n members inside of it, at most CLAMAV_INSIDE_MAX;
 * others may be forgotten for it. */
void clamav_known_add(struct clamav_known *k, const struct clamav_key *key,
    const struct told_member *inside, unsigned n);

#endif
