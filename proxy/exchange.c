/*
 * exchange: one transaction on its way from a content to its outcome: digest,
 * gate, policy, event, in this order, and nothing is decided twice.
 */
#include <errno.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/digest.h"
#include "proxy/io.h"
#include "proxy/place.h"
#include "proxy/quarantine.h"
#include "proxy/session.h"
#include "proxy/stats.h"
#include "scan/kinds.h"

/* Senders, recipients, subject: all that a client says about one content. */
#define FACTS_MAX (512 * 1024)

struct exchange_own {
	struct digest *digest;
	unsigned char sum[DIGEST_SIZE];
	char sum_text[DIGEST_TEXT]; /* "" before it is sealed */
	struct ticket *ticket;
	struct keep *keep;      /* while its copy is made */
	const char *quarantine; /* how that went; "" nobody wants it */
	exchange_decided *told;
	void *arg;
	bool decided, cached;
	bool shared;        /* the content; its digest is known */
	bool large_passes;  /* the policy's word about max_scan_size */
	uint64_t said_size; /* refused for it; 0: it was not */
	int64_t began_ms, ms_queued, ms_scanned;
};

struct exchange *
exchange_open(struct session *s)
{
	struct exchange *x = xrealloc(NULL, 1, sizeof(*x));
	char host[ADDR_TEXT];

	IS(s, SESSION_MAGIC);
	memset(x, 0, offsetof(struct exchange, report));
	x->magic = EXCHANGE_MAGIC;
	x->own = xcalloc(1, sizeof(*x->own));
	x->own->began_ms = clock_ms();
	x->own->quarantine = "";
	x->session = s->id;
	x->place = s->place;
	x->decision.rule = "";
	x->decision.verdict = "";
	place_hold(x->place);
	ulid_make(x->id);
	report_init(&x->report);
	facts_init(&x->facts, FACTS_MAX);
	addr_host(io_peer(s->client), host);
	facts_add(&x->facts, FIELD_PROTOCOL, x->place->protocol->name);
	facts_add(&x->facts, FIELD_LISTENER, x->place->name);
	facts_add(&x->facts, FIELD_DIRECTION, x->place->direction);
	facts_add(&x->facts, FIELD_CLIENT, host);
	if (io_secured(s->client)) {
		facts_add(
		    &x->facts, FIELD_TLS_VERSION, io_tls_version(s->client));
		facts_add(
		    &x->facts, FIELD_TLS_CIPHER, io_tls_cipher(s->client));
	}
	return x;
}

static void
digest_tap(void *arg, const void *bytes, size_t len)
{
	digest_add(arg, bytes, len);
}

void
exchange_content(
    struct exchange *x, enum content_kind kind, const char *name, uint64_t cap)
{
	struct worker *w = x->place->worker;

	IS(x, EXCHANGE_MAGIC);
	MUST(x->content == NULL);
	x->content = content_open(worker_spool(w), kind, name, cap);
	x->own->digest = digest_open();
	content_set_tap(x->content, digest_tap, x->own->digest);
}

void
exchange_share(struct exchange *x, struct content *c, const unsigned char *sum)
{
	IS(x, EXCHANGE_MAGIC);
	MUST(x->content == NULL);
	x->content = content_share(c);
	x->own->shared = true;
	memcpy(x->own->sum, sum, DIGEST_SIZE);
}

const unsigned char *
exchange_sum(const struct exchange *x)
{
	IS(x, EXCHANGE_MAGIC);
	MUST(x->own->sum_text[0] != '\0');
	return x->own->sum;
}

/* What both lines of an exchange have in common. */
static void
fill(const struct exchange *x, struct event *ev)
{
	const struct exchange_own *o = x->own;

	ev->id = x->id;
	ev->session = x->session;
	ev->facts = &x->facts;
	ev->sha256 = o->sum_text;
	ev->next_hop = ev->hop_address = ev->reply = ev->reason = "";
	ev->hop_tls_version = ev->hop_tls_cipher = "";
	ev->result = "";
	ev->cached = o->cached;
	ev->quarantine = o->quarantine;
	ev->ms_queued = o->ms_queued;
	ev->ms_scanned = o->ms_scanned;
	ev->ms_total = clock_ms() - o->began_ms;
	ev->content = CONTENT_BODY; /* refused before there was one */
	if (x->content != NULL) {
		ev->content = content_kind(x->content);
		ev->size = content_size(x->content);
	}
	if (o->said_size != 0)
		ev->size = o->said_size;
	if (o->decided) {
		ev->report = &x->report;
		ev->decision = &x->decision;
	}
}

static void
count_decision(const struct exchange *x)
{
	unsigned p = x->place->counted;

	/* no finding's word is "clean", the last of that set */
	stats_both(STAT_DECISIONS, finding_of_word(x->decision.verdict), p);
	stats_both(STAT_ACTIONS, x->decision.action, p);
	for (unsigned i = 0; i < x->report.n; i++) {
		const struct finding *f = &x->report.found[i];

		stats_word(STAT_FINDINGS, f->kind);
		if (f->kind == FOUND_LIMIT || f->kind == FOUND_FAILED)
			stats_finding(p, f->what);
	}
	if (x->own->quarantine[0] != '\0')
		stats_copy(p, x->own->quarantine);
	if (x->content != NULL)
		stats_addn(STAT_CONTENT_BYTES, p, content_size(x->content));
}

/* Whatever the policy said: what cannot be written is not delivered. */
static void
write_decision(struct exchange *x)
{
	struct event ev = {.kind = EVENT_DECISION};

	fill(x, &ev);
	if (event_write(worker_sinks(x->place->worker), &ev) < 0) {
		log_error(x->session, "event lost kind=decision id=%s", x->id);
		x->decision.action = DO_TEMPFAIL;
		x->decision.rule = "event_log";
	}
	count_decision(x);
}

/* It is refused for what is known of it, and is not there to be kept. */
static void
cannot_keep(struct exchange *x)
{
	if (x->decision.action == DO_QUARANTINE)
		x->own->quarantine = "not_whole";
}

bool
exchange_too_large(struct exchange *x, uint64_t size)
{
	struct exchange_own *o = x->own;

	IS(x, EXCHANGE_MAGIC);
	MUST(x->content != NULL && o->ticket == NULL && !o->decided);
	if (o->large_passes ||
	    size <= (uint64_t)conf_int(
			x->place->conf, NULL, OPT_SCAN_MAX_SCAN_SIZE))
		return false;
	report_init(&x->report);
	report_add(&x->report, FOUND_LIMIT, "gate", content_name(x->content),
	    "max_scan_size");
	x->report.unscanned_bytes = size;
	policy_decide(x->place->policies, x->place->policy, &x->facts,
	    &x->report, &x->decision);
	o->large_passes =
	    x->decision.action == DO_PASS || x->decision.action == DO_TAG;
	if (o->large_passes)
		return false;
	o->said_size = size;
	o->decided = true;
	cannot_keep(x);
	write_decision(x);
	return true;
}

bool
exchange_refused(struct exchange *x)
{
	struct exchange_own *o = x->own;
	struct decision d;

	IS(x, EXCHANGE_MAGIC);
	MUST(!o->decided);
	policy_decide(
	    x->place->policies, x->place->policy, &x->facts, &x->report, &d);
	if (d.action == DO_PASS || d.action == DO_TAG)
		return false;
	x->decision = d;
	o->decided = true;
	cannot_keep(x);
	write_decision(x);
	return true;
}

static void
on_kept(void *arg, const char *how)
{
	struct exchange *x = arg;
	struct exchange_own *o = x->own;

	IS(x, EXCHANGE_MAGIC);
	o->keep = NULL;
	o->quarantine = how;
	write_decision(x);
	o->told(o->arg, x);
}

/* The copy first: whoever reads the event finds it. */
static void
begin_keep(struct exchange *x)
{
	struct event ev = {.kind = EVENT_DECISION};
	const char *how;

	fill(x, &ev);
	x->own->keep = quarantine_keep(worker_quarantine(x->place->worker),
	    x->content, &ev, on_kept, x, &how);
	if (x->own->keep == NULL)
		on_kept(x, how);
}

static void
on_judged(void *arg, const struct gate_result *result)
{
	struct exchange *x = arg;
	struct exchange_own *o = x->own;

	IS(x, EXCHANGE_MAGIC);
	o->ticket = NULL;
	o->cached = result->cached;
	o->ms_queued = result->ms_queued;
	o->ms_scanned = result->ms_scanned;
	report_copy(&x->report, result->report);
	policy_decide(x->place->policies, x->place->policy, &x->facts,
	    &x->report, &x->decision);
	o->decided = true;
	if (x->decision.action == DO_QUARANTINE) {
		begin_keep(x);
		return;
	}
	write_decision(x);
	o->told(o->arg, x);
}

const char *
exchange_sha256(const struct exchange *x)
{
	IS(x, EXCHANGE_MAGIC);
	return x->own->sum_text;
}

int
exchange_submit(struct exchange *x, int64_t deadline_ms,
    exchange_decided *decided, void *arg)
{
	struct exchange_own *o = x->own;

	IS(x, EXCHANGE_MAGIC);
	MUST(x->content != NULL && o->ticket == NULL && !o->decided);
	if (!o->shared) {
		if (content_seal(x->content) < 0)
			return -1;
		digest_end(o->digest, o->sum);
	}
	digest_text(o->sum, o->sum_text);
	if (policies_ask_types(x->place->policies))
		kinds_tell(x->content, &x->facts);
	o->told = decided;
	o->arg = arg;
	o->ticket = gate_submit(worker_gate(x->place->worker), x->content,
	    o->sum, deadline_ms, on_judged, x);
	return 0;
}

static const char *
or_none(const char *text)
{
	return text == NULL ? "" : text;
}

/* Nobody is asked about what cannot be read: it was refused. */
static void
is_malformed(struct exchange *x, const char *why, struct event *ev)
{
	struct decision *d = &x->decision;

	d->action = DO_BLOCK;
	d->verdict = finding_word(FOUND_MALFORMED);
	d->because.kind = FOUND_MALFORMED;
	copy_text(d->because.engine, sizeof(d->because.engine),
	    x->place->protocol->name);
	copy_text(d->because.what, sizeof(d->because.what), why);
	ev->decision = d;
}

static void
write_end(struct exchange *x, const struct exchange_end *end)
{
	struct event ev = {.kind = EVENT_ENDED};

	if (x->own->decided)
		ev.kind = EVENT_OUTCOME;
	fill(x, &ev);
	if (end->malformed && !x->own->decided)
		is_malformed(x, or_none(end->reason), &ev);
	ev.result = or_none(end->result);
	ev.next_hop = or_none(end->next_hop);
	ev.hop_address = or_none(end->hop_address);
	ev.hop_tls_version = or_none(end->hop_tls_version);
	ev.hop_tls_cipher = or_none(end->hop_tls_cipher);
	ev.hop_tls_resumed = end->hop_tls_resumed;
	ev.reply = or_none(end->reply);
	ev.reason = or_none(end->reason);
	ev.bytes_in = end->bytes_in;
	ev.bytes_out = end->bytes_out;
	ev.released_before_verdict = end->released_before_verdict;
	stats_result(x->place->counted, ev.result);
	stats_reason(x->place->counted, ev.reason);
	if (end->delivery_began_ms != 0)
		ev.ms_delivered = clock_ms() - end->delivery_began_ms;
	if (event_write(worker_sinks(x->place->worker), &ev) < 0)
		log_error(x->session, "event lost kind=outcome id=%s", x->id);
}

/* Nobody waits for it any more: it was decided, and that is written. */
static void
give_up_copy(struct exchange *x)
{
	if (x->own->keep == NULL)
		return;
	quarantine_cancel(&x->own->keep);
	x->own->quarantine = "aborted";
	write_decision(x);
}

void
exchange_finish(struct exchange **xp, const struct exchange_end *end)
{
	struct exchange *x = *xp;
	struct exchange_own *o;

	*xp = NULL;
	if (x == NULL)
		return;
	IS(x, EXCHANGE_MAGIC);
	o = x->own;
	gate_cancel(&o->ticket);
	give_up_copy(x);
	write_end(x, end);
	content_free(&x->content);
	digest_free(&o->digest);
	facts_free(&x->facts);
	place_drop(x->place);
	x->magic = 0;
	free(o);
	free(x);
}
