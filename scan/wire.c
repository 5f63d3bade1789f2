/*
 * wire: jobs and reports as bytes.  Numbers are big-endian, a text is its
 * length (16 bits) and its bytes without a NUL.  What is refused and why is in
 * tests/unit/t_wire.c; tests/fuzz/f_wire.c looks for the rest.
 */
#include "scan/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proxy/base/check.h"

#define JOB_MAGIC 0x53504a32u    /* SPJ2 */
#define REPORT_MAGIC 0x53505231u /* SPR1 */
#define MEMBER_MAGIC 0x53504d31u /* SPM1 */

#define JOB_FIXED (4 + 4 + 1 + 1 + 4 + 8)
#define MEMBER_FIXED (4 + 8 + 4 + 2 + 2)
#define REPORT_FIXED (4 + 4 + 4 + 4 + 8 + 4 + 1)

_Static_assert(JOB_FIXED + 6 + CONTENT_NAME_MAX + CONTENT_CODINGS_MAX +
	    CONTENT_TYPE_MAX + WIRE_INLINE <=
	WIRE_JOB_MAX,
    "the largest job fits");
_Static_assert(REPORT_FIXED + 2 + REPORT_ENGINES_MAX +
	    REPORT_MAX *
		(1 + 6 + FINDING_ENGINE_MAX + FINDING_WHAT_MAX +
		    FINDING_WHERE_MAX) <=
	WIRE_REPORT_MAX,
    "the largest report fits");

/* ---- writing ------------------------------------------------------------- */

/* What is written goes to room that was asked for as a whole. */
struct pen {
	char *at;
};

static void
put_bytes(struct pen *p, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(p->at, bytes, len);
	p->at += len;
}

static void
put_number(struct pen *p, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0)
		*p->at++ = (char)(value >> (8 * bytes) & 0xff);
}

static void
put_text(struct pen *p, const char *text)
{
	size_t len = strlen(text);

	put_number(p, len, 2);
	put_bytes(p, text, len);
}

int
wire_put_job_head(struct buf *b, const struct wire_job *job)
{
	bool in = job->inline_bytes != NULL;
	size_t len = JOB_FIXED + 6 + strlen(job->name) + strlen(job->codings) +
	    strlen(job->type);
	struct pen p;

	if ((in && job->size > WIRE_INLINE) ||
	    (p.at = buf_room(b, len)) == NULL) {
		errno = EFBIG;
		return -1;
	}
	put_number(&p, JOB_MAGIC, 4);
	put_number(&p, job->number, 4);
	put_number(&p, job->kind, 1);
	put_number(&p, in, 1);
	put_number(&p, job->budget_ms, 4);
	put_number(&p, job->size, 8);
	put_text(&p, job->name);
	put_text(&p, job->codings);
	put_text(&p, job->type);
	buf_grew(b, len);
	return 0;
}

int
wire_put_job(struct buf *b, const struct wire_job *job)
{
	size_t before = b->len;

	if (wire_put_job_head(b, job) < 0)
		return -1;
	if (job->inline_bytes == NULL ||
	    buf_put(b, job->inline_bytes, (size_t)job->size) == 0)
		return 0;
	b->len = before;
	return -1;
}

static size_t
finding_size(const struct finding *f)
{
	return 1 + 6 + strlen(f->engine) + strlen(f->what) + strlen(f->where);
}

static void
put_finding(struct pen *p, const struct finding *f)
{
	put_number(p, f->kind, 1);
	put_text(p, f->engine);
	put_text(p, f->what);
	put_text(p, f->where);
}

int
wire_put_report(struct buf *b, uint32_t number, const struct report *r)
{
	size_t len = REPORT_FIXED + 2 + strlen(r->engines);
	struct pen p;

	MUST(r->n <= REPORT_MAX && r->n <= r->seen);
	for (unsigned i = 0; i < r->n; i++)
		len += finding_size(&r->found[i]);
	if ((p.at = buf_room(b, len)) == NULL) {
		errno = EFBIG;
		return -1;
	}
	put_number(&p, REPORT_MAGIC, 4);
	put_number(&p, number, 4);
	put_number(&p, r->msec, 4);
	put_number(&p, r->members, 4);
	put_number(&p, r->unscanned_bytes, 8);
	put_number(&p, r->seen, 4);
	put_number(&p, r->n, 1);
	put_text(&p, r->engines);
	for (unsigned i = 0; i < r->n; i++)
		put_finding(&p, &r->found[i]);
	buf_grew(b, len);
	return 0;
}

/* ---- reading ------------------------------------------------------------- */

/* What does not fit makes it bad for good; a bad one reads as zeros. */
struct eye {
	const unsigned char *at;
	size_t left;
	bool bad;
};

static uint64_t
get_number(struct eye *e, unsigned bytes)
{
	uint64_t value = 0;

	if (e->left < bytes)
		e->bad = true;
	if (e->bad)
		return 0;
	e->left -= bytes;
	while (bytes-- > 0)
		value = value << 8 | *e->at++;
	return value;
}

/* At most max bytes, none of them NUL, into to[max + 1]. */
static void
get_text(struct eye *e, char *to, size_t max)
{
	size_t len = (size_t)get_number(e, 2);

	to[0] = '\0';
	if (len > e->left || len > max || memchr(e->at, '\0', len) != NULL)
		e->bad = true;
	if (e->bad)
		return;
	memcpy(to, e->at, len);
	to[len] = '\0';
	e->at += len;
	e->left -= len;
}

int
wire_get_job(const void *bytes, size_t len, struct wire_job *job_r)
{
	struct eye e = {.at = bytes, .left = len};
	uint64_t kind, in;

	memset(job_r, 0, sizeof(*job_r));
	if (get_number(&e, 4) != JOB_MAGIC)
		return -1;
	job_r->number = (uint32_t)get_number(&e, 4);
	kind = get_number(&e, 1);
	in = get_number(&e, 1);
	job_r->budget_ms = (uint32_t)get_number(&e, 4);
	job_r->size = get_number(&e, 8);
	get_text(&e, job_r->name, CONTENT_NAME_MAX);
	get_text(&e, job_r->codings, CONTENT_CODINGS_MAX);
	get_text(&e, job_r->type, CONTENT_TYPE_MAX);
	if (e.bad || kind >= CONTENT_KINDS || in > 1)
		return -1;
	job_r->kind = (enum content_kind)kind;
	if (in == 0)
		return e.left == 0 ? 0 : -1;
	if (job_r->size > WIRE_INLINE || job_r->size != e.left)
		return -1;
	job_r->inline_bytes = e.at;
	return 0;
}

static void
get_finding(struct eye *e, struct finding *f)
{
	uint64_t kind = get_number(e, 1);

	if (kind >= FOUND_KINDS)
		e->bad = true;
	else
		f->kind = (enum finding_kind)kind;
	get_text(e, f->engine, FINDING_ENGINE_MAX);
	get_text(e, f->what, FINDING_WHAT_MAX);
	get_text(e, f->where, FINDING_WHERE_MAX);
}

int
wire_get_report(
    const void *bytes, size_t len, uint32_t *number_r, struct report *r_r)
{
	struct eye e = {.at = bytes, .left = len};

	report_init(r_r);
	if (get_number(&e, 4) != REPORT_MAGIC)
		return -1;
	*number_r = (uint32_t)get_number(&e, 4);
	r_r->msec = (uint32_t)get_number(&e, 4);
	r_r->members = (uint32_t)get_number(&e, 4);
	r_r->unscanned_bytes = get_number(&e, 8);
	r_r->seen = (uint32_t)get_number(&e, 4);
	r_r->n = (unsigned)get_number(&e, 1);
	get_text(&e, r_r->engines, REPORT_ENGINES_MAX);
	if (r_r->n > REPORT_MAX || r_r->n > r_r->seen)
		e.bad = true;
	if (r_r->n == 0 && r_r->seen > 0)
		e.bad = true; /* found, but nothing to judge by */
	for (unsigned i = 0; i < r_r->n && !e.bad; i++)
		get_finding(&e, &r_r->found[i]);
	if (!e.bad && e.left == 0)
		return 0;
	r_r->n = 0;
	return -1;
}

/* ---- members ------------------------------------------------------------- */

int
wire_put_member(struct buf *b, const struct wire_member *m)
{
	size_t len = MEMBER_FIXED + strlen(m->where) + strlen(m->type);
	struct pen p;

	if ((p.at = buf_room(b, len)) == NULL) {
		errno = EFBIG;
		return -1;
	}
	put_number(&p, MEMBER_MAGIC, 4);
	put_number(&p, m->size, 8);
	put_number(&p, m->depth, 4);
	put_text(&p, m->where);
	put_text(&p, m->type);
	buf_grew(b, len);
	return 0;
}

int
wire_get_member(const void *bytes, size_t len, struct wire_member *m_r)
{
	struct eye e = {.at = bytes, .left = len};

	memset(m_r, 0, sizeof(*m_r));
	if (get_number(&e, 4) != MEMBER_MAGIC)
		return -1;
	m_r->size = get_number(&e, 8);
	m_r->depth = (uint32_t)get_number(&e, 4);
	get_text(&e, m_r->where, WIRE_WHERE_MAX);
	get_text(&e, m_r->type, WIRE_TYPE_MAX);
	return !e.bad && e.left == 0 ? 0 : -1;
}
