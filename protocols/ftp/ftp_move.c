/*
 * ftp_move: one transfer, from its command to its event.  A file is never
 * passed on as it comes: it is whole in a content, then judged, then sent.  So
 * a download is fetched first, and an upload reaches the server last.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "protocols/ftp/ftp.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/mail_text.h"
#include "proxy/stats.h"

/* clang-format off */
static const char *const words[] = {
#define X(phase, word) word,
	FTP_PHASES(X)
#undef X
};
/* clang-format on */

struct ftp_transfer *
ftp_transfer(const struct session *s)
{
	struct ftp_transfer *t = ((const struct ftp *)s->state)->t;

	IS(t, FTP_TRANSFER_MAGIC);
	return t;
}

struct content *
ftp_content(const struct ftp_transfer *t)
{
	return t->x == NULL ? t->listing : t->x->content;
}

void
ftp_phase(struct session *s, enum ftp_phase next)
{
	struct ftp_transfer *t = ftp_transfer(s);

	log_debug(
	    s->id, "ftp %s: %s -> %s", t->verb, words[t->phase], words[next]);
	t->phase = next;
}

/* ---- what the client hears ---- */

static void __attribute__((format(printf, 2, 3)))
say_150(struct session *s, const char *fmt, ...)
{
	struct ftp_transfer *t = ftp_transfer(s);
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->said = true;
	ftp_say(s, "150 %s\r\n", text);
}

void
ftp_move_progress(struct session *s)
{
	struct ftp_transfer *t = ftp_transfer(s);

	if (t->said || t->flow == FTP_LIST || t->flow == FTP_HASH)
		return;
	t->multi = true;
	if (t->phase == FTP_IN_JUDGE)
		ftp_say(s, "150-The file is being inspected\r\n");
	else
		ftp_say(s, "150-Fetched so far: %ju bytes\r\n",
		    (uintmax_t)content_size(ftp_content(t)));
}

/* ---- the end ---- */

static void
free_transfer(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = p->t;

	p->t = NULL;
	content_free(&t->listing);
	free(t->name);
	ftp_early_free(&t->tail);
	free(t->refusal);
	free(t->reply);
	t->magic = 0;
	free(t);
}

static void
write_event(struct session *s, const char *result, const char *reason,
    const char *reply)
{
	const struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);
	char hop[FTP_HOST_MAX + 16], address[ADDR_TEXT] = "", line[512];
	struct exchange_end end = {
	    .result = result,
	    .reason = reason,
	    .next_hop = hop,
	    .hop_address = address,
	    .reply = line,
	    .bytes_in = t->bytes_in,
	    .bytes_out = ftp_early_begun(t) ? ftp_early_sent(t) : t->bytes_out,
	    .delivery_began_ms = t->began_ms,
	    .released_before_verdict = t->early,
	};

	(void)snprintf(hop, sizeof(hop), "ftp:%s:%u", p->server.dest.host,
	    p->server.dest.port);
	if (p->server.io != NULL) {
		addr_text(io_peer(p->server.io), address);
		end.hop_tls_version = io_tls_version(p->server.io);
		end.hop_tls_cipher = io_tls_cipher(p->server.io);
	}
	(void)snprintf(
	    line, sizeof(line), "%.*s", (int)strcspn(reply, "\r\n"), reply);
	exchange_finish(&t->x, &end);
	exchange_finish(&t->other, &(struct exchange_end){.result = "aborted"});
}

void
ftp_move_end(struct session *s, const char *result, const char *reason,
    const char *reply)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);
	bool whole = result != NULL && strcmp(result, "delivered") == 0;

	if (t->multi && !t->said)
		say_150(s, "That was all");
	log_debug(s->id, "ftp says %s", log_quote(reply));
	io_puts(s->client, reply);
	/* what has left already must not look like all of it */
	if (ftp_early_begun(t) && !whole)
		ftp_data_reset(&p->client);
	ftp_data_close(&p->remote);
	ftp_data_leave(&p->client);
	write_event(s, result, reason, reply);
	free_transfer(s);
	ftp_enter(s, FTP_READY);
	if (p->server.io == NULL)
		ftp_over(s, "The server closed the connection");
}

void
ftp_move_answer(struct session *s, const char *result, const char *reason,
    const struct ftp_reply *r)
{
	char *reply = ftp_written(r);

	ftp_move_end(s, result, reason, reply);
	free(reply);
}

const char *
ftp_move_leftover(const struct session *s)
{
	const struct ftp_transfer *t = ftp_transfer(s);
	bool ours = t->phase == FTP_IN_PUSH && t->asked && !t->resumed;

	return ours && t->name[0] != '\0' ? t->name : NULL;
}

void
ftp_move_stop(struct session *s, const char *result, const char *reason,
    const char *reply)
{
	const struct ftp_transfer *t = ftp_transfer(s);
	struct ftp *p = s->state;

	/* a reset: neither side may take what it got for whole */
	ftp_data_reset(&p->client);
	ftp_data_reset(&p->remote);
	ftp_server_ignore(s, t->begun, ftp_move_leftover(s));
	ftp_move_end(s, result, reason, reply);
}

void
ftp_move_gone(struct session *s)
{
	struct ftp *p = s->state;

	if (p->t == NULL)
		return;
	ftp_server_leave_over(s);
	ftp_data_reset(&p->client);
	ftp_data_reset(&p->remote);
	write_event(s, "aborted", "client_gone", "");
	free_transfer(s);
}

bool
ftp_move_write(struct session *s, const char *bytes, size_t len)
{
	struct ftp_transfer *t = ftp_transfer(s);

	if (content_write(ftp_content(t), bytes, len) == 0)
		return true;
	if (errno == EFBIG && t->x == NULL) {
		log_info(s->id, "ftp refused limit=listing");
		(void)stats_limit(s->place->counted, "listing");
		ftp_move_stop(
		    s, NULL, NULL, "552 listing: more than 64 MB\r\n");
		return false;
	}
	if (errno == EFBIG) {
		log_info(s->id, "ftp refused limit=max_file_size");
		ftp_move_stop(s, "refused", "max_file_size",
		    "552 max_file_size: too large\r\n");
		return false;
	}
	log_error(s->id,
	    "spool_dir full or broken (spool_max_size, spool_min_free) "
	    "error=%s",
	    strerror(errno));
	ftp_move_stop(
	    s, "deferred", "spool", "452 Insufficient storage, try again\r\n");
	return false;
}

/* ---- the client's data connection ---- */

static void
client_opened(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);
	char *refusal = t->refusal;

	if (t->flow == FTP_PUT)
		return; /* it begins to talk */
	if (refusal != NULL) {
		t->refusal = NULL;
		ftp_data_finish(&p->client);
		ftp_move_end(s, "refused", NULL, refusal);
		free(refusal);
		return;
	}
	if (ftp_early_begun(t)) {
		ftp_early_opened(s);
		return;
	}
	t->bytes_out = content_size(ftp_content(t)) - t->from;
	if (!ftp_data_send(&p->client, ftp_content(t), t->from,
		content_size(ftp_content(t)))) {
		ftp_move_data(s, &p->client, FTP_DATA_SENT);
		return;
	}
	io_flush(p->client.io);
	if (io_bytes_out(p->client.io) < t->bytes_out)
		io_flush(s->client); /* its 150 waits for nothing */
}

static void
say_what_comes(struct session *s)
{
	const struct ftp_transfer *t = ftp_transfer(s);

	if (t->flow == FTP_PUT)
		say_150(s, "Send it");
	else if (t->refusal != NULL)
		say_150(s, "Nothing will come");
	else if (ftp_early_begun(t))
		say_150(s, "Opening data connection");
	else
		say_150(s, "Opening data connection (%ju bytes)",
		    (uintmax_t)(content_size(ftp_content(t)) - t->from));
}

void
ftp_move_open(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);

	if (p->client.way == FTP_WAY_NONE) {
		/* it came, and went, or did not come, while we were busy */
		ftp_move_stop(s, "aborted", "client_data_lost",
		    "425 No data connection\r\n");
		return;
	}
	say_what_comes(s);
	if (t->flow != FTP_PUT)
		t->began_ms = clock_ms();
	if (!ftp_data_want(&p->client))
		return;
	/* a file that leaves at once has its 150 and its 226 in one packet */
	if (t->flow != FTP_PUT && !ftp_early_begun(t))
		io_hold(s->client);
	client_opened(s);
}

void
ftp_move_client(struct session *s)
{
	ftp_phase(s, FTP_IN_CLIENT);
	if (ftp_early_begun(ftp_transfer(s)))
		ftp_early_passes(s);
	else
		ftp_move_open(s);
}

/* ---- the verdict ---- */

static void
refuse(struct session *s, const char *result, const char *reply)
{
	struct ftp_transfer *t = ftp_transfer(s);

	/* Behind a 150 a client that we dial waits for us to do so. */
	if (t->multi && t->active && t->flow == FTP_GET &&
	    !ftp_early_begun(t)) {
		t->refusal = xstrdup(reply);
		ftp_move_client(s);
		return;
	}
	ftp_move_end(s, result, NULL, reply);
}

static void
refuse_by_policy(struct session *s)
{
	const struct ftp_transfer *t = ftp_transfer(s);
	char reason[MAIL_REASON_MAX], reply[512];

	mail_text_reason(&t->x->decision.because, reason);
	(void)snprintf(
	    reply, sizeof(reply), "550 Refused: %s (%s)\r\n", reason, t->x->id);
	refuse(s, "refused", reply);
}

static void
put_off(struct session *s)
{
	const struct ftp_transfer *t = ftp_transfer(s);
	char reply[128];

	(void)snprintf(reply, sizeof(reply),
	    "451 Scanner not available, try again (%s)\r\n", t->x->id);
	refuse(s, "deferred", reply);
}

/* draft-bryan-ftpext-hash-02 3: of what a RETR would give. */
static void
answer_hash(struct session *s)
{
	const struct ftp_transfer *t = ftp_transfer(s);
	char *reply = xasprintf("213 SHA-256 0-%ju %s %.1000s\r\n",
	    (uintmax_t)content_size(t->x->content), exchange_sha256(t->x),
	    t->name);

	ftp_move_end(s, "delivered", "hash", reply);
	free(reply);
}

static void
deliver(struct session *s)
{
	struct ftp_transfer *t = ftp_transfer(s);

	if (t->flow == FTP_PUT) {
		ftp_phase(s, FTP_IN_PUSH);
		t->there = t->asked = t->begun = t->eof = t->broken = false;
		t->final = 0;
		t->began_ms = clock_ms();
		ftp_remote_begin(s);
	} else if (t->flow == FTP_HASH) {
		answer_hash(s);
	} else if (t->from > content_size(t->x->content)) {
		refuse(s, "refused", "554 REST is behind its end\r\n");
	} else {
		ftp_move_client(s);
	}
}

void
ftp_move_decided(void *arg, struct exchange *x)
{
	struct session *s = arg;
	const struct ftp_transfer *t = ftp_transfer(s);
	enum action action = x->decision.action;

	if (action == DO_PASS || action == DO_TAG)
		deliver(s);
	else if (action == DO_TEMPFAIL)
		put_off(s);
	else if (action == DO_DISCARD && t->flow == FTP_PUT)
		ftp_move_end(s, "discarded", NULL, "226 Transfer complete\r\n");
	else /* what we cannot do yet is not delivered */
		refuse_by_policy(s);
	ftp_go_on(s);
}

void
ftp_move_judge(struct session *s)
{
	struct ftp_transfer *t = ftp_transfer(s);

	if (exchange_submit(
		t->x, ftp_own(s)->scan_deadline, ftp_move_decided, s) == 0)
		return;
	log_error(s->id, "spool_dir lost bytes error=%s", strerror(errno));
	ftp_move_stop(
	    s, "deferred", "spool", "452 Insufficient storage, try again\r\n");
}

static void
judge(struct session *s)
{
	const struct ftp *p = s->state;

	ftp_phase(s, FTP_IN_JUDGE);
	if (!p->ascii || !ftp_ascii_judge(s))
		ftp_move_judge(s);
}

/* ---- what comes from outside ---- */

void
ftp_move_fetched(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);
	uint64_t size = content_size(ftp_content(t));

	ftp_data_close(&p->remote);
	if (t->flow == FTP_GET || t->flow == FTP_HASH) {
		judge(s);
	} else if (t->flow == FTP_LIST) {
		if (content_seal(t->listing) < 0)
			ftp_move_stop(s, NULL, NULL,
			    "452 Insufficient storage, try again\r\n");
		else
			ftp_move_client(s);
	} else if (strcmp(t->verb, "STOR") == 0 && size < t->from) {
		ftp_move_end(s, "refused", "resume",
		    "554 REST is behind the end of what is there\r\n");
	} else {
		t->from = size;
		ftp_move_client(s);
	}
}

static void
received(struct session *s)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = ftp_transfer(s);

	t->bytes_in = io_bytes_in(p->client.io);
	ftp_data_close(&p->client);
	io_deadline(s->client, ftp_own(s)->reply_within, "upload_reply_within");
	judge(s);
}

static void
client_input(struct session *s)
{
	struct ftp *p = s->state;
	struct slice in = io_input(p->client.io);

	if (ftp_transfer(s)->flow != FTP_PUT || in.len == 0 ||
	    ftp_move_write(s, in.at, in.len))
		io_eat(p->client.io, in.len);
}

/* It does not move because we have nothing for it yet. */
static bool
waits_for_us(const struct session *s)
{
	const struct ftp *p = s->state;

	return p->client.io != NULL && ftp_early_rests(p->t) &&
	    strcmp(p->client.why, DATA_TIMEOUT) == 0;
}

static void
client_data(struct session *s, enum ftp_data_event what)
{
	struct ftp *p = s->state;
	bool put = ftp_transfer(s)->flow == FTP_PUT;

	if (what == FTP_DATA_OPEN) {
		client_opened(s);
	} else if (what == FTP_DATA_INPUT) {
		client_input(s);
	} else if (what == FTP_DATA_END && put) {
		received(s);
	} else if (what == FTP_DATA_SENT && !put && ftp_early_drained(s)) {
		return;
	} else if (what == FTP_DATA_SENT && !put) {
		ftp_data_finish(&p->client);
		ftp_move_end(s, "delivered", NULL, "226 Transfer complete\r\n");
	} else if (what == FTP_DATA_CUT && put) {
		copy_text(p->client.why, sizeof(p->client.why),
		    "TLS has no end: cut off");
		client_data(s, FTP_DATA_LOST);
	} else if (what == FTP_DATA_LOST && waits_for_us(s)) {
		io_deadline(
		    p->client.io, ftp_own(s)->data_timeout, DATA_TIMEOUT);
	} else if (what == FTP_DATA_LOST) {
		bool open = p->client.io != NULL && !p->client.securing;

		log_info(s->id, "ftp client data lost reason=%s",
		    log_quote(p->client.why));
		ftp_move_stop(s, "aborted", "client_data_lost",
		    open ? "426 Data connection lost\r\n"
			 : "425 No data connection\r\n");
	}
}

void
ftp_move_data(struct session *s, struct ftp_data *d, enum ftp_data_event what)
{
	struct ftp *p = s->state;

	if (d == &p->client)
		client_data(s, what);
	else
		ftp_remote_data(s, what);
}
