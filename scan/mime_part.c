/*
 * mime_part: hands out what the walk has found, in the order of the mail.
 */
#include <stdio.h>
#include <stdlib.h>

#include "proxy/base/mem.h"
#include "scan/decode.h"
#include "scan/mime_value.h"
#include "scan/mime_walk.h"
#include "scan/where.h"

/* Encoded bytes that surely hold MIME_HEAD_MAX decoded ones. */
#define HEAD_TEXT_MAX 512

/* What a part points to while it is handed out. */
struct handed {
	struct mime_part part;
	char name[MIME_NAME_MAX + 1];
	struct type_value type;
	struct where where;
};

static void
name_leaf(const struct leaf *leaf, char *to, size_t size)
{
	to[0] = '\0';
	if (leaf->name.len > 0)
		(void)slice_copy(leaf->name, to, size);
	else if (leaf->disposition.at != NULL &&
	    value_param(leaf->disposition, "filename", to, size))
		return;
	else if (leaf->type.at != NULL)
		(void)value_param(leaf->type, "name", to, size);
}

/* The first decoded bytes; what is odd in the encoding does not matter. */
static size_t
first_bytes(const struct leaf *leaf, unsigned char *to)
{
	unsigned char out[UU_ROOM(HEAD_TEXT_MAX)];
	const char *text = leaf->src->text + leaf->at;
	size_t len = leaf->len < HEAD_TEXT_MAX ? leaf->len : HEAD_TEXT_MAX;
	size_t n = 0;

	switch (leaf->codec) {
	case MIME_BASE64:
		n = base64_decode(
		    text, len, (enum base64_variant)leaf->variant, out);
		break;
	case MIME_QP:
		n = qp_decode(text, len, (enum qp_variant)leaf->variant, out);
		break;
	case MIME_UUENCODE:
		n = uu_decode(text, len, out);
		break;
	case MIME_YENC:
		n = yenc_decode(text, len, out);
		break;
	default:
		n = len;
		memcpy(out, text, n);
	}
	n = n < MIME_HEAD_MAX ? n : MIME_HEAD_MAX;
	memcpy(to, out, n);
	return n;
}

static void
place_leaf(const struct leaf *leaf, const char *name, unsigned number,
    struct where *to)
{
	char counted[32];
	struct where base;

	if (name[0] == '\0') {
		(void)snprintf(counted, sizeof(counted), "part %u", number);
		name = counted;
	}
	where_start(to, name);
	if (leaf->path[0] != '\0') {
		(void)copy_text(base.path, sizeof(base.path), leaf->path);
		where_join(to, &base, name);
	}
}

static void
fill(struct mime_walk *w, const struct leaf *leaf, unsigned number,
    struct handed *h)
{
	const struct source *s = leaf->src;
	struct mime_part *p = &h->part;

	name_leaf(leaf, h->name, sizeof(h->name));
	place_leaf(leaf, h->name, number, &h->where);
	h->type.word[0] = '\0';
	if (leaf->type.at != NULL)
		type_read(leaf->type, &h->type);
	*p = (struct mime_part){.where = h->where.path,
	    .name = h->name,
	    .type = h->type.word[0] == '\0' ? "text/plain" : h->type.word,
	    .at = s->owned == NULL ? leaf->at : s->at,
	    .len = s->owned == NULL ? leaf->len : s->raw_len,
	    .codec = leaf->codec,
	    .depth = leaf->depth,
	    .seen_by_engine = leaf->seen && w->r->plain,
	    .other_reading = leaf->reason != MAIN,
	    .walk = w,
	    .leaf = leaf};
	p->head_len = first_bytes(leaf, p->head);
}

int
mime_part_bytes(const struct mime_part *p, const void **bytes_r, size_t *len_r)
{
	const unsigned char *bytes;

	if (leaf_bytes(p->walk, p->leaf, &bytes, len_r) < 0)
		return -1;
	*bytes_r = bytes;
	if (p->codec != MIME_IDENTITY)
		p->walk->bytes += *len_r;
	return 0;
}

static int
by_place(const void *a, const void *b)
{
	const struct leaf *x = *(const struct leaf *const *)a;
	const struct leaf *y = *(const struct leaf *const *)b;
	uint64_t i = x->src->owned == NULL ? x->at : x->src->at;
	uint64_t j = y->src->owned == NULL ? y->at : y->src->at;

	if (i != j)
		return i < j ? -1 : 1;
	if ((x->reason == MAIN) != (y->reason == MAIN))
		return x->reason == MAIN ? -1 : 1;
	return x < y ? -1 : 1;
}

int
leaves_deliver(struct mime_walk *w, mime_part_fn *part, void *arg)
{
	const struct leaf **order;
	struct handed h;
	size_t n = 0;
	int rc = 0;

	order = xcalloc(w->n_leaves + 1, sizeof(const struct leaf *));
	for (size_t i = 0; i < w->n_leaves; i++) {
		if (!w->leaves[i].dropped)
			order[n++] = &w->leaves[i];
	}
	qsort(order, n, sizeof(const struct leaf *), by_place);
	for (size_t i = 0; i < n && rc == 0; i++) {
		w->r->parts++;
		if (part == NULL)
			continue;
		fill(w, order[i], (unsigned)i + 1, &h);
		rc = part(arg, &h.part);
	}
	free(order);
	return rc;
}
