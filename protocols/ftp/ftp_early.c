/*
 * ftp_early: delivery = hold-tail, which gives a client what has been looked at
 * of a large download while the rest of it still comes.  A beginning of it (of
 * `hold` bytes, then twice, four times as many) is scanned; of one that has
 * passed all but the last `tail` bytes leave.  The verdict is that about the
 * whole: where it is bad, the data connection is reset.
 */

#include <errno.h>

#include "protocols/ftp/ftp.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

#define FTP_EARLY_MAGIC 0xf7900e03u
struct ftp_early {
	uint32_t magic;
	struct session *s;
	uint64_t next;          /* so long is the next beginning */
	struct content *asked;  /* one at the gate */
	struct ticket *ticket;  /* its */
	struct content *passed; /* the longest that has passed */
	struct content *fed;    /* what the client is being fed from */
	uint64_t sent;
	bool begun; /* the client was told to expect it ... */
	bool open;  /* ... and its data connection is there */
	bool ended; /* no more beginnings */
	bool whole; /* all of it has passed ... */
	bool last;  /* ... and is on its way */
};

struct ftp_early *
ftp_early_open(struct session *s)
{
	const struct ftp *p = s->state;
	const struct ftp_own *o = ftp_own(s);
	struct ftp_early *f;

	/* TYPE A has two readings, a piece is cut from what is judged */
	if (!o->hold_tail || p->ascii || p->t->from > 0)
		return NULL;
	f = xcalloc(1, sizeof(*f));
	f->magic = FTP_EARLY_MAGIC;
	f->s = s;
	f->next = o->hold > 0 ? o->hold : 1;
	return f;
}

void
ftp_early_free(struct ftp_early **fp)
{
	struct ftp_early *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	IS(f, FTP_EARLY_MAGIC);
	gate_cancel(&f->ticket);
	content_free(&f->asked);
	content_free(&f->passed);
	content_free(&f->fed);
	f->magic = 0;
	free(f);
}

bool
ftp_early_begun(const struct ftp_transfer *t)
{
	return t->tail != NULL && t->tail->begun;
}

bool
ftp_early_rests(const struct ftp_transfer *t)
{
	return ftp_early_begun(t) && t->tail->fed == NULL && !t->tail->last;
}

uint64_t
ftp_early_sent(const struct ftp_transfer *t)
{
	return t->tail == NULL ? 0 : t->tail->sent;
}

/* ---- to the client ---- */

static void
feed_rest(struct ftp_early *f)
{
	struct ftp *p = f->s->state;
	const struct content *c = ftp_content(p->t);
	uint64_t from = f->sent;

	f->last = true;
	f->sent = content_size(c);
	if (!ftp_data_send(&p->client, c, from, f->sent))
		ftp_move_data(f->s, &p->client, FTP_DATA_SENT);
}

/* From the beginning that has passed; it stays until the client has it. */
static void
feed_part(struct ftp_early *f)
{
	struct ftp *p = f->s->state;
	uint64_t tail = ftp_own(f->s)->tail;
	uint64_t size = f->passed == NULL ? 0 : content_size(f->passed);

	if (size <= tail || size - tail <= f->sent)
		return;
	io_feed(p->client.io, f->passed, f->sent, size - tail);
	f->sent = size - tail;
	p->t->early = true;
	f->fed = f->passed;
	f->passed = NULL;
}

/* The last thing: f may be gone behind it. */
static void
feed(struct ftp_early *f)
{
	if (!f->open || f->fed != NULL || f->last)
		return;
	if (f->whole)
		feed_rest(f);
	else
		feed_part(f);
}

void
ftp_early_opened(struct session *s)
{
	struct ftp_early *f = ftp_transfer(s)->tail;

	IS(f, FTP_EARLY_MAGIC);
	f->open = true;
	feed(f);
}

bool
ftp_early_drained(struct session *s)
{
	struct ftp_early *f = ftp_transfer(s)->tail;

	if (f == NULL || !f->begun || f->last)
		return false;
	content_free(&f->fed);
	feed(f);
	return true;
}

void
ftp_early_passes(struct session *s)
{
	struct ftp_early *f = ftp_transfer(s)->tail;

	IS(f, FTP_EARLY_MAGIC);
	f->whole = true;
	feed(f);
}

/* There is something to give: the client's side begins.  Likewise. */
static void
let_go(struct ftp_early *f)
{
	if (f->begun) {
		feed(f);
		return;
	}
	if (content_size(f->passed) <= ftp_own(f->s)->tail)
		return;
	f->begun = true;
	ftp_move_open(f->s);
}

/* ---- a beginning is looked at ---- */

/* One that is cut off is malformed by that: the whole is asked about it. */
static bool
passes(const struct ftp_early *f, const struct report *report)
{
	const struct place *place = f->s->place;
	const struct exchange *x = ftp_transfer(f->s)->x;
	struct report *r = xcalloc(1, sizeof(*r));
	struct decision d;

	report_copy(r, report);
	report_forget(r, FOUND_MALFORMED);
	policy_decide(place->policies, place->policy, &x->facts, r, &d);
	free(r);
	if (d.action == DO_PASS || d.action == DO_TAG)
		return true;
	log_info(f->s->id,
	    "ftp early ends id=%s scanned=%ju verdict=%s what=%s", x->id,
	    (uintmax_t)content_size(f->asked), d.verdict,
	    log_quote(d.because.what));
	return false;
}

static void
judged(void *arg, const struct gate_result *result)
{
	struct ftp_early *f = arg;
	struct session *s = f->s;

	IS(f, FTP_EARLY_MAGIC);
	f->ticket = NULL;
	if (!passes(f, result->report)) {
		f->ended = true;
		content_free(&f->asked);
		return;
	}
	content_free(&f->passed);
	f->passed = f->asked;
	f->asked = NULL;
	f->next *= 2;
	ftp_early_came(s);
	let_go(f);
	ftp_go_on(s);
}

void
ftp_early_came(struct session *s)
{
	const struct ftp_transfer *t = ftp_transfer(s);
	struct ftp_early *f = t->tail;

	/* once the whole is here its own scan is under way */
	if (f == NULL || f->ended || f->ticket != NULL ||
	    t->phase != FTP_IN_FETCH || content_size(ftp_content(t)) <= f->next)
		return;
	f->asked = content_prefix(ftp_content(t), f->next);
	if (f->asked == NULL) {
		log_warn(s->id, "ftp early ends id=%s error=%s", t->x->id,
		    strerror(errno));
		f->ended = true;
		return;
	}
	f->ticket = gate_submit(worker_gate(s->place->worker), f->asked, NULL,
	    ftp_own(s)->scan_deadline, judged, f);
}
