/*
 * ftp_feat: what is offered to a client: what both the server and we can, and
 * what is ours alone.
 */

#include "protocols/ftp/ftp_feat.h"

#include "protocols/ftp/ftp.h"

/* EPRT and EPSV are ours whatever the server can; REST is in `resume`. */
static const char *const good[] = {
    "CLNT", "MDTM", "MFMT", "MLST", "SIZE", "TVFS", "UTF8"};

bool
ftp_feat_good(struct slice line)
{
	const char *blank = memchr(line.at, ' ', line.len);

	if (blank != NULL)
		line.len = (size_t)(blank - line.at);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (slice_is_word(line, good[i]))
			return true;
	}
	return false;
}

/* May the client say it? */
static bool
is_on(const struct session *s, struct slice line)
{
	char verb[FTP_VERB_MAX + 1];
	const char *blank = memchr(line.at, ' ', line.len);
	int row;

	if (blank != NULL)
		line.len = (size_t)(blank - line.at);
	if (!slice_copy(line, verb, sizeof(verb)))
		return false;
	row = ftp_command_row(verb);
	return row < 0 || (ftp_own(s)->commands & UINT64_C(1) << row) != 0;
}

static void
put(struct session *s, struct slice line, struct buf *b)
{
	if (is_on(s, line))
		(void)buf_printf(b, " %.*s\r\n", (int)line.len, line.at);
}

static void
put_ours(struct session *s, struct buf *b)
{
	(void)buf_puts(b, "211-Features:\r\n");
	put(s, slice_of("EPRT"), b);
	put(s, slice_of("EPSV"), b);
	put(s, slice_of("HASH SHA-256*"), b);
	if (s->place->tls == NULL)
		return;
	put(s, slice_of("AUTH TLS"), b);
	put(s, slice_of("PBSZ"), b);
	put(s, slice_of("PROT"), b);
}

static void
say(struct session *s, struct buf *b)
{
	(void)buf_puts(b, "211 End\r\n");
	io_put(s->client, buf_at(b), b->len);
	buf_free(b);
}

static struct slice
trim(struct slice s)
{
	while (s.len > 0 && s.at[0] == ' ')
		s = slice_skip(s, 1);
	while (s.len > 0 && s.at[s.len - 1] == ' ')
		s.len--;
	return s;
}

static void
answered(struct session *s, const struct ftp_reply *r)
{
	struct slice rest = {
	    r->text.len == 0 ? "" : buf_at(&r->text), r->text.len};
	struct buf b;

	buf_init(&b, FTP_REPLY_WRITTEN_MAX);
	put_ours(s, &b);
	while (r->code == 211 && rest.len > 0) {
		const char *end = memchr(rest.at, '\n', rest.len);
		struct slice line = {
		    rest.at, end == NULL ? rest.len : (size_t)(end - rest.at)};

		rest = slice_skip(rest, line.len + (end != NULL));
		line = trim(line);
		if (ftp_feat_good(line))
			put(s, line, &b);
		if (slice_is_word(line, "REST STREAM") && ftp_own(s)->resume)
			put(s, line, &b);
	}
	say(s, &b);
}

void
ftp_act_feat(struct session *s, const struct ftp_line *l)
{
	const struct ftp *p = s->state;
	struct buf b;

	(void)l;
	if (p->server.io != NULL) {
		ftp_server_ask(s, answered, "FEAT\r\n");
		return;
	}
	buf_init(&b, FTP_REPLY_MAX);
	put_ours(s, &b);
	put(s, slice_of("UTF8"), &b);
	say(s, &b);
}
