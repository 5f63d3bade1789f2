/*
 * ftp_begin: the commands that begin a transfer: what it is about, and whether
 * it may begin at all.
 */

#include "protocols/ftp/ftp.h"
#include "proxy/base/mem.h"

/* A listing is not judged, and no way around that for what is larger. */
#define LIST_MAX (64 * 1024 * 1024)

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

struct exchange *
ftp_move_exchange(struct session *s, const struct ftp_transfer *t)
{
	const struct ftp *p = s->state;
	const struct ftp_dest *d = &p->server.dest;
	bool v6 = strchr(d->host, ':') != NULL;
	struct exchange *x = exchange_open(s);
	struct facts *f = &x->facts;
	char *url;

	(void)facts_add(
	    f, FIELD_FLOW, t->flow == FTP_PUT ? "upload" : "download");
	(void)facts_add(f, FIELD_USER, p->user == NULL ? "" : p->user);
	(void)facts_add(f, FIELD_HOST, d->host);
	url = xasprintf("ftp://%s%s%s:%u/%s", v6 ? "[" : "", d->host,
	    v6 ? "]" : "", d->port, t->name + (t->name[0] == '/'));
	(void)facts_add(f, FIELD_URL, url);
	free(url);
	(void)facts_add(f, FIELD_NAME, base_name(t->name));
	exchange_content(
	    x, CONTENT_FILE, base_name(t->name), ftp_own(s)->max_size);
	return x;
}

static struct ftp_transfer *
open_transfer(struct session *s, const struct ftp_line *l, enum ftp_flow flow)
{
	struct ftp *p = s->state;
	struct ftp_transfer *t = xcalloc(1, sizeof(*t));

	t->magic = FTP_TRANSFER_MAGIC;
	t->flow = flow;
	copy_text(t->verb, sizeof(t->verb), l->verb);
	t->name = xstrndup(l->arg.at, l->arg.len);
	t->active = p->client.way == FTP_WAY_ACTIVE;
	if (flow == FTP_LIST)
		t->listing = content_open(worker_spool(s->place->worker),
		    CONTENT_FILE, "listing", LIST_MAX);
	else
		t->x = ftp_move_exchange(s, t);
	p->rest = 0;
	p->t = t;
	ftp_enter(s, FTP_MOVE);
	return t;
}

static bool
has_way(struct session *s)
{
	const struct ftp *p = s->state;

	if (ftp_tls_data_refused(s))
		return false;
	if (p->client.way == FTP_WAY_NONE)
		ftp_say(s, "425 Say PASV, EPSV, PORT or EPRT first\r\n");
	return p->client.way != FTP_WAY_NONE;
}

void
ftp_act_list(struct session *s, const struct ftp_line *l)
{
	if (!has_way(s))
		return;
	(void)open_transfer(s, l, FTP_LIST);
	ftp_remote_begin(s);
}

/* The file is fetched and judged, as if it were to be delivered. */
void
ftp_act_hash(struct session *s, const struct ftp_line *l)
{
	const struct ftp *p = s->state;

	if (p->ascii) {
		ftp_say(s, "504 HASH needs TYPE I\r\n");
		return;
	}
	(void)open_transfer(s, l, FTP_HASH);
	ftp_remote_begin(s);
}

void
ftp_act_retr(struct session *s, const struct ftp_line *l)
{
	const struct ftp *p = s->state;
	uint64_t rest = p->rest;
	struct ftp_transfer *t;

	if (!has_way(s))
		return;
	if (rest > 0 && p->ascii) {
		ftp_say(s, "504 REST needs TYPE I\r\n");
		return;
	}
	t = open_transfer(s, l, FTP_GET);
	t->from = rest;
	t->tail = ftp_early_open(s);
	ftp_remote_begin(s);
}

void
ftp_act_stor(struct session *s, const struct ftp_line *l)
{
	const struct ftp *p = s->state;
	uint64_t rest = strcmp(l->verb, "STOR") == 0 ? p->rest : 0;
	bool resumed = rest > 0 || strcmp(l->verb, "APPE") == 0;
	struct ftp_transfer *t;

	if (!has_way(s))
		return;
	if (resumed && !ftp_own(s)->resume) {
		ftp_say(s, "502 resume = deny\r\n");
		return;
	}
	if (resumed && p->ascii) {
		ftp_say(s, "504 What begins inside a file needs TYPE I\r\n");
		return;
	}
	t = open_transfer(s, l, FTP_PUT);
	t->from = rest;
	t->resumed = resumed;
	if (resumed) {
		ftp_remote_begin(s);
		return;
	}
	ftp_move_client(s);
}
