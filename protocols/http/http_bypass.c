/*
 * http_bypass: a list of patterns, and a ring of who refused us where.
 */
#include "protocols/http/http_bypass.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/addr.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/glob.h"
#include "proxy/base/mem.h"

#define HTTP_BYPASS_MAGIC 0x47790020u
#define HOST_MAX 256

/* One client at one host: another client's word counts for itself alone. */
struct learned {
	unsigned char client[16];
	char host[HOST_MAX];
	int64_t until_ms; /* 0: it is only doubted */
	unsigned silent;
};

struct http_bypass {
	uint32_t magic;
	const char *const *list;
	size_t list_n;
	int64_t ms;
	struct learned *ring; /* NULL: nothing yet */
	unsigned n, next;
};

struct http_bypass *
http_bypass_open(const char *const *list, size_t n, int64_t ms)
{
	struct http_bypass *b = xcalloc(1, sizeof(*b));

	b->magic = HTTP_BYPASS_MAGIC;
	b->list = list;
	b->list_n = n;
	b->ms = ms;
	return b;
}

void
http_bypass_free(struct http_bypass **bp)
{
	struct http_bypass *b = *bp;

	*bp = NULL;
	if (b == NULL)
		return;
	IS(b, HTTP_BYPASS_MAGIC);
	free(b->ring);
	b->magic = 0;
	free(b);
}

bool
http_bypass_has(const struct http_bypass *b, const char *host)
{
	IS(b, HTTP_BYPASS_MAGIC);
	for (size_t i = 0; i < b->list_n; i++) {
		if (glob_fits(b->list[i], host))
			return true;
	}
	return false;
}

static struct learned *
look_up(const struct http_bypass *b, const unsigned char client[16],
    const char *host)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct learned *l = &b->ring[i];

		if (memcmp(l->client, client, sizeof(l->client)) == 0 &&
		    strcmp(l->host, host) == 0)
			return l;
	}
	return NULL;
}

/* Its place in the ring, which may be another's. */
static struct learned *
place_of(struct http_bypass *b, const struct addr *client, const char *host)
{
	unsigned char key[16];
	struct learned *l;

	if (b->ring == NULL)
		b->ring = xcalloc(HTTP_BYPASS_MAX, sizeof(*b->ring));
	addr_key(client, key);
	l = look_up(b, key, host);
	if (l != NULL)
		return l;
	l = &b->ring[b->next];
	b->next = (b->next + 1) % HTTP_BYPASS_MAX;
	b->n += b->n < HTTP_BYPASS_MAX;
	*l = (struct learned){.until_ms = 0};
	memcpy(l->client, key, sizeof(key));
	copy_text(l->host, sizeof(l->host), host);
	return l;
}

void
http_bypass_learn(
    struct http_bypass *b, const struct addr *client, const char *host)
{
	struct learned *l;

	IS(b, HTTP_BYPASS_MAGIC);
	if (b->ms == 0)
		return;
	l = place_of(b, client, host);
	l->until_ms = clock_ms() + b->ms;
	l->silent = 0;
}

void
http_bypass_doubt(
    struct http_bypass *b, const struct addr *client, const char *host)
{
	IS(b, HTTP_BYPASS_MAGIC);
	if (b->ms != 0 &&
	    ++place_of(b, client, host)->silent >= HTTP_BYPASS_SILENT)
		http_bypass_learn(b, client, host);
}

void
http_bypass_trust(
    struct http_bypass *b, const struct addr *client, const char *host)
{
	unsigned char key[16];
	struct learned *l;

	IS(b, HTTP_BYPASS_MAGIC);
	if (b->n == 0)
		return;
	addr_key(client, key);
	l = look_up(b, key, host);
	if (l != NULL)
		l->silent = 0;
}

bool
http_bypass_learned(
    const struct http_bypass *b, const struct addr *client, const char *host)
{
	unsigned char key[16];
	const struct learned *l;

	IS(b, HTTP_BYPASS_MAGIC);
	if (b->n == 0)
		return false;
	addr_key(client, key);
	l = look_up(b, key, host);
	return l != NULL && l->until_ms > clock_ms();
}
