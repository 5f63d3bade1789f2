#ifndef PROXY_EVENT_H
#define PROXY_EVENT_H

#include <stdint.h>

#include "proxy/base/buf.h"
#include "proxy/base/err.h"
#include "proxy/base/ulid.h"
#include "scan/content.h"
#include "scan/facts.h"
#include "scan/policy.h"
#include "scan/report.h"

struct conf;

/*
 * event: what is written about each exchange.  Two lines with one id: the
 * decision, before anything is delivered, and the outcome, after it; an
 * exchange that ends without a content has one line, `ended`.  The fields and
 * their order are an interface; tests/unit/t_event.c holds them.
 */
enum event_kind { EVENT_DECISION, EVENT_OUTCOME, EVENT_ENDED };

struct event {
	enum event_kind kind;
	const char *id; /* ULID */
	uint64_t session;
	const struct facts *facts;
	/* decision and outcome */
	enum content_kind content;
	uint64_t size;
	const char *sha256;              /* hex; "" unknown */
	const struct report *report;     /* NULL in `ended` */
	const struct decision *decision; /* in `ended` only of malformed ones */
	bool cached; /* the report came from the verdict cache */
	int64_t ms_queued, ms_scanned;
	const char *quarantine; /* "kept", or why not; "" nobody wants it */
	/* outcome and ended */
	const char *result;   /* delivered refused deferred discarded aborted */
	const char *next_hop; /* "smtp:127.0.0.1:5000"; "" none */
	const char *hop_address; /* what was connected to; "" none */
	const char *hop_tls_version, *hop_tls_cipher; /* there; "" none */
	bool hop_tls_resumed; /* a session from before went on there */
	const char *reply;    /* the hop's or ours, verbatim; escaped here */
	const char *reason;   /* why it ended so, in a word: "client_gone" */
	uint64_t bytes_in, bytes_out; /* of the client, in this exchange */
	int64_t ms_delivered, ms_total;
	bool released_before_verdict;
};

/* The [log] sections of a configuration, open. */
struct sinks;

/*
 * The parent opens files (it may be the only one who can); a net worker gets
 * the descriptors.  fds_r[i] belongs to the i-th [log] section in file order,
 * -1 for those that need none.  At most SINKS_MAX.  A new file has mode 0640;
 * called again it opens files anew (USR1).  0, or -1 with words.
 */
#define SINKS_MAX 8
int sinks_open_files(
    const struct conf *conf, int fds_r[SINKS_MAX], struct err *e);

/* Takes the descriptors; -1 is fine for stdout and stderr.  NULL with words.
 * SIGPIPE MUST be ignored. */
struct sinks *sinks_open(
    const struct conf *conf, const int fds[SINKS_MAX], struct err *e);
void sinks_free(struct sinks **sp);

/* Sends log_error() and its kin to the sinks whose level wants them. */
void sinks_take_log(struct sinks *s);

/* One line to each sink that wants it.  0, or -1 when a sink that wants it
 * could not take it whole (disk full, pipe gone): then deliver nothing. */
int event_write(struct sinks *s, const struct event *ev);

/*
 * Appends one line, newline included, as [log] format has it: at most
 * EVENT_LINE_MAX bytes, whatever the peer sent, which is the limit b needs.
 * Valid UTF-8 without control bytes.
 */
#define EVENT_LINE_MAX 16384
void event_text(struct buf *b, const struct event *ev, int64_t wall_ms);
void event_json(struct buf *b, const struct event *ev, int64_t wall_ms);

#endif
