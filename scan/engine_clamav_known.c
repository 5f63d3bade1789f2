/*
 * engine_clamav_known: a table of so many places, one for each hash: a member
 * that has the place of another one takes it.  libclamav's own digest is used,
 * as it is at hand.
 */
#include "scan/engine_clamav_known.h"

#include <clamav.h>
#include <string.h>

#include "proxy/base/mem.h"

#define PLACES 8192 /* a power of two; 320 KiB */
#define SHA256_SIZE 32
#define FNV_PRIME UINT64_C(1099511628211)

struct clamav_known {
	struct clamav_key at[PLACES]; /* all zero: nothing */
};

struct clamav_known *
clamav_known_open(void)
{
	return xcalloc(1, sizeof(struct clamav_known));
}

void
clamav_known_close(struct clamav_known **kp)
{
	free(*kp);
	*kp = NULL;
}

uint64_t
clamav_kin(uint64_t kin, const char *type, uint32_t attributes)
{
	kin = (kin ^ attributes) * FNV_PRIME;
	for (; type != NULL && *type != '\0'; type++)
		kin = (kin ^ (unsigned char)*type) * FNV_PRIME;
	return kin;
}

int
clamav_key_of(
    const void *bytes, size_t len, uint64_t kin, struct clamav_key *key_r)
{
	unsigned n = 0;

	if (cl_sha256(bytes, len, key_r->bytes, &n) == NULL || n != SHA256_SIZE)
		return -1;
	memcpy(key_r->bytes + SHA256_SIZE, &kin, sizeof(kin));
	return 0;
}

static size_t
place(const struct clamav_key *key)
{
	size_t n;

	memcpy(&n, key->bytes, sizeof(n));
	return n & (PLACES - 1);
}

bool
clamav_known_has(const struct clamav_known *k, const struct clamav_key *key)
{
	return memcmp(&k->at[place(key)], key, sizeof(*key)) == 0;
}

void
clamav_known_add(struct clamav_known *k, const struct clamav_key *key)
{
	k->at[place(key)] = *key;
}
