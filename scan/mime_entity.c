/*
 * mime_entity: a header and its body, under every reading of the header; and
 * the sweep over what no header speaks of.
 */
#include "scan/mime_split.h"
#include "scan/mime_value.h"
#include "scan/mime_walk.h"

/* Base64 that nothing speaks of is taken for some from here on. */
#define SWEEP_LINE 24
#define SWEEP_MOST 1000

/* How far the engine's own parser surely goes. */
#define ENGINE_DEPTH 8
#define ENGINE_HEAD 4096

#define LINE_MAX_RFC 998 /* RFC 5322 2.1.1 */

static const struct head_field *
main_field(const struct head *h, enum head_kind kind)
{
	for (unsigned i = 0; i < h->n; i++) {
		if (h->field[i].kind == kind && !h->field[i].odd)
			return &h->field[i];
	}
	return NULL;
}

/* All codecs that the fields of a header could mean, as bits. */
static unsigned
all_codecs(const struct head *h, bool *odd_r)
{
	unsigned bits = 0;
	struct cte_value v;

	*odd_r = false;
	for (unsigned i = 0; i < h->n; i++) {
		if (h->field[i].kind != HEAD_CTE)
			continue;
		cte_read(h->field[i].value, &v);
		bits |= 1U << v.codec | v.others;
		*odd_r |= v.odd;
	}
	return bits == 0 ? 1U << MIME_IDENTITY : bits;
}

static void
task_type(struct mime_walk *w, const struct context *c, struct entity e,
    unsigned codecs, enum mime_odd reason)
{
	struct task t = {.kind = TASK_TYPE, .c = *c, .e = e};

	if (c->reason == MAIN)
		t.c.reason = reason;
	for (unsigned k = 0; k < MIME_CODECS; k++) {
		if ((codecs & 1U << k) == 0)
			continue;
		t.e.codec = (enum mime_codec)k;
		walk_task(w, &t);
	}
}

/* Notes a task for each way to read the fields but the main one. */
static void
other_fields(struct mime_walk *w, const struct context *c, const struct head *h,
    struct entity e)
{
	unsigned count[HEAD_KINDS] = {0};
	bool odd_cte;
	unsigned codecs = all_codecs(h, &odd_cte);
	unsigned others = codecs & ~(1U << e.codec);
	enum mime_odd reason = MIME_ODD_FIELD;

	for (unsigned i = 0; i < h->n; i++)
		count[h->field[i].kind]++;
	if (h->odd || count[HEAD_TYPE] > 1 || others != 0)
		w->r->plain = false;
	w->strange |= h->odd || odd_cte || count[HEAD_TYPE] > 1;
	if (count[HEAD_CTE] > 1 && !h->odd)
		reason = MIME_TWO_CTES;
	else if (odd_cte)
		reason = MIME_ODD_CTE;
	task_type(w, c, e, others, reason);
	for (unsigned i = 0; i < h->n; i++) {
		const struct head_field *f = &h->field[i];

		if (f->kind != HEAD_TYPE || f->value.at == e.type.at)
			continue;
		e.type = f->value;
		task_type(w, c, e, codecs | 1U << e.codec,
		    f->odd ? MIME_ODD_FIELD : MIME_TWO_TYPES);
	}
}

static void
other_heads(struct mime_walk *w, const struct context *c, size_t at, size_t end,
    const struct head *h)
{
	struct task t = {.kind = TASK_HEAD, .c = *c};

	if (c->reason == MAIN)
		t.c.reason = MIME_ODD_HEADER;
	for (unsigned i = 0; i < h->cuts; i++) {
		t.from = at;
		t.to = h->cut[i].end;
		t.e.body = h->cut[i].body;
		t.e.end = end;
		walk_task(w, &t);
	}
}

/* A part that begins with an empty line and then has a header: some skip. */
static void
header_behind_blank(
    struct mime_walk *w, const struct context *c, size_t at, size_t end)
{
	struct task t = {.kind = TASK_ENTITY, .c = *c};
	struct head h;

	while (at < end && strchr(" \t\r\n", c->src->text[at]) != NULL &&
	    c->src->text[at] != '\0')
		at++;
	if (at == end)
		return;
	head_read(c->src->text, at, end, c->lines, &h);
	if (h.n == 0)
		return;
	if (c->reason == MAIN)
		t.c.reason = MIME_ODD_HEADER;
	t.e.body = at;
	t.e.end = end;
	w->strange = true;
	w->r->plain = false;
	walk_task(w, &t);
}

static void
read_entity(struct mime_walk *w, const struct context *c, const struct head *h,
    size_t body, size_t end)
{
	const struct head_field *type = main_field(h, HEAD_TYPE);
	const struct head_field *cte = main_field(h, HEAD_CTE);
	const struct head_field *disp = main_field(h, HEAD_DISPOSITION);
	struct entity e = {.codec = MIME_IDENTITY, .body = body, .end = end};
	struct cte_value v;

	if (h->too_many)
		walk_odd(w, MIME_MANY_READINGS);
	if (type != NULL)
		e.type = type->value;
	if (disp != NULL)
		e.disposition = disp->value;
	if (cte != NULL) {
		cte_read(cte->value, &v);
		e.codec = v.codec;
	}
	if (h->n > 0)
		other_fields(w, c, h, e);
	entity_act(w, c, &e);
}

bool
entity_walk(struct mime_walk *w, const struct context *c, size_t at, size_t end)
{
	unsigned tag = TAG_ENTITY | (unsigned)c->lines << 1;
	struct head h;

	if (c->depth > w->limits.depth) {
		walk_odd(w, MIME_DEEP);
		return false;
	}
	if (c->depth > ENGINE_DEPTH)
		w->r->plain = false;
	if (at >= end || !walk_spend(w, end - at))
		return false;
	/* what another reading did is done again for the main one alone */
	if (c->reason == MAIN)
		(void)walk_once(w, c->src, tag | 1, at, end);
	else if (walk_was_done(w, c->src, tag | 1, at, end))
		return false;
	else if (!walk_once(w, c->src, tag, at, end))
		return false;
	if (++w->entities > w->limits.readings) {
		walk_odd(w, MIME_MANY_READINGS);
		return false;
	}
	(void)walk_once(w, c->src, TAG_START | (unsigned)c->lines, at, 0);
	head_read(c->src->text, at, end, c->lines, &h);
	if (h.odd) {
		w->strange = true;
		w->r->plain = false;
	}
	read_entity(w, c, &h, h.body, end);
	other_heads(w, c, at, end, &h);
	if (h.lines == 0 && h.cuts == 0 && h.body > at)
		header_behind_blank(w, c, at, end);
	return h.ended ? false : h.lines > 0;
}

static void
walk_head(struct mime_walk *w, const struct task *t)
{
	struct head h;

	if (!walk_spend(w, t->e.end - t->from) ||
	    !walk_once(w, t->c.src, TAG_HEAD, t->from, t->to))
		return;
	head_read(t->c.src->text, t->from, t->to, t->c.lines, &h);
	read_entity(w, &t->c, &h, t->e.body, t->e.end);
}

void
entity_task(struct mime_walk *w, const struct task *t)
{
	switch (t->kind) {
	case TASK_ENTITY:
		(void)entity_walk(w, &t->c, t->e.body, t->e.end);
		break;
	case TASK_HEAD:
		walk_head(w, t);
		break;
	case TASK_TYPE:
		entity_act(w, &t->c, &t->e);
		break;
	case TASK_BOUNDARY:
		entity_boundaries(w, &t->c, &t->e);
		break;
	case TASK_DECODE:
		entity_decode(w, &t->c, &t->e);
		break;
	case TASK_GUESS:
		entity_guess(w, &t->c, &t->e);
		break;
	}
}

/*
 * Does the engine know these bytes for a mail?  It goes by the first line, or
 * by a MIME-Version in exactly this case; a mail it does not know is a text to
 * it, and its parts are never looked at.
 */
static bool
engine_knows_mail(const struct source *s)
{
	static const char *const first[] = {"Received: ", "Return-Path: ",
	    "Return-path: ", "Delivered-To: ", "From: ", "To: ", "Date: ",
	    "Subject: ", "Message-ID: ", "Message-Id: ", "MIME-Version: "};
	static const char version[] = "\nMIME-Version: ";
	size_t head = s->len < ENGINE_HEAD ? s->len : ENGINE_HEAD;

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		size_t n = strlen(first[i]);

		if (s->len > n && memcmp(s->text, first[i], n) == 0)
			return true;
	}
	return memmem(s->text, head, version, sizeof(version) - 1) != NULL;
}

/* What there is in the bytes of a mail, whatever they mean. */
struct line_ends {
	bool crlf, lf, cr; /* which ends of line */
	bool long_line;
};

static void
look_at_lines(const struct source *s, struct line_ends *e_r)
{
	const char *p = s->text, *end = p + s->len;

	*e_r = (struct line_ends){0};
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl == NULL ? end : nl;

		if (nl != NULL && nl > p && nl[-1] == '\r')
			stop--;
		if (nl != NULL && stop < nl)
			e_r->crlf = true;
		else if (nl != NULL)
			e_r->lf = true;
		if (memchr(p, '\r', (size_t)(stop - p)) != NULL)
			e_r->cr = true;
		if (stop - p > LINE_MAX_RFC)
			e_r->long_line = true;
		p = nl == NULL ? end : nl + 1;
	}
}

/* Notes the walk under another idea of what ends a line. */
static void
note_lines(struct mime_walk *w, const struct context *c, enum mime_lines lines,
    enum mime_odd reason)
{
	struct task t = {.kind = TASK_ENTITY, .c = *c};

	walk_odd(w, reason);
	t.e.end = c->src->len;
	t.c.lines = lines;
	t.c.reason = reason;
	walk_task(w, &t);
}

void
entity_walk_mail(struct mime_walk *w, const struct context *c)
{
	struct line_ends ends;

	look_at_lines(c->src, &ends);
	if (memchr(c->src->text, '\0', c->src->len) != NULL)
		walk_odd(w, MIME_NUL);
	if (ends.long_line)
		walk_odd(w, MIME_LONG_LINE);
	if (!engine_knows_mail(c->src))
		w->r->plain = false;
	if (ends.cr)
		note_lines(w, c, LINES_CR, MIME_BARE_CR);
	if (ends.crlf && ends.lf)
		note_lines(w, c, LINES_CRLF, MIME_BARE_LF);
	(void)entity_walk(w, c, 0, c->src->len);
}

/* ---- the sweep ------------------------------------------------------------
 */

static bool
is_base64_line(const char *text, const struct line *l)
{
	size_t n = l->end - l->at, at = l->at;

	for (; at < l->end; at++) {
		char c = text[at];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			(c >= '0' && c <= '9') || c == '+' || c == '/' ||
			c == '='))
			return false;
	}
	return n > 0;
}

static bool
is_known_base64(const struct mime_walk *w, const struct source *s, size_t at)
{
	for (size_t i = 0; i < w->n_leaves; i++) {
		const struct leaf *f = &w->leaves[i];

		if (f->src == s && f->codec == MIME_BASE64 && at >= f->at &&
		    at < f->at + f->len)
			return true;
	}
	return false;
}

static void
sweep_base64(struct mime_walk *w, struct context *c)
{
	const char *text = c->src->text;
	struct line l;
	unsigned found = 0;

	for (size_t at = 0; line_read(text, at, c->src->len, LINES_CR, &l);) {
		struct entity e = {.codec = MIME_BASE64, .body = at};

		at = l.next;
		if (l.end - l.at < SWEEP_LINE || !is_base64_line(text, &l))
			continue;
		do {
			e.end = l.end;
			at = l.next;
		} while (line_read(text, at, c->src->len, LINES_CR, &l) &&
		    is_base64_line(text, &l));
		if (is_known_base64(w, c->src, e.body))
			continue;
		if (++found > SWEEP_MOST) {
			walk_odd(w, MIME_MANY_READINGS);
			return;
		}
		leaf_add(w, c, &e);
	}
}

void
entity_sweep(struct mime_walk *w)
{
	for (size_t i = 0; i < w->n_sources; i++) {
		struct context c = {
		    .src = w->sources[i], .reason = MIME_HIDDEN, .path = ""};
		struct entity all = {.end = c.src->len};

		if (!walk_spend(w, c.src->len))
			return;
		sweep_base64(w, &c);
		entity_guess(w, &c, &all);
		c.lines = LINES_CR;
		entity_guess(w, &c, &all);
	}
}
