/*
 * mime_leaf: the parts that a reader could show or save, each under every
 * variant of its decoder that matters, and which of them say the same.
 */
#include <stdlib.h>

#include "proxy/base/mem.h"
#include "scan/decode.h"
#include "scan/mime_split.h"
#include "scan/mime_value.h"
#include "scan/mime_walk.h"

#define UU_MODE_MAX 6                 /* digits between "begin" and the name */
#define INLINE_TEXT_MAX (1024 * 1024) /* decoded to look for parts in it */
#define QP_LETTERS 8                  /* escaped ones that make us look, too */

/* ---- bytes ----------------------------------------------------------------
 */

static size_t
room_for(const struct leaf *leaf)
{
	switch (leaf->codec) {
	case MIME_BASE64:
		return BASE64_ROOM(leaf->len);
	case MIME_UUENCODE:
		return UU_ROOM(leaf->len);
	default:
		return leaf->len;
	}
}

static size_t
decode(const struct leaf *leaf, void *to)
{
	const char *text = leaf->src->text + leaf->at;

	switch (leaf->codec) {
	case MIME_BASE64:
		return base64_decode(
		    text, leaf->len, (enum base64_variant)leaf->variant, to);
	case MIME_QP:
		return qp_decode(
		    text, leaf->len, (enum qp_variant)leaf->variant, to);
	case MIME_UUENCODE:
		return uu_decode(text, leaf->len, to);
	default:
		return yenc_decode(text, leaf->len, to);
	}
}

int
leaf_bytes(struct mime_walk *w, const struct leaf *leaf,
    const unsigned char **bytes_r, size_t *len_r)
{
	size_t room = room_for(leaf);

	if (leaf->codec == MIME_IDENTITY) {
		*bytes_r = (const unsigned char *)leaf->src->text + leaf->at;
		*len_r = leaf->len;
		return 0;
	}
	if (room > w->limits.bytes - w->bytes) {
		walk_odd(w, MIME_BYTES);
		return -1;
	}
	if (room > w->cap_out) {
		free(w->out);
		w->out = xcalloc(1, room);
		w->cap_out = room;
	}
	*len_r = decode(leaf, w->out);
	*bytes_r = w->out;
	return 0;
}

/* ---- finding --------------------------------------------------------------
 */

static void
add(struct mime_walk *w, const struct leaf *leaf)
{
	if (!walk_once(w, leaf->src,
		TAG_LEAF | (unsigned)leaf->codec << 4 | leaf->variant, leaf->at,
		leaf->len))
		return;
	if (w->n_leaves >= w->limits.parts) {
		walk_odd(w, MIME_MANY_PARTS);
		return;
	}
	if (w->n_leaves == w->cap_leaves) {
		w->cap_leaves = w->cap_leaves == 0 ? 8 : w->cap_leaves * 2;
		w->leaves =
		    xrealloc(w->leaves, w->cap_leaves, sizeof(*w->leaves));
	}
	w->leaves[w->n_leaves++] = *leaf;
}

static void
add_variant(struct mime_walk *w, struct leaf leaf, unsigned variant)
{
	leaf.variant = variant;
	if (leaf.reason == MAIN)
		leaf.reason =
		    leaf.codec == MIME_QP ? MIME_ODD_QP : MIME_ODD_BASE64;
	add(w, &leaf);
}

static void
add_base64(struct mime_walk *w, const struct leaf *leaf)
{
	unsigned odd = base64_check(leaf->src->text + leaf->at, leaf->len);

	if (odd != 0)
		w->r->plain = false;
	add(w, leaf);
	if ((odd & BASE64_PADDING) != 0) {
		add_variant(w, *leaf, BASE64_STOPS);
		add_variant(w, *leaf, BASE64_SKIPS);
	}
	if ((odd & BASE64_JUNK) != 0)
		add_variant(w, *leaf, BASE64_NO_JUNK);
	if ((odd & BASE64_URL) != 0)
		add_variant(w, *leaf, BASE64_URL_SAFE);
	if ((odd & BASE64_LINES) != 0)
		add_variant(w, *leaf, BASE64_BY_LINE);
}

static bool
is_text(const struct leaf *leaf)
{
	struct type_value v;

	if (leaf->type.at == NULL)
		return true;
	type_read(leaf->type, &v);
	return strncmp(v.word, "text/", 5) == 0 || strchr(v.word, '/') == NULL;
}

static void
add_qp(struct mime_walk *w, const struct leaf *leaf)
{
	unsigned odd = qp_check(leaf->src->text + leaf->at, leaf->len);

	/* text has lines that begin with a blank, and nobody drops it */
	if ((odd & QP_INDENT) != 0 && is_text(leaf))
		odd &= ~(unsigned)QP_INDENT;
	if (odd != 0)
		w->r->plain = false;
	add(w, leaf);
	if ((odd & (QP_SOFT | QP_BLANKS)) != 0)
		add_variant(w, *leaf, QP_KEEPS_BLANKS);
	if ((odd & (QP_ESCAPE | QP_BYTE)) != 0)
		add_variant(w, *leaf, QP_DROPS_1);
	if ((odd & QP_ESCAPE) != 0) {
		add_variant(w, *leaf, QP_DROPS_2);
		add_variant(w, *leaf, QP_DROPS_3);
	}
	if ((odd & (QP_ESCAPE | QP_INDENT)) != 0)
		add_variant(w, *leaf, QP_JOINS);
}

/* ---- inside text ----------------------------------------------------------
 */

/* "begin 644 name": where the name is; empty: it is no such line. */
static struct slice
uu_name(const char *text, const struct line *l)
{
	size_t i = l->at + 6, digits = 0;

	while (i < l->end && text[i] >= '0' && text[i] <= '7') {
		i++;
		digits++;
	}
	if (digits < 3 || digits > UU_MODE_MAX || i + 1 >= l->end ||
	    text[i] != ' ')
		return (struct slice){NULL, 0};
	return (struct slice){text + i + 1, l->end - i - 1};
}

static struct slice
yenc_name(const char *text, const struct line *l)
{
	const char *p = memmem(text + l->at, l->end - l->at, " name=", 6);

	if (p == NULL)
		return (struct slice){text + l->at, 1};
	return (struct slice){p + 6, (size_t)(text + l->end - p) - 6};
}

/* From at to behind the line that ends the data. */
static size_t
inline_len(const char *text, size_t at, size_t end, enum mime_codec codec)
{
	const char *word = codec == MIME_UUENCODE ? "\nend" : "\n=yend";
	const char *p = memmem(text + at, end - at, word, strlen(word));

	return p == NULL ? end - at : (size_t)(p - text) + strlen(word) - at;
}

static void
find_inline(struct mime_walk *w, const struct context *c, size_t from,
    size_t end, const char *word, enum mime_codec codec)
{
	const char *text = c->src->text;
	size_t n = strlen(word), at = from;

	while (at < end) {
		const char *p = memmem(text + at, end - at, word, n);
		struct leaf leaf = {.src = c->src,
		    .codec = codec,
		    .reason = c->reason,
		    .depth = c->depth + 1,
		    .path = c->path,
		    .seen = c->seen && codec == MIME_UUENCODE};
		struct line l;

		if (p == NULL)
			break;
		leaf.at = (size_t)(p - text);
		at = leaf.at + n;
		if (!line_begins(text, from, leaf.at, c->lines) ||
		    !line_read(text, leaf.at, end, c->lines, &l))
			continue;
		leaf.name = codec == MIME_UUENCODE ? uu_name(text, &l)
						   : yenc_name(text, &l);
		if (leaf.name.len == 0)
			continue;
		leaf.len = inline_len(text, leaf.at, end, codec);
		if (!leaf.seen)
			w->r->plain = false;
		if (!walk_spend(w, leaf.len))
			break;
		add(w, &leaf);
	}
}

void
leaf_add_inline(
    struct mime_walk *w, const struct context *c, size_t at, size_t end)
{
	find_inline(w, c, at, end, "begin ", MIME_UUENCODE);
	find_inline(w, c, at, end, "=ybegin ", MIME_YENC);
}

/*
 * Some readers find parts in any text, by what looks like delimiters and
 * fields.  A header alone, as in a bounce, is no part.
 */
static void
look_for_parts(
    struct mime_walk *w, const struct context *c, const struct entity *e)
{
	struct task t = {.kind = TASK_GUESS, .c = *c, .e = *e};

	if (!delims_has_fields(c->src->text, e->body, e->end, c->lines))
		return;
	if (c->reason == MAIN)
		t.c.reason = MIME_HIDDEN;
	t.c.seen = false;
	w->r->plain = false;
	walk_task(w, &t);
}

/* Escapes of letters: no honest encoder makes them. */
static bool
qp_hides_letters(const char *text, size_t len)
{
	const char *end = text + len;
	unsigned n = 0;

	while ((text = memchr(text, '=', (size_t)(end - text))) != NULL &&
	    end - text > 2) {
		if (text[1] >= '4' && text[1] <= '7' && ++n == QP_LETTERS)
			return true;
		text++;
	}
	return false;
}

static bool
is_worth_a_look(const struct context *c, const struct entity *e)
{
	const char *text = c->src->text + e->body;
	size_t len = e->end - e->body;

	if (len > INLINE_TEXT_MAX)
		return false;
	return e->codec == MIME_BASE64 ||
	    memmem(text, len, "begin ", 6) != NULL ||
	    memmem(text, len, "ontent-", 7) != NULL ||
	    qp_hides_letters(text, len);
}

/* Text that was encoded can have parts in it just the same. */
static void
look_inside_text(
    struct mime_walk *w, const struct context *c, const struct entity *e)
{
	struct context inner = *c;
	struct entity all = {0};

	if (!is_worth_a_look(c, e))
		return;
	inner.src = walk_decode(w, c, e);
	inner.lines = LINES_LF;
	inner.seen = false;
	inner.depth++;
	if (inner.src == NULL)
		return;
	all.end = inner.src->len;
	leaf_add_inline(w, &inner, 0, all.end);
	look_for_parts(w, &inner, &all);
}

/* x-uuencode as the transfer encoding: the data is where "begin" is. */
static void
to_begin_line(struct leaf *leaf)
{
	const char *text = leaf->src->text;
	size_t end = leaf->at + leaf->len;
	const char *word = leaf->codec == MIME_YENC ? "=ybegin " : "begin ";
	struct line l;

	for (size_t at = leaf->at; line_read(text, at, end, LINES_LF, &l);
	     at = l.next) {
		if (l.end - l.at > strlen(word) &&
		    memcmp(text + l.at, word, strlen(word)) == 0) {
			leaf->at = l.at;
			leaf->len = end - l.at;
			return;
		}
	}
}

void
leaf_add(struct mime_walk *w, const struct context *c, const struct entity *e)
{
	struct leaf leaf = {.src = c->src,
	    .type = e->type,
	    .disposition = e->disposition,
	    .path = c->path,
	    .at = e->body,
	    .len = e->end - e->body,
	    .codec = e->codec,
	    .reason = c->reason,
	    .depth = c->depth,
	    .seen = c->seen};

	if (e->body >= e->end || !walk_spend(w, leaf.len))
		return;
	switch (e->codec) {
	case MIME_BASE64:
		add_base64(w, &leaf);
		break;
	case MIME_QP:
		add_qp(w, &leaf);
		break;
	case MIME_UUENCODE:
	case MIME_YENC:
		to_begin_line(&leaf);
		add(w, &leaf);
		break;
	default:
		add(w, &leaf);
		leaf_add_inline(w, c, e->body, e->end);
		look_for_parts(w, c, e);
	}
	if ((e->codec == MIME_BASE64 || e->codec == MIME_QP) &&
	    c->reason != MIME_HIDDEN && is_text(&leaf))
		look_inside_text(w, c, e);
}

/* ---- which say the same ----------------------------------------------------
 */

/*
 * Line ends at the end of a text part belong to it for one reader and not
 * for the next; nobody cares.
 */
static size_t
trim(const struct leaf *leaf, const unsigned char *p, size_t len)
{
	if (leaf->codec != MIME_IDENTITY)
		return len;
	while (len > 0 &&
	    (p[len - 1] == ' ' || p[len - 1] == '\t' || p[len - 1] == '\r' ||
		p[len - 1] == '\n'))
		len--;
	return len;
}

static uint64_t
hash_of(const unsigned char *p, size_t len)
{
	uint64_t h = len * 0x9e3779b97f4a7c15U, v;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&v, p, 8);
		h = (h ^ v) * 0xbf58476d1ce4e5b9U;
		h ^= h >> 29;
	}
	for (; len > 0; len--)
		h = (h ^ *p++) * 0x94d049bb133111ebU;
	return h ^ h >> 32;
}

/* False: it could not be decoded within the limits. */
static bool
settle_hash(struct mime_walk *w, struct leaf *leaf)
{
	const unsigned char *p;

	if (leaf->hashed)
		return true;
	if (!walk_spend(w, leaf->len) ||
	    leaf_bytes(w, leaf, &p, &leaf->size) < 0)
		return false;
	leaf->size = trim(leaf, p, leaf->size);
	leaf->hash = hash_of(p, leaf->size);
	leaf->hashed = true;
	return true;
}

/* The hash is no secret, so equal hashes are looked at byte by byte. */
static bool
same_bytes(struct mime_walk *w, const struct leaf *a, const struct leaf *b)
{
	const unsigned char *p, *q;
	unsigned char *copy;
	size_t n, m;
	bool same;

	if (!walk_spend(w, a->len + b->len) || leaf_bytes(w, a, &p, &n) < 0)
		return false;
	copy = xcalloc(1, n + 1);
	memcpy(copy, p, n);
	same = leaf_bytes(w, b, &q, &m) == 0 && trim(a, copy, n) == a->size &&
	    trim(b, q, m) == a->size && memcmp(copy, q, a->size) == 0;
	free(copy);
	return same;
}

static bool
overlap(const struct leaf *a, const struct leaf *b)
{
	return a->src == b->src && a->at < b->at + b->len &&
	    b->at < a->at + a->len;
}

/* Does any leaf before this one, or any of the main reading, say the same? */
static bool
is_said(struct mime_walk *w, struct leaf *leaf)
{
	for (size_t i = 0; i < w->n_leaves; i++) {
		struct leaf *o = &w->leaves[i];

		if (o == leaf || o->dropped || !overlap(o, leaf) ||
		    (o->reason != MAIN && o > leaf))
			continue;
		if (!settle_hash(w, o) || o->hash != leaf->hash ||
		    o->size != leaf->size)
			continue;
		if (same_bytes(w, o, leaf))
			return true;
	}
	return false;
}

void
leaves_settle(struct mime_walk *w)
{
	for (size_t i = 0; i < w->n_leaves; i++) {
		struct leaf *leaf = &w->leaves[i];

		if (leaf->reason == MAIN)
			continue;
		if (settle_hash(w, leaf)) {
			leaf->dropped = leaf->size == 0 || is_said(w, leaf);
		}
		if (!leaf->dropped)
			walk_odd(w, leaf->reason);
	}
}
