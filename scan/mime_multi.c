/*
 * mime_multi: what a Content-Type makes of a body: the parts of a multipart,
 * a mail in the mail, or a leaf.
 */
#include "proxy/base/mem.h"
#include "scan/mime_split.h"
#include "scan/mime_value.h"
#include "scan/mime_walk.h"
#include "scan/where.h"

#define NAMED_PATH_MAX 8192 /* paths kept of one walk */

/* Before the first or behind the last delimiter; mostly there is nothing. */
static void
look_outside(struct mime_walk *w, const struct context *c, size_t at,
    size_t end, enum mime_odd reason)
{
	struct task t = {.kind = TASK_ENTITY, .c = *c};

	if (at >= end)
		return;
	if (c->reason == MAIN)
		t.c.reason = reason;
	t.c.seen = false;
	leaf_add_inline(w, &t.c, at, end);
	if (!delims_has_fields(c->src->text, at, end, c->lines))
		return;
	t.e.body = at;
	t.e.end = end;
	w->strange = true;
	w->r->plain = false;
	walk_task(w, &t);
}

/* A header that ends in no empty line: for some it goes over delimiters. */
static void
note_open_header(struct mime_walk *w, const struct context *c,
    const struct delims *d, size_t i, size_t from, size_t end)
{
	struct task t = {.kind = TASK_ENTITY, .c = *c};

	if (c->reason == MAIN)
		t.c.reason = MIME_ODD_HEADER;
	t.e.body = from;
	t.e.end = i + 1 < d->n ? d->list[i + 1].at : end;
	w->r->plain = false;
	walk_task(w, &t);
}

/* The parts between the delimiters that are written as they should be. */
static void
walk_strict(struct mime_walk *w, const struct context *c,
    const struct delims *d, const struct entity *e)
{
	const char *text = c->src->text;
	size_t open = 0, i;
	bool inside = false;

	for (i = 0; i < d->n; i++) {
		const struct delim *x = &d->list[i];
		size_t end;

		if ((x->how & DELIM_STRICT) == 0 ||
		    (!inside && (x->how & DELIM_CLOSE) != 0))
			continue;
		end = delim_part_end(text, e->body, x->at, c->lines);
		if (inside && entity_walk(w, c, open, end))
			note_open_header(w, c, d, i, open, e->end);
		else if (!inside)
			look_outside(w, c, e->body, end, MIME_PREAMBLE);
		inside = (x->how & DELIM_CLOSE) == 0;
		open = x->next;
		if (!inside)
			break;
	}
	if (inside)
		(void)entity_walk(w, c, open, e->end);
	else if (open > 0)
		look_outside(w, c, open,
		    i + 1 < d->n ? d->list[i + 1].at : e->end, MIME_EPILOGUE);
}

/* Is there more than one way to see these delimiters? */
static bool
is_odd(const struct delims *d)
{
	bool closed = false, open = false;

	for (size_t i = 0; i < d->n; i++) {
		unsigned how = d->list[i].how;

		if ((how & DELIM_STRICT) == 0 || closed ||
		    (!open && (how & DELIM_CLOSE) != 0))
			return true;
		open = true;
		closed = (how & DELIM_CLOSE) != 0;
	}
	return false;
}

/* A part behind every line that some reader takes for a delimiter. */
static void
note_loose(struct mime_walk *w, const struct context *c, const struct delims *d,
    const struct entity *e)
{
	struct task t = {.kind = TASK_ENTITY, .c = *c};
	const unsigned both = DELIM_STRICT | DELIM_CLOSE;
	bool closed = false;

	w->r->plain = false;
	for (size_t i = 0; i < d->n; i++) {
		const struct delim *x = &d->list[i];
		size_t stop = i + 1 < d->n ? x[1].at : e->end;

		closed |= (x->how & both) == both;
		if (c->reason == MAIN)
			t.c.reason =
			    closed ? MIME_AFTER_CLOSE : MIME_ODD_DELIMITER;
		t.e.body = x->next;
		t.e.end = stop == e->end
		    ? stop
		    : delim_part_end(c->src->text, x->next, stop, c->lines);
		if (t.e.body < t.e.end)
			walk_task(w, &t);
	}
}

/* A delimiter as it should be, and not the closing one. */
static bool
has_opening(const struct delims *d)
{
	for (size_t i = 0; i < d->n; i++) {
		if ((d->list[i].how & (DELIM_STRICT | DELIM_CLOSE)) ==
		    DELIM_STRICT)
			return true;
	}
	return false;
}

/* True when boundary is one of the body's. */
static bool
split(struct mime_walk *w, const struct context *c, const struct entity *e,
    struct slice boundary)
{
	struct context inner = *c;
	struct delims d;
	bool found;

	if (e->body >= e->end || !walk_spend(w, e->end - e->body))
		return false;
	inner.depth++;
	delims_init(&d, w->limits.parts);
	delims_find(&d, c->src->text, e->body, e->end, c->lines, boundary);
	if (d.full)
		walk_odd(w, MIME_MANY_PARTS);
	for (size_t i = 0; i < d.n; i++) {
		if ((d.list[i].how & DELIM_PADDED) != 0)
			w->r->plain = false;
	}
	if (is_odd(&d)) {
		w->strange |= !has_opening(&d);
		note_loose(w, &inner, &d, e);
	}
	walk_strict(w, &inner, &d, e);
	found = has_opening(&d);
	delims_free(&d);
	return found;
}

static void
note(struct mime_walk *w, const struct context *c, const struct entity *e,
    enum task_kind kind, enum mime_odd reason)
{
	struct task t = {.kind = kind, .c = *c, .e = *e};

	if (c->reason == MAIN)
		t.c.reason = reason;
	t.c.seen = false;
	w->r->plain = false;
	w->strange = true;
	walk_task(w, &t);
}

static void
multipart(struct mime_walk *w, const struct context *c, const struct entity *e,
    const struct type_value *v)
{
	struct context inner = *c;
	bool found = false;

	inner.seen = c->seen && v->engine_knows;
	if (!inner.seen)
		w->r->plain = false;
	inner.digest = strcmp(v->word, "multipart/digest") == 0;
	if (e->codec != MIME_IDENTITY)
		note(w, c, e, TASK_DECODE, MIME_CTE_MULTIPART);
	if (v->has_boundary)
		found = split(w, &inner, e, v->boundary);
	if (v->odd)
		note(w, &inner, e, TASK_BOUNDARY, MIME_ODD_BOUNDARY);
	if (found)
		return;
	note(w, &inner, e, TASK_GUESS,
	    v->has_boundary ? MIME_ODD_BOUNDARY : MIME_NO_BOUNDARY);
	leaf_add(w, &inner, e);
}

/* The context of a mail in this mail, its path named by the header. */
static struct context
message_context(
    struct mime_walk *w, const struct context *c, const struct entity *e)
{
	struct context inner = *c;
	char name[MIME_NAME_MAX + 1] = "message";
	struct where base, path;

	inner.depth++;
	inner.digest = false;
	if (w->n_texts == NAMED_PATH_MAX)
		return inner;
	if (e->disposition.at == NULL ||
	    !value_param(e->disposition, "filename", name, sizeof(name))) {
		if (e->type.at == NULL ||
		    !value_param(e->type, "name", name, sizeof(name)))
			(void)copy_text(name, sizeof(name), "message");
	}
	where_start(&path, name);
	if (c->path[0] != '\0') {
		(void)copy_text(base.path, sizeof(base.path), c->path);
		where_join(&path, &base, name);
	}
	w->texts = xrealloc(w->texts, w->n_texts + 1, sizeof(char *));
	inner.path = w->texts[w->n_texts++] = xstrdup(path.path);
	return inner;
}

static void
message(struct mime_walk *w, const struct context *c, const struct entity *e)
{
	struct context inner = message_context(w, c, e);
	struct task t = {.kind = TASK_ENTITY, .c = inner, .e = *e};
	struct head h;

	if (e->codec == MIME_IDENTITY) {
		(void)entity_walk(w, &inner, e->body, e->end);
		return;
	}
	/* RFC 2046 5.2.1 forbids to encode it: some readers do not decode */
	head_read(c->src->text, e->body, e->end, c->lines, &h);
	if (h.n > 0) {
		if (c->reason == MAIN)
			t.c.reason = MIME_ODD_CTE;
		w->r->plain = false;
		walk_task(w, &t);
	}
	inner.src = walk_decode(w, c, e);
	inner.lines = LINES_LF;
	if (inner.src != NULL)
		entity_walk_mail(w, &inner);
}

/* A type that is no multipart by its word, and by something else it is. */
static void
look_for_multipart(struct mime_walk *w, const struct context *c,
    const struct entity *e, const struct type_value *v)
{
	char text[512];
	size_t n = 0;

	for (size_t i = 0; i < e->type.len && n + 1 < sizeof(text); i++) {
		if (e->type.at[i] > ' ')
			text[n++] = (char)(e->type.at[i] | 0x20);
	}
	text[n] = '\0';
	if (v->has_boundary || strstr(text, "boundary") != NULL)
		note(w, c, e, TASK_BOUNDARY, MIME_NOT_MULTIPART);
	else if (strstr(text, "multipart") != NULL ||
	    (v->odd && strstr(text, "=?") != NULL))
		note(w, c, e, TASK_GUESS, MIME_ODD_TYPE);
}

void
entity_act(struct mime_walk *w, const struct context *c, const struct entity *e)
{
	struct type_value v = {.word = "text/plain"};

	if (e->body >= e->end)
		return;
	if (e->type.at != NULL)
		type_read(e->type, &v);
	else if (c->digest)
		v.kind = TYPE_MESSAGE;
	if (v.kind == TYPE_PARTIAL)
		walk_odd(w, MIME_PARTIAL);
	if (v.kind == TYPE_MULTIPART) {
		multipart(w, c, e, &v);
		return;
	}
	if (v.kind == TYPE_MESSAGE || v.kind == TYPE_PARTIAL) {
		message(w, c, e);
		return;
	}
	if (e->type.at != NULL && (v.odd || v.has_boundary))
		look_for_multipart(w, c, e, &v);
	leaf_add(w, c, e);
}

void
entity_boundaries(
    struct mime_walk *w, const struct context *c, const struct entity *e)
{
	struct boundaries b;
	struct context inner = *c;
	unsigned found = 0;

	boundaries_read(e->type, &b);
	if (b.full)
		walk_odd(w, MIME_MANY_READINGS);
	for (unsigned i = 0; i < b.n; i++) {
		struct slice s = {b.list[i].text, b.list[i].len};

		if (split(w, &inner, e, s) && ++found > 1 &&
		    c->reason == MIME_ODD_BOUNDARY)
			inner.reason = MIME_TWO_BOUNDARIES;
	}
}

void
entity_guess(
    struct mime_walk *w, const struct context *c, const struct entity *e)
{
	struct context inner = *c;
	struct delims d;
	struct head h;

	if (!walk_spend(w, e->end - e->body))
		return;
	inner.depth++;
	delims_init(&d, w->limits.parts);
	delims_guess(&d, c->src->text, e->body, e->end, c->lines);
	if (d.full)
		walk_odd(w, MIME_MANY_PARTS);
	for (size_t i = 0; i < d.n; i++) {
		size_t from = d.list[i].next;
		size_t to = i + 1 < d.n ? d.list[i + 1].at : e->end;

		if (walk_was_done(
			w, c->src, TAG_START | (unsigned)c->lines, from, 0))
			continue;
		to = delim_part_end(c->src->text, from, to, c->lines);
		head_read(c->src->text, from, to, c->lines, &h);
		if (h.n > 0)
			(void)entity_walk(w, &inner, from, to);
	}
	delims_free(&d);
}

void
entity_decode(
    struct mime_walk *w, const struct context *c, const struct entity *e)
{
	struct context inner = *c;
	struct entity all = *e;

	inner.src = walk_decode(w, c, e);
	if (inner.src == NULL)
		return;
	inner.depth++;
	inner.lines = LINES_LF;
	all.body = 0;
	all.end = inner.src->len;
	all.codec = MIME_IDENTITY;
	entity_act(w, &inner, &all);
}
