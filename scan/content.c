/*
 * content: one thing to be judged, as a thin coat over a spool: what the peer
 * calls it, how the scan reads it, and somebody who sees the bytes go by.
 */
#include "scan/content.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"

#define CONTENT_MAGIC 0xc0a7e471u

struct content {
	unsigned magic;
	enum content_kind kind;
	struct spool *spool;
	bool sealed;
	unsigned owners; /* besides the first */
	content_tap *tap;
	void *tap_arg;
	char name[CONTENT_NAME_MAX + 1];
	char *codings, *type; /* NULL: "" */
};

const char *
content_kind_word(enum content_kind kind)
{
	static const char *const words[CONTENT_KINDS] = {
	    [CONTENT_MAIL] = "mail",
	    [CONTENT_BODY] = "body",
	    [CONTENT_FILE] = "file",
	};

	return words[kind];
}

static struct content *
content_new(struct spool *s, enum content_kind kind, const char *name)
{
	struct content *c = xcalloc(1, sizeof(*c));

	c->magic = CONTENT_MAGIC;
	c->kind = kind;
	c->spool = s;
	(void)copy_text(c->name, sizeof(c->name), name);
	return c;
}

struct content *
content_open(struct spool_house *house, enum content_kind kind,
    const char *name, uint64_t cap)
{
	return content_new(spool_open(house, cap), kind, name);
}

struct content *
content_over(struct spool **sp, enum content_kind kind, const char *name)
{
	struct content *c = content_new(*sp, kind, name);

	*sp = NULL;
	c->sealed = true;
	return c;
}

struct content *
content_prefix(const struct content *c, uint64_t size)
{
	struct content *p;
	struct spool *s;

	IS(c, CONTENT_MAGIC);
	MUST(!c->sealed);
	s = spool_prefix(c->spool, size);
	if (s == NULL)
		return NULL;
	p = content_over(&s, c->kind, c->name);
	MUST(content_declare(p, content_codings(c), content_type(c)) == 0);
	return p;
}

struct content *
content_share(struct content *c)
{
	IS(c, CONTENT_MAGIC);
	MUST(c->sealed);
	c->owners++;
	return c;
}

void
content_set_tap(struct content *c, content_tap *tap, void *arg)
{
	IS(c, CONTENT_MAGIC);
	c->tap = tap;
	c->tap_arg = arg;
}

int
content_write(struct content *c, const void *bytes, size_t len)
{
	IS(c, CONTENT_MAGIC);
	MUST(!c->sealed);
	if (spool_write(c->spool, bytes, len) < 0)
		return -1;
	if (c->tap != NULL)
		c->tap(c->tap_arg, bytes, len);
	return 0;
}

int
content_seal(struct content *c)
{
	IS(c, CONTENT_MAGIC);
	MUST(!c->sealed);
	if (spool_seal(c->spool) < 0)
		return -1;
	c->sealed = true;
	return 0;
}

ssize_t
content_read(const struct content *c, void *to, size_t len, uint64_t at)
{
	IS(c, CONTENT_MAGIC);
	return spool_read(c->spool, to, len, at);
}

uint64_t
content_size(const struct content *c)
{
	IS(c, CONTENT_MAGIC);
	return spool_size(c->spool);
}

enum content_kind
content_kind(const struct content *c)
{
	IS(c, CONTENT_MAGIC);
	return c->kind;
}

const char *
content_name(const struct content *c)
{
	IS(c, CONTENT_MAGIC);
	return c->name;
}

int
content_declare(struct content *c, const char *codings, const char *type)
{
	IS(c, CONTENT_MAGIC);
	if (strlen(codings) > CONTENT_CODINGS_MAX ||
	    strlen(type) > CONTENT_TYPE_MAX)
		return -1;
	free(c->codings);
	free(c->type);
	c->codings = *codings == '\0' ? NULL : xstrdup(codings);
	c->type = *type == '\0' ? NULL : xstrdup(type);
	return 0;
}

const char *
content_codings(const struct content *c)
{
	IS(c, CONTENT_MAGIC);
	return c->codings == NULL ? "" : c->codings;
}

const char *
content_type(const struct content *c)
{
	IS(c, CONTENT_MAGIC);
	return c->type == NULL ? "" : c->type;
}

const void *
content_memory(const struct content *c)
{
	IS(c, CONTENT_MAGIC);
	MUST(c->sealed);
	return spool_memory(c->spool);
}

const void *
content_map(const struct content *c)
{
	IS(c, CONTENT_MAGIC);
	MUST(c->sealed);
	return spool_map(c->spool);
}

int
content_fd(const struct content *c)
{
	IS(c, CONTENT_MAGIC);
	MUST(c->sealed);
	return spool_fd(c->spool);
}

int
content_file(const struct content *c)
{
	IS(c, CONTENT_MAGIC);
	MUST(c->sealed);
	return spool_file(c->spool);
}

void
content_free(struct content **cp)
{
	struct content *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	IS(c, CONTENT_MAGIC);
	if (c->owners > 0) {
		c->owners--;
		return;
	}
	spool_free(&c->spool);
	free(c->codings);
	free(c->type);
	c->magic = 0;
	free(c);
}
