/*
 * engine_clamav_known: a table of so many places, one for each hash: a member
 * that has the place of another one takes it.  libclamav's own digest is used,
 * as it is at hand.
 */
#include "scan/engine_clamav_known.h"

#include <clamav.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"

#define PLACES 8192       /* a power of two; 450 KiB */
#define INSIDE_ALL 32768u /* members inside of all that are kept: 3.5 MiB */
#define SHA256_SIZE 32
#define FNV_PRIME UINT64_C(1099511628211)

struct place {
	struct clamav_key key;
	bool taken;
	unsigned n;
	struct told_member *inside;
};

struct clamav_known {
	unsigned inside; /* of all places */
	size_t hand;     /* the next one to be emptied for want of room */
	struct place at[PLACES];
};

struct clamav_known *
clamav_known_open(void)
{
	return xcalloc(1, sizeof(struct clamav_known));
}

static void
empty(struct clamav_known *k, struct place *p)
{
	k->inside -= p->n;
	free(p->inside);
	*p = (struct place){.taken = false};
}

void
clamav_known_close(struct clamav_known **kp)
{
	struct clamav_known *k = *kp;

	*kp = NULL;
	if (k == NULL)
		return;
	for (size_t i = 0; i < PLACES; i++)
		empty(k, &k->at[i]);
	free(k);
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
place_of(const struct clamav_key *key)
{
	size_t n;

	memcpy(&n, key->bytes, sizeof(n));
	return n & (PLACES - 1);
}

const struct told_member *
clamav_known_find(
    const struct clamav_known *k, const struct clamav_key *key, unsigned *n_r)
{
	static const struct told_member nothing;
	const struct place *p = &k->at[place_of(key)];

	if (!p->taken || memcmp(&p->key, key, sizeof(*key)) != 0)
		return NULL;
	*n_r = p->n;
	return p->n == 0 ? &nothing : p->inside;
}

void
clamav_known_add(struct clamav_known *k, const struct clamav_key *key,
    const struct told_member *inside, unsigned n)
{
	struct place *p = &k->at[place_of(key)];

	MUST(n <= CLAMAV_INSIDE_MAX);
	empty(k, p);
	for (; k->inside + n > INSIDE_ALL; k->hand++)
		empty(k, &k->at[k->hand & (PLACES - 1)]);
	p->key = *key;
	p->taken = true;
	p->n = n;
	k->inside += n;
	if (n == 0)
		return;
	p->inside = xcalloc(n, sizeof(*inside));
	memcpy(p->inside, inside, n * sizeof(*inside));
}
