/*
 * smtp_bdat: a mail that comes in chunks (RFC 3030).  Whatever is said about a
 * chunk, its octets are taken first: what is refused must not be read as
 * commands.
 */

#include "protocols/smtp/smtp.h"
#include "proxy/base/log.h"

#define LINE_OUT 80

/* No mail ends with these. */
static const struct smtp_skip not_greeted = {
    .reply = "503 5.5.1 Send HELO or EHLO first\r\n"};
static const struct smtp_skip no_tls = {
    .reply = "530 5.7.0 Must issue a STARTTLS command first\r\n"};
static const struct smtp_skip no_mail = {
    .reply = "503 5.5.1 Send MAIL first\r\n"};
static const struct smtp_skip no_recipients = {
    .reply = "554 5.5.1 No valid recipients\r\n"};

static const struct smtp_skip no_last_crlf = {
    "554 5.6.0 bare_newline: the last line has no CRLF, and the next hop has "
    "no CHUNKING\r\n",
    "refused", "bare_newline", false};

static bool
is_binary(const struct smtp_mail *m)
{
	return m->param.body == BODY_BINARYMIME;
}

/* Why these octets are not wanted; NULL: they are. */
static const struct smtp_skip *
unwanted(const struct session *s, const struct smtp_chunk *c)
{
	const struct smtp *p = s->state;
	const struct smtp_mail *m = p->mail;
	uint64_t have;

	if (smtp_tls_demanded(s, "BDAT"))
		return &no_tls;
	if (p->state == SMTP_HELO)
		return &not_greeted;
	if (m == NULL)
		return &no_mail;
	if (m->hop_is == HOP_GONE)
		return &smtp_hop_gone;
	if (m->accepted == 0)
		return &no_recipients;
	have = m->x->content == NULL ? 0 : content_size(m->x->content);
	if (have > m->own->max_size || c->size > m->own->max_size - have)
		return &smtp_too_large;
	return NULL;
}

static void
begin(struct smtp_mail *m)
{
	smtp_body_open(m);
	m->by_chunks = true;
	smtp_data_init_chunks(&m->data, m->own->normalize && !is_binary(m));
}

void
smtp_bdat(struct session *s, struct slice arg)
{
	struct smtp *p = s->state;

	if (smtp_chunk(arg, &p->chunk) < 0) {
		/* What follows may be a mail or a command: nobody can say. */
		smtp_say(s, "501 5.5.4 Syntax: BDAT size [LAST]\r\n");
		if (p->mail != NULL)
			smtp_mail_end(&p->mail, "aborted", "bdat_syntax", NULL);
		smtp_enter(s, SMTP_OVER);
		return;
	}
	p->skip = unwanted(s, &p->chunk);
	p->back = p->state;
	if (p->skip == NULL && p->state != SMTP_CHUNKS)
		begin(p->mail);
	smtp_enter(s, p->skip == NULL ? SMTP_CHUNK : SMTP_EAT);
}

/* ---- octets that are wanted ---- */

/*
 * A bare CR or LF: refused as in DATA.  BINARYMIME may have them, but not in
 * the header: there the next reader may see a field that we did not.
 */
static bool
is_bare(const struct smtp_mail *m, bool in_header)
{
	if (m->data.bare == 0 || m->data.normalize)
		return false;
	return in_header || !is_binary(m);
}

static const struct smtp_skip *
keep(struct smtp_mail *m, struct slice bytes)
{
	bool in_header = !m->head.over;

	if (is_bare(m, in_header))
		return &smtp_bare_newline;
	return smtp_body_keep(m, bytes);
}

/* All of in; NULL, or why it is refused. */
static const struct smtp_skip *
keep_all(struct smtp_mail *m, struct slice in)
{
	const struct smtp_skip *why = NULL;
	struct slice out;

	while (why == NULL && in.len > 0) {
		if (is_binary(m) && m->head.over) {
			/* Nobody reads lines in it any more. */
			why = keep(m, in);
			break;
		}
		if (smtp_data(&m->data, &in, &out) == DATA_SOME)
			why = keep(m, out);
	}
	return why;
}

/* Behind the last chunk; NULL, or why the mail is refused. */
static const struct smtp_skip *
close_lines(struct smtp_mail *m)
{
	struct slice held = smtp_data_end(&m->data);
	bool by_data = m->hop != NULL && !m->hop->caps.chunking;
	const struct smtp_skip *why = NULL;

	if (held.len > 0)
		why = keep(m, held);
	if (why != NULL || is_binary(m) || !by_data ||
	    !smtp_data_open(&m->data))
		return why;
	if (!m->own->normalize)
		return &no_last_crlf;
	return smtp_body_keep(m, slice_of("\r\n"));
}

static void
chunk_is_whole(struct session *s)
{
	struct smtp *p = s->state;
	const struct smtp_skip *why;
	char line[LINE_OUT];

	if (!p->chunk.last) {
		(void)snprintf(line, sizeof(line),
		    "250 2.0.0 %ju octets received\r\n",
		    (uintmax_t)p->chunk.size);
		smtp_enter(s, SMTP_CHUNKS);
		smtp_say(s, line);
		return;
	}
	why = close_lines(p->mail);
	if (why != NULL)
		smtp_body_refuse(s, why);
	else
		smtp_body_whole(s);
}

/* ---- octets that are not ---- */

/* A client that goes on and on with what is refused is sent away. */
static void
chunk_is_eaten(struct session *s)
{
	struct smtp *p = s->state;
	const struct smtp_skip *why = p->skip;
	bool too_much = p->skipped > smtp_own(s)->max_size;

	if (why->result != NULL && p->mail != NULL) {
		smtp_body_refuse(s, why);
	} else {
		smtp_error(s, why->reply);
		smtp_enter(s, p->back);
	}
	if (too_much)
		smtp_enter(s, SMTP_OVER);
}

/* So many of in are of this chunk. */
static struct slice
of_chunk(const struct smtp *p, struct slice in)
{
	uint64_t left = p->chunk.size - p->chunk_at;

	if (in.len > left)
		in.len = (size_t)left;
	return in;
}

bool
smtp_bdat_take(struct session *s)
{
	struct smtp *p = s->state;
	struct slice in = of_chunk(p, io_input(s->client));
	bool over = p->chunk_at + in.len == p->chunk.size;

	if (in.len == 0 && !over)
		return false;
	p->chunk_at += in.len;
	if (p->state == SMTP_CHUNK) {
		p->skip = keep_all(p->mail, in);
		if (p->skip != NULL)
			smtp_enter(s, SMTP_EAT);
	} else {
		p->skipped += in.len;
	}
	io_eat(s->client, in.len);
	if (p->state == SMTP_EAT && p->skipped > smtp_own(s)->max_size)
		over = true;
	if (!over)
		return true;
	p->chunk_at = 0;
	if (p->state == SMTP_CHUNK)
		chunk_is_whole(s);
	else
		chunk_is_eaten(s);
	return true;
}
