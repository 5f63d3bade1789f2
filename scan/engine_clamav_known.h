#ifndef SCAN_ENGINE_CLAMAV_KNOWN_H
#define SCAN_ENGINE_CLAMAV_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * engine_clamav_known: members that this worker has found clean before: the
 * same picture comes with every mail of a house.  libclamav has such a memory,
 * too, but it forgets to tell what lies inside of what it knows, and we want
 * every member's name: so only what has nothing inside is kept here, and only
 * from a content about which there was nothing at all to say.  It ends with
 * the worker, and workers end with their signatures.
 */
struct clamav_known;

/* A member: its SHA-256, and what it is and lies in. */
#define CLAMAV_KEY_SIZE 40
struct clamav_key {
	unsigned char bytes[CLAMAV_KEY_SIZE];
};

struct clamav_known *clamav_known_open(void);
void clamav_known_close(struct clamav_known **kp);

/* kin: a hash of its type and of those around it.  0, or -1: no digest. */
int clamav_key_of(
    const void *bytes, size_t len, uint64_t kin, struct clamav_key *key_r);

/* kin of one that is of this type in something of kin. */
uint64_t clamav_kin(uint64_t kin, const char *type, uint32_t attributes);

bool clamav_known_has(
    const struct clamav_known *k, const struct clamav_key *key);

/* Remembers it; another one may be forgotten for it. */
void clamav_known_add(struct clamav_known *k, const struct clamav_key *key);

#endif
