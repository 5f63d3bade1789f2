/*
 * http_urls: URLs that had a virus, by their SHA-256: nobody can make two of
 * them fall together.
 */
#include "protocols/http/http_urls.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/mem.h"
#include "proxy/digest.h"

#define HTTP_URLS_MAGIC 0x47790014u

struct url {
	unsigned char sum[DIGEST_SIZE];
	int64_t until_ms; /* 0: the place is empty */
	char what[HTTP_URLS_WHAT_MAX + 1];
};

struct http_urls {
	uint32_t magic;
	int64_t ms;
	unsigned next; /* whose place is taken next */
	unsigned n;    /* places ever taken */
	struct url *list;
};

struct http_urls *
http_urls_open(int64_t ms)
{
	struct http_urls *u = xcalloc(1, sizeof(*u));

	u->magic = HTTP_URLS_MAGIC;
	u->ms = ms;
	return u;
}

void
http_urls_free(struct http_urls **up)
{
	struct http_urls *u = *up;

	*up = NULL;
	if (u == NULL)
		return;
	IS(u, HTTP_URLS_MAGIC);
	free(u->list);
	u->magic = 0;
	free(u);
}

static void
sum_of(const char *url, unsigned char sum_r[DIGEST_SIZE])
{
	struct digest *d = digest_open();

	digest_add(d, url, strlen(url));
	digest_end(d, sum_r);
	digest_free(&d);
}

static struct url *
look_up(const struct http_urls *u, const unsigned char sum[DIGEST_SIZE])
{
	for (unsigned i = 0; i < u->n; i++) {
		if (memcmp(u->list[i].sum, sum, DIGEST_SIZE) == 0)
			return &u->list[i];
	}
	return NULL;
}

void
http_urls_add(struct http_urls *u, const char *url, const char *what)
{
	unsigned char sum[DIGEST_SIZE];
	struct url *place;

	IS(u, HTTP_URLS_MAGIC);
	if (u->ms == 0)
		return;
	if (u->list == NULL)
		u->list = xcalloc(HTTP_URLS_MAX, sizeof(*u->list));
	sum_of(url, sum);
	place = look_up(u, sum);
	if (place == NULL) {
		place = &u->list[u->next];
		u->next = (u->next + 1) % HTTP_URLS_MAX;
		u->n += u->n < HTTP_URLS_MAX;
	}
	memcpy(place->sum, sum, sizeof(sum));
	place->until_ms = clock_ms() + u->ms;
	copy_text(place->what, sizeof(place->what), what);
}

const char *
http_urls_find(const struct http_urls *u, const char *url)
{
	unsigned char sum[DIGEST_SIZE];
	const struct url *found;

	IS(u, HTTP_URLS_MAGIC);
	if (u->n == 0)
		return NULL;
	sum_of(url, sum);
	found = look_up(u, sum);
	if (found == NULL || found->until_ms <= clock_ms())
		return NULL;
	return found->what;
}
